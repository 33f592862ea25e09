import type { Api, Schema } from './documents.js';
import { Refusal } from './refusal.js';
import { isRecord } from './json.js';

/** A partial-response mask as a tree; a leaf stands for everything below. */
export type Mask = ReadonlyMap<string, Mask | 'all'>;
type Growing = Map<string, Growing | 'all'>;

const kept = new Map<string, Mask>();
const keptMax = 1_000;

/**
 * Reads `fields=`: `a,b(c,d),e/f,*`. A name that the reply does not have is refused, as Google does.
 * Source: https://developers.google.com/workspace/calendar/api/guides/performance#partial-response
 */
export function readMask(fields: string, api: Api, response: string | undefined): Mask {
  const id = `${api.name} ${response} ${fields}`;
  const known = kept.get(id);
  if (known !== undefined) return known;
  const mask = new MaskReader(fields).read();
  if (response !== undefined) check(mask, { $ref: response }, api.schemas);
  if (kept.size < keptMax) kept.set(id, mask);
  return mask;
}

const badSelection = (fields: string) =>
  new Refusal(400, 'invalidParameter', `Invalid field selection ${fields}`, { domain: 'global' });

class MaskReader {
  private at = 0;

  constructor(private readonly text: string) {}

  read(): Mask {
    const mask = this.list();
    if (this.at < this.text.length) throw badSelection(this.text);
    return mask;
  }

  private list(): Growing {
    const mask: Growing = new Map();
    for (;;) {
      this.one(mask);
      if (this.text[this.at] !== ',') return mask;
      this.at += 1;
    }
  }

  private one(mask: Growing): void {
    const name = /^[\w*$.-]+/.exec(this.text.slice(this.at))?.[0];
    if (name === undefined) throw badSelection(this.text);
    this.at += name.length;
    const next = this.text[this.at];
    if (next === '/') {
      this.at += 1;
      const inner: Growing = new Map();
      this.one(inner);
      merge(mask, name, inner);
    } else if (next === '(') {
      this.at += 1;
      const inner = this.list();
      if (this.text[this.at] !== ')') throw badSelection(this.text);
      this.at += 1;
      merge(mask, name, inner);
    } else mask.set(name, 'all');
  }
}

function merge(mask: Growing, name: string, inner: Growing): void {
  const present = mask.get(name);
  if (present === 'all') return;
  if (present === undefined) mask.set(name, inner);
  else for (const [key, value] of inner) present.set(key, value);
}

function check(mask: Mask, schema: Schema, schemas: Api['schemas']): void {
  const target = schema.$ref === undefined ? schema : (schemas[schema.$ref] ?? {});
  if (target.type === 'array') {
    check(mask, target.items ?? {}, schemas);
    return;
  }
  if (target.properties === undefined) return;
  for (const [name, inner] of mask) {
    if (name === '*') continue;
    const property = target.properties[name];
    if (property === undefined) throw badSelection(name);
    if (inner !== 'all') check(inner, property, schemas);
  }
}

export function maskOf(mask: Mask | 'all' | undefined, name: string): Mask | 'all' | undefined {
  if (mask === undefined || mask === 'all') return 'all';
  return mask.get(name) ?? mask.get('*');
}

/** What is left of a value under a mask. */
export function masked(value: unknown, mask: Mask | 'all'): unknown {
  if (mask === 'all') return value;
  if (Array.isArray(value)) return value.map((one: unknown) => masked(one, mask));
  if (!isRecord(value)) return value;
  const left: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    const below = maskOf(mask, key);
    if (below !== undefined) left[key] = masked(inner, below);
  }
  return left;
}
