// What is drawn over time, by uPlot.
/* global uPlot */
import { bytes, byId, el, milliseconds, number, seconds } from "./dom.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const LINES = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

export class Charts {
  constructor() {
    this.steps = new Map();
    this.step = 5;
    this.lags = [];
    this.plots = [];
    this.overview = null;
    this.observer = new ResizeObserver(() => this.resize());
    for (const id of ["charts", "overview"]) this.observer.observe(byId(id));
  }

  take(series) {
    if (series.all) this.steps.clear();
    this.step = series.step;
    for (const step of series.steps) this.steps.set(step.t, step);
    while (this.steps.size > 1_500) this.steps.delete(Math.min(...this.steps.keys()));
    this.lags = series.lags;
  }

  clear() {
    this.steps.clear();
    this.lags = [];
  }

  // Each step of time, those without an event, too.
  columns() {
    const times = [...this.steps.keys()].sort((one, other) => one - other);
    if (times.length === 0) return { times: [], at: () => undefined };
    const all = [];
    const last = times[times.length - 1];
    let first = Math.max(times[0], last - this.step * 720);
    // A chart of a moment is as wide as a chart of five minutes.
    first = Math.min(first, last - Math.ceil(300 / this.step) * this.step);
    for (let time = first; time <= last; time += this.step) all.push(time);
    return { times: all, at: (time) => this.steps.get(time) };
  }

  specifications() {
    const { times, at } = this.columns();
    const of = (value, none = 0) => times.map((time) => (at(time) ? value(at(time)) : none));
    const level = (index) => of((step) => step.levels[index]);
    const both = (one, other) => of((step) => step.levels[one] + step.levels[other]);
    const bar = { bars: true };
    const shards = [...new Set(this.lags.flatMap(([, shards]) => shards.map(([shard]) => shard)))].sort().slice(0, 8);
    const lagOf = (shard) => this.lags.map(([, all]) => all.find(([name]) => name === shard)?.[1] ?? null);
    return [
      { title: "Events by level", stacked: true, x: times, format: number, axis: whole, sums: true, series: [["debug", "debug", both(0, 1), bar], ["info", "info", level(2), bar], ["warn", "warn", level(3), bar], ["error", "error", both(4, 5), bar]] },
      { title: "Errors", x: times, format: number, axis: whole, sums: true, series: [["error lines", "error", both(4, 5), bar], ["failed invocations", "c1", of((step) => step.failed), bar]] },
      { title: "Duration", x: times, format: milliseconds, series: [["p50", "c0", of((step) => step.p50, null), { gaps: true }], ["p95", "c3", of((step) => step.p95, null), { gaps: true }]] },
      { title: "Invocations", x: times, format: number, axis: whole, sums: true, series: [["invocations", "c0", of((step) => step.invocations), bar], ["cold starts", "c2", of((step) => step.cold), bar]] },
      { title: "Bytes and billed", x: times, format: bytes, sums: true, series: [["events", "c0", of((step) => step.bytes)], ["billed", "c3", of((step) => step.kb * 1024)]] },
      { title: "Behind, by shard", x: this.lags.map(([time]) => time), format: seconds, axis: lag, series: shards.map((shard, index) => [shard.replace("shardId-00000000", "…"), LINES[index], lagOf(shard)]) },
    ];
  }

  // Draws what is to be seen.
  draw(view) {
    if (view === "charts") this.drawAll();
    if (view === "tail") this.drawOverview();
  }

  drawAll() {
    const specifications = this.specifications();
    const into = byId("charts");
    if (this.plots.length !== specifications.length) {
      into.replaceChildren();
      this.plots = specifications.map(() => {
        const body = el("div", { class: "plot" });
        const title = el("h3", {});
        const legend = el("p", { class: "legend" });
        into.append(el("article", { class: "chart" }, el("header", {}, title, legend), body));
        return { body, title, legend, plot: null, key: "" };
      });
    }
    specifications.forEach((specification, index) => this.update(this.plots[index], specification, 200));
  }

  drawOverview() {
    const [specification] = this.specifications();
    this.overview ??= { body: byId("overview"), title: null, legend: null, plot: null, key: "" };
    this.update(this.overview, specification, 84);
  }

