import { Readable } from 'node:stream';
import type { AddressPreview } from '#libs/feeds';
import type { AddressPreviewRow } from '#libs/ledger';
import { asCsv } from '#libs/progress';
import { failures, isFailureReason } from '#libs/vocabulary';

/** Named, so that a preview of nobody has its header too. */
const columns = [
  'row',
  'line',
  'employeeNumber',
  'how',
  'address',
  'wanted',
  'holder',
  'holderSource',
  'reason',
  'whatToDo',
  'aliases',
  'aliasesLeftOut',
];

type Which = Parameters<AddressPreview['rows']>[0];

/** The people of a preview as CSV, streamed. */
export function previewCsv(preview: AddressPreview, which: Which): Readable {
  return asCsv(Readable.from(csvLines(preview.rows(which))), columns);
}

async function* csvLines(rows: AsyncIterable<AddressPreviewRow>) {
  for await (const row of rows) yield csvLine(row);
}

function csvLine({ holder, reason, aliases, aliasesLeftOut, ...row }: AddressPreviewRow) {
  return {
    ...row,
    holder: holder?.employeeNumber ?? '',
    holderSource: holder?.source ?? '',
    reason: reason ?? '',
    whatToDo: reason !== null && isFailureReason(reason) ? failures[reason].whatToDo : '',
    aliases: aliases.join(' '),
    aliasesLeftOut: aliasesLeftOut.join(' '),
  };
}

/** `head`, and then `people`: one a line, streamed. */
export function previewJson(head: object, preview: AddressPreview, which: Which): Readable {
  return Readable.from(jsonLines(head, preview.rows(which)));
}

async function* jsonLines(head: object, rows: AsyncIterable<AddressPreviewRow>): AsyncGenerator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"people":[`;
  let separator = '\n';
  for await (const row of rows) {
    yield `${separator}${JSON.stringify(row)}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}
