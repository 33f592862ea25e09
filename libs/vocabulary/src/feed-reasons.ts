/**
 * What the intake of feeds can say. Every sentence is constant, so that none can repeat a person's data. `meaning` goes on
 * from the name of the column ("hire_date is empty"), or from "The row", "The file".
 */
interface FeedReason {
  readonly meaning: string;
  readonly fix: string;
}

const says = (meaning: string, fix: string): FeedReason => ({ meaning, fix });

/** Why a row was not applied. Everything else of its delivery is. */
export const rejections = {
  worker_id_missing: says('is empty', 'give every row the worker’s number'),
  name_missing: says('and the other legal name are empty', 'give at least one of the two names'),
  status_unknown: says('is none of the known words', 'send ACTIVE, PREHIRE, LEAVE or TERMINATED'),
  worker_type_unknown: says('is none of the known words', 'send EMPLOYEE, TEMP, CONTRACTOR or INTERN'),
  country_unknown: says('is no country', 'send the two letters of ISO 3166-1, such as FR'),
  not_your_worker: says(
    'is none for which this source may speak',
    'send the worker by the source of their country, or settle the country for this one',
  ),
  hire_date_missing: says('is empty', 'give the first day of this employment'),
  date_invalid: says('is no real day', 'write it YYYY-MM-DD'),
  date_out_of_range: says('lies before 1940 or more than 366 days ahead', 'correct the first day of this employment'),
  date_order: says('lies before the hire date', 'correct one of the two dates'),
  field_too_long: says('is too long', 'shorten it to 255 characters, numbers of workers to 64'),
  field_invalid: says('is not a text', 'send it as a text in quotes, so that no digit is lost'),
  field_duplicate: says('is there twice under two names', 'send it once'),
  address_invalid: says('holds something that is not an e-mail address', 'correct or leave out the address'),
  addresses_too_many: says('holds more than 30 addresses', 'leave out the oldest'),
  number_invalid: says('is no share of full time', 'send a number from 0 to 2, such as 0.8'),
  cell_error: says('holds an error of the spreadsheet', 'correct the formula, or save the file with its values'),
  row_column_count: says('has more or fewer columns than the header', 'quote values that hold the separator'),
  row_unbalanced_quote: says('has a quote inside an unquoted value', 'quote the value and double the quote within it'),
  row_invalid_encoding: says(
    'holds bytes that are no characters in the encoding of the file',
    'export the file as UTF-8, or declare the charset that it has',
  ),
  row_nul_byte: says('holds a NUL byte', 'remove it'),
  row_not_json: says('is not JSON', 'send one complete JSON object'),
  row_not_object: says('is JSON, but no object', 'send an object with the columns as its names'),
  row_too_long: says('is longer than a million characters', 'look for a missing end of line or quote'),
  operation_invalid: says('is no SCIM user', 'send schemas, userName, and values of their types'),
  previous_conflict: says(
    'is the former number of several workers, or of one who is still sent under it',
    'name it with the one whose number it was, and send the former number no more, or as TERMINATED',
  ),
  duplicate_conflict: says('is there more than once with different values', 'send each worker once'),
} as const satisfies Record<string, FeedReason>;

/** What is worth knowing of a row that was applied all the same. */
export const warnings = {
  name_truncated: says('is longer than the 60 characters that Google shows', 'nothing: the whole name is kept here'),
  name_cleaned: says('holds characters that Google does not show', 'remove control characters, symbols and emoji'),
  name_single: says('is empty: the person goes by one name', 'nothing, if it is so'),
  formula_like_text: says('begins like a spreadsheet formula', 'nothing, if it is meant so'),
  manager_self: says('names the worker as their own manager and was left out', 'correct the manager'),
  manager_unknown: says(
    'names nobody whom this source has sent; the worker has no manager until it does',
    'send the manager too, or correct the number',
  ),
  manager_terminated: says('names somebody who has left', 'name the new manager'),
  manager_cycle: says(
    'ends in a circle of managers that the worker belongs to, or stands under more than 32 levels',
    'correct the managers',
  ),
  language_ignored: says('is no language tag and was left out', 'send a BCP 47 tag, such as fr-FR'),
  phone_ignored: says('is no phone number and was left out', 'send digits, spaces and + ( ) - . / only'),
  left_all_the_same: says(
    'is wrong in what else it says, but the worker has left, and that counts',
    'correct the row: the former record was ended as it was',
  ),
  number_superseded: says(
    'has the former number of a worker who has a new one and was left out',
    'nothing: the new number counts',
  ),
  older_than_stored: says(
    'is older than what is known of the worker and was left out',
    'nothing: the newer record stands',
  ),
  duplicate_identical: says('is there more than once with the same values', 'nothing: the first one counts'),
} as const satisfies Record<string, FeedReason>;

