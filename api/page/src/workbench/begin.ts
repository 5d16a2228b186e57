/** The dialog that asks for kind and number of a new record; its form is then drawn like any other. */

import { h, setHidden, setText } from "../dom";
import { addressOf } from "./address";
import { CASES, LOAN } from "./load";
import { T, word } from "./words";

const PREFIX: Readonly<Record<string, string>> = {
  RiskAsset: "LN", WriteOff: "WO", RecoveryFlow: "C", DisposalPlan: "PL", InterestTrial: "IT", CollectionTask: "CT", LitigationCase: "LC",
  DebtReduction: "DR", Foreclosure: "FC", DebtTransfer: "DT", Restructuring: "RS", NoRecourseDetermination: "NR", LiabilityDetermination: "LD", Expense: "EX",
};

/** @param loan the loan that the case is about; null: a new loan */
export function askForNew(loan: string | null, taken: readonly string[]): void {
  const kinds: readonly string[] = loan === null ? [LOAN] : CASES;
  const kind = h("select", { id: "desk-new-kind" }, ...kinds.map((name) => h("option", { value: name }, word(name))));
  const key = h("input", { type: "text", id: "desk-new-key", autocomplete: "off", required: true });
  const problem = h("p", { class: "desk-problem", role: "alert", hidden: true });
  let suggested = "";
  const suggest = (): void => {
    if (key.value !== suggested) return; // a number of the person's own stays
    const stem = `${PREFIX[kind.value] ?? "X"}${loan === null ? "" : `-${loan}`}`;
    let number = 1;
    while (taken.includes(`${stem}-${number}`)) number += 1;
    suggested = key.value = `${stem}-${number}`;
  };
  if (loan === null) kind.disabled = true;
  kind.addEventListener("change", suggest);
  const close = h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, T.cancel);
  const form = h(
    "form",
    { class: "desk-form" },
    h("div", { class: "desk-field" }, h("label", { for: kind.id }, T.newKind), kind),
    h("div", { class: "desk-field" }, h("label", { for: key.id }, T.newKey), key),
    problem,
    h("p", { class: "desk-buttons" }, h("button", { type: "submit", class: "primary" }, T.go), close),
  );
  const dialog = h("dialog", { "aria-labelledby": "desk-new-title" }, h("header", {}, h("h2", { id: "desk-new-title" }, T.newTitle)), form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wish = key.value.trim();
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(wish)) {
      setText(problem, T.wrong.key);
      setHidden(problem, false);
      key.focus();
      return;
    }
    dialog.close();
    location.hash = addressOf(kind.value, wish, loan);
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  suggest();
  dialog.showModal();
  (loan === null ? key : kind).focus();
}
