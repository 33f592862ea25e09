import type { World } from './world.js';
import { hash } from './draws.js';
import { badPayload, invalid, Refusal } from './refusal.js';
import type { Call } from './request.js';
import { z } from 'zod';

/** How a listing lies. Turned on and off by POST /_simulator/faults, by the id of its method. */
export const lieSchema = z.discriminatedUnion('kind', [
  /** Nothing at all, and no error. */
  z.strictObject({ kind: z.literal('empty') }),
  /** Ends after so many, as if that were all. */
  z.strictObject({ kind: z.literal('truncated'), after: z.number().int().min(0) }),
  /** Leaves out all but this share, here and there. */
  z.strictObject({ kind: z.literal('shrunken'), share: z.number().min(0).max(1) }),
  /** This page (the first is 1) is refused so many times. */
  z.strictObject({
    kind: z.literal('pageFails'),
    page: z.number().int().min(1),
    times: z.number().int().min(1).default(1_000_000),
    status: z.number().int().default(503),
  }),
  /** Every page token is refused as too old. */
  z.strictObject({ kind: z.literal('tokensExpire') }),
]);
type Lie = z.infer<typeof lieSchema>;

interface Place {
  readonly after: string;
  /** Pages and items that this listing has had. */
  readonly pages: number;
  readonly items: number;
}

const placeSchema = z.object({
  a: z.string(),
  p: z.number(),
  n: z.number(),
  t: z.number(),
  m: z.string(),
});

/** Pages of every listing, and the lies that they may tell. */
export class Listings {
  private readonly lies = new Map<string, Lie>();

  constructor(private readonly world: World) {}

  /** Undefined: the listing tells the truth again. */
  lie(listing: string, lie: Lie | undefined): void {
    if (lie === undefined) this.lies.delete(listing);
    else this.lies.set(listing, lie);
  }

  get told(): Readonly<Record<string, Lie>> {
    return Object.fromEntries(this.lies);
  }

  /**
   * One page. `from` gives what comes after a cursor, as pairs of cursor and item; accounts that come meanwhile move
   * nobody to another page.
   */
  page<T>(
    call: Call,
    size: number,
    from: (after: string) => Iterable<readonly [cursor: string, item: T]>,
    listing: string = call.method.id,
  ): { items: T[]; nextPageToken?: string } {
    const lie = this.lies.get(listing);
    const place = this.placeOf(call, lie);
    if (lie?.kind === 'pageFails' && lie.page === place.pages + 1 && lie.times > 0) {
      this.lies.set(listing, { ...lie, times: lie.times - 1 });
      throw new Refusal(lie.status, 'backendError', 'Service unavailable. Please try again');
    }
    if (lie?.kind === 'empty') return { items: [] };
    const left = lie?.kind === 'truncated' ? Math.max(0, lie.after - place.items) : Infinity;
    const items: T[] = [];
    let cursor = place.after;
    for (const [next, item] of from(place.after)) {
      if (items.length >= left) return { items };
      if (lie?.kind === 'shrunken' && hash(this.world.seed, 'shrunken', next) >= lie.share) continue;
      if (items.length === size) return { items, nextPageToken: this.token(call, place, cursor, items.length) };
      items.push(item);
      cursor = next;
    }
    return { items };
  }

  private token(call: Call, place: Place, cursor: string, count: number): string {
    const text = JSON.stringify({
      a: cursor,
      p: place.pages + 1,
      n: place.items + count,
      t: this.world.now(),
      m: sameListing(call),
    });
    return Buffer.from(text).toString('base64url');
  }

  private placeOf(call: Call, lie: Lie | undefined): Place {
    const token = call.query.get('pageToken') ?? '';
    if (token === '') return { after: '', pages: 0, items: 0 };
    const { a, p, n, t, m } = readToken(token);
    if (m !== sameListing(call)) throw badPayload('Invalid page token: it belongs to another listing');
    if (lie?.kind === 'tokensExpire' || this.world.now() - t > this.world.profile.pageTokenSeconds) {
      throw invalid('pageToken');
    }
    return { after: a, pages: p, items: n };
  }
}

function readToken(token: string): z.infer<typeof placeSchema> {
  try {
    return placeSchema.parse(JSON.parse(Buffer.from(token, 'base64url').toString()));
  } catch {
    throw invalid('pageToken');
  }
}

const mayDiffer = new Set(['pageToken', 'maxResults', 'pageSize', 'fields', 'quotaUser', 'prettyPrint', 'alt']);

/** Everything that makes it this listing and no other. */
function sameListing({ method, params, query }: Call): string {
  const asked = [...query].filter(([name]) => !mayDiffer.has(name)).map(([name, value]) => `${name}=${value}`);
  return [method.id, ...Object.values(params), ...asked.sort()].join(' ').toLowerCase();
}
