/**
 * Calls or units in a sliding window. Moments closer than a six-thousandth of the window share an entry, which counts until
 * its newest moment is older than the window: no window of that length ever holds more than the limit, and memory is
 * bounded.
 */
export class SlidingWindow {
  private times: number[] = [];
  private begun: number[] = [];
  private amounts: number[] = [];
  private head = 0;
  private total = 0;
  private readonly grainMs: number;

  constructor(private readonly windowMs: number) {
    this.grainMs = windowMs / 6_000;
  }

  /** Takes the amount, or says no and takes nothing. */
  add(nowMs: number, amount: number, limit: number): boolean {
    this.drop(nowMs - this.windowMs);
    if (this.total + amount > limit) return false;
    this.total += amount;
    const last = this.times.length - 1;
    if (last >= this.head && nowMs - (this.begun[last] ?? 0) < this.grainMs) {
      this.times[last] = nowMs;
      this.amounts[last] = (this.amounts[last] ?? 0) + amount;
    } else {
      this.times.push(nowMs);
      this.begun.push(nowMs);
      this.amounts.push(amount);
    }
    return true;
  }

  private drop(before: number): void {
    while (this.head < this.times.length && (this.times[this.head] ?? 0) < before) {
      this.total -= this.amounts[this.head] ?? 0;
      this.head += 1;
    }
    if (this.head === this.times.length) this.total = 0;
    if (this.head > 64 && this.head * 2 > this.times.length) {
      this.times = this.times.slice(this.head);
      this.begun = this.begun.slice(this.head);
      this.amounts = this.amounts.slice(this.head);
      this.head = 0;
    }
  }
}

/** A bucket of one second's worth. */
export class SecondBucket {
  private level = 0;
  private at = 0;

  add(nowMs: number, amount: number, limit: number): boolean {
    this.level = Math.max(0, this.level - ((nowMs - this.at) / 1_000) * limit);
    this.at = nowMs;
    if (this.level + amount > limit + 1e-9) return false;
    this.level += amount;
    return true;
  }
}

/** Something for each of many keys; what was not asked for during one to two spans is dropped. */
export class ByKey<T> {
  private young = new Map<string, T>();
  private old = new Map<string, T>();
  private turnedAt = 0;

  constructor(
    private readonly spanMs: number,
    private readonly make: () => T,
  ) {}

  get(key: string, nowMs: number): T {
    if (nowMs - this.turnedAt > this.spanMs) {
      this.old = nowMs - this.turnedAt > 2 * this.spanMs ? new Map() : this.young;
      this.young = new Map();
      this.turnedAt = nowMs;
    }
    let one = this.young.get(key);
    if (one !== undefined) return one;
    one = this.old.get(key) ?? this.make();
    this.old.delete(key);
    this.young.set(key, one);
    return one;
  }

  get size(): number {
    return this.young.size + this.old.size;
  }
}
