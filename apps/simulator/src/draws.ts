/** xorshift32: small, seeded, quick. */
export class Draws {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0 === 0 ? 2_463_534_242 : seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state / 2 ** 32;
  }
}

/** A number in [0, 1) that is always the same for the same words. FNV-1a, then the finish of MurmurHash3. */
export function hash(seed: number, purpose: string, id: string): number {
  let h = (2_166_136_261 ^ seed) >>> 0;
  for (let i = 0; i < purpose.length; i += 1) h = Math.imul(h ^ purpose.charCodeAt(i), 16_777_619);
  for (let i = 0; i < id.length; i += 1) h = Math.imul(h ^ id.charCodeAt(i), 16_777_619);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}
