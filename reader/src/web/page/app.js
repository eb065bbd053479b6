// The page: one connection to the reader, what is asked for in the URL, and three views of it.
import { Charts } from "./charts.js";
import { byId, bytes, number } from "./dom.js";
import * as filters from "./filters.js";
import * as invocation from "./invocation.js";
import * as proof from "./proof.js";
import { noticeOf, Tail } from "./tail.js";

const VIEWS = ["tail", "charts", "proof"];
// For so long it is said that lines were counted and not shown.
const SAID = 3_000;

const charts = new Charts();
const tail = new Tail((request) => openInvocation(request));
let asked = filters.read();
let source = null;
let boot = null;
let report = null;
let counted = { skipped: 0, missed: 0, since: 0 };

const view = () => (VIEWS.includes(asked.view) ? asked.view : "tail");

function connect() {
  source?.close();
  const query = filters.query(filters.NAMES, asked);
  const mine = new EventSource(`./api/events${query ? `?${query}` : ""}`);
  source = mine;
  mine.addEventListener("hello", (event) => {
    const hello = JSON.parse(event.data);
    if (boot !== null && boot !== hello.boot) {
      charts.clear();
      tail.clear();
    }
    boot = hello.boot;
    document.body.dataset.connected = "yes";
  });
  mine.addEventListener("rows", (event) => {
    const { rows, skipped, missed, history } = JSON.parse(event.data);
    if (history) tail.clear();
    tail.take(rows);
    const now = performance.now();
    if (skipped + missed > 0) {
      if (now - counted.since > SAID) counted = { skipped: 0, missed: 0, since: now };
      counted.skipped += skipped;
      counted.missed += missed;
      counted.since = now;
    }
    notice();
  });
  mine.addEventListener("report", (event) => {
    report = JSON.parse(event.data);
    charts.take(report.series);
    status();
    draw();
  });
  mine.addEventListener("error", async () => {
    document.body.dataset.connected = "no";
    say("state", "no connection", "away");
    // A browser comes again by itself when the reader is gone, but not when it was refused.
    if (mine.readyState !== EventSource.CLOSED || source !== mine) return;
    const answer = await fetch(mine.url, { headers: { accept: "text/plain" } }).catch(() => null);
    if (answer && answer.status === 400) {
      const text = (await answer.text()).trim();
      byId("notice").hidden = false;
      byId("notice").textContent = `This filter cannot be used: ${text}`;
      byId("filters").classList.add("wrong");
      return;
    }
    answer?.body?.cancel();
    setTimeout(() => source === mine && connect(), 1_000);
  });
  byId("filters").classList.remove("wrong");
}

function say(id, text, look) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
  if (look !== undefined) element.dataset.look = look;
}

function status() {
  const { status: now, proof: proved } = report;
  say("stream", now.stream || "…");
  say("state", now.state || "connecting", now.state === "live" ? "live" : "behind");
  say("rate", number(now.rate));
  say("lines", number(now.lines));
  say("bytes", bytes(now.bytes));
  document.title = `${now.stream} · telemetry`;
  const lost = proved?.totals.lost ?? 0;
  byId("lost").hidden = lost === 0;
  say("lost", number(lost));
  notice();
}

function notice() {
  if (byId("filters").classList.contains("wrong")) return;
  const recent = performance.now() - counted.since < SAID ? counted : { skipped: 0, missed: 0 };
  const text = noticeOf(recent, tail.paused, tail.heldCount);
  byId("notice").hidden = !text;
  byId("notice").textContent = text;
}

function draw() {
  charts.draw(view());
  if (view() === "proof" && report) proof.render(byId("proof"), report.proof, report.status);
}

function show() {
  for (const name of VIEWS) byId(name).hidden = name !== view();
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-current", button.dataset.view === view() ? "page" : "false");
  }
  document.body.dataset.view = view();
  filters.show(asked);
  draw();
  if (asked.invocation) openInvocation(asked.invocation, false);
  else byId("invocation").hidden = true;
}

function ask(changes) {
  const before = filters.query(filters.NAMES, asked);
  asked = filters.write(changes);
  show();
  if (filters.query(filters.NAMES, asked) !== before) {
    tail.clear();
    connect();
  }
}

async function openInvocation(request, write = true) {
  if (write) asked = filters.write({ invocation: request });
  const drawer = byId("invocation");
  const actions = {
    close: closeInvocation,
    filter: (changes) => ask({ request: "", trace: "", ...changes, invocation: "", view: "tail" }),
  };
  try {
    const found = await invocation.load(request, asked.token);
    if (asked.invocation !== request) return;
    invocation.render(drawer, request, found, actions);
  } catch (error) {
    invocation.render(drawer, request, { rows: [], more: 0 }, actions);
    drawer.append(document.createTextNode(error.message));
  }
  if (drawer.hidden) {
    drawer.hidden = false;
    drawer.focus();
  }
}

function closeInvocation() {
  byId("invocation").hidden = true;
  if (asked.invocation) asked = filters.write({ invocation: "" });
  byId("rows").focus();
}

function pause() {
  tail.pause(!tail.paused);
  byId("pause").textContent = tail.paused ? "Go on" : "Pause";
  byId("pause").setAttribute("aria-pressed", String(tail.paused));
  notice();
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // Some browsers keep nothing; the page forgets it then.
  }
  charts.renew();
  draw();
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const writes = event.target.closest("input, select, textarea");
  if (event.key === "Escape") {
    if (writes) writes.blur();
    else if (!byId("invocation").hidden) closeInvocation();
    return;
  }
  if (writes || byId("keys").open) return;
  const keys = {
    "/": () => byId("filters").elements.text.focus(),
    p: pause,
    j: () => tail.move(1),
    k: () => tail.move(-1),
    ArrowDown: () => tail.move(1),
    ArrowUp: () => tail.move(-1),
    Enter: () => event.target.closest("button, summary") ?? tail.enter(),
    g: () => tail.newest(),
    t: theme,
    1: () => ask({ view: "" }),
    2: () => ask({ view: "charts" }),
    3: () => ask({ view: "proof" }),
    "?": () => byId("keys").showModal(),
  };
  const action = keys[event.key];
  if (!action) return;
  if (event.key === "Enter" && event.target.closest("button, summary")) return;
  if (event.key.startsWith("Arrow") && event.target !== byId("rows")) return;
  event.preventDefault();
  action();
}

try {
  const kept = localStorage.getItem("theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
} catch {
  // As the system has it.
}
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => ask({ view: button.dataset.view === "tail" ? "" : button.dataset.view }));
}
byId("pause").addEventListener("click", pause);
byId("theme").addEventListener("click", theme);
byId("help").addEventListener("click", () => byId("keys").showModal());
document.addEventListener("keydown", key);
addEventListener("popstate", () => {
  const before = filters.query(filters.NAMES, asked);
  asked = filters.read();
  show();
  if (filters.query(filters.NAMES, asked) !== before) connect();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  charts.renew();
  draw();
});
filters.listen(ask);
setInterval(notice, 1_000);
show();
connect();
