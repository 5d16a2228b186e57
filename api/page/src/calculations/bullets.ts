/** Metrics of different units against their limits: what is left to the limit, as a share of it, beside its light. */

import { h } from "../dom";
import { toPixels } from "../money";
import type { Picture } from "./drawing";

export interface Bullet {
  readonly name: string;
  readonly light: string;
  /** As "0.732, at most 0.75". */
  readonly detail: string;
  /** What is left to the limit in per cent of it; negative: broken. null: not computable. */
  readonly headroom_pct: string | null;
  readonly headroom: string;
}

const SIGNS: Readonly<Record<string, string>> = { GREEN: "●", AMBER: "▲", RED: "■" };

export function bullets(title: string, summary: string, all: readonly Bullet[], isWarning: boolean): Picture {
  return { title, summary, isWarning, build: () => h("ul", { class: "bullets" }, ...lines(all)) };
}

function lines(all: readonly Bullet[]): HTMLElement[] {
  const rooms = all.map((one) => (one.headroom_pct === null ? 0 : toPixels(one.headroom_pct)));
  const least = Math.min(0, ...rooms);
  const span = Math.max(0, ...rooms) - least || 1;
  const at = (value: number): number => ((value - least) / span) * 100;
  return all.map((one, index) => {
    const room = rooms[index] ?? 0;
    const bar = h("span", { class: room < 0 ? "bar-broken" : "bar-left" });
    bar.style.left = `${at(Math.min(0, room))}%`;
    bar.style.width = `${at(Math.max(0, room)) - at(Math.min(0, room))}%`;
    const limit = h("span", { class: "bar-limit" });
    limit.style.left = `${at(0)}%`;
    return h(
      "li",
      { class: `light-${one.light.toLowerCase()}` },
      h("b", {}, one.name),
      h("span", { class: "light" }, `${SIGNS[one.light] ?? "?"} ${one.light.toLowerCase()}`),
      h("span", { class: "track", "aria-hidden": "true" }, bar, limit),
      h("span", { class: "quiet" }, `${one.headroom}; ${one.detail}`),
    );
  });
}
