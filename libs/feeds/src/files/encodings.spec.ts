import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fileEncodings, type FileEncoding, type FileSettings } from '#libs/vocabulary';
import { utf8Bytes } from './encodings.js';

interface Reading {
  readonly declared?: FileEncoding;
  readonly settled?: FileSettings['encoding'];
  readonly chunkBytes?: number;
}

async function bytesRead(bytes: Buffer, { declared, settled = 'utf-8', chunkBytes = 65_536 }: Reading) {
  async function* chunks() {
    for (let from = 0; from < bytes.length; from += chunkBytes) yield bytes.subarray(from, from + chunkBytes);
  }
  const read: Buffer[] = [];
  for await (const chunk of utf8Bytes(chunks, declared, settled)) read.push(chunk);
  return Buffer.concat(read);
}

/** The text without its mark, which the dialects drop. */
const read = async (bytes: Buffer, reading: Reading = {}) =>
  (await bytesRead(bytes, reading)).toString('utf8').replace(/^\uFEFF/, '');

/** What each byte of an encoding with one byte a letter means, controls left out. */
function lettersOf(encoding: FileEncoding): Map<string, number> {
  const decoder = new TextDecoder(encoding);
  const letters = Array.from({ length: 256 }, (_, byte) => [decoder.decode(Buffer.from([byte])), byte] as const);
  return new Map(letters.filter(([letter]) => !/[\u0080-\u009F\uFFFD]/.test(letter)));
}

function encoded(text: string, encoding: FileEncoding): Buffer {
  if (encoding === 'utf-8') return Buffer.from(text);
  if (encoding === 'utf-16le') return Buffer.from(text, 'utf16le');
  if (encoding === 'utf-16be') return Buffer.from(text, 'utf16le').swap16();
  const letters = lettersOf(encoding);
  return Buffer.from(Array.from(text, (letter) => letters.get(letter) ?? 0x3f));
}

const header = 'worker_id;legal_given_name;legal_family_name;worker_type;status;hire_date;country';
const samples: Record<FileEncoding, string> = {
  'utf-8': 'Zoë;Œuvrard;伟;🌸',
  'utf-16le': 'Zoë;Œuvrard;伟;🌸',
  'utf-16be': 'Zoë;Œuvrard;伟;🌸',
  'windows-1250': 'Świętosława;Szűcs-Tóth;€',
  'windows-1251': 'Юлія;Згурська;Ґ',
  'windows-1252': 'Zoë;Cécile Œuvrard;L’Hôpital;€',
  'iso-8859-2': 'Świętosława;Szűcs-Tóth',
  'iso-8859-15': 'Zoë;Œuvrard;€',
};

test.each(fileEncodings)('%s is read as declared with the file, or as settled for its source', async (encoding) => {
  const text = `${header}\n1;${samples[encoding]}\n`;
  const bytes = encoded(text, encoding);
  for (const chunkBytes of [1, 3, 1_000]) {
    expect(await read(bytes, { declared: encoding, settled: 'windows-1252', chunkBytes })).toBe(text);
    expect(await read(bytes, { settled: encoding, chunkBytes })).toBe(text);
  }
});

test.each(['utf-8', 'utf-16le', 'utf-16be'] as const)(
  'a byte order mark of %s goes before whatever was declared or settled',
  async (encoding) => {
    const bytes = encoded(`\uFEFF${header}\n1;Zoë`, encoding);
    for (const declared of fileEncodings) {
      expect(await read(bytes, { declared, settled: 'detect', chunkBytes: 1 })).toBe(`${header}\n1;Zoë`);
    }
  },
);

test.each(['utf-16le', 'utf-16be'] as const)('%s without a mark is told by its zeros', async (encoding) => {
  const bytes = encoded(`${header}\n1;Zoë`, encoding);
  expect(await read(bytes)).toBe(`${header}\n1;Zoë`);
  expect(await read(bytes, { settled: 'detect', chunkBytes: 7 })).toBe(`${header}\n1;Zoë`);
});

test('UTF-8 that is broken is not taken for another encoding: what cannot be read is marked', async () => {
  expect(await read(encoded('1;Zoë;Müller', 'windows-1252'))).toBe('1;Zo\uFFFD;M\uFFFDller');
  expect(await read(encoded('1;Zoë', 'windows-1252'), { declared: 'utf-8', settled: 'detect' })).toBe('1;Zo\uFFFD');
});

