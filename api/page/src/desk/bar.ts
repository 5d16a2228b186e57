/** The position before and after a withdrawal as two bars over one scale, with the floor; the figures stand beside. */

import { h } from "../dom";
import { grouped, toPixels } from "../money";
import type { Impact } from "./api";
import { T } from "./words";

interface Pair {
  name: string;
  before: string;
  after: string;
  floor: string | null;
}

export function impactOf(impact: Impact, ccy: string): HTMLElement {
  const pairs: Pair[] = [];
  if (impact.available_before !== null && impact.available_after !== null) pairs.push({ name: T.available, before: impact.available_before, after: impact.available_after, floor: impact.floor });
  if (impact.projected_eod_before !== null && impact.projected_eod_after !== null) pairs.push({ name: T.projected, before: impact.projected_eod_before, after: impact.projected_eod_after, floor: null });
  const isShort = impact.shortfall !== null && /[1-9]/.test(impact.shortfall);
  const said = impact.available_before === null ? T.unknown : isShort ? T.short(`${ccy} ${grouped(impact.shortfall ?? "")}`) : T.enough;
  return h("div", { class: "wd-impact" }, ...pairs.map(pairOf), h("p", { class: isShort ? "wd-short" : "quiet" }, `${isShort ? "▲ " : ""}${said}`));
}

function pairOf({ name, before, after, floor }: Pair): HTMLElement {
  const pixels = (text: string): number => toPixels(text) || 0; // a text that is no number has no length
  const [was, is] = [pixels(before), pixels(after)];
  const least = Math.min(0, was, is);
  const span = Math.max(0, was, is, floor === null ? 0 : pixels(floor)) - least || 1;
  const share = (value: number): number => ((value - least) / span) * 100;
  const bar = (kind: string, value: number): SVGElement => {
    const [from, to] = [Math.min(share(0), share(value)), Math.max(share(0), share(value))];
    return shape("rect", { class: `wd-${kind}${value < 0 ? " wd-below" : ""}`, x: from, width: Math.max(0.6, to - from), y: kind === "before" ? 0 : 9, height: 7 });
  };
  const drawing = shape("svg", { viewBox: "0 0 100 17", preserveAspectRatio: "none", "aria-hidden": "true", class: "wd-bars" }, bar("before", was), bar("after", is));
  if (floor !== null && /[1-9]/.test(floor)) drawing.append(shape("line", { class: "wd-floor", x1: share(pixels(floor)), x2: share(pixels(floor)), y1: 0, y2: 17 }));
  const figure = (title: string, text: string): HTMLElement => h("span", {}, h("span", { class: "quiet" }, `${title} `), h("b", {}, grouped(text)));
  return h("div", { class: "wd-pair" }, h("h5", {}, name), drawing, h("p", { class: "wd-figures" }, figure(T.before, before), figure(T.after, after), floor === null ? null : figure(T.floor, floor)));
}

function shape(tag: string, attributes: Readonly<Record<string, string | number>>, ...children: SVGElement[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}
