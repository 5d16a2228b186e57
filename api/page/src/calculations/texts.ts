/** Every word of the calculations room that is not the server's: one place to translate. */

export const TEXTS = {
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
} as const;

/** The groups of the list, in their order; an engine that is in none stands under the last heading. */
export const GROUPS: readonly { key: string; title: string; engines: readonly string[] }[] = [
  {
    key: "ratios",
    title: "Ratios",
    engines: [
      "lcr", "nsfr", "lmr", "hqlaar", "liquidity_ratio", "adjusted_liquidity_ratio", "loan_to_deposit", "liquidity_gap_ratio",
      "core_liability_ratio", "excess_reserve_ratio", "concentration", "liquidity_indicators", "disclosure", "explain_change",
    ],
  },
  {
    key: "liquidity",
    title: "Liquidity",
    engines: [
      "gap", "survival_horizon", "liquid_assets", "intraday", "reserve", "reserve_tiers", "four_positions", "position_forecast",
      "withdrawal_forecast", "large_flow", "dispatch", "liquidity_need", "sources_and_uses", "funding_gap", "reconciliation",
    ],
  },
  {
    key: "stress",
    title: "Stress and limits",
    engines: [
      "stress", "scenario", "reverse_stress", "liquidity_at_risk", "limits", "early_warning", "trend", "funding_gates",
      "contingency_plan",
    ],
  },
  { key: "rates", title: "Rate risk", engines: ["repricing_gap", "eve", "nii", "duration", "duration_gap"] },
  {
    key: "capital",
    title: "Pricing and capital",
    engines: [
      "capital", "capital_forecast", "capital_plan", "capital_stress", "ftp", "ftp_simulation", "treasury_pnl", "loan_pricing",
      "balance_sheet_optimisation", "balance_sheet_simulation", "volume_forecast", "classification",
    ],
  },
  { key: "flows", title: "Cash flows, behaviour, deadlines", engines: ["cashflows", "interest_trial", "behaviour", "deadline"] },
  { key: "data", title: "Data and models", engines: ["data_quality", "outlier", "model_backtest", "roll_up"] },
];
export const OTHERS = { key: "others", title: "Others" } as const;

const CAPITALS: ReadonlySet<string> = new Set(["lcr", "nsfr", "lmr", "hqlaar", "eve", "nii", "ftp", "hqla", "cet1", "rwa", "actus", "rmb", "asf", "rsf"]);

const TITLES: Readonly<Record<string, string>> = { cashflows: "Cash flows", tier1: "Tier 1", treasury_pnl: "Treasury result" };

/** `liquidity_gap_ratio` becomes "Liquidity gap ratio", `ftp_simulation` "FTP simulation". */
export function words(name: string): string {
  if (TITLES[name] !== undefined) return TITLES[name];
  const parts = name.split("_").map((part) => (CAPITALS.has(part) ? part.toUpperCase() : part));
  const text = parts.join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
