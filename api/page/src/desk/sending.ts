/**
 * One decision on its way. It has one key from the first tap on: tapping twice, or sending again after the link was lost,
 * is the same decision. A refusal ends it; only what was not heard of may be sent again.
 */

import { Problem, post } from "../wire";
import { newId } from "../workbench/api";

export type Phase = "ready" | "sending" | "unheard" | "refused" | "done";

export class Sending {
  phase: Phase = "ready";
  problem: Problem | null = null;
  /** What the server said once it was done. */
  answer: unknown = null;
  private readonly cmd_id = newId();
  private sent: string | null = null;

  constructor(
    private readonly path: string,
    public onNews: () => void = () => undefined,
  ) {}

  /** What was sent first is sent again, whatever the form says by then. */
  async send(body: object): Promise<void> {
    if (this.phase === "sending" || this.phase === "done") return;
    this.sent ??= JSON.stringify({ cmd_id: this.cmd_id, ...body });
    this.turn("sending", null);
    try {
      this.answer = await post(this.path, this.sent, {}, 15_000);
      this.turn("done", null);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(0, String(error), "");
      const isUnheard = problem.status === 0 || problem.status >= 500;
      if (!isUnheard) this.sent = null; // refused: another wording is another attempt at the same key
      this.turn(isUnheard ? "unheard" : "refused", problem);
    }
  }

  private turn(phase: Phase, problem: Problem | null): void {
    [this.phase, this.problem] = [phase, problem];
    this.onNews();
  }
}

/** A fresh proof of identity is wanted before this counts. */
export const wantsProof = (problem: Problem | null): boolean => problem?.status === 403 && problem.facts["guard"] === "PROOF";

/** Somebody else moved the task on: it has to be read again. */
export const isChanged = (problem: Problem | null): boolean => problem?.status === 409;
