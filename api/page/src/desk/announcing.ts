/**
 * Announcing a withdrawal, and what its maker may do with it afterwards: submit, change, withdraw.
 *
 * The forms ask for what the aggregate wants; whether it is right is the server's to say, but for what a person would
 * only be told after sending.
 */

import type { Json } from "../calculations/api";
import { h } from "../dom";
import { live } from "../live";
import { grouped, toPixels } from "../money";
import { newId } from "../workbench/api";
import { SimpleInput, Wrong } from "../workbench/inputs";
import type { MakersAct, Task, Tasks } from "./api";
import { Asking } from "./asking";
import { T } from "./words";

const PURPOSES = ["CASH", "PAYROLL", "PURCHASE", "TRANSFER", "OTHER"] as const;
/** What an amendment may change; the others are another withdrawal. */
const CHANGED = ["customer_no", "account_id", "amount", "value_date", "purpose"] as const;

type Named = Readonly<Record<string, SimpleInput>>;

function inputs(names: readonly string[], required: readonly string[], first: Readonly<Record<string, string>>, left: Readonly<Record<string, string>> = {}): Named {
  const kinds: Readonly<Record<string, string>> = { amount: "money", value_date: "day", ccy: "code", purpose: "code" };
  const made = names.map((name) => {
    const values = name === "purpose" ? PURPOSES : name === "entity_id" ? entities() : [];
    const field = { name, type: kinds[name] ?? "id", required: required.includes(name), values, ...(left[name] === undefined ? {} : { value: left[name] }) };
    const input = new SimpleInput(field, name, first[name] ?? "");
    if (input.control instanceof HTMLSelectElement) {
      for (const option of input.control.options) if (option.value !== "") option.textContent = T.purposes[option.value] ?? option.value;
    }
    return [name, input] as const;
  });
  return Object.fromEntries(made);
}

/** Of whom one may announce: asked for only where the token leaves it open. */
function entities(): readonly string[] {
  const own = live.me?.entities ?? [];
  return own.includes("*") ? live.store.entities() : own;
}

/** What was filled in. Throws Wrong beside the field that cannot be sent. */
function filled(fields: Named, required: readonly string[], businessDay: (entity: string) => string | undefined): Record<string, Json> {
  const found: Record<string, Json> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = field.read();
    if (value !== undefined) found[name] = value;
    else if (required.includes(name)) throw new Wrong(name, T.missing);
  }
  if (typeof found["amount"] === "string" && toPixels(found["amount"]) <= 0) throw new Wrong("amount", T.aboveZero);
  const [day, today] = [found["value_date"], businessDay(String(found["entity_id"] ?? ""))];
  if (typeof day === "string" && today !== undefined && day < today) throw new Wrong("value_date", T.dayIsOver(today));
  return found;
}

/** @param done what is told of it, and its number */
export function announce(tasks: Tasks, currency: string, done: (told: string, number: string) => void): void {
  const number = `WR-${newId().slice(-10).toUpperCase()}`;
  const asksEntity = entities().length !== 1;
  const required = [...(asksEntity ? ["entity_id"] : []), "customer_no", "amount", "ccy", "value_date"];
  const [only] = asksEntity ? [] : entities();
  const first = { ccy: currency || "CNY", value_date: only === undefined ? "" : (tasks.as_of[only] ?? ""), purpose: "CASH" };
  const left = { organisation: live.me?.organisation ?? "", channel: "DESK" };
  const names = [...(asksEntity ? ["entity_id"] : []), "customer_no", "account_id", "amount", "ccy", "value_date", "purpose", "organisation", "channel"];
  const fields = inputs(names, required, first, left);
  new Asking({
    intention: "announce",
    title: T.announceTitle,
    about: [h("p", { class: "quiet" }, T.announceAbout)],
    fields: Object.values(fields),
    yes: T.announce,
    path: "/withdrawal-desk",
    body: () => {
      const payload = filled(fields, required, (entity) => tasks.as_of[entity === "" ? (only ?? "") : entity]);
      return { reservation_no: number, submit: true, payload: only === undefined ? payload : { entity_id: only, ...payload } };
    },
    done: (answer) => {
      const told = (answer as { task: Task }).task;
      done(T.announced(told.reservation_no), told.reservation_no);
    },
  }).open();
}

/** @param closed runs when the dialog is gone, `done` before it when the server has taken the command */
export function actOn(task: Task, act: MakersAct, done: () => void, closed: () => void): void {
  const number = encodeURIComponent(task.reservation_no);
  const now: Readonly<Record<string, string>> = { customer_no: task.customer_no, account_id: task.account_id, amount: task.amount, value_date: task.value_date, purpose: task.purpose };
  const fields = act === "amend" ? inputs(CHANGED, ["amount", "value_date", "customer_no"], now) : act === "cancel" ? inputs(["comment"], [], {}) : {};
  new Asking(
    {
      intention: `${act} ${task.reservation_no} ${task.seen}`,
      title: `${T.makersSure[act]} ${task.ccy} ${grouped(task.amount)}`,
      about: act === "amend" ? [h("p", { class: "quiet" }, T.amendAbout)] : [],
      fields: Object.values(fields),
      yes: T.makers[act],
      path: `/withdrawal-desk/${number}/${act}`,
      body: () => {
        const given = filled(fields, ["amount", "value_date", "customer_no"].filter((name) => name in fields), () => undefined);
        const payload = Object.fromEntries(Object.entries(given).filter(([name, value]) => act !== "amend" || value !== now[name]));
        if (act === "amend" && Object.keys(payload).length === 0) throw new Wrong("", T.nothingChanged);
        return { seen: task.seen, payload };
      },
      done,
    },
    closed,
  ).open();
}
