import { ScimError } from './scim-error.js';

export type FilterToken =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'value'; readonly value: string | number }
  | { readonly kind: 'mark'; readonly text: '(' | ')' | '[' | ']' }
  /** `.value` after a value filter. */
  | { readonly kind: 'member'; readonly text: string };

const lengthMax = 10_000;
/** Blanks, a JSON text, a JSON number, a mark, a member after a bracket, or a word: an attribute path or an operator. */
const pattern =
  /(\s+)|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.:$-]))|([()[\]])|\.(\$?[A-Za-z][\w-]*)|([$A-Za-z][\w.:$/-]*)/uy;

/** @throws ScimError `invalidFilter` for what is no token. */
export function filterTokens(text: string): FilterToken[] {
  if (text.length > lengthMax) throw new ScimError(400, 'tooMany', `A filter may have ${lengthMax} characters.`);
  const tokens: FilterToken[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < text.length) {
    const start = pattern.lastIndex;
    const found = pattern.exec(text);
    if (found === null)
      throw new ScimError(400, 'invalidFilter', `The filter cannot be read from character ${start + 1}.`);
    const [, blank, quoted, number, mark, member, word] = found;
    if (blank !== undefined) continue;
    if (quoted !== undefined) tokens.push({ kind: 'value', value: String(JSON.parse(quoted)) });
    else if (number !== undefined) tokens.push({ kind: 'value', value: Number(number) });
    else if (mark === '(' || mark === ')' || mark === '[' || mark === ']') tokens.push({ kind: 'mark', text: mark });
    else if (member !== undefined) tokens.push({ kind: 'member', text: member });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
  }
  return tokens;
}
