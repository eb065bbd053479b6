// One invocation, whole and in order: what became of it, its phases over time, its lines.
import { clock, el, milliseconds, number } from "./dom.js";
import { line } from "./tail.js";

export async function load(request, token) {
  const query = new URLSearchParams({ request });
  if (token) query.set("token", token);
  const answer = await fetch(`./api/invocation?${query}`);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

export function render(into, request, { rows, more }, actions) {
  const found = facts(rows);
  const head = el(
    "header",
    {},
    el(
      "div",
      {},
      el("h2", {}, found.function || "Invocation", " ", el("span", { class: `pill ${found.look}` }, found.verdict)),
      el("p", { class: "mono quiet", title: request }, request),
    ),
    el("button", { type: "button", class: "icon", "aria-label": "Close", title: "Close (Esc)", on: { click: actions.close } }, "✕"),
  );
  const only = el("button", { type: "button", on: { click: () => actions.filter({ request }) } }, "Only this invocation");
  const trace = rows.find((row) => row.tr)?.tr;
  const ofTrace = trace && el("button", { type: "button", on: { click: () => actions.filter({ trace }) } }, "Its trace");
  into.replaceChildren(
    head,
    el("div", { class: "actions" }, only, ofTrace),
    metrics(found),
    timeline(found),
    row(found.row),
    el("h3", {}, `${number(rows.length)} events`, more > 0 ? ` and ${number(more)} more` : ""),
    el("div", { class: "lines" }, rows.map(line)),
    rows.length === 0 ? el("p", { class: "nothing" }, "The page no longer has lines of this invocation.") : "",
  );
}

const time = (row) => (row ? Date.parse(row.t) : Number.NaN);

// What the platform's events say.
function facts(rows) {
  const of = (kind) => rows.find((row) => row.k === kind);
  const [start, done, report] = ["platform.start", "platform.runtimeDone", "platform.report"].map(of);
  const metrics = report?.rec?.metrics ?? {};
  const status = report?.rec?.status ?? done?.rec?.status;
  const began = time(start);
  const duration = done?.rec?.metrics?.durationMs ?? metrics.durationMs;
  return {
    function: rows.find((row) => row.f)?.f,
    verdict: status ?? (rows.length ? "running" : "unknown"),
    look: status === "success" ? "complete" : status ? "lost" : "unproven",
    error: report?.rec?.errorType ?? done?.rec?.errorType,
    metrics,
    began,
    duration,
    spans: done?.rec?.spans ?? [],
    whole: metrics.durationMs,
    init: metrics.initDurationMs,
    restore: metrics.restoreDurationMs,
    row: of("forwarder.invocation")?.rec,
    errors: rows.filter((row) => row.l === "error" || row.l === "fatal").length,
    logs: rows.filter((row) => row.l).map((row) => ({ at: time(row) - began, level: row.l, text: row.m })),
  };
}

function metrics(found) {
  const { metrics: of } = found;
  const memory = of.maxMemoryUsedMB !== undefined ? `${of.maxMemoryUsedMB}/${of.memorySizeMB} MB` : undefined;
  const all = [
    ["duration", of.durationMs !== undefined ? milliseconds(of.durationMs) : undefined],
    ["billed", of.billedDurationMs !== undefined ? milliseconds(of.billedDurationMs) : undefined],
    ["cold start", found.init !== undefined ? milliseconds(found.init) : undefined],
    ["restore", found.restore !== undefined ? milliseconds(found.restore) : undefined],
    ["memory", memory],
    ["error", found.error],
    ["error lines", found.errors || undefined],
    ["began", Number.isNaN(found.began) ? undefined : clock(new Date(found.began).toISOString())],
  ];
  const there = all.filter(([, value]) => value !== undefined && value !== null);
  return el("dl", { class: "metrics" }, there.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// Bars on one scale: what came before the start, the handler, and what Lambda adds.
function timeline(found) {
  const before = (found.init ?? 0) + (found.restore ?? 0);
  const handler = found.duration ?? 0;
  const whole = Math.max(found.whole ?? 0, handler);
  const total = before + whole;
  if (!(total > 0)) return "";
  const phases = [];
  if (found.init !== undefined) phases.push(["init", 0, found.init, "init"]);
  if (found.restore !== undefined) phases.push(["restore", 0, found.restore, "init"]);
  for (const span of found.spans) {
    const at = Date.parse(span.start) - found.began;
    if (Number.isFinite(at) && span.durationMs >= 0) phases.push([words(span.name), before + at, span.durationMs, "span"]);
  }
  phases.push(["handler", before, handler, found.look === "lost" ? "failed" : "handler"]);
  if (whole - handler > 0.05) phases.push(["overhead", before + handler, whole - handler, "overhead"]);
  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    return element;
  };
  const percent = (ms) => Math.max(0, Math.min(100, (ms / total) * 100));
  const rows = phases.map(([name, from, ms, look]) => {
    const bar = svg("svg", { class: "bar", preserveAspectRatio: "none", viewBox: "0 0 100 10", role: "img", "aria-label": `${name}: ${milliseconds(ms)}` });
    bar.append(svg("rect", { class: `phase ${look}`, x: Math.min(percent(from), 99.4), y: 0, width: Math.max(0.6, percent(ms)), height: 10, rx: 0.6 }));
    return el("div", { class: "phase-row" }, el("span", {}, name), bar, el("span", { class: "number" }, milliseconds(ms)));
  });
  const marks = svg("svg", { class: "bar marks", preserveAspectRatio: "none", viewBox: "0 0 100 10" });
  for (const log of found.logs.slice(0, 500)) {
    if (Number.isFinite(log.at)) marks.append(svg("rect", { class: `mark ${log.level}`, x: percent(before + log.at), y: 1, width: 0.4, height: 8 }));
  }
  rows.push(el("div", { class: "phase-row" }, el("span", {}, "log lines"), marks, el("span", { class: "number" }, number(found.logs.length))));
  return el("div", { class: "timeline" }, el("h3", {}, "Timeline"), rows);
}

const words = (name) => String(name).replace(/([A-Z])/g, " $1").toLowerCase();

// The forwarder's own row of the invocation, where it is routed to this stream.
function row(record) {
  if (!record) return "";
  const members = Object.entries(record).filter(([, value]) => value !== null);
  return el(
    "details",
    { class: "row-of" },
    el("summary", {}, "forwarder.invocation"),
    el("dl", { class: "metrics small" }, members.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, typeof value === "object" ? JSON.stringify(value) : value)))),
  );
}
