/** Offset vectors, {"topic/partition": next offset}: which state a figure was folded from. */

import type { Offsets } from "./wire";

export type Order = "equal" | "before" | "after" | "apart";

/**
 * Where vector `a` stands against `b`: "before" means that `b` holds everything that `a` holds, and more.
 *
 * A partition missing from one of them counts as offset 0. "apart": each is ahead somewhere.
 */
export function order(a: Offsets, b: Offsets): Order {
  let [behind, ahead] = [false, false];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const difference = (a[key] ?? 0) - (b[key] ?? 0);
    if (difference < 0) behind = true;
    if (difference > 0) ahead = true;
  }
  return behind ? (ahead ? "apart" : "before") : ahead ? "after" : "equal";
}

/** By topic, then partition as a number. */
export function sorted(offsets: Offsets): { topic: string; partition: number; next: number }[] {
  return Object.entries(offsets)
    .map(([key, next]) => {
      const cut = key.lastIndexOf("/");
      return { topic: key.slice(0, cut), partition: Number(key.slice(cut + 1)), next };
    })
    .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition));
}

/** How many records the vector covers. */
export function total(offsets: Offsets): number {
  return Object.values(offsets).reduce((sum, next) => sum + next, 0);
}
