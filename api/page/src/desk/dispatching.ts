/** Proposing transfers between branches, and deciding on a proposal: each asked in a dialog, each one intention. */

import { h } from "../dom";
import { grouped } from "../money";
import { SimpleInput } from "../workbench/inputs";
import { transfersOf } from "./ahead";
import type { Lacking, Proposal } from "./api";
import { Asking } from "./asking";
import { T } from "./words";

export function askToPropose(one: Lacking, done: (told: string) => void): void {
  new Asking({
    intention: `propose ${one.entity} ${one.ccy}`,
    title: T.proposeSure(`${one.ccy} ${grouped(one.moved)}`),
    about: [transfersOf(one, T.lacking(one.entity, one.ccy)), h("p", { class: "quiet" }, T.proposeAbout)],
    yes: T.propose,
    path: "/withdrawal-desk/dispatch",
    body: () => ({ entity: one.entity, ccy: one.ccy }),
    done: (answer) => done(T.proposed((answer as { proposal: Proposal }).proposal.proposal_no)),
  }).open();
}

export function askToDecide(one: Proposal, act: "approve" | "reject", done: (told: string) => void): void {
  const comment = new SimpleInput({ name: "comment", type: "text", required: false, values: [] }, "comment");
  new Asking({
    intention: `${act} ${one.proposal_no} ${one.revision}`,
    title: `${T[act]}: ${one.proposal_no}, ${one.ccy} ${grouped(one.moved)}`,
    about: [transfersOf(one, one.proposal_no), ...(act === "approve" ? [h("p", { class: "quiet" }, T.instructs)] : [])],
    fields: [comment],
    yes: T[act],
    path: `/withdrawal-desk/dispatch/${encodeURIComponent(one.proposal_no)}/${act}`,
    body: () => {
      const said = comment.read();
      return { payload: { ...(act === "approve" ? { seen_revision: one.revision } : {}), ...(said === undefined ? {} : { comment: said }) } };
    },
    done: () => done(T.done[act] ?? ""),
  }).open();
}
