// What is asked for. It is the URL: a link shows what its sender saw.
import { byId } from "./dom.js";

export const NAMES = ["text", "level", "function", "request", "trace", "type"];
const OTHERS = ["view", "invocation"];

export function read() {
  const given = new URLSearchParams(location.search);
  return Object.fromEntries([...NAMES, ...OTHERS, "token"].map((name) => [name, given.get(name) ?? ""]));
}

// The query of a call to the server.
export function query(names, values) {
  const query = new URLSearchParams();
  for (const name of [...names, "token"]) if (values[name]) query.set(name, values[name]);
  return query.toString();
}

export function write(changes, replace = false) {
  const values = { ...read(), ...changes };
  const text = query([...NAMES, ...OTHERS], values);
  const url = text ? `?${text}` : location.pathname;
  if (url !== location.search || !text) history[replace ? "replaceState" : "pushState"](null, "", url);
  return values;
}

export function show(values) {
  const form = byId("filters");
  for (const name of NAMES) {
    const field = form.elements[name];
    if (document.activeElement !== field) field.value = values[name];
    field.classList.toggle("set", Boolean(values[name]));
  }
  byId("clear").hidden = !NAMES.some((name) => values[name]);
}

// Calls `changed` when somebody asks for something else.
export function listen(changed) {
  const form = byId("filters");
  let waiting = null;
  const soon = (delay) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => changed(Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value.trim()]))), delay);
  };
  form.addEventListener("input", () => soon(300));
  form.addEventListener("change", () => soon(0));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    soon(0);
  });
  byId("clear").addEventListener("click", () => {
    form.reset();
    for (const name of NAMES) form.elements[name].value = "";
    soon(0);
  });
}
