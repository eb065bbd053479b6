// What the sequence numbers prove: the table of --verify, live.
import { el, number, seconds } from "./dom.js";

export function render(into, proof, status) {
  if (!proof) {
    into.replaceChildren(el("p", { class: "nothing" }, "Nothing to prove yet."));
    return;
  }
  const { totals } = proof;
  const processes = totals.complete + totals.unproven + totals.with_loss;
  const card = (value, label, look = "") => el("div", { class: `card ${look}` }, el("b", {}, value), el("span", {}, label));
  const cards = el(
    "div",
    { class: "cards" },
    card(number(totals.lost), "lines lost", totals.lost > 0 ? "bad" : "good"),
    card(number(totals.events), "events"),
    card(number(totals.dropped), "dropped and announced", totals.dropped > 0 ? "warn" : ""),
    card(number(totals.repeats), "repeats"),
    card(number(proof.unreadable), "cannot be read", proof.unreadable > 0 ? "warn" : ""),
    card(number(processes), "processes of the forwarder"),
  );
  const head = ["process", "sink", "events", "lost", "dropped", "repeats", "proof"];
  const body = proof.rows.map((row) =>
    el(
      "tr",
      {},
      el("td", { class: "mono" }, row.id),
      el("td", {}, row.sink),
      ...["events", "lost", "dropped", "repeats"].map((name) =>
        el("td", { class: `number ${name === "lost" && row.lost > 0 ? "bad" : ""}` }, number(row[name])),
      ),
      el("td", {}, el("span", { class: `pill ${row.proof}` }, verdict(row))),
    ),
  );
  const table = el(
    "div",
    { class: "scroll" },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, head.map((name, index) => el("th", { class: index > 1 && index < 6 ? "number" : "" }, name)))),
      el("tbody", {}, body),
    ),
  );
  const more = processes - proof.rows.length;
  const shards = (status?.shards ?? []).map(([shard, lag]) =>
    el("tr", {}, el("td", { class: "mono" }, shard), el("td", { class: "number" }, seconds(lag))),
  );
  into.replaceChildren(
    cards,
    table,
    more > 0 ? el("p", { class: "quiet" }, `and ${number(more)} more; those with loss come first`) : "",
    el("h2", {}, "Shards"),
    el(
      "div",
      { class: "scroll" },
      el(
        "table",
        { class: "narrow" },
        el("thead", {}, el("tr", {}, el("th", {}, "shard"), el("th", { class: "number" }, "behind"))),
        el("tbody", {}, shards),
      ),
    ),
  );
}

function verdict(row) {
  const from = row.from > 0 ? `, from ${number(row.from)} on` : "";
  if (row.proof === "complete") return `complete${from}`;
  if (row.proof === "unproven") return `no final report yet${from}`;
  const ranges = row.ranges.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return `lost ${ranges.join(", ")}${from}`;
}
