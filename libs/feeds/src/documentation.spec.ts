import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { feedColumns, refusals, rejections, warnings } from '#libs/vocabulary';

const page = readFileSync(new URL('../../../docs/hr-integrator.md', import.meta.url), 'utf8');

/** The rows of the table under a heading or sentence: their cells, without marks. */
function tableAfter(text: string): string[][] {
  const lines = page.slice(page.indexOf(text)).split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  const rows = lines.slice(start + 2, start + length).map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  return rows.map((cells) => cells.map((cell) => cell.trim()));
}

test('the integrator’s page names every column and every other name for it', () => {
  const documented = tableAfter('## Columns').map(([column = '', others = '']) =>
    [column, others]
      .join(' ')
      .replaceAll(/[`\\*,]/g, '')
      .trim()
      .split(/\s+/),
  );
  expect(documented).toEqual(Object.values(feedColumns).map((names) => [...names]));
});

test.each([
  ['Rejected: the row changed nothing.', rejections],
  ['Warnings: the row was applied.', warnings],
  ['## Why a whole file is refused', refusals],
])('the integrator’s page gives each reason with its meaning and its fix: %s', (heading, reasons) => {
  const documented = tableAfter(heading).map((cells) => cells.map((cell) => cell.replaceAll('`', '')));
  expect(documented).toEqual(Object.entries(reasons).map(([reason, { meaning, fix }]) => [reason, meaning, fix]));
});
