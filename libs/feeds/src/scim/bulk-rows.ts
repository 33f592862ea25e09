import { z } from 'zod';
import type { ScimObject, ScimValue } from '#libs/ledger';
import { feedFields, rejection, type FeedField, type ScimSettings } from '#libs/vocabulary';
import { FeedRefusedError, type RawRow } from '../dialects/raw-row.js';
import { bodyOf } from './body.js';
import { canonicalUser } from './canonical.js';
import { employeeNumberOf, feedRowOf } from './feed-rows.js';
import { ScimError } from './scim-error.js';

const uploadSchema = z.object({ Operations: z.array(z.looseObject({ data: z.unknown() })) });

/** An operation's user, or why it is none. */
type Said = { readonly resource: ScimObject; readonly number: string } | { readonly wrong: string };

/**
 * The operations of an upload (RFC 7644, 3.7, POST /Users only) as rows. Of several operations on one worker the last counts,
 * as if they had come one after another: each of them stands for that one.
 */
export async function* bulkRows(
  bytes: AsyncIterable<Buffer>,
  settings: ScimSettings,
): AsyncGenerator<readonly RawRow[]> {
  const pieces: Buffer[] = [];
  for await (const piece of bytes) pieces.push(piece);
  const upload = uploadSchema.safeParse(sentIn(Buffer.concat(pieces)));
  if (!upload.success || upload.data.Operations.length === 0) throw new FeedRefusedError('empty_file');
  const operations = upload.data.Operations.map(({ data }) => saidOf(data, settings));
  const last = new Map<string, ScimObject>();
  for (const said of operations) if ('number' in said) last.set(said.number, said.resource);
  yield operations.map((said, index): RawRow => {
    const line = index + 1;
    if ('wrong' in said) return { line, problem: { ...rejection('operation_invalid'), message: said.wrong } };
    return { line, values: valuesOf(last.get(said.number) ?? said.resource, said.number, settings) };
  });
}

/** It was read once, before it was taken: what can be read no more is refused, not tried again and again. */
function sentIn(bytes: Buffer): unknown {
  try {
    return bodyOf(bytes);
  } catch (error) {
    throw error instanceof ScimError ? new FeedRefusedError('json_broken') : error;
  }
}

function saidOf(data: unknown, settings: ScimSettings): Said {
  try {
    const resource = canonicalUser(data);
    return { resource, number: employeeNumberOf(resource, settings) };
  } catch (error) {
    if (error instanceof ScimError) return { wrong: error.message };
    throw error;
  }
}

/** An upload says nothing of when it was first made: a first day that is not said is missing. */
function valuesOf(resource: ScimObject, employeeNumber: string, settings: ScimSettings): Map<FeedField, ScimValue> {
  const worker = { employeeNumber, resource, isDeleted: false, createdAt: new Date(0) };
  const row = feedRowOf(worker, { ...settings, hiredWhenCreated: false }, () => undefined);
  return new Map(
    feedFields.flatMap((field): [FeedField, ScimValue][] => {
      const value = row[field];
      return value === undefined ? [] : [[field, value]];
    }),
  );
}
