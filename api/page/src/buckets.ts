/** The buckets of the maturity gap in words (LIQ-08). Which day is in which bucket is the server's business. */

export const LABELS: Readonly<Record<string, string>> = {
  OVERDUE: "Overdue",
  ON: "O/N",
  D2_7: "2–7 d",
  D8_30: "8–30 d",
  D31_90: "31–90 d",
  D91_180: "91–180 d",
  D181_365: "181–365 d",
  Y1_2: "1–2 y",
  Y2_3: "2–3 y",
  Y3_5: "3–5 y",
  Y5P: "> 5 y",
  UNDATED: "Undated",
};

export const label = (bucket: string): string => LABELS[bucket] ?? bucket;

/** On an axis the unit goes to a second line, so that all twelve fit beside each other. */
export const tick = (bucket: string): string =>
  label(bucket).replace(/ ([dy])$/, (_, unit) => (unit === "d" ? "\ndays" : "\nyears"));
