/** Every word of the calculations room that is not the server's, in English; `texts-zh.ts` has the same in Chinese. */

import { language } from "../language";
import { speak as speakCharts } from "./chart-texts";

export const EN = {
  title: "Calculations",
  about: "One JSON object in, one result out, as in tidemark calc. Nothing is stored.",
  filter: "Filter",
  filterHint: "name, word or number, as LIQ-19",
  none: "No calculation matches.",
  counted: (shown: number, all: number): string => (shown === all ? `${all} calculations` : `${shown} of ${all} calculations`),
  all: "All calculations",
  loading: "Loading…",
  unknown: "There is no such calculation.",
  failed: (what: string): string => `Could not load: ${what}`,
  again: "Try again",

  input: "Input",
  variant: "Shape",
  noExample: "without example",
  example: "Restore the example",
  exampleFrom: (source: string): string => `Example: ${source}`,
  skeleton: "No example for this shape: fill in the keys it needs.",
  compute: "Compute",
  computing: "Computing…",
  hint: "Ctrl + Enter computes. Amounts are decimal text, rates are fractions.",
  editor: "Input, a JSON object",
  fields: "Fields of this shape",
  fieldHeads: ["Field", "Type", "Needed", "Meaning"],
  needed: "yes",
  optional: "–",
  atLine: (line: number): string => `Line ${line}: `,

  result: "Result",
  figures: "Figures",
  resultOld: "The input has changed since this result.",
  noResult: "No result yet.",
  raw: "Result as JSON",
  downloadJson: "Download JSON",
  downloadCsv: "Download CSV",
  noTables: "The result has no tables; its JSON stands below.",
  tablesHaveAll: "The tables below have all figures.",
  notComputable: (reason: string): string => `Not computable: ${reason}`,

  groups: {
    ratios: "Ratios", liquidity: "Liquidity", stress: "Stress and limits", rates: "Rate risk", capital: "Pricing and capital",
    flows: "Cash flows, behaviour, deadlines", data: "Data and models", others: "Others",
  } as Readonly<Record<string, string>>,
  /** Names of engines that their codes do not spell out; in Chinese of all of them. */
  engines: { cashflows: "Cash flows", tier1: "Tier 1", treasury_pnl: "Treasury result" } as Readonly<Record<string, string>>,
};

export type Texts = typeof EN;
export let TEXTS: Texts = EN;

/** In the language of the page. */
export async function speak(): Promise<void> {
  const [zh] = await Promise.all([language === "zh" ? import("./texts-zh") : null, speakCharts()]);
  TEXTS = zh?.ZH ?? EN;
}

/** The groups of the list, in their order; an engine that is in none stands under the last heading. */
export const GROUPS: readonly { key: string; engines: readonly string[] }[] = [
  {
    key: "ratios",
    engines: [
      "lcr", "nsfr", "lmr", "hqlaar", "liquidity_ratio", "adjusted_liquidity_ratio", "loan_to_deposit", "liquidity_gap_ratio",
      "core_liability_ratio", "excess_reserve_ratio", "concentration", "liquidity_indicators", "disclosure", "explain_change",
    ],
  },
  {
    key: "liquidity",
    engines: [
      "gap", "survival_horizon", "liquid_assets", "intraday", "reserve", "reserve_tiers", "four_positions", "position_forecast",
      "withdrawal_forecast", "large_flow", "dispatch", "liquidity_need", "sources_and_uses", "funding_gap", "reconciliation",
    ],
  },
  {
    key: "stress",
    engines: [
      "stress", "scenario", "reverse_stress", "liquidity_at_risk", "limits", "early_warning", "trend", "funding_gates",
      "contingency_plan",
    ],
  },
  { key: "rates", engines: ["repricing_gap", "eve", "nii", "duration", "duration_gap"] },
  {
    key: "capital",
    engines: [
      "capital", "capital_forecast", "capital_plan", "capital_stress", "ftp", "ftp_simulation", "treasury_pnl", "loan_pricing",
      "balance_sheet_optimisation", "balance_sheet_simulation", "volume_forecast", "classification",
    ],
  },
  { key: "flows", engines: ["cashflows", "interest_trial", "behaviour", "deadline"] },
  { key: "data", engines: ["data_quality", "outlier", "model_backtest", "roll_up"] },
];
export const OTHERS = { key: "others" } as const;

const CAPITALS: ReadonlySet<string> = new Set(["lcr", "nsfr", "lmr", "hqlaar", "eve", "nii", "ftp", "hqla", "cet1", "rwa", "actus", "rmb", "asf", "rsf"]);

/** `liquidity_gap_ratio` becomes "Liquidity gap ratio", `ftp_simulation` "FTP simulation". */
export function words(name: string): string {
  const named = TEXTS.engines[name];
  if (named !== undefined) return named;
  const parts = name.split("_").map((part) => (CAPITALS.has(part) ? part.toUpperCase() : part));
  const text = parts.join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
