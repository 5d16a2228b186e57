/** Where in the auditor's room the reader is: `#/audit/ledgers/risk_asset?as_of=2023-03-15`. An address can be sent on. */

import { AUDIT } from "../rooms";

export const TABS = ["proofs", "cases", "ledgers", "moments", "whatif", "trace"] as const;
export type Tab = (typeof TABS)[number];
export type Wishes = Readonly<Record<string, string | undefined>>;

export interface Place {
  readonly tab: Tab;
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export function placeOf(hash: string): Place {
  const [path = "", search = ""] = hash.slice(AUDIT.length).split("?");
  const [tab = "", ...parts] = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { tab: TABS.find((one) => one === tab) ?? "proofs", parts, query: new URLSearchParams(search) };
}

export function addressOf(tab: Tab, parts: readonly string[] = [], wishes: Wishes = {}): string {
  const told = Object.entries(wishes).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "");
  const search = new URLSearchParams(told).toString();
  return [AUDIT, tab, ...parts.map(encodeURIComponent)].join("/") + (search === "" ? "" : `?${search}`);
}
