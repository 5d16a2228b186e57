/** Builds the page: who is reading, the store, the stream, and a view for each section. */

import "./style.css";

import { AlertList } from "./alerts";
import { RiskAssets } from "./assets";
import { byId, setHidden, setText } from "./dom";
import { Header } from "./header";
import { live } from "./live";
import { PositionsTable } from "./positions";
import { kind, said, why } from "./problems";
import { showRooms } from "./rooms";
import { type Link, Stream } from "./stream";
import { type Me, Problem, get } from "./wire";
import { T, beginToSpeak } from "./words";

type Phase = "loading" | "unauthorised" | "error" | "empty" | "ready";

function showPhase(phase: Phase): void {
  if (document.body.dataset["phase"] === phase) return;
  document.body.dataset["phase"] = phase;
  for (const name of ["loading", "unauthorised", "error", "empty", "ready"]) setHidden(byId(`phase-${name}`), name !== phase);
}

function explain(error: Problem): void {
  if (error.status === 401 || error.status === 403) {
    setText(byId("unauthorised-detail"), error.status === 403 ? said(error) : "");
    showPhase("unauthorised");
    return;
  }
  const away = error.status === 0;
  setText(byId("error-title"), away ? T.unreachable : kind(error.message));
  setText(byId("error-detail"), away ? T.unreachableDetail : why(error));
  showPhase("error");
}

async function whoAmI(): Promise<Me | null> {
  try {
    return await get<Me>("/me");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    explain(error);
    return null;
  }
}

function build(me: Me): void {
  const { store } = live;
  live.me = me;
  const header = new Header(store, me);
  new PositionsTable(store, byId("positions"));
  new AlertList(store);

  let rest = false;
  const phase = (): void => {
    if (store.meta === null) return;
    const some = store.positions.size > 0 || store.gap.size > 0 || store.alerts.length > 0;
    showPhase(some ? "ready" : "empty");
    if (!some || rest) return;
    rest = true;
    new RiskAssets(store);
    // Half a megabyte of charts must not delay the figures.
    void Promise.all([import("./position-chart"), import("./gap")]).then(([{ PositionChart }, { GapChart }]) => {
      new PositionChart(store);
      new GapChart(store);
    });
  };
  store.on(["positions", "gap", "alerts"], phase);

  const stream = new Stream(store, (link: Link) => {
    header.showLink(link);
    live.takeLink(link);
    if (link.kind === "signed-out") showPhase("unauthorised");
    else if (store.meta === null && link.detail !== "") setText(byId("loading-detail"), link.detail);
    else phase();
  }, (trust) => live.trust.take(trust));
  stream.start();
}

async function begin(): Promise<void> {
  const me = await whoAmI();
  if (me) build(me);
  else if (document.body.dataset["phase"] === "error") setTimeout(() => void begin(), 3_000);
}

for (const button of document.querySelectorAll("button.reload")) button.addEventListener("click", () => location.reload());
void beginToSpeak()
  .catch(() => undefined) // words that cannot be had are English
  .then(() => {
    showRooms();
    return begin();
  });
