/** What the workbench asks the server, as the person who acts. Nothing is decided here: the rules are the server's. */

import type { Json, JsonObject } from "../calculations/api";
import { type Me, Problem, fetchJson, get, post, url } from "../wire";

export type State = Readonly<Record<string, Json | undefined>>;

/** One field of a command, as the form asks for it. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly values: readonly string[];
  /** What the system would fill in. */
  readonly value?: Json;
  readonly fields?: readonly Field[];
}

export interface Refusal {
  readonly code: string;
  readonly guard: string;
  readonly text: string;
}

/** A command that the reader's role may give; `refused` says which rule would say no now. */
export interface Offer {
  readonly command: string;
  readonly event: string;
  readonly role: string;
  readonly roles: readonly string[];
  readonly fields: readonly Field[];
  readonly guards: readonly { readonly guard: string; readonly text: string }[];
  readonly next: string | null;
  readonly refused: Refusal | null;
}

/** GET /aggregates/{kind}/{key}/allowed. Version 0 and no state: the aggregate does not exist, or is not for us. */
export interface Allowed {
  readonly aggregate: string;
  readonly key: string;
  readonly version: number;
  readonly state: string | null;
  readonly commands: readonly Offer[];
  readonly others: readonly { readonly command: string; readonly event: string; readonly roles: readonly string[] }[];
}

export interface StoredEvent {
  readonly id: string;
  readonly position: number;
  readonly recorded_at: string;
  readonly aggregate: string;
  readonly key: string;
  readonly version: number;
  readonly type: string;
  readonly valid_on: string;
  readonly actor: string;
  readonly role: string;
  readonly reason: string;
  readonly docs: readonly string[];
  readonly payload: JsonObject;
}

export interface Wish {
  readonly cmd_id: string;
  readonly aggregate: string;
  readonly key: string;
  readonly command: string;
  readonly payload: JsonObject;
  readonly valid_on?: string;
  readonly role?: string;
  readonly reason?: string;
  readonly docs?: readonly string[];
}

export interface Answer {
  readonly repeated: boolean;
  readonly events: readonly StoredEvent[];
  readonly state: State;
}

/** A document as `docs` names it. */
export interface Paper {
  readonly doc_id: string;
  readonly name: string;
  readonly size: number;
}

/** By bucket: what came by kind, where it went by kind, what is left. */
export interface Place {
  readonly bucket: string;
  readonly came: Readonly<Record<string, string>>;
  readonly went: Readonly<Record<string, string>>;
  readonly left: string;
}

/** GET …/assets/{loan_no} of the work lists. */
export interface AssetView {
  readonly position: number;
  readonly ccy: string;
  readonly claim_places: readonly Place[];
  readonly memo_places: readonly Place[];
  readonly cases: readonly { readonly aggregate: string; readonly key: string; readonly state: string; readonly ccy: string; readonly version: number }[];
  readonly deadlines: readonly { readonly key: string; readonly rule_code: string; readonly act_by: string; readonly days_left: number; readonly colour: string }[];
  readonly version: number;
}

const UPLOAD_MS = 300_000;
const path = (kind: string, key: string): string => `/aggregates/${encodeURIComponent(kind)}/${encodeURIComponent(key)}`;

/** The API as one person sees it: by a token of his own, or by the session of this browser. */
export class Api {
  constructor(readonly token: string | null) {}

  private get headers(): Readonly<Record<string, string>> {
    return this.token === null ? {} : { authorization: `Bearer ${this.token}` };
  }

  me(): Promise<Me> {
    return this.get<Me>("/me");
  }

  get<T>(where: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T> {
    return get<T>(where, query, undefined, this.headers);
  }

  /** A file, as it was stored. Throws Problem. */
  async file(where: string, sent: RequestInit = {}): Promise<{ name: string; content: Blob }> {
    const answer = await fetch(url(where), { ...sent, headers: { ...this.headers, ...(sent.headers as Readonly<Record<string, string>>) } });
    if (!answer.ok) {
      const { title, detail, facts } = (await answer.json().catch(() => ({}))) as { title?: string; detail?: string; facts?: Readonly<Record<string, unknown>> };
      throw new Problem(answer.status, title ?? `HTTP ${answer.status}`, detail ?? "", facts);
    }
    const named = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("content-disposition") ?? "")?.[1];
    return { name: named === undefined ? "document" : decodeURIComponent(named), content: await answer.blob() };
  }

  upload(file: File, entity: string): Promise<Paper> {
    const form = new FormData();
    form.append("file", file);
    if (entity !== "") form.append("entity", entity);
    return fetchJson<Paper>(url("/attachments"), UPLOAD_MS, { method: "POST", body: form, headers: this.headers });
  }

  post<T>(where: string, body: JsonObject): Promise<T> {
    return post<T>(where, JSON.stringify(body), undefined, undefined, this.headers);
  }

  /** The loan with the place of every yuan and the cases around it; null where the server keeps no work lists. */
  async asset(loan_no: string): Promise<AssetView | null> {
    return this.work<AssetView>("assets", loan_no).catch((error: unknown) => {
      if (error instanceof Problem && (error.status === 404 || error.status === 503)) return null;
      throw error;
    });
  }

  /** One of the work lists. */
  work<T>(...parts: readonly string[]): Promise<T> {
    return this.get<T>(["", "worklists", ...parts.map(encodeURIComponent)].join("/"));
  }

  async loans(): Promise<readonly State[]> {
    return (await this.get<{ rows: State[] }>("/risk-assets")).rows;
  }

  /** null: it does not exist, or is not for this reader. */
  async state(kind: string, key: string): Promise<State | null> {
    return orNull(this.get<State>(path(kind, key)));
  }

  /** @param loan what a case that is yet to begin is about */
  allowed(kind: string, key: string, loan: string | null): Promise<Allowed> {
    return this.get<Allowed>(`${path(kind, key)}/allowed`, { asset_no: loan ?? undefined });
  }

  async history(kind: string, key: string): Promise<readonly StoredEvent[]> {
    return (await orNull(this.get<{ events: StoredEvent[] }>(`${path(kind, key)}/history`)))?.events ?? [];
  }

  /** @param text the JSON of a Wish; the same text again stores nothing again */
  give(text: string): Promise<Answer> {
    return post<Answer>("/commands", text, undefined, undefined, this.headers);
  }
}

export async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/** An idempotency key. Not `crypto.randomUUID`: a page that is not served by https has none. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
