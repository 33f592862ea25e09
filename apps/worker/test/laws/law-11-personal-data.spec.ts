import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { people, startCompany, TestAdmin, until } from '#libs/testing';

/** Words that only a person's record can hold. Our own admins' addresses are no less personal. */
const personal = [/quillibert/i, /zwanzigmal/i, /EMP-9\d{6}/i, /[\w.+-]+@(?:[\w-]+\.)*bascule-retail\.example/i];
const secret = [/bsc_/, /PRIVATE KEY/, /eyJzIjoi/, /eyJhbGci/, /assertion=/];

test('logs, metrics and Redis hold nobody’s name, address or number, and no key or token', async () => {
  const special: Record<number, Record<string, string>> = { 3: { legalGivenName: 'Quillibert<' } };
  await using company = await startCompany({
    profile: 'demo',
    timeScale: 60,
    feed: people(80, (index) => ({
      employeeNumber: `EMP-9${String(index).padStart(6, '0')}`,
      managerNumber: 'EMP-9000000',
      legalGivenName: `Quillibert ${String.fromCharCode(65 + (index % 26))}`,
      legalFamilyName: `Zwanzigmal${String.fromCharCode(97 + Math.floor(index / 26))}`,
      legacyEmails: [`quillibert${index}@bascule-retail.example`],
      ...special[index],
    })),
    google: {
      faults: { lostReply: 200, unavailable: 200, htmlBadGateway: 100, tokenExpired: 100 },
      poison: { invalidInsert: ['EMP-9000005'], calendarForbidden: ['EMP-9000009'] },
    },
    environment: { BASCULE_LOG_LEVEL: 'trace' },
  });
  const { admin, bascule, simulator, redis } = company;
  const migrationId = await admin.launch();
  const found: string[] = [];
  const search = (where: string, text: string) => {
    for (const pattern of [...personal, ...secret]) {
      const hit = pattern.exec(text);
      if (hit !== null) found.push(`${where}: …${text.slice(Math.max(0, hit.index - 80), hit.index + 60)}…`);
    }
  };
  let dumped = 0;
  await admin.untilRest(migrationId, async () => {
    const dump = await redis.dump();
    dumped += dump.length;
    search('Redis', dump);
  });
  // What goes wrong is where data slips out: a wrong token, a wrong body, a wrong key.
  await expect(bascule.call('POST', '/v1/migrations', { name: 'Zwanzigmal' })).rejects.toThrow(/40\d|422/);
  await expect(bascule.call('GET', '/v1/employees?q=quillibert')).resolves.toBeDefined();
  await expect(bascule.call('GET', '/v1/employees?q=EMP-9000003')).resolves.toBeDefined();
  const stranger = new TestAdmin({
    call: async () =>
      fetch(`${bascule.address}/v1/employees?q=zwanzigmal`, { headers: { authorization: 'Bearer bsc_x' } }).then((r) =>
        r.json(),
      ),
  });
  await expect(stranger.create()).rejects.toThrow();
  const metrics = await fetch(`${bascule.address}/metrics`, { headers: { authorization: `Bearer ${bascule.token}` } });
  const figures = await metrics.text();
  expect(figures).toContain('bascule_employees');
  search('metrics', figures);
  const logs = await until('logs of everybody', async () => {
    const texts = [bascule.api, ...bascule.workers].map((started) => `${started.output()}${started.errors()}`);
    return texts.every((text) => text.length > 0) ? texts.join('\n') : undefined;
  });
  search('logs', logs);
  expect(found).toEqual([]);
  expect(dumped).toBeGreaterThan(1_000);
  // The admin's own key is no secret kept by accident: it would be found.
  expect(readFileSync(simulator.keyFile, 'utf8')).toMatch(secret[1] ?? /$^/);
}, 300_000);
