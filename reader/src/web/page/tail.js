// The lines, newest at the bottom. A page keeps so many of them and no more.
import { byId, clock, el, hue, number } from "./dom.js";

const MOST_ROWS = 1_500;
const MOST_HELD = 1_500;
const HIGHEST_SCROLL = 40;

export class Tail {
  constructor(open) {
    this.rows = byId("rows");
    this.open = open;
    this.held = [];
    this.heldCount = 0;
    this.paused = false;
    this.follows = true;
    this.selected = null;
    this.byElement = new WeakMap();
    this.rows.addEventListener("scroll", () => {
      const below = this.rows.scrollHeight - this.rows.scrollTop - this.rows.clientHeight;
      this.follows = below < HIGHEST_SCROLL;
      byId("follow").hidden = this.follows;
    });
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (!row || getSelection().toString()) return;
      this.select(row);
      this.enter();
    });
    byId("follow").addEventListener("click", () => this.newest());
  }

  clear() {
    this.rows.replaceChildren();
    this.selected = null;
    this.held = [];
    this.heldCount = 0;
    byId("nothing").hidden = false;
    this.newest();
  }

  take(rows) {
    if (this.paused) {
      this.heldCount += rows.length;
      this.held.push(...rows);
      if (this.held.length > MOST_HELD) this.held.splice(0, this.held.length - MOST_HELD);
      return;
    }
    this.append(rows);
  }

  append(rows) {
    if (rows.length === 0) return;
    byId("nothing").hidden = true;
    const fragment = document.createDocumentFragment();
    for (const row of rows.slice(-MOST_ROWS)) {
      const element = line(row);
      this.byElement.set(element, row);
      fragment.append(element);
    }
    this.rows.append(fragment);
    // Who reads further up keeps the place; what is above is let go only as far as it must.
    while (this.rows.childElementCount > MOST_ROWS) {
      const first = this.rows.firstElementChild;
      if (!this.follows) this.rows.scrollTop -= first.offsetHeight;
      if (first === this.selected) this.selected = null;
      first.remove();
    }
    if (this.follows) this.rows.scrollTop = this.rows.scrollHeight;
  }

  pause(paused) {
    this.paused = paused;
    if (!paused) {
      this.append(this.held);
      this.held = [];
      this.heldCount = 0;
    }
  }

  newest() {
    this.follows = true;
    byId("follow").hidden = true;
    this.rows.scrollTop = this.rows.scrollHeight;
  }

  select(row) {
    this.selected?.classList.remove("selected");
    this.selected = row;
    if (!row) return;
    row.classList.add("selected");
    row.scrollIntoView({ block: "nearest" });
  }

  move(by) {
    const next = !this.selected
      ? this.rows.lastElementChild
      : by > 0
        ? this.selected.nextElementSibling
        : this.selected.previousElementSibling;
    if (next) this.select(next);
  }

  enter() {
    const row = this.selected && this.byElement.get(this.selected);
    if (row?.r) this.open(row.r);
  }
}

// One event as a row, or below the row that it goes on with.
export function line(row) {
  const level = row.l ?? (row.bad ? "bad" : "other");
  const message = el("span", { class: "message" }, row.c && row.m ? `  ${row.m}` : row.m);
  for (const [name, value] of row.x ?? []) {
    message.append(el("span", { class: "field" }, el("i", {}, `${name}=`), value));
  }
  for (const further of row.s ?? []) message.append(el("span", { class: "more" }, further));
  if (row.cut) message.append(el("span", { class: "more cut" }, "… there is more of this line"));
  return el(
    "div",
    { class: `row ${level}${row.c ? " continues" : ""}`, "data-n": row.n },
    el("time", { datetime: row.t }, row.c ? "" : clock(row.t)),
    el("span", { class: `function hue${hue(row.f)}`, title: row.f }, row.c ? "" : row.f || "–"),
    el("span", { class: "request", title: row.r }, row.c ? "" : row.r.slice(0, 8) || "–"),
    el("span", { class: "badge" }, row.c ? "" : row.b),
    message,
  );
}

export function noticeOf({ skipped, missed }, paused, held) {
  if (paused) return held > 0 ? `Paused. ${number(held)} new lines wait.` : "Paused.";
  if (skipped + missed === 0) return "";
  return `Too many lines to read: ${number(skipped + missed)} more arrived in the last seconds and are counted, not shown. A filter shows all that it finds.`;
}
