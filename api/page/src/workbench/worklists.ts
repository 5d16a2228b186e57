/** What waits for the person who acts, by loan: to-dos and deadlines. Where a server has no work lists there are none. */

import { type JsonObject, rowsOf, text } from "../calculations/api";
import { type Api, orNull } from "./api";

export interface Due {
  readonly colour: string;
  /** Negative: so many days late. */
  readonly days: number;
}

export interface Waiting {
  /** Whether the server keeps such lists at all. */
  readonly known: boolean;
  /** Place in the log of decisions: where it is the same, no loan has changed. */
  readonly position: number | null;
  readonly todosByLoan: ReadonlyMap<string, number>;
  readonly dueByLoan: ReadonlyMap<string, Due>;
}

export const NOTHING: Waiting = { known: false, position: null, todosByLoan: new Map(), dueByLoan: new Map() };

export async function waiting(api: Api): Promise<Waiting> {
  const [todo, deadline] = await Promise.all([list(api, "todos"), list(api, "deadlines")]);
  if (todo === null || deadline === null) return NOTHING;
  const [todos, deadlines] = [rowsOf(todo["rows"]), rowsOf(deadline["rows"])];
  const todosByLoan = new Map<string, number>();
  for (const todo of todos) for (const loan of loansOf(todo)) todosByLoan.set(loan, (todosByLoan.get(loan) ?? 0) + 1);
  const dueByLoan = new Map<string, Due>();
  for (const row of deadlines) {
    const due = { colour: text(row["colour"]), days: Number(text(row["days_left"])) };
    for (const loan of loansOf(row)) if (due.days <= (dueByLoan.get(loan)?.days ?? Infinity)) dueByLoan.set(loan, due);
  }
  const { position } = todo;
  return { known: true, position: typeof position === "number" ? position : null, todosByLoan, dueByLoan };
}

async function list(api: Api, name: string): Promise<JsonObject | null> {
  return orNull(api.work<JsonObject>(name)).catch(() => null);
}

/** The loans that a line is about; a line about a loan itself names it as its key. */
function loansOf(row: JsonObject): string[] {
  const about = row["asset_nos"];
  if (Array.isArray(about) && about.length > 0) return about.map(String);
  return row["aggregate"] === "RiskAsset" ? [text(row["key"])] : [];
}
