/**
 * What a figure was while this page was open: bounded memory however long that is.
 *
 * Full, it drops every second point of its older half, so the recent past stays fine and the morning gets coarse.
 * Not a history: that is GET /positions/by-date and the log itself.
 */

export interface Point {
  /** Milliseconds since epoch at which the page learned it: the axis of a live chart, decides nothing. */
  readonly at_ms: number;
  readonly text: string;
}

export class Series {
  private points: Point[] = [];

  constructor(
    private readonly points_max = 600,
    private readonly spacing_ms = 250,
  ) {}

  add(point: Point): void {
    const last = this.points.at(-1);
    if (last?.text === point.text) return;
    // Within the spacing the newer value stands in for the older one, unless that would lose the first point.
    const before = this.points.at(-2);
    if (last && before && point.at_ms - before.at_ms < this.spacing_ms) this.points.pop();
    this.points.push(point);
    if (this.points.length > this.points_max) this.thin();
  }

  get all(): readonly Point[] {
    return this.points;
  }

  private thin(): void {
    const half = Math.floor(this.points.length / 2);
    this.points = this.points.filter((_, index) => index === 0 || index >= half || index % 2 === 0);
  }
}
