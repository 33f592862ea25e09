import { readdirSync, readFileSync } from 'node:fs';
import { format } from 'prettier';
import { expect, test } from 'vitest';

const introduction = `# SCIM conformance

Made by \`vitest run apps/api/test/scim/conformance.spec.ts -u\` from the names of the tests in \`apps/api/test/scim\`, each of which asks
the running API over HTTP; \`scripts/test\` runs them all and fails when this page is stale. How to connect stands in
[SCIM 2.0](scim.md).
`;

/** Each with the test that shows how it is declined. */
const declined: readonly (readonly [section: string, what: string, why: string, test: RegExp])[] = [
  [
    'RFC 7643, 4.2',
    'Groups',
    'An HR feed has none; group membership follows from the blueprint. 404.',
    /groups, which are not supported/,
  ],
  [
    'RFC 7643, 4.1.1',
    '`password`',
    'People sign in to Google; Bascule keeps no secret of theirs. Ignored.',
    /password is neither stored/,
  ],
  ['RFC 7644, 3.11', '`/Me`', 'A token is a program’s, not a user’s. 501.', /Me is 501/],
  [
    'RFC 7643, 5',
    '`/ServiceProviderConfig` without a token (SHOULD)',
    'Nothing but health answers strangers. 401.',
    /without a valid token/,
  ],
  [
    'RFC 7644, 3.3',
    'unknown attributes and extensions',
    'Data that accounts do not need stays out. Ignored and not stored.',
    /what no schema knows/,
  ],
  [
    'RFC 7644, 3.4.2.2',
    'filtering by `meta.location` and `provisioning`',
    'Ask for the id; look at the delivery. 400 `invalidFilter`.',
    /what cannot be filtered by/,
  ],
];

interface Named {
  readonly requirement: string;
  readonly section: string;
}

const folder = new URL('./', import.meta.url);
const sources = readdirSync(folder)
  .filter((name) => name.endsWith('.spec.ts') && name !== 'conformance.spec.ts')
  .map((name) => readFileSync(new URL(name, folder), 'utf8'))
  .join('\n');
const testNames = [...sources.matchAll(/^(?:test|\]\))\(\s*'((?:[^'\\]|\\.)*)',/gm)].map((match) =>
  (match[1] ?? '').replaceAll(/\\(.)/g, '$1'),
);
/** What a table of cases runs one after another: its first column. */
const cases = new Map(
  [...sources.matchAll(/^test\.each\(\[\n([\s\S]*?)\n\]\)\(\s*'((?:[^'\\]|\\.)*)',/gm)].map((match) => [
    (match[2] ?? '').replaceAll(/\\(.)/g, '$1'),
    [...(match[1] ?? '').matchAll(/^ {2}(?:\[\s*)?['`]((?:[^'`\\]|\\.)*)['`]/gm)].map((one) => one[1] ?? ''),
  ]),
);

function requirements(): Named[] {
  return testNames
    .flatMap((name) => {
      const found = /^(RFC \d+, [\d.]+|Entra|Okta): (.*)$/.exec(name);
      if (found === null) return [];
      const [, section = '', text = ''] = found;
      const listed = cases.get(name) ?? [];
      if (text.endsWith('%s')) return listed.map((one) => ({ section, requirement: text.replace('%s', one) }));
      const isFilled = text.includes('%s') && listed.length > 0;
      const requirement = isFilled ? `${text.replace('%s', '…').replace(' %s', '')} (${listed.length} cases)` : text;
      return [{ section, requirement }];
    })
    .toSorted((a, b) => order(a.section).localeCompare(order(b.section)));
}

/** 3.10 comes after 3.9. */
const order = (section: string) => section.replaceAll(/\d+/g, (digits) => digits.padStart(5, '0'));

const page = () => `${introduction}
| section | requirement | result |
| --- | --- | --- |
${requirements()
  .map(({ section, requirement }) => `| ${section} | ${requirement.replaceAll('|', '\\|')} | tested |`)
  .join('\n')}

## Declined

| section | what | why, and the answer |
| --- | --- | --- |
${declined.map(([section, what, why]) => `| ${section} | ${what} | ${why} |`).join('\n')}
`;

test('docs/scim-conformance.md has a line for every requirement that is tested', async () => {
  const text = await format(page(), { parser: 'markdown', printWidth: 120, proseWrap: 'preserve' });
  await expect(text).toMatchFileSnapshot('../../../../docs/scim-conformance.md');
});

test('no test’s name is there twice, and whatever is declined has a test', () => {
  expect(testNames.length).toBeGreaterThan(60);
  expect(new Set(testNames).size).toBe(testNames.length);
  for (const [, what, , shown] of declined) {
    expect({ what, isShown: testNames.some((name) => shown.test(name)) }).toEqual({ what, isShown: true });
  }
});
