/** The rooms of the page by hash: the live figures, and others that are loaded when they are first entered. */

import { byId, h, setHidden } from "./dom";
import { type Language, choose, language } from "./language";
import { RoomsMenu } from "./menu";
import { T, onWords } from "./words";

export const CALCULATIONS = "#/calculations";
export const WORKBENCH = "#/workbench";
export const LIQUIDITY = "#/liquidity";
export const AUDIT = "#/audit";
export const BOARD = "#/board";
export const HOME = "#/home";
export const OPERATIONS = "#/operations";
export const REPORTS = "#/reports";
export const ALERTS = "#/alerts";
export const DESK = "#/desk";

export type Room = "live" | "calculations" | "workbench" | "liquidity" | "audit" | "board" | "home" | "operations" | "reports" | "desk" | "alerts";

const within = (hash: string, room: string): boolean => hash === room || hash.startsWith(`${room}/`) || hash.startsWith(`${room}?`);

export function roomOf(hash: string): Room {
  if (within(hash, LIQUIDITY)) return "liquidity";
  if (within(hash, AUDIT)) return "audit";
  if (within(hash, BOARD)) return "board";
  if (within(hash, HOME)) return "home";
  if (within(hash, OPERATIONS)) return "operations";
  if (within(hash, REPORTS)) return "reports";
  if (within(hash, ALERTS)) return "alerts";
  if (within(hash, DESK)) return "desk";
  return within(hash, CALCULATIONS) ? "calculations" : within(hash, WORKBENCH) ? "workbench" : "live";
}

const OPEN: Readonly<Record<Exclude<Room, "live">, (box: HTMLElement) => Promise<unknown>>> = {
  calculations: (box) => import("./calculations/room").then(({ CalculationsRoom }) => new CalculationsRoom(box)),
  workbench: (box) => import("./workbench/room").then(({ WorkbenchRoom }) => new WorkbenchRoom(box)),
  liquidity: (box) => import("./liquidity/room").then(({ LiquidityRoom }) => new LiquidityRoom(box)),
  audit: (box) => import("./auditor/room").then(({ AuditorRoom }) => new AuditorRoom(box)),
  board: (box) => import("./board/room").then(({ BoardRoom }) => new BoardRoom(box)),
  home: (box) => import("./home/room").then(({ HomeRoom }) => new HomeRoom(box)),
  operations: (box) => import("./home/operations").then(({ OperationsRoom }) => new OperationsRoom(box)),
  reports: (box) => import("./reports/room").then(({ ReportsRoom }) => new ReportsRoom(box)),
  alerts: (box) => import("./alertcentre/room").then(({ AlertCentreRoom }) => new AlertCentreRoom(box)),
  desk: (box) => import("./desk/room").then(({ DeskRoom }) => new DeskRoom(box)),
};

/** `audit` is the drill-down of the live room, `alerts` its list. */
const boxOf = (room: Exclude<Room, "live">): HTMLElement => byId(room === "audit" ? "audit-room" : room === "alerts" ? "alert-centre" : room);

export function showRooms(): void {
  const entered = new Set<Room>();
  const skip = document.querySelector<HTMLAnchorElement>("a.skip");
  const show = (): void => {
    const room = roomOf(location.hash);
    document.body.dataset["room"] = room;
    for (const link of document.querySelectorAll<HTMLElement>(".rooms a")) {
      if (link.dataset["room"] === room) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (skip) skip.textContent = T.skip[room] ?? T.skipRoom;
    for (const other of ["calculations", "workbench", "liquidity", "audit", "board", "home", "operations", "reports", "desk", "alerts"] as const) setHidden(boxOf(other), other !== room);
    if (room === "live" || entered.has(room)) return;
    entered.add(room);
    const box = boxOf(room);
    box.replaceChildren(h("p", { class: "spinner", role: "status" }, T.loading)); // until the room and its words are here
    void OPEN[room](box);
  };
  skip?.addEventListener("click", (event) => {
    const room = roomOf(location.hash);
    if (room === "live") return;
    event.preventDefault(); // its address would leave the room
    boxOf(room).focus();
  });
  addEventListener("hashchange", show);
  show();
  const menu = new RoomsMenu();
  const languages = byId<HTMLSelectElement>("language");
  languages.value = language;
  languages.addEventListener("change", () => choose(languages.value as Language)); // every room follows
  onWords(() => {
    show();
    menu.describe();
    languages.value = language;
  });
}
