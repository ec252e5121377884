// Elements from plain values: text is always text, never markup.

export const byId = (id) => document.getElementById(id);

/** An element; `props` are properties, except `class`, `data-…`, `aria-…`, `role` and `on…`. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same of a drawing. */
export function svg(tag, props = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function fill(made, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class" || name === "role" || name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export const MARKS = { normal: "✓", anomalous: "✕", undecided: "?" };

export const badge = (status) => el("span", { class: `badge ${status}` }, `${MARKS[status] ?? "?"} ${status}`);

export const duration = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`);

export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** What a rule expected or saw, for people. */
export function value(given) {
  if (given === null || given === undefined) return "–";
  if (typeof given === "boolean") return given ? "yes" : "no";
  if (typeof given === "number") return String(Number(given.toPrecision(4)));
  if (!Array.isArray(given)) return String(given);
  const [low, high] = given;
  if (low === null) return `at most ${value(high)}`;
  return high === null ? `at least ${value(low)}` : `${value(low)} to ${value(high)}`;
}

export function when(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** Says something to who cannot see it. */
export function speak(words) {
  byId("spoken").textContent = words;
}
