interface MethodCount {
  /** Answered with success. */
  done: number;
  /** Status → how often it was refused so. */
  readonly refused: Record<string, number>;
  /** Done or not, the reply was lost. */
  cut: number;
}

const labelsMax = 10_000;

/** How often what was asked, and what was answered. */
export class Tally {
  readonly byPath = new Map<string, number>();
  readonly byMethod = new Map<string, MethodCount>();
  total = 0;

  count(label: string, method: string, status: number, isCut: boolean): void {
    this.total += 1;
    const known = this.byPath.size < labelsMax || this.byPath.has(`${label} ${status}`);
    const name = known ? `${label} ${status}` : `others ${status}`;
    this.byPath.set(name, (this.byPath.get(name) ?? 0) + 1);
    let count = this.byMethod.get(method);
    if (count === undefined) this.byMethod.set(method, (count = { done: 0, refused: {}, cut: 0 }));
    if (isCut) count.cut += 1;
    else if (status < 300) count.done += 1;
    else count.refused[status] = (count.refused[status] ?? 0) + 1;
  }
}
