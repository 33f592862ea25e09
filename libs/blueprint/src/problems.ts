import { isCollection, LineCounter, type Document } from 'yaml';

/** One thing wrong with a blueprint: where, what, and what to do about it. */
export interface BlueprintProblem {
  /** Such as `gmail.signature[2].when`; empty for the document as a whole. */
  readonly path: string;
  /** 1-based line of the YAML text, if the place is known. */
  readonly line?: number;
  readonly message: string;
  readonly fix: string;
}

export type Path = readonly (string | number)[];

/** `['gmail', 'signature', 2, 'when']` → `gmail.signature[2].when`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** Collects all problems of a document, each with its line. */
export class Problems {
  readonly all: BlueprintProblem[] = [];

  constructor(
    private readonly document: Document,
    private readonly lines: LineCounter,
  ) {}

  add(path: Path, message: string, fix: string): void {
    const line = this.lineOf(path);
    this.all.push({ path: pathText(path), ...(line === undefined ? {} : { line }), message, fix });
  }

  /** The line of the innermost part of the path that the document has. */
  private lineOf(path: Path): number | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = length === 0 ? this.document.contents : this.document.getIn(path.slice(0, length), true);
      const range = isNodeWithRange(node) ? node.range : undefined;
      if (range !== undefined) return this.lines.linePos(range[0]).line;
    }
    return undefined;
  }
}

function isNodeWithRange(node: unknown): node is { range: readonly [number, number, number] } {
  return (
    (isCollection(node) || (typeof node === 'object' && node !== null)) && 'range' in node && Array.isArray(node.range)
  );
}
