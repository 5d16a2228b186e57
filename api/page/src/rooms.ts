/** The rooms of the page by hash: the live figures, and `#/calculations`, which is loaded when it is first entered. */

import { byId, setHidden } from "./dom";

export const CALCULATIONS = "#/calculations";

export function roomOf(hash: string): "live" | "calculations" {
  return hash === CALCULATIONS || hash.startsWith(`${CALCULATIONS}/`) ? "calculations" : "live";
}

export function showRooms(): void {
  const box = byId("calculations");
  const skip = document.querySelector<HTMLAnchorElement>("a.skip");
  let entered = false;
  const show = (): void => {
    const room = roomOf(location.hash);
    document.body.dataset["room"] = room;
    for (const link of document.querySelectorAll<HTMLElement>(".rooms a")) {
      if (link.dataset["room"] === room) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (skip) skip.textContent = room === "live" ? "Skip to positions" : "Skip to calculations";
    setHidden(box, room === "live");
    if (entered || room === "live") return;
    entered = true;
    void import("./calculations/room").then(({ CalculationsRoom }) => new CalculationsRoom(box));
  };
  skip?.addEventListener("click", (event) => {
    if (roomOf(location.hash) === "live") return;
    event.preventDefault(); // its address would leave the room
    box.focus();
  });
  addEventListener("hashchange", show);
  show();
}
