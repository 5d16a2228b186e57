/**
 * Keeps the store equal to the server: server-sent events, resumed after a break, and proof that silence is calm.
 *
 * EventSource hides the server's comment heartbeats, so a quiet stream and a dead one look alike. After some
 * seconds of silence the page asks for the positions and compares offset vectors: equal vectors prove that the
 * figures on the screen are the newest ones; a server that is ahead twice running has a stream that is dead.
 * Reconnecting is done here and not by EventSource, which gives up for good at the first answer that is not 200.
 */

import type { Trust } from "./board/trust";
import { order } from "./offsets";
import { said, sentence } from "./problems";
import type { Store } from "./store";
import { type Alert, type AlertPage, type Gap, type Positions, Problem, type State, get, readiness, url } from "./wire";

export type LinkKind = "connecting" | "live" | "catching-up" | "reconnecting" | "stale" | "signed-out";

export interface Link {
  readonly kind: LinkKind;
  /** What to tell the reader, where there is more to say than the kind. */
  readonly detail: string;
  /** What the server says should be known, though it is ready: lost alerts, unreadable records. */
  readonly warnings: readonly string[];
  /** Milliseconds since the figures were last known to be current. */
  readonly age_ms: number;
}

const SILENCE_MS = 4_000; // then ask
const STALE_MS = 5_000; // then say so
const PROBE_MS = 5_000; // also ask this often on a busy stream, for lag, readiness and provenance
const STATE_MS = 1_500; // how long after connecting the whole state may take before it is fetched
const BACKOFF_MS = [300, 1_000, 2_000, 4_000, 8_000];

export class Stream {
  private source: EventSource | null = null;
  private lastId: string | undefined;
  private attempts = 0;
  private strikes = 0;
  private current_ms: number | null = null; // when the figures were last known to be the newest
  private heard_ms = 0;
  private probed_ms = 0;
  private probing = false;
  private fetching: Promise<void> | null = null;
  private reason: string | null = null;
  private warnings: readonly string[] = [];
  private failure: Problem | null = null;
  private hasAlerts = false;
  private stateTimer = 0;
  private retryTimer = 0;

  constructor(
    private readonly store: Store,
    private readonly onLink: (link: Link) => void,
    private readonly onTrust: (trust: Trust) => void = () => undefined,
  ) {}

  start(): void {
    this.connect();
    setInterval(() => this.tick(), 1_000);
    const wake = (): void => {
      if (document.visibilityState === "visible") this.tick();
    };
    document.addEventListener("visibilitychange", wake);
    addEventListener("online", () => this.reconnect(0));
  }

  /** Asks at once; for a button. */
  refresh(): void {
    void this.resync().catch((error: unknown) => this.failed(error));
    if (this.source === null) this.reconnect(0);
  }

  private connect(): void {
    this.source?.close();
    const source = new EventSource(url("/stream", { last_event_id: this.lastId }));
    this.source = source;
    source.onopen = () => {
      this.attempts = 0;
      this.strikes = 0;
      clearTimeout(this.stateTimer);
      this.stateTimer = window.setTimeout(() => this.refresh(), STATE_MS);
      this.report();
    };
    source.onerror = () => {
      source.close();
      if (this.source === source) this.reconnect(BACKOFF_MS[Math.min(this.attempts++, BACKOFF_MS.length - 1)] ?? 0);
    };
    this.listen<State>(source, "state", (state) => {
      clearTimeout(this.stateTimer);
      this.takeState(state.positions, state.gap, state.alerts);
    });
    this.listen<Positions>(source, "positions", (event) => {
      // A resumed stream sends all rows in this form and no state.
      if (this.store.patchPositions(event) === "apart") this.refresh();
      else clearTimeout(this.stateTimer);
    });
    this.listen<Trust>(source, "trust", (event) => this.onTrust(event));
    this.listen<Gap>(source, "gap", (event) => this.store.patchGap(event));
    this.listen<Alert>(source, "alert", (alert) => {
      this.store.addAlerts([alert], "live");
    });
  }

