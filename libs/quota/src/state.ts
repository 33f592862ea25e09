import { z } from 'zod';
import { pacificDay } from './pacific-day.js';
import { GovernorScript, type GovernorRedis } from './scripts.js';

const fields = z.record(z.string(), z.string());
const stateSchema = z.object({
  /** Factors by which Google's refusals have slowed quotas down, and since when. */
  slowed: fields,
  /** Limits that Google named, and when. */
  learnt: fields.default({}),
  rejected: fields,
  /** The Pacific day that `daily` counts. */
  day: z.string(),
  daily: fields,
});

/** What was learnt and used, as kept in the ledger. */
export type GovernorState = z.infer<typeof stateSchema>;

const restore = new GovernorScript('restore-state.lua');
const restoredSchema = z.coerce.number();

/** Undefined when Redis has lost something that the ledger must put back first. */
export async function readState(redis: GovernorRedis, prefix: string): Promise<GovernorState | undefined> {
  const marker = await redis.get(`${prefix}:restored`);
  const day = pacificDay(new Date());
  const [slowed, learnt, rejected, daily] = await Promise.all(
    ['slowed', 'learnt', 'rejected', `day:${day}`].map((name) => redis.hgetall(`${prefix}:${name}`)),
  );
  if (marker === null || (await redis.get(`${prefix}:restored`)) !== marker) return undefined;
  return { slowed: { ...slowed }, learnt: { ...learnt }, rejected: { ...rejected }, day, daily: { ...daily } };
}

/** Puts back what Redis has lost; what has been counted since is added to. True when there was something to put back. */
export async function restoreState(redis: GovernorRedis, prefix: string, value: unknown): Promise<boolean> {
  const parsed = stateSchema.safeParse(value);
  const empty = { slowed: {}, learnt: {}, rejected: {}, day: pacificDay(new Date()), daily: {} };
  const input = JSON.stringify(parsed.success ? parsed.data : empty);
  return restoredSchema.parse(await restore.run(redis, prefix, input)) === 1;
}
