import { expect, test } from 'vitest';
import { dateFormats, fileSettingsSchema, type DateFormat } from '#libs/vocabulary';
import { foldWord, spellingOf } from './spelling.js';

const spelling = (file: unknown) => spellingOf(fileSettingsSchema.parse(file));
const day = (dates: DateFormat, text: string) => spelling({ dates }).dayOf(text);

test.each<[DateFormat, string]>([
  ['iso', '2021-03-09'],
  ['dd/mm/yyyy', '9/3/2021'],
  ['dd/mm/yyyy', '09/03/2021 23:59:59'],
  ['mm/dd/yyyy', '03/09/2021'],
  ['mm/dd/yyyy', '3/9/2021 12:00:00 AM'],
  ['dd.mm.yyyy', '09.03.2021'],
  ['dd-mm-yyyy', '09-03-2021'],
  ['mm-dd-yyyy', '03-09-2021'],
  ['yyyy/mm/dd', '2021/03/09'],
  ['yyyy.mm.dd', '2021.3.9'],
  ['yyyymmdd', '20210309'],
  ['ddmmyyyy', '09032021'],
  ['dd-mmm-yyyy', '09-MAR-2021'],
  ['dd-mmm-yyyy', '9 Mar 2021'],
  ['serial', '44264'],
  ['serial', '44264.75'],
])('where dates are settled as %s, %j is 9 March 2021', (dates, text) => {
  expect(day(dates, text)).toBe('2021-03-09');
});

test('YYYY-MM-DD is understood beside every format, and a time after it moves no day', () => {
  for (const dates of dateFormats) {
    expect(day(dates, '2021-03-09')).toBe('2021-03-09');
    expect(day(dates, '2021-03-09T23:59:59-11:00')).toBe('2021-03-09');
  }
});

test('a date of another format than the settled one is none, so that no day is taken for a month', () => {
  for (const [dates, texts] of [
    ['dd/mm/yyyy', ['09.03.2021', '9/3/21', '20210309', '44264', '09/MAR/2021']],
    ['dd.mm.yyyy', ['09/03/2021', '9.3.21']],
    ['mm/dd/yyyy', ['09-03-2021']],
    ['yyyymmdd', ['2021309', '44264']],
    ['dd-mmm-yyyy', ['09-Mär-2021', '09-03-2021 x']],
    ['iso', ['44264', '09/03/2021']],
    ['serial', ['60', '-1', '2958466', '9/3/2021', '1e5']],
  ] as const) {
    for (const text of texts) expect([dates, text, day(dates, text)]).toEqual([dates, text, undefined]);
  }
});

test.each<[DateFormat, string]>([
  ['dd.mm.yyyy', '00.00.0000'],
  ['yyyymmdd', '00000000'],
])('as %s, %j is a date that is not set', (dates, text) => {
  expect(day(dates, text)).toBe('');
});

test('0000-00-00 is a date that is not set, beside every format', () => {
  for (const dates of dateFormats) {
    expect([dates, day(dates, '0000-00-00'), day(dates, '0000-00-00 00:00:00')]).toEqual([dates, '', '']);
  }
});

test('a word is the same however its accents are put together', () => {
  const { statuses, countryOf } = spelling({
    words: { status: { 'cesse\u0301': 'TERMINATED' }, country: { 'O\u0308sterreich': 'AT' } },
  });
  expect(statuses.get(foldWord(' cess\u00E9'))).toBe('terminated');
  expect([countryOf('\u00D6sterreich'), countryOf('o\u0308sterreich ')]).toEqual(['AT', 'AT']);
});

test('shares are read with the decimal mark and the whole that are settled', () => {
  expect(spelling({}).shareOf('0,8')).toBe(0.8);
  expect(spelling({}).shareOf('0.8')).toBe(0.8);
  expect(spelling({ decimal: ',' }).shareOf('0.8')).toBeNaN();
  expect(spelling({ decimal: '.' }).shareOf('0,8')).toBeNaN();
  expect(spelling({ decimal: ',', fte: '100' }).shareOf('66,67')).toBe(0.6667);
  expect(spelling({ fte: '100' }).shareOfNumber(37.5)).toBe(0.375);
});

test('their words go before ours, in any case, and ours are still understood', () => {
  const { statuses, workerTypes, countryOf } = spelling({
    words: {
      status: { Aktiv: 'ACTIVE', 'élève sorti': 'TERMINATED' },
      worker_type: { Temp: 'INTERN' },
      country: { España: 'ES', UK: 'UA' },
    },
  });
  expect(statuses.get('AKTIV')).toBe('active');
  expect(statuses.get('ÉLÈVE SORTI')).toBe('terminated');
  expect(statuses.get('LEAVE')).toBe('leave');
  expect(workerTypes.get('TEMP')).toBe('intern');
  expect([countryOf('españa'), countryOf('uk'), countryOf('fr'), countryOf('Spain')]).toEqual([
    'ES',
    'UA',
    'FR',
    undefined,
  ]);
});

test.each([
  [{ columns: { Personalnummer: 'worker_id', 'personal nummer': 'status' } }, 'columns'],
  [{ columns: { A: 'worker_id', B: 'worker_id' } }, 'columns'],
  [{ columns: { A: 'shoe_size' } }, 'columns'],
  [{ dates: 'dd/mm/yy' }, 'dates'],
  [{ delimiter: ':' }, 'delimiter'],
  [{ words: { country: { Spain: 'Spain' } } }, 'words'],
  [{ words: { status: { Aktiv: 'active' } } }, 'words'],
])('settings that say nothing sensible are refused where they are wrong: case %#', (file, place) => {
  const { error } = fileSettingsSchema.safeParse(file);
  expect(error?.issues[0]?.path[0]).toBe(place);
});