  private listen<T>(source: EventSource, name: string, take: (data: T) => void): void {
    source.addEventListener(name, (event: MessageEvent<string>) => {
      this.heard_ms = this.current_ms = Date.now();
      this.failure = null;
      if (event.lastEventId !== "") this.lastId = event.lastEventId;
      take(JSON.parse(event.data) as T);
      this.report();
    });
  }

  private reconnect(wait_ms: number): void {
    this.source?.close();
    this.source = null;
    clearTimeout(this.stateTimer);
    clearTimeout(this.retryTimer);
    // Spread over half the wait: a restarted server should not meet all its pages in the same instant.
    this.retryTimer = window.setTimeout(() => this.connect(), wait_ms * (1 + Math.random() / 2));
    this.report();
  }

  private takeState(positions: Positions, gap: Gap, alerts: readonly Alert[]): void {
    this.store.replacePositions(positions);
    this.store.replaceGap(gap);
    this.store.addAlerts(alerts, this.hasAlerts ? "live" : "first");
    this.hasAlerts = true;
  }

  /** Fetches the whole state, once however many ask for it. */
  private resync(): Promise<void> {
    this.fetching ??= this.fetchState().finally(() => (this.fetching = null));
    return this.fetching;
  }

  private async fetchState(): Promise<void> {
    const by = "entity,currency";
    const [positions, gap, alerts] = await Promise.all([
      get<Positions>("/positions", { by }),
      get<Gap>("/gap", { by }),
      // What the stream has not told yet. Without a vector these are the newest ones, as in a state.
      get<AlertPage>("/alerts", this.lastId === undefined ? { limit: "50" } : { limit: "200", after: this.lastId }),
    ]);
    this.takeState(positions, gap, alerts.alerts);
    this.proved();
  }

  private tick(): void {
    const now = Date.now();
    const quiet = now - this.heard_ms > SILENCE_MS && now - this.probed_ms > SILENCE_MS;
    if ((quiet || now - this.probed_ms > PROBE_MS) && !this.probing) void this.probe();
    this.report();
  }

  private async probe(): Promise<void> {
    this.probing = true;
    this.probed_ms = Date.now();
    try {
      ({ reason: this.reason, warnings: this.warnings } = await readiness());
      const answer = await get<Positions>("/positions", { by: "entity,currency" });
      const held = this.store.meta;
      if (held === null || order(held.offsets, answer.offsets) === "before") {
        // On a busy stream the answer may simply have overtaken the next event; on a silent one it may not.
        const silent = Date.now() - this.heard_ms > SILENCE_MS;
        await this.resync();
        if (silent && this.source !== null && ++this.strikes > 1) this.reconnect(0);
      } else {
        this.strikes = 0;
        this.store.replacePositions(answer);
        this.proved();
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.probing = false;
      this.report();
    }
  }

  private proved(): void {
    this.current_ms = Date.now();
    this.failure = null;
    this.report();
  }

  private failed(error: unknown): void {
    if (!(error instanceof Problem)) throw error;
    this.failure = error;
    this.report();
  }

  private report(): void {
    const age_ms = this.current_ms === null ? 0 : Date.now() - this.current_ms;
    const open = this.source?.readyState === EventSource.OPEN;
    const { failure } = this;
    let kind: LinkKind = open ? "live" : "reconnecting";
    if (failure?.status === 401 || failure?.status === 403) kind = "signed-out";
    else if (this.current_ms === null) kind = this.reason === null ? "connecting" : "catching-up";
    else if (age_ms > STALE_MS) kind = "stale";
    else if (open && this.reason !== null) kind = "catching-up";
    const detail = failure ? said(failure) : sentence(this.reason ?? "");
    this.onLink({ kind, detail, warnings: this.warnings.map(sentence), age_ms });
  }
}
