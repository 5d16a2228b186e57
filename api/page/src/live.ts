/** What the whole page shares: one store, one stream, the state of the link, and the trust in sources. Set up by main. */

import "./board/trust.css";

import { Store } from "./store";
import type { Link } from "./stream";
import { TrustBook } from "./board/trust";
import type { Me } from "./wire";

class Live {
  readonly store = new Store();
  readonly trust = new TrustBook();
  link: Link = { kind: "connecting", detail: "", warnings: [], age_ms: 0 };
  me: Me | null = null;
  private readonly listeners: (() => void)[] = [];

  /** `listener` runs when the state of the link was told anew, about once a second. */
  onLink(listener: () => void): void {
    this.listeners.push(listener);
  }

  takeLink(link: Link): void {
    this.link = link;
    for (const listener of this.listeners) listener();
  }
}

export const live = new Live();
