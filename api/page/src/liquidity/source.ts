/** One answer of the API that is asked for again and again, and how old it is. A failure keeps what there is, and says so. */

import { Problem, type Query, get } from "../wire";

const STALE_AFTER = 3; // periods
const OLD_MAX = 3; // in a row: then the log is another one, and what is held is of none
const TIMEOUT_MS = 20_000; // some answers are worked out aside from the live view

export type AnySource = Pick<Source<unknown>, "value" | "failure" | "current_ms" | "isMissing" | "isStale" | "look">;

export class Source<T> {
  value: T | null = null;
  failure: Problem | null = null;
  /** When `value` was last known to be the newest. */
  current_ms = 0;
  private asked_ms = -Infinity;
  private asking = 0; // number of the question that counts; 0: none is on its way
  private questions = 0;
  private old = 0; // answers in a row that were older than what is held

  constructor(
    private readonly path: string,
    readonly period_ms: number,
    private readonly onNews: () => void,
    private query: Query = {},
    /** Says whether an answer is older than what is held, as one that an event has overtaken. */
    private readonly isOld: (held: T, answer: T) => boolean = () => false,
  ) {}

  /** The server does not know this, or has no policy for it: the panel is left out. */
  get isMissing(): boolean {
    return this.value === null && (this.failure?.status === 404 || this.failure?.status === 503);
  }

  isStale(now_ms: number): boolean {
    return this.value !== null && now_ms - this.current_ms > STALE_AFTER * this.period_ms;
  }

  /** Another question: what is held answers the old one, and goes. */
  turn(query: Query): void {
    this.query = query;
    this.value = this.failure = null;
    this.asking = 0;
    this.soon();
  }

  /** Asks at the next look, however short ago the last one was. */
  soon(): void {
    this.asked_ms = -Infinity;
  }

  /** Takes over what came without being asked for. */
  take(value: T): void {
    [this.value, this.failure, this.current_ms, this.old] = [value, null, Date.now(), 0];
    this.onNews();
  }

  async look(now_ms: number): Promise<void> {
    if (this.asking !== 0 || now_ms - this.asked_ms < this.period_ms) return;
    this.asked_ms = now_ms;
    this.asking = this.questions += 1;
    const question = this.asking;
    try {
      const answer = await get<T>(this.path, this.query, TIMEOUT_MS);
      if (question !== this.asking) return;
      this.asking = 0;
      if (this.value === null || !this.isOld(this.value, answer) || ++this.old >= OLD_MAX) this.take(answer);
    } catch (error) {
      if (question !== this.asking) return;
      this.asking = 0;
      this.failure = error instanceof Problem ? error : new Problem(0, String(error), "");
      this.onNews();
    }
  }
}
