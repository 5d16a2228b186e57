/** Whether anything was altered: the signed head, the last verification, and proofs to take away. */

import type { Json, JsonObject } from "../calculations/api";
import { h, setText } from "../dom";
import { count } from "../time";
import { Problem, get, post, url } from "../wire";
import type { Place } from "./address";
import { shown, sheet } from "./cells";
import { Answers, type View, empty, failure, labelled, panel } from "./pane";
import { T } from "./words";

/** GET /audit/status */
interface Status {
  readonly size: number;
  readonly keys: readonly string[];
  readonly witnesses: readonly string[];
  readonly cosigned_size: number;
}

/** GET /audit/verification */
interface Verification {
  readonly state: "none" | "running" | "done" | "failed";
  readonly done?: number;
  readonly total?: number;
  readonly ended_at?: string;
  readonly error?: string;
  readonly report?: {
    readonly ok: boolean;
    readonly complete: Json;
    readonly events: number;
    readonly aggregates: number;
    readonly heads: number;
    readonly snapshots: number;
    readonly commands: number;
    readonly faults: readonly JsonObject[];
    readonly notes: Json;
    readonly seconds: number;
  };
}

const LOOK_MS = 500;

export class ProofsView implements View {
  readonly element = h("div", { class: "aud-tab" });
  private readonly head = new Answers();
  private readonly found = new Answers();
  private visit = 0;

  constructor() {
    const kind = h("input", { id: "aud-proof-kind", required: true, value: "RiskAsset", autocomplete: "off" });
    const key = h("input", { id: "aud-proof-key", required: true, autocomplete: "off" });
    const take = h("form", { class: "aud-controls" }, labelled(T.kind, kind), labelled(T.number, key), h("button", { type: "submit", class: "plain" }, T.download), h("a", { class: "plain", href: url("/audit/verifier"), download: "tidemark_verify.py" }, T.verifier), h("span", { class: "quiet" }, T.verifierAbout));
    take.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = h("a", { href: url(`/audit/proofs/${encodeURIComponent(kind.value.trim())}/${encodeURIComponent(key.value.trim())}`), download: `${kind.value}-${key.value}.proof.json` });
      file.click();
    });
    const verify = h("button", { type: "button", class: "primary", id: "aud-verify", onclick: () => void this.verify() }, T.verify);
    this.element.append(
      panel("verification", T.verification, T.proofsAbout, h("p", { class: "aud-head" }, verify), this.found.element),
      panel("head", T.head, "", this.head.element),
      panel("take", T.takeProof, T.takeProofAbout, take),
    );
  }

  show(_place: Place): void {
    this.visit += 1;
    void this.head.ask(
      async () => ({ status: await get<Status>("/audit/status"), note: await getText("/audit/checkpoint") }),
      ({ status, note }) => [
        h(
          "div",
          { class: "aud-head" },
          h(
            "dl",
            { class: "facts" },
            ...fact(T.size, count(status.size)),
            ...fact(T.signedBy, status.keys.join("; ")),
            ...fact(T.cosigned, status.witnesses.length === 0 ? T.nobody : `${status.witnesses.join("; ")} (${count(status.cosigned_size)})`),
          ),
          h("pre", { tabindex: 0, "aria-label": T.head }, h("code", {}, note)),
          h("p", { class: "quiet" }, T.headAbout, " ", h("a", { href: url("/audit/checkpoint"), download: `head-${status.size}.txt` }, T.headFile)),
        ),
      ],
    );
    void this.follow(this.visit);
  }

  private async verify(): Promise<void> {
    try {
      await post<Verification>("/audit/verification", "{}").catch((error: unknown) => {
        if (!(error instanceof Problem && error.status === 409)) throw error; // one is running: look at that
      });
      this.visit += 1;
      await this.follow(this.visit);
    } catch (error) {
      this.found.put(failure(error, () => void this.verify()));
    }
  }

  private async follow(visit: number): Promise<void> {
    const bar = h("progress", { "aria-label": T.progress });
    const said = h("span", { role: "status" });
    for (;;) {
      const now = await get<Verification>("/audit/verification").catch((error: unknown) => error);
      if (visit !== this.visit) return;
      if (!isVerification(now)) {
        this.found.put(failure(now, () => void this.follow(visit)));
        return;
      }
      if (now.state !== "running") {
        this.found.put(...verdict(now));
        return;
      }
      if (!bar.isConnected) this.found.put(h("p", { class: "aud-progress" }, bar, said));
      const { done = 0, total = 0 } = now;
      if (total > 0) [bar.max, bar.value] = [total, done];
      setText(said, `${count(done)} / ${count(total)}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

const isVerification = (found: unknown): found is Verification => typeof found === "object" && found !== null && "state" in found;

function verdict(now: Verification): (HTMLElement | null)[] {
  const { report, error } = now;
  if (error !== undefined) return [failure(new Problem(500, "internal", error), null)];
  if (report === undefined) return [empty(T.never)];
  const word = h("b", { class: `aud-verdict ${report.ok ? "good" : "bad"}` }, report.ok ? `✓ ${T.intact}` : `✗ ${T.altered}`);
  return [
    h("p", { class: "aud-stamp" }, word, h("span", {}, T.verified(count(report.events), count(report.aggregates), count(report.heads), count(report.snapshots), shown(now.ended_at), String(report.seconds)))),
    h("p", { class: "aud-stamp quiet" }, `${T.complete} ${shown(report.complete)}`),
    report.faults.length === 0 ? null : sheet(T.altered, report.faults),
    Array.isArray(report.notes) && report.notes.length > 0 ? h("p", { class: "aud-stamp quiet" }, shown(report.notes)) : null,
  ];
}

const fact = (name: string, value: string): HTMLElement[] => [h("dt", {}, name), h("dd", {}, h("code", {}, value))];

async function getText(path: string): Promise<string> {
  const answer = await fetch(url(path));
  const text = await answer.text();
  if (answer.ok) return text;
  const { title, detail } = JSON.parse(text) as { title?: string; detail?: string };
  throw new Problem(answer.status, title ?? `HTTP ${answer.status}`, detail ?? "");
}
