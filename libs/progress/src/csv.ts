import { stringify } from 'csv-stringify';
import { pipeline, type Readable } from 'node:stream';

/** A cell that a spreadsheet would take for a formula is told to be text. */
const harmless = (cell: string) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell);

/**
 * RFC 4180, streamed: an object a line, a cell a column. The columns are named, so that a table without lines has its
 * header too. Ending the text early ends the lines as well.
 */
export function asCsv(lines: Readable, columns: readonly string[]): Readable {
  const csv = stringify({
    header: true,
    columns: [...columns],
    cast: { string: harmless, boolean: String, date: (moment) => moment.toISOString() },
  });
  // Whoever reads the text sees the error as the text's own.
  pipeline(lines, csv, () => undefined);
  return csv;
}
