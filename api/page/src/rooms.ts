/** The rooms of the page by hash: the live figures, and others that are loaded when they are first entered. */

import { byId, setHidden } from "./dom";

export const CALCULATIONS = "#/calculations";
export const WORKBENCH = "#/workbench";
export const LIQUIDITY = "#/liquidity";
export const AUDIT = "#/audit";

export type Room = "live" | "calculations" | "workbench" | "liquidity" | "audit";

const within = (hash: string, room: string): boolean => hash === room || hash.startsWith(`${room}/`) || hash.startsWith(`${room}?`);

export function roomOf(hash: string): Room {
  if (within(hash, LIQUIDITY)) return "liquidity";
  if (within(hash, AUDIT)) return "audit";
  return within(hash, CALCULATIONS) ? "calculations" : within(hash, WORKBENCH) ? "workbench" : "live";
}

const SKIP: Readonly<Record<Room, string>> = { live: "Skip to positions", calculations: "Skip to calculations", workbench: "Skip to the workbench", liquidity: "Skip to liquidity", audit: "Skip to audit" };

const OPEN: Readonly<Record<Exclude<Room, "live">, (box: HTMLElement) => Promise<unknown>>> = {
  calculations: (box) => import("./calculations/room").then(({ CalculationsRoom }) => new CalculationsRoom(box)),
  workbench: (box) => import("./workbench/room").then(({ WorkbenchRoom }) => new WorkbenchRoom(box)),
  liquidity: (box) => import("./liquidity/room").then(({ LiquidityRoom }) => new LiquidityRoom(box)),
  audit: (box) => import("./auditor/room").then(({ AuditorRoom }) => new AuditorRoom(box)),
};

/** `audit` is the drill-down of the live room. */
const boxOf = (room: Exclude<Room, "live">): HTMLElement => byId(room === "audit" ? "audit-room" : room);

export function showRooms(): void {
  const skip = document.querySelector<HTMLAnchorElement>("a.skip");
  const entered = new Set<Room>();
  const show = (): void => {
    const room = roomOf(location.hash);
    document.body.dataset["room"] = room;
    for (const link of document.querySelectorAll<HTMLElement>(".rooms a")) {
      if (link.dataset["room"] === room) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (skip) skip.textContent = SKIP[room];
    for (const other of ["calculations", "workbench", "liquidity", "audit"] as const) setHidden(boxOf(other), other !== room);
    if (room === "live" || entered.has(room)) return;
    entered.add(room);
    void OPEN[room](boxOf(room));
  };
  skip?.addEventListener("click", (event) => {
    const room = roomOf(location.hash);
    if (room === "live") return;
    event.preventDefault(); // its address would leave the room
    boxOf(room).focus();
  });
  addEventListener("hashchange", show);
  show();
}
