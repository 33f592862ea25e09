/** A judge that knows nothing of pacing: it looks at when calls reached Google. Times in milliseconds. */
export interface Arrival {
  readonly at: number;
  readonly cost: number;
}

/** The most that any sliding window saw. */
export function mostInWindow(arrivals: readonly Arrival[], windowMs: number): number {
  const calls = arrivals.toSorted((a, b) => a.at - b.at);
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { at, cost } of calls) {
    sum += cost;
    for (; (calls[first]?.at ?? at) <= at - windowMs; first += 1) sum -= calls[first]?.cost ?? 0;
    most = Math.max(most, sum);
  }
  return most;
}

/** Calls that a bucket of one second's worth would refuse, when it takes `perSecond` and lets so much leak out. */
export function refusedByBucket(arrivals: readonly Arrival[], perSecond: number): number {
  let level = 0;
  let last = 0;
  let refused = 0;
  for (const { at, cost } of arrivals.toSorted((a, b) => a.at - b.at)) {
    level = Math.max(0, level - ((at - last) / 1_000) * perSecond);
    last = at;
    if (level + cost > perSecond + 1e-6) refused += 1;
    else level += cost;
  }
  return refused;
}
