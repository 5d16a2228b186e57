/** Instants for reading, all in UTC: two people on the phone about an alert must read the same time. */

/** "14:03:07" or, on another day than `today`, "21 Nov 14:03:07". */
export function clock(instant: string | number | null | undefined, today?: string): string {
  if (instant === null || instant === undefined) return "–";
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return "–";
  const iso = date.toISOString();
  const day = iso.slice(0, 10);
  return today === undefined || today === day ? iso.slice(11, 19) : `${dayMonth(day)} ${iso.slice(11, 19)}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "2026-11-22" becomes "22 Nov". */
export function dayMonth(day: string): string {
  return `${Number(day.slice(8, 10))} ${MONTHS[Number(day.slice(5, 7)) - 1] ?? "?"}`;
}

/** "2026-11-22" becomes "22 Nov 2026". */
export function longDay(day: string): string {
  return `${dayMonth(day)} ${day.slice(0, 4)}`;
}

/** "12 s", "3 min", "2 h": how old something is. */
export function age(span_ms: number): string {
  const seconds = Math.max(0, Math.round(span_ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** "4,096": counts and offsets, which are safe integers. */
export function count(value: number): string {
  return value.toLocaleString("en-GB");
}