  update(slot, specification, height) {
    const { series, x, title, format, stacked } = specification;
    const sums = stacked ? stack(series.map(([, , values]) => values)) : series.map(([, , values]) => values);
    // Of stacked bars the highest is drawn first, and the others over it.
    const order = stacked ? series.map((_, index) => series.length - 1 - index) : series.map((_, index) => index);
    const data = [x, ...order.map((index) => sums[index])];
    const key = series.map(([name]) => name).join();
    slot.title && (slot.title.textContent = title);
    if (slot.legend) {
      slot.legend.replaceChildren(
        ...series.map(([name, look, values]) =>
          el("span", {}, el("i", { class: `swatch ${look}` }), name, " ", el("b", {}, x.length ? (specification.sums ? format(sum(values)) : latest(values, format)) : "–")),
        ),
      );
    }
    const width = slot.body.clientWidth;
    if (width < 40) return;
    if (slot.plot && slot.key === key) {
      if (slot.plot.width !== width) slot.plot.setSize({ width, height });
      slot.plot.setData(data);
      return;
    }
    slot.plot?.destroy();
    slot.key = key;
    slot.plot = new uPlot(options(specification, order, width, height), data, slot.body);
  }

  resize() {
    for (const slot of [...this.plots, this.overview]) {
      const width = slot?.body.clientWidth ?? 0;
      if (slot?.plot && width > 40 && slot.plot.width !== width) slot.plot.setSize({ width, height: slot.plot.height });
    }
  }

  // Colours are read when a chart is made.
  renew() {
    for (const slot of [...this.plots, this.overview]) {
      slot?.plot?.destroy();
      if (slot) slot.plot = null;
    }
  }

  // How many charts have data: for whoever tests the page.
  filled() {
    return this.plots.filter(({ plot }) => plot && plot.data[0].length > 1 && plot.data.slice(1).some((values) => values.some((value) => value > 0))).length;
  }
}

const sum = (values) => values.reduce((all, value) => all + (value ?? 0), 0);

// On an axis: whole things only, and nothing that is live.
const whole = (value) => (Number.isInteger(value) ? number(value) : "");
const lag = (value) => (value > 0 && value < 1 ? "" : `${seconds(value)}`.replace("live", "0 s"));

function latest(values, format) {
  for (let index = values.length - 1; index >= 0; index -= 1) {
    if (values[index] !== null && values[index] !== undefined) return format(values[index]);
  }
  return "–";
}

// A moment on an axis, in UTC as everything else on the page.
function moment(tick, every) {
  const text = new Date(tick * 1_000).toISOString();
  if (every >= 86_400) return text.slice(5, 10);
  return text.slice(11, every < 60 ? 19 : 16);
}

function stack(all) {
  const sums = [];
  for (const values of all) {
    const before = sums[sums.length - 1];
    sums.push(values.map((value, index) => value + (before ? before[index] : 0)));
  }
  return sums;
}

function options({ series, format, axis: label = format }, order, width, height) {
  const axis = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const isSmall = height < 100;
  const bars = uPlot.paths.bars({ size: [0.8, 40, 1], align: 1 });
  return {
    width,
    height,
    padding: isSmall ? [6, 6, 0, 0] : [8, 10, 0, 0],
    legend: { show: false },
    cursor: { show: !isSmall, points: { size: 6 }, y: false },
    tzDate: (time) => uPlot.tzDate(new Date(time * 1_000), "UTC"),
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 72, values: (_, ticks, __, ___, every) => ticks.map((tick) => moment(tick, every)) },
      { ...axis, size: isSmall ? 44 : 58, values: (_, ticks) => ticks.map(label), space: isSmall ? 24 : 34 },
    ],
    series: [
      {},
      ...order.map((index) => {
        const [name, look, , more = {}] = series[index];
        const line = colour(look);
        return more.bars
          ? { label: name, stroke: line, fill: line, width: 0, paths: bars, points: { show: false } }
          : { label: name, stroke: line, width: 1.75, spanGaps: Boolean(more.gaps), points: { show: Boolean(more.gaps), size: 4, fill: line } };
      }),
    ],
  };
}
