import { UsageError } from '../context.js';

const mediaTypes: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  txt: 'text/csv',
  tsv: 'text/tab-separated-values',
  ndjson: 'application/x-ndjson',
  jsonl: 'application/x-ndjson',
  json: 'application/json',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  zip: 'application/zip',
};
const packed = /\.gz$/i;

/** The headers that say what a file is, by its ending. */
export function fileHeaders(file: string, charset?: string): Record<string, string> {
  const ending = file.replace(packed, '').split('.').at(-1)?.toLowerCase() ?? '';
  const type = mediaTypes[ending];
  if (type === undefined) {
    const endings = '.csv, .tsv, .txt, .ndjson, .json, .xlsx or .zip, perhaps with .gz';
    throw new UsageError(`${file}: the ending must be ${endings}`);
  }
  return {
    'content-type': charset === undefined ? type : `${type}; charset=${charset}`,
    ...(packed.test(file) && { 'content-encoding': 'gzip' }),
  };
}
