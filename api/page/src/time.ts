/** Instants for reading, all in UTC: two people on the phone about an alert must read the same time. */

import { language } from "./language";

/** "14:03:07" or, on another day than `today`, "21 Nov 14:03:07", in Chinese "11-21 14:03:07". */
export function clock(instant: string | number | null | undefined, today?: string): string {
  if (instant === null || instant === undefined) return "–";
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return "–";
  const iso = date.toISOString();
  const day = iso.slice(0, 10);
  return today === undefined || today === day ? iso.slice(11, 19) : `${language === "zh" ? day.slice(5) : dayMonth(day)} ${iso.slice(11, 19)}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "2026-11-22" becomes "22 Nov", or "11月22日". */
export function dayMonth(day: string): string {
  if (language === "zh") return `${Number(day.slice(5, 7))}月${Number(day.slice(8, 10))}日`;
  return `${Number(day.slice(8, 10))} ${MONTHS[Number(day.slice(5, 7)) - 1] ?? "?"}`;
}

/** "2026-11-22" becomes "22 Nov 2026", or "2026年11月22日". */
export function longDay(day: string): string {
  if (language === "zh") return `${day.slice(0, 4)}年${dayMonth(day)}`;
  return `${dayMonth(day)} ${day.slice(0, 4)}`;
}

const UNITS = { en: ["s", "min", "h"], zh: ["秒", "分钟", "小时"] } as const;

/** "12 s", "3 min", "2 h": how old something is. */
export function age(span_ms: number): string {
  const [second, minute, hour] = UNITS[language];
  const seconds = Math.max(0, Math.round(span_ms / 1000));
  if (seconds < 90) return `${seconds} ${second}`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} ${minute}`;
  return `${Math.round(seconds / 3600)} ${hour}`;
}

/** "4,096": counts and offsets, which are safe integers. */
export function count(value: number): string {
  return value.toLocaleString("en-GB");
}
