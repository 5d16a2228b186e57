/** ECharts with only the parts we use, in the page's own colours. Tooltips are DOM nodes, never HTML text. */

import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { type EChartsCoreOption, type EChartsType, init, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

import { h } from "./dom";
import { axisLabel } from "./money";

use([BarChart, LineChart, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, LabelLayout, CanvasRenderer]);

export type Option = EChartsCoreOption;

const NAMES = ["ink", "quiet", "line", "panel", "accent", "second", "inflow", "outflow", "gap", "cumulative", "negative"] as const;
export type Palette = Readonly<Record<(typeof NAMES)[number] | "font", string>>;

/** The custom properties of style.css, so that the two colour schemes are written down once. */
function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colours = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { ...colours, font: getComputedStyle(document.body).fontFamily } as Palette;
}

/** One chart that follows the size of its box and the colour scheme. `build` gives the whole option. */
export class Chart {
  private readonly chart: EChartsType;
  private colours = palette();
  private visible = true;
  /** Before its first option a chart has no axes, and asking for places on them is an error. */
  private drawn = false;
  private readonly ended = new AbortController();

  constructor(
    private readonly box: HTMLElement,
    private readonly build: (colours: Palette) => Option,
  ) {
    this.chart = init(box, undefined, { renderer: "canvas" });
    const size = new ResizeObserver(() => {
      if (box.clientWidth > 0) this.chart.resize();
    });
    size.observe(box);
    // A chart that has been scrolled away costs nothing; it is drawn when it comes back.
    const sight = new IntersectionObserver(
      ([entry]) => {
        this.visible = entry?.isIntersecting ?? true;
        if (this.visible) this.draw();
      },
      { rootMargin: "400px" },
    );
    sight.observe(box);
    const { signal } = this.ended;
    const print = (): void => {
      this.visible = true;
      this.draw();
    };
    addEventListener("beforeprint", print, { signal });
    const recolour = (): void => {
      this.colours = palette();
      this.draw();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour, { signal });
    signal.addEventListener("abort", () => {
      size.disconnect();
      sight.disconnect();
      this.chart.dispose();
    });
  }

  /** For a chart that another one replaces. */
  dispose(): void {
    this.ended.abort();
  }

  /** `work` hears on which place of the category axis the plot was clicked. */
  onColumn(work: (index: number) => void): void {
    this.chart.getZr().on("click", ({ offsetX, offsetY }) => {
      if (!this.drawn || !this.chart.containPixel({ gridIndex: 0 }, [offsetX, offsetY])) return;
      const [index] = this.chart.convertFromPixel({ gridIndex: 0 }, [offsetX, offsetY]) as [number, number];
      work(index);
    });
  }

  /** `work` runs whenever the chart stands drawn, and its columns have their places. */
  onDrawn(work: () => void): void {
    this.chart.on("finished", () => {
      if (this.drawn) work();
    });
  }

  /** Where a category stands, in pixels of the box. */
  column(index: number, of: number): { left: number; width: number } {
    const middle = (at: number): number => this.chart.convertToPixel({ xAxisIndex: 0 }, at) as unknown as number;
    const width = of > 1 ? Math.abs(middle(1) - middle(0)) : this.box.clientWidth;
    return { left: middle(index) - width / 2, width };
  }

  showTip(index: number): void {
    this.chart.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: index });
  }

  draw(): void {
    if (!this.visible || document.visibilityState === "hidden" || this.box.clientWidth === 0) return;
    const { colours } = this;
    this.drawn = true;
    this.chart.setOption(
      {
        animation: false,
        textStyle: { fontFamily: colours.font, color: colours.ink, fontSize: 12 },
        grid: { left: 8, right: 12, top: 34, bottom: 4, containLabel: true },
        ...this.build(colours),
      },
      { notMerge: true, lazyUpdate: true },
    );
  }
}

export function legend(colours: Palette): Option {
  return {
    top: 0,
    left: 0,
    itemWidth: 14,
    itemHeight: 8,
    itemGap: 14,
    textStyle: { color: colours.quiet, fontSize: 12 },
    inactiveColor: colours.line,
  };
}

export function axisStyle(colours: Palette): Option {
  return {
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: { color: colours.quiet, fontSize: 11, hideOverlap: true },
    splitLine: { lineStyle: { color: colours.line, width: 1, opacity: 0.6 } },
  };
}

export function moneyAxis(colours: Palette): Option {
  const style = axisStyle(colours);
  const label = style["axisLabel"] as Option;
  return {
    ...style,
    type: "value",
    axisLine: { show: false },
    axisLabel: { ...label, formatter: (value: number) => axisLabel(value) },
    splitNumber: 4,
  };
}

export function tooltip(colours: Palette): Option {
  return {
    trigger: "axis",
    confine: true,
    transitionDuration: 0,
    backgroundColor: colours.panel,
    borderColor: colours.line,
    borderWidth: 1,
    padding: 0,
    textStyle: { color: colours.ink, fontSize: 12 },
  };
}

/** A tooltip with a title and lines of name and figure. */
export function tip(title: string, lines: readonly (readonly [string, string])[]): HTMLElement {
  const list = h("dl", {});
  for (const [name, value] of lines) list.append(h("dt", {}, name), h("dd", {}, value));
  return h("div", { class: "tip" }, h("b", {}, title), list);
}
