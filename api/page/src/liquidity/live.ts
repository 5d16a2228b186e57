/** The `ratios` events of the live stream, while the room is in sight; what they do not tell is asked for. */

import { type Alert, url } from "../wire";
import type { Ratios } from "./api";

const AGAIN_MS = 5_000;

export class LiveRatios {
  private source: EventSource | null = null;
  private closed_ms = -Infinity;

  constructor(
    private readonly onRatios: (event: Ratios, isWhole: boolean) => void,
    private readonly onAlert: (alert: Alert) => void,
  ) {}

  /** Called every second: a browser lends a host few connections, so none is held out of sight. */
  look(isWanted: boolean, now_ms: number): void {
    if (!isWanted) this.close();
    else if (this.source === null && now_ms - this.closed_ms > AGAIN_MS) this.open();
  }

  private open(): void {
    const source = new EventSource(url("/stream"));
    this.source = source;
    source.onerror = () => {
      this.close();
      this.closed_ms = Date.now();
    };
    const listen = <T>(name: string, take: (data: T) => void): void =>
      source.addEventListener(name, (event: MessageEvent<string>) => {
        if (this.source === source) take(JSON.parse(event.data) as T);
      });
    listen<{ ratios?: Ratios }>("state", ({ ratios }) => {
      if (ratios && ratios.rows.length > 0) this.onRatios(ratios, true);
    });
    listen<Ratios>("ratios", (event) => this.onRatios(event, false));
    listen<Alert>("alert", (alert) => {
      if (alert.limit) this.onAlert(alert);
    });
  }

  private close(): void {
    this.source?.close();
    this.source = null;
  }
}
