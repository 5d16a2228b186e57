/** The sentences of the header and the live room that are put together by the page; those of index.html stand there. */

import { SEVERITIES_EN, type SeverityNames } from "./severity";
import type { LinkKind } from "./stream";
import type { Alert, Light } from "./wire";

const plural = (count: number, one: string, many = `${one}s`): string => (count === 1 ? one : many);

export const EN = {
  loading: "Loading…",
  again: "Try again",
  more: "Show more",
  close: "Close",
  stop: ". ",
  failed: (why: string): string => `Could not load: ${why}`,
  unreachable: "The server cannot be reached",
  unreachableDetail: "Is Tidemark running? The page tries again by itself.",

  // the header
  skip: {
    live: "Skip to positions", calculations: "Skip to calculations", workbench: "Skip to the workbench", liquidity: "Skip to liquidity", audit: "Skip to audit",
    board: "Skip to the board", home: "Skip to home", operations: "Skip to operations", reports: "Skip to reports", desk: "Skip to the withdrawal desk", alerts: "Skip to alerts",
  } as Readonly<Record<string, string>>,
  skipRoom: "Skip to the room",
  link: { connecting: "Connecting…", live: "Live", "catching-up": "Catching up", reconnecting: "Reconnecting…", stale: "Stale", "signed-out": "Signed out" } as Readonly<Record<LinkKind, string>>,
  staleFor: (age: string): string => `Stale for ${age}`,
  old: (age: string, why: string): string => `These figures are ${age} old. ${why}`,
  allEntities: "All entities",
  days: (first: string, last: string): string => `${first} to ${last}`,
  lag: (records: string): string => `lag ${records}`,
  lastEntry: (time: string): string => `last entry ${time}`,
  actor: (roles: string, entities: string): string => `Roles: ${roles}. Entities: ${entities}`,
  noRoles: "none",
  every: "all",
  recordsIn: (records: string, partitions: number): string => `${records} records in ${partitions} partitions`,
  facts: {
    as_of: "Business date", last: "Last entry", waiting: "Records waiting", result: "Result", engine: "Engine", configuration: "Configuration",
    digest: "Input digest", scenario: "Scenario",
  },
  logOf: (topic: string): string => `Log of ${topic}`,
  copied: "Copied.",
  noCopy: "The browser does not allow copying here.",

  // positions
  columns: {
    entity: "Entity", currency: "Ccy", position: "Position", pending_in: "Pending in", pending_out: "Pending out", reserved: "Reserved",
    projected_eod: "Projected EOD",
  },
  meanings: {
    entity: "Legal entity",
    currency: "Currency",
    position: "Settled entries with a value date up to the business date",
    pending_in: "Announced and not yet settled, incoming",
    pending_out: "Announced and not yet settled, outgoing",
    reserved: "Approved withdrawals not yet executed",
    projected_eod: "Projected end of day: position + pending in − pending out − reserved",
  },
  positionsCaption: "Positions by entity and currency",
  positionsAbout: (rows: number, days: readonly string[]): string =>
    `${rows} ${plural(rows, "row")} · ${days.length === 1 ? `business date ${days[0] ?? ""}` : `${days.length} business dates`}`,
  parts: (pendingIn: string, pendingOut: string, reserved: string): string => `Pending in ${pendingIn} · pending out ${pendingOut} · reserved ${reserved}`,

  // what is behind a row
  none: { organisation: "(no organisation)", account: "(no account)" },
  behindNone: { organisation: "No organisations", account: "No accounts" },
  behind: {
    organisation: (all: number, hidden: number): string => `${all} ${plural(all, "organisation")}${hidden ? `, ${hidden} not shown` : ""}; on-us transfers included`,
    account: (all: number, hidden: number): string => `${all} ${plural(all, "account")}${hidden ? `, ${hidden} not shown` : ""}; from the newest snapshot`,
  },

  // the position chart
  since: (moved: string, time: string): string => `${moved} since ${time}`,
  positionOf: (entity: string, currency: string, words: string): string => `Position of ${entity} in ${currency}: ${words}`,
  noDates: "No entries on any value date yet.",
  businessDate: "business date",
  closing: "Closing position",
  movement: "Movement",

  // the maturity gap
  buckets: {
    OVERDUE: "Overdue", ON: "O/N", D2_7: "2–7 d", D8_30: "8–30 d", D31_90: "31–90 d", D91_180: "91–180 d", D181_365: "181–365 d",
    Y1_2: "1–2 y", Y2_3: "2–3 y", Y3_5: "3–5 y", Y5P: "> 5 y", UNDATED: "Undated",
  },
  bucketUnit: / ([dy])$/,
  bucketUnits: { d: "days", y: "years" } as Readonly<Record<string, string>>,
  gapHeads: ["Bucket", "Inflow", "Outflow", "Gap", "Cumulative", "Contracts"],
  gapCaption: "Maturity gap per bucket",
  asOf: (day: string): string => ` · as of ${day}`,
  noContracts: "No contracts yet.",
  noContractsOf: (entity: string, currency: string): string => `No contracts of ${entity} in ${currency}.`,
  negativeIn: (buckets: readonly string[]): string => `Cumulative gap is negative in ${buckets.join(", ")}.`,
  nowhereNegative: "Cumulative gap is nowhere negative.",
  gapChart: (words: string): string => `Maturity gap per bucket. ${words} The table has all figures.`,
  showContracts: "Show its contracts",
  bar: (bucket: string, gap: string, currency: string): string => `${bucket}: gap ${gap} ${currency}. Show its contracts`,
  inflow: "Inflow",
  outflow: "Outflow",
  gap: "Gap",
  cumulative: "Cumulative",
  cumulativeGap: "Cumulative gap",
  notCumulated: "not cumulated",
  contracts: "Contracts",

  // alerts
  severities: SEVERITIES_EN as SeverityNames,
  lights: { red: "Red", amber: "Amber", green: "Green" } as Readonly<Record<Light, string>>,
  lightCodes: { red: "red", amber: "amber", green: "green" } as Readonly<Record<Light, string>>,
  ways: { raised: "↗ raised", eased: "↘ eased", cleared: "✓ cleared", corrected: "corrected" } as Readonly<Record<Alert["kind"], string>>,
  wayWords: { raised: "raised", eased: "eased", cleared: "cleared", corrected: "corrected" } as Readonly<Record<Alert["kind"], string>>,
  metrics: {} as Readonly<Record<string, string>>,
  alertsAbout: (loaded: string, critical: string): string => `${loaded} loaded · ${critical} critical`,
  unseen: (count: string): string => `${count} new`,
  say: (fresh: number, entity: string, what: string, reason: string): string => `${fresh === 1 ? "New alert" : `${fresh} new alerts, newest`}: ${entity}, ${what}. ${reason}`,
  sayLimit: (metric: string, light: string, way: string): string => `${metric} limit ${light}, ${way}`,
  lightTitle: (before: string): string => `Light of the limit, ${before} before`,
  late: "late",
  headroom: (left: string): string => `Headroom ${left}. `,
  loadingEntries: "Loading the entries…",
  entriesFailed: (why: string): string => `The entries could not be loaded: ${why} `,
  inMinutes: (minutes: string): string => `in ${minutes} min · `,
  single: "single · ",
  limit: (edge: string): string => `limit ${edge}`,
  group: "Group",
  lightMoved: (before: string, after: string, day: string): string => `${before} → ${after}, at the business date ${day}. `,
  limitsAndPlans: "Limits and plans",
  alertFacts: {
    rule: "Rule", limit: "Limit", incident: "Incident", organisation: "Organisation", customer: "Customer", account: "Account", entry: "Entry",
    place: "Position in the log", corrects: "Corrects", id: "Alert id",
  },
  entriesCaption: (count: number): string => (count === 1 ? "The entry behind this alert" : `The ${count} entries behind this alert`),
  entriesRegion: "Entries behind this alert",
  entryHeads: (currency: string): readonly string[] => ["Offset", "Time (UTC)", "Entry", "Account", "Type", `Amount ${currency}`],

  // risk assets
  code: (code: string, _named: string): string => (code === "" ? "–" : code.charAt(0) + code.slice(1).toLowerCase().replaceAll("_", " ")),
  noAssets: "No risk assets registered yet.",
  assetsAbout: (loans: number, shown: number | null): string => `${loans} ${plural(loans, "loan")}${shown === null ? "" : `, first ${shown} shown`}`,

  // from a bar to its contracts
  whereYouAre: "Where you are",
  contractHeads: ["Contract", "Product", "Organisation", "Inflow", "Outflow", "Gap", "Flow dates"],
  amounts: (inflow: string, outflow: string, gap: string): string => `Inflow ${inflow} · outflow ${outflow} · gap ${gap}`,
  counted: (contracts: string, dates: string): string => `${contracts} contracts on ${dates} flow dates, the largest first. `,
  contractsCaption: "Contracts behind the figure",
  noFlows: "No contract has a flow here.",
  readAt: (records: string, partitions: number, day: string | null): string => `Read at ${records} records of ${partitions} partitions${day === null ? "" : `, as of ${day}`}.`,
  flow: "flow",
  paid: "paid",
  thisFigure: (place: string): string => `${place}, this figure`,
  further: "further back than was searched",
  offset: (offset: string): string => `offset ${offset}`,
  record: (place: string, offset: string): string => `Record ${place}, ${offset}. `,
  terms: "Terms, by the ACTUS dictionary",
  flowHeads: ["Date", "Event", "Payoff", "In the gap", "Bucket"],
  flowsCaption: "Flows of the contract",
  flowGone: "The contract has changed, and this flow is gone. Open it again.",
  formulas: "Formulas, with the numbers they were used with",
  states: "States that the event changed",
  statesCaption: "States before and after",
  stateHeads: ["State", "Before", "After"],
  sumEqual: "The contracts add up to the figure, to the last unit.",
  sums: (total: string, bar: string): string => `The contracts add up to ${total}, the bar showed ${bar}`,
  sumDifferent: (sums: string): string => `${sums}, at the same offsets. This is a fault: please report it.`,
  sumMoved: (sums: string): string => `${sums}: contracts have changed between the two. Open the bar again for the newer one.`,
  events: {
    IED: "initial exchange", FP: "fee payment", PR: "principal redemption", PD: "principal drawing", PI: "principal increase", PY: "penalty payment",
    PP: "principal prepayment", IP: "interest payment", IPFX: "interest payment, fixed leg", IPFL: "interest payment, floating leg",
    IPCI: "interest capitalisation", RRF: "rate reset, known rate", RR: "rate reset", PRF: "instalment fixing", DV: "dividend", PRD: "purchase",
    TD: "termination", SC: "scaling index fixing", IPCB: "interest base fixing", MD: "maturity", XD: "exercise", STD: "settlement", AD: "monitoring",
    CE: "credit event", MR: "margin call",
  },
  event: (type: string, words: string): string => `${type}, ${words}`,
  noEvent: "as it stands",
  onDemand: "on demand",
  undated: "undated",
  notBooked: "No money moves, or the event only changes states: nothing of it enters the gap.",
  inGap: "stands in the gap",
  isPast: "is past and counts as paid",
  asGiven: (amount: string, where: string): string => `${amount} ${where}, as the record gives it.`,
  notRounded: (amount: string, where: string): string => `${amount} ${where}; nothing was rounded.`,
  rounded: (amount: string, where: string, difference: string): string => `${amount} ${where}: the payoff, rounded half up to minor units (difference ${difference}).`,
};

export type Texts = typeof EN;
