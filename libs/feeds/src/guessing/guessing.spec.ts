import { stringify } from 'csv-stringify/sync';
import { expect, test } from 'vitest';
import { feedSourceSettingsSchema } from '#libs/vocabulary';
import { fileRows, readingOf } from '../files/index.js';
import { fileInMemory } from '../files/stored-file.js';
import { checkRow } from '../rows.js';
import { shapeOf } from './columns.js';
import { guessMapping } from './index.js';

const rowBounds = { latestHireDate: '2027-01-01', countries: new Set<string>() };

const bounds = { signal: new AbortController().signal, unpackedBytes: 50_000_000 };

function guess(content: string | Buffer, mediaType = 'text/csv') {
  return guessMapping(fileInMemory(Buffer.from(content)), { mediaType, contentEncoding: null }, {}, bounds);
}

const table = (headers: string, ...rows: string[]) => [headers, ...rows, ''].join('\r\n');

const german = table(
  'Personalnummer;Nachname;Vorname;Beschäftigungsstatus;Mitarbeiterkreis;Eintritt;Austritt;Land;Kostenstelle;BsGrd;E-Mail geschäftlich;Personalnummer Vorgesetzter',
  '00012345;Müller;Zoë;Aktiv;Angestellte;13.04.2019;31.12.9999;Deutschland;0000471100;80,00;zoe.mueller@alt.example;00012346',
  '00012346;Groß;Jürgen;Elternzeit;Praktikant;01.02.2021;00.00.0000;Österreich;0000471100;100,00;j.gross@alt.example;',
  '00012347;Koç;Ayşe;Ausgetreten;Aushilfe;28.02.2020;30.06.2026;Schweiz;0000471200;50,00;;00012346',
);
const workday = table(
  'Employee ID,Legal First Name,Legal Last Name,Preferred Name - First Name,Worker Status,Worker Type,Hire Date,Termination Date,Work Country,Cost Center,Business Title,Manager Employee ID,Primary Work Email',
  'E-1001,Zoe,Muller,,Active,Regular,04/13/2019,,United States of America,CC1,Cashier,E-1002,zoe@old.example',
  'E-1002,Jon,Smith,Jo,On Leave,Contingent Worker,12/01/2020,,Canada,CC2,Manager,,jon@old.example',
);
const french = table(
  'Matricule;Nom;Prénom;Statut;Type de contrat;Date d’entrée;Date de sortie;Pays;Établissement;Responsable',
  '0001;Lefèvre;Zoé;Actif;CDI;13/04/2019;;France;Lille;0002',
  '0002;Œuvrard;Cécile;Sorti;CDD;01/12/2020;30/06/2026;Belgique;Lyon;',
);
const polish = table(
  'Numer ewidencyjny,Nazwisko,Imię,Status zatrudnienia,Rodzaj umowy,Data zatrudnienia,Kraj,Dział',
  '0001,Łącka,Świętosława,Aktywny,umowa o pracę,2019-04-13,Polska,Kasy',
  '0002,Nowak,Jan,Zwolniony,czas określony,2020-12-01,Niemcy,Magazyn',
);

test.each([
  ['a German export of SAP', german, 'dd.mm.yyyy', ['DE', 'AT', 'CH']],
  ['an American export of Workday', workday, 'mm/dd/yyyy', ['US', 'CA']],
  ['a French export', french, 'dd/mm/yyyy', ['FR', 'BE']],
  ['a Polish export', polish, undefined, ['PL', 'DE']],
])('%s is guessed whole, and what is guessed reads every row of it', async (_name, text, dates, countries) => {
  const { file, missing, decisions, columns } = await guess(text);
  expect({ missing, decisions }).toEqual({ missing: [], decisions: [] });
  expect(columns.filter(({ column, sure }) => column === null || sure === 'unsure')).toEqual([]);
  expect(file.dates).toBe(dates);
  const settled = feedSourceSettingsSchema.parse({ file });
  const reading = readingOf(settled.file, settled.scim);
  const read = [];
  const stored = fileInMemory(Buffer.from(text));
  for await (const rows of fileRows(stored, { mediaType: 'text/csv', contentEncoding: null }, reading, bounds)) {
    for (const { values } of rows) read.push(values && checkRow(values, rowBounds, reading.spelling).record);
  }
  expect(read.map((record) => record?.country)).toEqual(countries);
  expect(read[0]).toMatchObject({ status: 'active', workerType: 'employee', hireDate: '2019-04-13' });
});

test('the German export is guessed to its details', async () => {
  const { file, columns } = await guess(german);
  expect(file).toMatchObject({
    delimiter: ';',
    decimal: ',',
    fte: '100',
    columns: { 'Personalnummer Vorgesetzter': 'manager_id', BsGrd: 'fte', 'E-Mail geschäftlich': 'work_email' },
    words: { status: { Elternzeit: 'LEAVE' }, worker_type: { Aushilfe: 'TEMP' }, country: { Österreich: 'AT' } },
  });
  expect(columns[0]).toMatchObject({ sure: 'certain', shapes: ['99999999'], filled: 3 });
});

