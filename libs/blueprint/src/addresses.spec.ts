import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { employeeRecordSchema, type EmployeeRecord } from '#libs/vocabulary';
import { isLegalLocalPart, localPartFor, nextAddress } from './addresses.js';

interface Names {
  readonly preferredName?: EmployeeRecord['preferredName'];
  readonly latinName?: EmployeeRecord['latinName'];
}

function person(givenName: string, familyName: string, country: string, names: Names = {}): EmployeeRecord {
  return employeeRecordSchema.parse({
    employeeNumber: '1',
    status: 'active',
    workerType: 'employee',
    legalName: { givenName, familyName },
    hireDate: '2020-01-01',
    country,
    ...names,
  });
}

function written(record: EmployeeRecord): string {
  const result = localPartFor(record);
  return 'reason' in result ? result.reason : result.localPart;
}

const zeroWidthSpace = '\u{200B}';
const bidi = ['\u{202B}', '\u{202C}'] as const;

const table: readonly (readonly [given: string, family: string, country: string, expected: string, names?: Names])[] = [
  ['Zoé', 'Lefèvre', 'FR', 'zoe.lefevre'],
  ['Cécile', 'Œuvrard', 'FR', 'cecile.oeuvrard'],
  ['Jean-Noël', 'L’Hôpital', 'FR', 'jean-noel.lhopital'],
  ['Anne Sophie', 'de La Tour du Pin', 'FR', 'anne-sophie.de-la-tour-du-pin'],
  ['Maëlys', 'N’Guyen-Saint-André', 'FR', 'maelys.nguyen-saint-andre'],
  ['María José', 'Muñoz Peña', 'ES', 'maria-jose.munoz-pena'],
  ['Begoña', 'de la Cruz Güell', 'ES', 'begona.de-la-cruz-guell'],
  ['Íñigo', 'Ruiz-Mateos i Puig', 'ES', 'inigo.ruiz-mateos-i-puig'],
  ['João', 'Conceição dos Santos', 'PT', 'joao.conceicao-dos-santos'],
  ['Inês', 'Brandão e Sá', 'PT', 'ines.brandao-e-sa'],
  ['Świętosława', 'Brzęczyszczykiewicz-Łącka', 'PL', 'swietoslawa.brzeczyszczykiewicz-lacka'],
  ['Grażyna', 'Źdźbło', 'PL', 'grazyna.zdzblo'],
  ['Ioniță', 'Țurcanu', 'RO', 'ionita.turcanu'],
  ['Ioniţă', 'Ţurcanu', 'RO', 'ionita.turcanu'],
  ['Győző', 'Szűcs-Tóth', 'HU', 'gyozo.szucs-toth'],
  ['Jürgen', 'Großmüller', 'DE', 'juergen.grossmueller'],
  ['Jürgen', 'Großmüller', 'FR', 'jurgen.grossmuller'],
  ['Sørine', 'Ågård', 'DK', 'soerine.aagaard'],
  ['Đurđa', 'Đokić', 'RS', 'djurdja.djokic'],
  ['Þórdís', 'Sæmundsdóttir', 'IS', 'thordis.saemundsdottir'],
  ['Işıl', 'İnönü Çağlar', 'TR', 'isil.inonu-caglar'],
  ['Nguyễn Thị', 'Đặng', 'VN', 'nguyen-thi.dang'],
  ['Юлія', 'Згурська', 'UA', 'yuliia.zghurska'],
  ['Євгенія', 'Щербицька-Гай', 'UA', 'yevheniia.shcherbytska-hai'],
  ['Наталья', 'Хрущёва', 'RU', 'natalya.khrushcheva'],
  ['Άγγελος', 'Παπανδρέου', 'GR', 'angelos.papandreou'],
  ['伟', '张', 'CN', 'name_not_romanised'],
  ['伟', '张', 'CN', 'wei.zhang', { latinName: { givenName: 'Wei', familyName: 'Zhang' } }],
  [
    '小美',
    '歐陽',
    'TW',
    'may.ouyang',
    { preferredName: { givenName: 'May' }, latinName: { givenName: 'Hsiao-Mei', familyName: 'Ouyang' } },
  ],
  [
    'فاطمة الزهراء',
    'بن عبد الله',
    'MA',
    'fatima-zahra.benabdallah',
    { latinName: { givenName: 'Fatima Zahra', familyName: 'Benabdallah' } },
  ],
  ['عمر', 'الشريف', 'MA', 'name_not_romanised'],
  ['Sukarno', '–', 'ID', 'sukarno'],
  ['Shaquille', 'O’Neal Jr.', 'US', 'shaquille.oneal'],
  ['Ｔａｋｕｙａ', 'ＯＮＯ', 'JP', 'takuya.ono'],
  [`L\u{0443}${zeroWidthSpace}cie`, 'Petit', 'FR', 'name_mixed_script'],
  ['Chloé 🌸', `${bidi[0]}Garnier${bidi[1]}`, 'FR', 'chloe.garnier'],
  ['Root', '–', 'FR', 'address_reserved'],
  [
    'Maximilienne Ernestine Philippine Auguste',
    'von Hohenzollern-Sigmaringen-Wittgenstein',
    'FR',
    'maximilienne.von-hohenzollern-sigmaringen-wittgenstein',
  ],
  [' ', '—', 'FR', 'name_not_romanised'],
  ['X Æ A-12', 'Müsk', 'US', 'x-ae-a-12.musk'],
];

