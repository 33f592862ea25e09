import { expect, test } from 'vitest';
import { faultFields, openLog } from './logging.js';

function capture(level = 'debug') {
  const lines: string[] = [];
  const log = openLog({ level, process: 'test', destination: { write: (line: string) => void lines.push(line) } });
  return { log, lines };
}

test('a line is JSON that names its process and carries ids and counts', () => {
  const { log, lines } = capture();
  log.info('a batch was settled', { batchId: 7, count: 40 });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', process: 'test', batchId: 7, count: 40 });
});

test('an exception is logged by its kind, code and place, without its message', () => {
  const { log, lines } = capture();
  const cause = Object.assign(new TypeError('Key (address)=(olga@example.com) already exists'), { code: '23505' });
  log.error('a request failed', {}, new Error('while writing olga@example.com', { cause }));
  expect(lines.join('')).not.toContain('olga');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    fault: 'Error',
    at: expect.arrayContaining([expect.stringContaining('logging.spec')]),
    cause: { fault: 'TypeError', code: '23505' },
  });
});

test('a message of several lines leaves nothing behind', () => {
  expect(JSON.stringify(faultFields(new Error('olga\n  olga again')))).not.toContain('olga');
});

test('the framework’s chatter is kept for debugging, its faults are errors', () => {
  const { log, lines } = capture('info');
  log.forNest.log('Mapped {/v1/tokens, GET} route', 'RouterExplorer');
  expect(lines).toEqual([]);
  log.forNest.error(new Error('olga'), 'stack', 'Injector');
  expect(lines.join('')).toContain('"context":"Injector"');
  expect(lines.join('')).not.toContain('olga');
});