test.each([
  ['plain ASCII', Buffer.from('1;Zoe'), '1;Zoe'],
  ['UTF-8', Buffer.from('1;Zoë’s'), '1;Zoë’s'],
  ['Windows-1252', encoded('1;Zoë’s €', 'windows-1252'), '1;Zoë’s €'],
  [
    'UTF-8 with a broken row',
    Buffer.concat([Buffer.from('1;Zoë;Zoë\n2;'), Buffer.from([0xeb])]),
    '1;Zoë;Zoë\n2;\uFFFD',
  ],
])('where it is settled that the encoding be detected, %s is read as what it is', async (_name, bytes, text) => {
  expect(await read(bytes, { settled: 'detect', chunkBytes: 1 })).toBe(text);
  expect(await read(bytes, { settled: 'detect' })).toBe(text);
});

test('bytes that are looked through first have one reader at a time', async () => {
  let readers = 0;
  async function* pieces() {
    if (readers > 0) throw new Error('somebody reads them already');
    readers += 1;
    try {
      yield encoded('1;Zoë;Müller;EMPLOYEE;ACTIVE;2020-01-01;DE;more than is looked at first\n', 'windows-1252');
      yield encoded('2;Cécile', 'windows-1252');
    } finally {
      readers -= 1;
    }
  }
  const chunks: Buffer[] = [];
  for await (const chunk of utf8Bytes(pieces, undefined, 'detect')) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toMatch(/^1;Zoë;Müller;.*\n2;Cécile$/);
  expect(readers).toBe(0);
});

test('UTF-8 that was declared as Windows-1252 is refused, not turned into two wrong letters for each', async () => {
  const bytes = Buffer.from('1;Zoë;Müller');
  for (const declared of ['windows-1252', 'iso-8859-15'] as const) {
    await expect(read(bytes, { declared })).rejects.toMatchObject({ reason: 'encoding_contradicted' });
  }
  await expect(read(bytes, { settled: 'windows-1252' })).rejects.toMatchObject({ reason: 'encoding_contradicted' });
});

test('bytes that no letter of the encoding has are marked, also those that stand for control characters', async () => {
  expect(await read(Buffer.from([0x4d, 0x81, 0x6c, 0x8d]), { declared: 'windows-1252' })).toBe('M\uFFFDl\uFFFD');
  expect(await read(Buffer.from([0x4d, 0x84]), { declared: 'iso-8859-15' })).toBe('M\uFFFD');
  expect(await read(Buffer.from([0x4d, 0x00, 0x00, 0xd8, 0x6c]), { declared: 'utf-16le' })).toMatch(/^M\uFFFD+$/);
});

test('every text comes out as it went in, whatever its encoding and wherever the network cuts it', async () => {
  const anyEncoding = fc.constantFrom(...fileEncodings).chain((encoding) => {
    const unit = encoding.startsWith('utf')
      ? fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
      : fc.constantFrom(...lettersOf(encoding).keys());
    return fc.tuple(fc.constant(encoding), fc.string({ unit, maxLength: 60 }));
  });
  await fc.assert(
    fc.asyncProperty(anyEncoding, fc.integer({ min: 1, max: 9 }), async ([encoding, text], chunkBytes) => {
      // A letter that is no UTF-8, so that the text speaks for its encoding.
      const whole = `${text.replace(/^\uFEFF+/, '')}${encoding.startsWith('utf') ? '' : '\u00A0\u00A0'.repeat(60)}`;
      expect(await read(encoded(whole, encoding), { declared: encoding, chunkBytes })).toBe(whole);
    }),
    { numRuns: 300 },
  );
});

test('whatever the bytes, what comes out is UTF-8 or a refusal', async () => {
  const bytes = fc.uint8Array({ maxLength: 80 });
  const settled = fc.constantFrom('detect' as const, ...fileEncodings);
  await fc.assert(
    fc.asyncProperty(bytes, settled, fc.integer({ min: 1, max: 9 }), async (some, encoding, chunkBytes) => {
      const out = await bytesRead(Buffer.from(some), { settled: encoding, chunkBytes }).catch((error: unknown) => {
        expect(error).toMatchObject({ reason: 'encoding_contradicted' });
        return Buffer.alloc(0);
      });
      if (!out.equals(Buffer.from(some))) expect(isUtf8(out)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