test('dates that fit both orders are for a person to decide', async () => {
  const both = workday.replace('04/13/2019', '04/03/2019');
  const { file, decisions } = await guess(both);
  expect(file.dates).toBeUndefined();
  expect(decisions).toEqual([{ path: ['dates'], question: expect.any(String), choices: ['dd/mm/yyyy', 'mm/dd/yyyy'] }]);
  const mixed = await guess(workday.replace('04/13/2019', '13.04.2019'));
  expect(mixed.decisions).toEqual([{ path: ['dates'], question: expect.any(String), choices: [] }]);
});

test('words that are not known, headers that mean the same and data nobody needs are for a person to decide', async () => {
  const odd = table(
    'worker_id,Nachname,Surname,status,worker_type,Eintritt,country,Geburtsdatum',
    '1,Müller,Müller,Wartestand,EMPLOYEE,2019-04-13,DE,1990-12-24',
  );
  const { file, decisions } = await guess(odd);
  expect(file.columns).toEqual({ Eintritt: 'hire_date' });
  expect(decisions[1]?.choices).toEqual(['legal_family_name', 'null']);
  expect(decisions.map(({ path }) => path)).toEqual([
    ['columns', 'Geburtsdatum'],
    ['columns', 'Nachname'],
    ['columns', 'Surname'],
    ['words', 'status', 'Wartestand'],
  ]);
});

test('required columns that no header seems to mean are named as missing', async () => {
  const { missing } = await guess(table('Vorname;Nachname;Notiz', 'Zoë;Müller;x', 'Jan;Nowak;y'));
  expect(missing).toEqual(['worker_id', 'worker_type', 'status', 'hire_date', 'country']);
  expect((await guess(table('Notiz', 'x', 'y'))).missing).toContain('legal_family_name');
  expect((await guess(table('Vorname', 'Zoë', 'Jan'))).missing).not.toContain('legal_family_name');
});

test('where two headers have our names for one field, the one that is chosen is settled', async () => {
  const text = table(
    'worker_id,surname,status,employee_type,user_type,hire_date,country',
    '1,Müller,ACTIVE,EMPLOYEE,kiosk,2019-04-13,DE',
    '2,Nowak,ACTIVE,TEMP,desk,2019-04-13,DE',
  );
  const { file, decisions } = await guess(text);
  expect({ columns: file.columns, decisions }).toEqual({ columns: { employee_type: 'worker_type' }, decisions: [] });
  const settled = feedSourceSettingsSchema.parse({ file });
  const reading = readingOf(settled.file, settled.scim);
  const stored = fileInMemory(Buffer.from(text));
  const rows = [];
  for await (const chunk of fileRows(stored, { mediaType: 'text/csv', contentEncoding: null }, reading, bounds)) {
    rows.push(...chunk);
  }
  expect(rows.map(({ values }) => values?.get('workerType'))).toEqual(['EMPLOYEE', 'TEMP']);
});

test('a column of managers’ names is not taken for one of their numbers', async () => {
  const { decisions } = await guess(table('Employee ID,Manager Name', '1001,Jon Smith', '1002,Zoe Muller'));
  expect(decisions).toContainEqual(expect.objectContaining({ path: ['columns', 'Manager Name'] }));
});

test.each([
  ['utf-8', Buffer.from(german), undefined, 0],
  ['windows-1252', Buffer.from(german.replaceAll('ş', 's'), 'latin1'), 'windows-1252', 1],
  ['utf-16le', Buffer.from(`\uFEFF${german}`, 'utf16le'), 'utf-16le', 0],
])(
  'a file in %s is guessed to be so, with a question where others look the same',
  async (_name, bytes, encoding, asked) => {
    const { file, decisions } = await guess(bytes);
    expect([file.encoding, decisions.length]).toEqual([encoding, asked]);
    expect(file.columns).toMatchObject({ Personalnummer: 'worker_id', Beschäftigungsstatus: 'status' });
  },
);

test('JSON and lines of JSON are looked at too, wherever the part that was sent is cut', async () => {
  const people = [1, 2, 3].map((number) => ({
    Personalnummer: `00${number}`,
    Eintritt: '13.04.2019',
    extra: { a: 1 },
  }));
  const whole = JSON.stringify({ page: 1, people });
  const array = await guess(whole.slice(0, -20), 'application/json');
  const lines = await guess(
    people
      .map((one) => JSON.stringify(one))
      .join('\n')
      .slice(0, -5),
    'application/x-ndjson',
  );
  for (const { file, rows } of [array, lines]) {
    expect(file).toEqual({ columns: { Personalnummer: 'worker_id', Eintritt: 'hire_date' }, dates: 'dd.mm.yyyy' });
    expect(rows).toBe(2);
  }
});

test('what is shown of values is their shape', async () => {
  expect(shapeOf('Zoë Müller-42')).toBe('Aaa Aaaa-99');
  expect(shapeOf('z.m@old.example')).toBe('a.a@aaa.aaa');
  const names = stringify([['Vorname', 'Kommentar'], ...Array.from({ length: 9 }, () => ['Zoë', 'ganz privat 77'])]);
  expect(JSON.stringify(await guess(names))).not.toMatch(/Zoë|privat|77/);
});
