/**
 * Positions of branches or business lines, which the live stream does not carry, asked for while somebody looks at them.
 *
 * At most twice a second, with the tag of the last answer, so that a quiet bank costs a 304; and never more than a fifth of
 * the time that the server needs for an answer. A subscription per grain would have the server add up every branch at
 * every tick, whether or not anybody looks.
 */

import type { Grain } from "./rows";
import { type Positions, Problem, url } from "../wire";

const LEAST_MS = 500;
const AFTER_FAILURE_MS = 3_000;
const SHARE = 4; // waits so many times as long as the answer took

export class Members {
  private tag: string | null = null;
  private next_ms = 0;
  private asking = false;
  failure: Problem | null = null;
  /** When the answer held was last known to be the newest. */
  current_ms = 0;

  constructor(
    readonly grain: Exclude<Grain, "entity">,
    private readonly onNews: (answer: Positions) => void,
  ) {}

  /** Asks if it is time. */
  async look(now_ms: number): Promise<void> {
    if (this.asking || now_ms < this.next_ms) return;
    this.asking = true;
    const began = performance.now();
    try {
      const headers = { accept: "application/json", ...(this.tag === null ? {} : { "if-none-match": this.tag }) };
      const answer = await fetch(url("/positions", { by: `entity,${this.grain},currency` }), { headers, signal: AbortSignal.timeout(10_000) });
      if (answer.status !== 304) {
        if (!answer.ok) throw new Problem(answer.status, `HTTP ${answer.status}`, "");
        this.tag = answer.headers.get("etag");
        this.onNews((await answer.json()) as Positions);
      }
      this.failure = null;
      this.current_ms = Date.now();
      this.next_ms = Date.now() + Math.max(LEAST_MS, SHARE * (performance.now() - began));
    } catch (error) {
      this.failure = error instanceof Problem ? error : new Problem(0, String(error), "");
      this.next_ms = Date.now() + AFTER_FAILURE_MS;
    } finally {
      this.asking = false;
    }
  }
}
