import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { documentSchema } from './document.js';
import { parseBlueprint } from './parse.js';
import { employeeFields } from './record-view.js';

const text = readFileSync(new URL('../../../docs/blueprint.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/gu)].map(([, block]) => block ?? '');

const frame = `
blueprint: 1
name: Frame
domains: [retail.example]
password: sso
licence: none
tables: { countries: { FR: France }, departments: { Stores: stores } }
`;

/** A whole blueprint around one of the page's pieces. */
function completed(piece: string): string {
  const whole = piece.startsWith('blueprint:') ? piece : frame + piece;
  if (piece.startsWith('when:')) {
    const conditions = piece
      .trim()
      .split('\n')
      .map((line, index) => `  - ${line}\n    value: /Staff${index}\n`);
    return `${frame}orgUnit:\n${conditions.join('')}  - value: /\n`;
  }
  return whole.includes('orgUnit:') ? whole : `${whole}orgUnit: /\n`;
}

describe('docs/blueprint.md', () => {
  it.each(blocks.map((block) => [block]))('shows only what can be read: %s', (block) => {
    const parsed = parseBlueprint(completed(block));
    const problems = 'problems' in parsed ? parsed.problems : [];
    // The pieces name org units that they do not declare.
    expect(problems.filter(({ message }) => !message.includes('is not declared'))).toEqual([]);
  });

  it('lists every key of the document', () => {
    for (const [key, schema] of Object.entries(documentSchema.shape)) {
      expect(text).toContain(`\`${key}`);
      const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
      if (!(inner instanceof z.ZodObject) || key === 'declare') continue;
      for (const member of Object.keys(inner.shape)) expect(text).toContain(`\`${key}.${member}\``);
    }
  });

  it('lists every field of an employee', () => {
    for (const field of Object.keys(employeeFields)) expect(text).toContain(`\`${field}\``);
  });
});
