/** Which tiles the home view has, in which order and size: pure. What a reader saved, made good against what there is. */

export const WIDGETS = ["positions", "ratios", "limits", "alerts", "todos", "gap", "trust"] as const;
export type WidgetName = (typeof WIDGETS)[number];
export const SIZES = ["small", "wide", "full"] as const;
export type Size = (typeof SIZES)[number];

export interface Tile {
  readonly widget: WidgetName;
  readonly size: Size;
  readonly hidden: boolean;
}

type Told = readonly { widget: string; size: string; hidden: boolean }[] | null;

const tile = (widget: WidgetName, size: Size = "small", hidden = false): Tile => ({ widget, size, hidden });

/** Who looks at what first. Roles as the token has them: those of special assets, of operations, else of the treasury. */
export function ofRole(roles: readonly string[]): Tile[] {
  const has = (...codes: string[]): boolean => roles.some((role) => codes.includes(role));
  if (has("TR", "AC") || roles.length === 0) return complete([tile("positions", "wide"), tile("ratios"), tile("limits"), tile("alerts"), tile("gap"), tile("todos"), tile("trust")]);
  if (has("OP", "SA", "IA")) return complete([tile("trust", "wide"), tile("alerts"), tile("todos"), tile("limits"), tile("positions", "wide")]);
  if (has("AM", "BR", "HM", "HA", "LG", "FK", "FN", "FC", "CS", "CV", "CC", "DP", "CM")) return complete([tile("todos", "wide"), tile("alerts"), tile("limits"), tile("trust"), tile("positions", "wide", true), tile("gap", "small", true)]);
  return complete([tile("positions", "wide"), tile("ratios"), tile("limits"), tile("alerts")]);
}

/** Every tile once: one that a layout does not name, as a new one, stands at its end. */
function complete(tiles: readonly Tile[]): Tile[] {
  const known = new Set(tiles.map(({ widget }) => widget));
  return [...tiles, ...WIDGETS.filter((name) => !known.has(name)).map((name) => tile(name))];
}

export function restored(told: Told, roles: readonly string[]): Tile[] {
  if (told === null) return ofRole(roles);
  const found = new Map<WidgetName, Tile>();
  for (const { widget, size, hidden } of told) {
    const name = WIDGETS.find((one) => one === widget);
    if (name !== undefined && !found.has(name)) found.set(name, tile(name, SIZES.find((one) => one === size) ?? "small", hidden));
  }
  return complete([...found.values()]);
}

/** The tile takes the place that it is moved to among those in sight; out of the range it stays. */
export function moved(tiles: readonly Tile[], widget: WidgetName, by: number): Tile[] {
  const shown = tiles.filter(({ hidden }) => !hidden);
  const from = shown.findIndex((one) => one.widget === widget);
  const other = shown[from + by];
  if (from < 0 || other === undefined) return [...tiles];
  return placed(tiles, widget, other.widget, by > 0);
}

/** The tile stands before or after another one. */
export function placed(tiles: readonly Tile[], widget: WidgetName, beside: WidgetName, after: boolean): Tile[] {
  const own = tiles.find((one) => one.widget === widget);
  if (own === undefined || widget === beside) return [...tiles];
  const rest = tiles.filter((one) => one.widget !== widget);
  const at = rest.findIndex((one) => one.widget === beside);
  if (at < 0) return [...tiles];
  return [...rest.slice(0, at + Number(after)), own, ...rest.slice(at + Number(after))];
}

export const changed = (tiles: readonly Tile[], widget: WidgetName, change: Partial<Tile>): Tile[] => tiles.map((one) => (one.widget === widget ? { ...one, ...change } : one));
