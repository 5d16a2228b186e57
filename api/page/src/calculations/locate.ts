/**
 * Where in a JSON text the value at a path stands, as `events[3].amount`: to mark a field that the server names.
 *
 * Lenient: it reads text that is no JSON as far as it goes. Not a parser for values.
 */

export interface Span {
  readonly start: number;
  readonly end: number;
}

type Part = string | number;

export function parts(path: string): Part[] {
  const found: Part[] = [];
  for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[([0-9]+)\]/g)) found.push(index === undefined ? (name ?? "") : Number(index));
  return found;
}

/** The value at `path`, or that of its nearest parent that is there; null for text without any value. */
export function locate(text: string, path: string): Span | null {
  const wanted = parts(path);
  let nearest: Span | null = null;
  let depth = -1;
  const reader = new Reader(text, (at, span) => {
    const fits = at.length <= wanted.length && at.every((part, index) => part === wanted[index]);
    if (!fits || at.length <= depth) return;
    nearest = span;
    depth = at.length;
  });
  reader.value([]);
  return nearest;
}

/** The line, from 1, on which the place stands. */
export function lineAt(text: string, place: number): number {
  return text.slice(0, place).split("\n").length;
}

class Reader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly found: (path: readonly Part[], span: Span) => void,
  ) {}

  value(path: readonly Part[]): void {
    this.space();
    const start = this.at;
    const first = this.text[this.at];
    if (first === undefined) return;
    if (first === "{") this.members(path);
    else if (first === "[") this.entries(path);
    else if (first === '"') this.string();
    else while (/[^\s,\]}]/.test(this.text[this.at] ?? ",")) this.at += 1;
    this.found(path, { start, end: this.at });
  }

  private members(path: readonly Part[]): void {
    this.at += 1;
    while (this.more("}")) {
      if (this.text[this.at] !== '"') {
        this.at = this.text.length; // not JSON from here on
        return;
      }
      const name = this.string();
      this.space();
      if (this.text[this.at] === ":") this.at += 1;
      this.value([...path, name]);
    }
  }

  private entries(path: readonly Part[]): void {
    this.at += 1;
    for (let index = 0; this.more("]"); index += 1) {
      const before = this.at;
      this.value([...path, index]);
      if (this.at === before) this.at = this.text.length; // not JSON from here on
    }
  }

  /** Past commas and to the next item; false, and past the closing mark, at the end. */
  private more(close: string): boolean {
    this.space();
    while (this.text[this.at] === ",") {
      this.at += 1;
      this.space();
    }
    if (this.at >= this.text.length) return false;
    if (this.text[this.at] !== close) return true;
    this.at += 1;
    return false;
  }

  private string(): string {
    const start = this.at;
    this.at += 1;
    while (this.at < this.text.length && this.text[this.at] !== '"') this.at += this.text[this.at] === "\\" ? 2 : 1;
    this.at = Math.min(this.at + 1, this.text.length);
    try {
      return String(JSON.parse(this.text.slice(start, this.at)));
    } catch {
      return this.text.slice(start + 1, this.at - 1);
    }
  }

  private space(): void {
    while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
  }
}
