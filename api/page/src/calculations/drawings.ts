/** Which charts a calculation has. One that is not listed has its tables, and so has a result of another shape. */

import type { JsonObject } from "./api";
import * as liquidity from "./draw-liquidity";
import * as rates from "./draw-rates";
import * as ratios from "./draw-ratios";
import * as stress from "./draw-stress";
import type { Drawing } from "./drawing";

/** From the input and the result, of whatever shape both are; no charts if it is not theirs. */
type Draw = (asked: JsonObject, result: JsonObject) => Drawing[];

const DRAW: Readonly<Record<string, Draw>> = {
  capital: rates.capital,
  capital_forecast: rates.capitalForecast,
  capital_stress: rates.capitalStress,
  cashflows: liquidity.cashflows,
  concentration: ratios.concentration,
  contingency_plan: stress.contingencyPlan,
  duration: rates.duration,
  duration_gap: rates.durationGap,
  early_warning: stress.earlyWarning,
  eve: rates.eve,
  explain_change: ratios.explainChange,
  ftp: rates.ftp,
  funding_gates: stress.fundingGates,
  gap: liquidity.gap,
  hqlaar: ratios.lcr,
  intraday: liquidity.intraday,
  lcr: ratios.lcr,
  limits: stress.limits,
  liquidity_at_risk: stress.liquidityAtRisk,
  liquidity_indicators: ratios.indicators,
  liquidity_ratio: ratios.weightedLines,
  lmr: ratios.weightedLines,
  loan_pricing: rates.pricing,
  nii: rates.perBucket,
  nsfr: ratios.weightedLines,
  position_forecast: liquidity.positionForecast,
  repricing_gap: rates.repricingGap,
  reserve_tiers: liquidity.reserveTiers,
  reverse_stress: stress.reverseStress,
  scenario: stress.scenario,
  stress: stress.stress,
  survival_horizon: liquidity.survivalHorizon,
  trend: stress.trend,
};

export function drawings(name: string, asked: JsonObject, result: JsonObject): Drawing[] {
  return DRAW[name]?.(asked, result) ?? [];
}
