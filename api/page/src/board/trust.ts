/** The trust in figures as the server told it last, and the mark that stands beside a number. No network here. */

export type TrustState = "FRESH" | "LATE" | "DAMAGED" | "SILENT" | "UNKNOWN";

export interface TrustSource {
  source: string;
  name: string;
  entity: string | null;
  system: string | null;
  topic: string;
  state: TrustState;
  reasons: string[];
  silence_s: number;
  late_s: number | null;
  silent_s: number | null;
  last_event_time: string | null;
  last_appended_at: string | null;
  lag_records: number;
  waiting_s: number;
  dead_letters: number;
  missing_numbers: number;
}

export interface TrustFigure {
  figure: string;
  entity: string | null;
  state: TrustState;
  sources: string[];
}

/** GET /trust, and the `trust` event of the stream. */
export interface Trust {
  judged_at: string;
  version: number;
  policy_version: number;
  sources: TrustSource[];
  figures: TrustFigure[];
}

export interface Standing {
  readonly state: TrustState;
  readonly sources: readonly TrustSource[];
}

/** One sign for each state, so that no mark is told by its colour alone. */
export const SIGNS: Readonly<Record<TrustState, string>> = { FRESH: "✓", LATE: "◔", DAMAGED: "✂", SILENT: "✕", UNKNOWN: "?" };

const UNKNOWN: Standing = { state: "UNKNOWN", sources: [] };

export class TrustBook {
  told: Trust | null = null;
  private standings = new Map<string, Standing>();
  private readonly listeners: (() => void)[] = [];

  onNews(listener: () => void): void {
    this.listeners.push(listener);
  }

  take(told: Trust): void {
    const sources = new Map(told.sources.map((source) => [source.source, source]));
    const standings = new Map<string, Standing>();
    for (const { figure, entity, state, sources: names } of told.figures) {
      const doubtful = names.map((name) => sources.get(name)).filter((source) => source !== undefined);
      standings.set(`${figure}|${entity ?? ""}`, { state, sources: doubtful });
    }
    this.told = told;
    this.standings = standings;
    for (const listener of this.listeners) listener();
  }

  /** Of a figure of one entity; of all entities in sight without one. A server that tells nothing leaves it unknown. */
  of(figure: string, entity = ""): Standing {
    return this.standings.get(`${figure}|${entity}`) ?? this.standings.get(`${figure}|`) ?? UNKNOWN;
  }
}
