/**
 * Who acts: the person of this browser's session, or others whose tokens were pasted here, so that four eyes can be
 * shown on one screen. A token stays in memory and is neither stored nor put into an address.
 */

import { h, setHidden, setText } from "../dom";
import { said } from "../problems";
import type { Me } from "../wire";
import { Api } from "./api";
import { T, roleName } from "./words";

export interface Person {
  readonly me: Me;
  readonly api: Api;
}

const ANOTHER = "another";

export class People {
  readonly element = h("p", { class: "desk-person" });
  private readonly all: Person[] = [];
  private at = 0;
  private dialog: HTMLDialogElement | null = null;

  constructor(private readonly changed: () => void) {}

  get current(): Person {
    const person = this.all[this.at];
    if (person === undefined) throw new Error("nobody is here yet");
    return person;
  }

  /** Throws Problem: no session, or a token that is not valid. */
  async add(token: string | null): Promise<void> {
    const api = new Api(token);
    const me = await api.me();
    const known = this.all.findIndex((one) => one.me.actor === me.actor && String(one.me.roles) === String(me.roles));
    if (known < 0) this.all.push({ me, api });
    else this.all[known] = { me, api };
    this.at = known < 0 ? this.all.length - 1 : known;
  }

  /** Once more in the present language. */
  draw(): void {
    const options = this.all.map(({ me }, at) => h("option", { value: at, selected: at === this.at }, named(me)));
    const select = h("select", { id: "desk-person" }, ...options, h("option", { value: ANOTHER }, T.addPerson));
    select.addEventListener("change", () => {
      if (select.value === ANOTHER) {
        select.value = String(this.at);
        this.ask();
      } else this.become(Number(select.value));
    });
    this.element.replaceChildren(h("label", { for: "desk-person" }, T.actingAs), " ", select);
  }

  ask(): void {
    const token = h("textarea", { id: "desk-token", rows: 4, autocomplete: "off", spellcheck: "false", required: true });
    const problem = h("p", { class: "desk-problem", role: "alert", hidden: true });
    const close = h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, T.cancel);
    const form = h(
      "form",
      { class: "desk-form" },
      h("p", {}, T.peopleAbout),
      h("pre", {}, h("code", {}, "tidemark token --actor li.hua --role HA --org HQ")),
      h("label", { for: "desk-token" }, T.token),
      token,
      problem,
      h("p", { class: "desk-buttons" }, h("button", { type: "submit", class: "primary" }, T.act), close),
    );
    const dialog = h("dialog", { "aria-labelledby": "desk-people-title" }, h("header", {}, h("h2", { id: "desk-people-title" }, T.peopleTitle)), form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.add(token.value.trim()).then(
        () => {
          dialog.close();
          this.draw();
          this.changed();
        },
        (error: unknown) => {
          setText(problem, T.tokenRefused(said(error)));
          setHidden(problem, false);
        },
      );
    });
    dialog.addEventListener("close", () => dialog.remove());
    this.dialog?.remove();
    this.dialog = dialog;
    this.element.append(dialog);
    dialog.showModal();
    token.focus();
  }

  private become(at: number): void {
    this.at = at;
    this.changed();
  }
}

function named(me: Me): string {
  return `${me.actor} · ${me.roles.map(roleName).join(T.between) || T.noRole}`;
}
