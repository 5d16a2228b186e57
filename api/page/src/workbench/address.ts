/** Addresses inside the workbench: `#/workbench/WriteOff/WO-1`, and `…/for/LN-1` for a case that is yet to begin. */

import { WORKBENCH } from "../rooms";

export interface Place {
  readonly kind: string;
  readonly key: string;
  /** The loan that a new case is about. */
  readonly loan: string | null;
}

export function addressOf(kind: string, key: string, loan: string | null = null): string {
  const parts = [kind, key, ...(loan === null ? [] : ["for", loan])];
  return [WORKBENCH, ...parts.map(encodeURIComponent)].join("/");
}

export function placeOf(hash: string): Place | null {
  if (!hash.startsWith(`${WORKBENCH}/`)) return null;
  const [kind, key, word, loan] = hash.slice(WORKBENCH.length + 1).split("/").map(decoded);
  return kind && key ? { kind, key, loan: word === "for" && loan ? loan : null } : null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}