/** Why nothing of a whole file was applied. */
export const refusals = {
  empty_file: says('is empty', 'send at least a header row; for a delta without changes send nothing'),
  header_missing_column: says('has no column', 'add the column'),
  header_duplicate_column: says('has two columns that mean the same', 'leave one of them out'),
  header_unwanted_column: says('holds data that accounts do not need', 'leave the column out'),
  row_unbalanced_quote: says(
    'has a quote that is never closed, or text after a closing quote',
    'double quotes in values',
  ),
  file_cut: says('ends in the middle of a row', 'it was cut on its way: send it whole'),
  encoding_undecodable: says(
    'is not in the encoding that it should have, UTF-8 unless another is declared',
    'export it as UTF-8, or declare its charset',
  ),
  encoding_contradicted: says(
    'is UTF-8, though another encoding is declared',
    'declare UTF-8, in the Content-Type or in the settings of the source',
  ),
  gzip_broken: says('cannot be unpacked', 'it was cut or is not gzip: pack and send it again'),
  zip_broken: says('is no zip, or a broken one', 'it was cut on its way or is no zip: pack and send it again'),
  zip_encrypted: says('is packed with a password', 'pack it without'),
  zip_not_one_file: says('holds no file, or several', 'pack one file each'),
  zip_unknown_file: says(
    'holds something else than a feed',
    'pack a file whose name ends in .csv, .tsv, .txt, .ndjson, .jsonl, .json or .xlsx',
  ),
  zip_bomb: says('holds more than 200 times its packed size', 'pack what it really holds'),
  workbook_broken: says(
    'is no workbook, or a broken one',
    'it was cut on its way, or is no .xlsx: save and send it again',
  ),
  workbook_encrypted: says('has a password, or is an .xls', 'save it as .xlsx without a password'),
  workbook_no_sheet: says('has no sheet of the name that is settled', 'name the sheet so, or settle its name'),
  workbook_several_sheets: says(
    'has several sheets that hold something',
    'leave one, or settle the name of the right one for the source',
  ),
  workbook_too_large: says('has more text than a workbook may have here', 'send it as CSV'),
  file_too_large: says('is larger than 2 GB when unpacked', 'send it in parts with mode=delta'),
  too_many_rows: says('has more than 2,000,000 rows', 'send it in parts with mode=delta'),
  json_broken: says('is not JSON', 'send an array of objects, or an object with one such array'),
  json_no_array: says('holds no array', 'send an array of objects, or an object with one such array'),
  json_several_arrays: says('holds several arrays', 'send the employees as the only array'),
  stale_snapshot: says(
    'is older than a full delivery of the same population that was applied already',
    'send the newest export',
  ),
  internal_fault: says('could not be applied for a fault of Bascule’s', 'tell its operators, then send the file again'),
} as const satisfies Record<string, FeedReason>;

export type RejectionReason = keyof typeof rejections;
export type WarningReason = keyof typeof warnings;
export type RefusalReason = keyof typeof refusals;

/** What is said of one field of a row; `field` is the documented column, or empty when the row as a whole is meant. */
export interface RowProblem {
  readonly field: string;
  readonly reason: RejectionReason | WarningReason;
  readonly message: string;
}

const sentence = (subject: string, { meaning, fix }: FeedReason) => `${subject} ${meaning}: ${fix}.`;

export function rejection(reason: RejectionReason, column = ''): RowProblem {
  return { field: column, reason, message: sentence(column || 'The row', rejections[reason]) };
}

export function warning(reason: WarningReason, column = ''): RowProblem {
  return { field: column, reason, message: sentence(column || 'The row', warnings[reason]) };
}

/** The cause of a refused delivery; `place` is a column of ours or a line, never content. */
export function refusal(reason: RefusalReason, place?: string): string {
  return `${reason}: ${sentence('The file', refusals[reason])}${place === undefined ? '' : ` (${place})`}`;
}
