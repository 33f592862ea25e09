const blockMax = 1_024;

/** Strings in order, in blocks: adding, dropping and reading a page cost about the same however many there are. */
export class SortedKeys {
  private blocks: string[][] = [];
  size = 0;

  add(key: string): void {
    if (this.blocks.length === 0) this.blocks.push([]);
    const at = this.blockOf(key);
    const block = this.blocks[at] ?? [];
    const index = firstNotBelow(block, key);
    if (block[index] === key) return;
    block.splice(index, 0, key);
    this.size += 1;
    if (block.length > blockMax) this.blocks.splice(at + 1, 0, block.splice(blockMax / 2));
  }

  delete(key: string): void {
    const at = this.blockOf(key);
    const block = this.blocks[at] ?? [];
    const index = firstNotBelow(block, key);
    if (block[index] !== key) return;
    block.splice(index, 1);
    this.size -= 1;
    if (block.length === 0 && this.blocks.length > 1) this.blocks.splice(at, 1);
  }

  /** Keys greater than this one, in order. */
  *after(key: string): Generator<string> {
    const at = this.blockOf(key);
    const block = this.blocks[at] ?? [];
    const index = firstNotBelow(block, key);
    for (let i = block[index] === key ? index + 1 : index; i < block.length; i += 1) yield block[i] ?? '';
    for (let next = at + 1; next < this.blocks.length; next += 1) yield* this.blocks[next] ?? [];
  }

  /** The keys from the one at this position on. */
  slice(start: number, end: number): string[] {
    const found: string[] = [];
    let passed = 0;
    for (const block of this.blocks) {
      if (passed >= end) break;
      if (passed + block.length > start) found.push(...block.slice(Math.max(0, start - passed), end - passed));
      passed += block.length;
    }
    return found;
  }

  /** The last block whose first key is not greater. */
  private blockOf(key: string): number {
    let from = 0;
    let to = this.blocks.length - 1;
    while (from < to) {
      const middle = (from + to + 1) >>> 1;
      if ((this.blocks[middle]?.[0] ?? '') <= key) from = middle;
      else to = middle - 1;
    }
    return from;
  }
}

function firstNotBelow(block: readonly string[], key: string): number {
  let from = 0;
  let to = block.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((block[middle] ?? '') < key) from = middle + 1;
    else to = middle;
  }
  return from;
}