describe('the local part of an address', () => {
  for (const [given, family, country, expected, names] of table) {
    it(`writes ${given} / ${family} (${country}${names === undefined ? '' : ', Latin given'}) as ${expected}`, () => {
      expect(written(person(given, family, country, names))).toBe(expected);
    });
  }

  it('gives the second of two homonyms a 2, written with a comma or a cedilla below', () => {
    const comma = written(person('Ioniță', 'Țurcanu', 'RO'));
    const cedilla = written(person('Ioniţă', 'Ţurcanu', 'RO'));
    expect(cedilla).toBe(comma);
    expect(nextAddress(comma, 2)).toBe('ionita.turcanu2');
  });

  it('keeps a family name that is nothing but a suffix', () => {
    expect(written(person('Anna', 'Jr', 'FR'))).toBe('anna.jr');
  });

  it('drops words of the given name before words of the family name, and cuts only at the last', () => {
    const long = (letter: string) => letter.repeat(25);
    const record = person(`${long('a')} ${long('b')}`, `${long('c')} ${long('d')}`, 'FR');
    expect(written(record)).toBe(`${long('a')}.${long('c')}`);
    expect(written(person('a'.repeat(80), 'b', 'FR'))).toBe('a'.repeat(60));
  });

  it('takes the pattern that it is given, and its reserved words', () => {
    const pattern = ({ givenInitial, family }: { givenInitial: string; family: string }) => `${givenInitial}${family}`;
    expect(localPartFor(person('Zoé', 'Lefèvre', 'FR'), pattern)).toEqual({ localPart: 'zlefevre' });
    expect(localPartFor(person('Zoé', 'Lefèvre', 'FR'), pattern, new Set(['zlefevre']))).toEqual({
      reason: 'address_reserved',
    });
  });

  const country = fc.constantFrom('FR', 'DE', 'DK', 'UA', 'GR', 'RS', 'US');
  const anyName = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    fc.constantFrom('José María', '.-.', '..a', "O''"),
  );

  it('is always legal at Google, of a-z 0-9 - . only, at most 60, and the same each time', () => {
    fc.assert(
      fc.property(anyName, anyName, country, (given, family, where) => {
        const record = person(given, family, where);
        const result = localPartFor(record);
        expect(localPartFor(structuredClone(record))).toEqual(result);
        if ('reason' in result) return;
        expect(result.localPart).toMatch(/^[a-z0-9]([a-z0-9.-]{0,58}[a-z0-9])?$/u);
        expect(isLegalLocalPart(result.localPart)).toBe(true);
      }),
    );
  });

  it('changes nothing about a name that is already written by the rules', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z]{1,12}(-[a-z]{1,8})?$/u),
        fc.stringMatching(/^[a-z]{3,12}$/u),
        (given, family) => {
          fc.pre(!['phd', 'iii'].includes(family));
          expect(written(person(given, family, 'FR'))).toBe(`${given}.${family}`);
        },
      ),
    );
  });
});

describe('the next address', () => {
  it('is always legal, at most 64 and another one for each number', () => {
    const base = fc.stringMatching(/^[a-z]([a-z.-]{0,58}[a-z])?$/u).filter((text) => !text.includes('..'));
    fc.assert(
      fc.property(base, (localPart) => {
        const first = [1, 2, 3, 10, 999, 1000].map((n) => nextAddress(localPart, n));
        expect(new Set(first).size).toBe(first.length);
        expect(first[0]).toBe(localPart);
        for (const address of first) expect(isLegalLocalPart(address)).toBe(true);
      }),
    );
  });

  it('cuts the base to make room beyond four digits', () => {
    expect(nextAddress('a'.repeat(60), 12_345)).toBe(`${'a'.repeat(59)}12345`);
  });
});
