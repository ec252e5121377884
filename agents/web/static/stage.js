// The picture: plain, with what findings point at over it, and a heat map between the two.

import { api, pictureUrl } from "./api.js";
import { badge, byId, counted, duration, el, MARKS, svg, value } from "./dom.js";

const ORDER = { failed: 0, undecided: 1, passed: 2 };
const STATUS = { failed: "anomalous", undecided: "undecided", passed: "normal" };

export class Stage {
  /** `onProblem` is told what goes wrong, in one line. */
  constructor(product, onProblem) {
    this.product = product;
    this.onProblem = onProblem;
    this.session = "";
    this.shown = null;
    this.findings = [];
    this.pinned = null;
    this.heats = new Map();
    // As large as the window allows, with the findings still in sight.
    byId("canvas").style.maxWidth = `calc(50dvh * ${product.width / product.height})`;
    byId("marks").setAttribute("viewBox", `0 0 ${product.width} ${product.height}`);
    byId("detector").append(
      ...product.detectors.map((one) =>
        el("option", { value: one.name, disabled: Boolean(one.missing), title: one.missing || one.summary }, one.name),
      ),
    );
    const ready = product.detectors.filter((one) => !one.missing);
    byId("detector").value = ready.some((one) => one.name === "grnr") ? "grnr" : (ready[0]?.name ?? "");
    byId("look").addEventListener("click", () => this.look());
    byId("detector").addEventListener("change", () => this.#hideHeat());
    byId("opacity").addEventListener("input", () => this.#setOpacity());
    byId("show-marks").addEventListener("change", (event) => byId("marks").toggleAttribute("hidden", !event.target.checked));
    byId("tools").addEventListener("submit", (event) => event.preventDefault());
    byId("panel-picture").addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#pin(null);
    });
  }

  /** The pictures of a session, with the last status of each. */
  list(session, pictures, verdicts) {
    if (session !== this.session) this.clear();
    this.session = session;
    byId("no-picture").hidden = pictures.length > 0;
    byId("with-picture").hidden = pictures.length === 0;
    byId("strip").replaceChildren(
      ...pictures.map((picture) => {
        const status = verdicts[picture.number];
        const button = el(
          "button",
          { type: "button", class: `thumb ${status ?? ""}`, "data-number": picture.number, title: picture.name, onclick: () => this.open(picture.number) },
          el("img", { src: pictureUrl(picture.sha256), alt: "", loading: "lazy", decoding: "async" }),
          el("span", { class: "thumb-name" }, el("b", {}, String(picture.number)), ` ${picture.name}`),
          el("span", { class: "hidden" }, status ? `, ${status}` : ", not inspected"),
          status ? el("span", { class: `dot ${status}`, "aria-hidden": "true" }, MARKS[status]) : null,
        );
        return el("li", {}, button);
      }),
    );
    this.#markCurrent();
  }

  clear() {
    this.shown = null;
    this.heats.clear();
    this.#hideHeat();
    byId("strip").replaceChildren();
  }

  /** Show a picture of the session. */
  async open(number) {
    try {
      const view = await api.picture(this.session, number);
      if (this.shown?.picture.number !== number) this.#hideHeat();
      this.shown = view;
    } catch (error) {
      this.onProblem(error.message);
      return;
    }
    const { picture, verdict } = this.shown;
    const plain = byId("plain");
    plain.src = pictureUrl(picture.sha256);
    plain.alt = verdict ? `Picture ${picture.number}, ${picture.name}: ${verdict.explanation}` : `Picture ${picture.number}, ${picture.name}`;
    plain.width = this.product.width;
    plain.height = this.product.height;
    this.#headline(picture, verdict);
    this.#table(verdict);
    this.#draw();
    this.#facts(verdict);
    this.#markCurrent();
  }

  #markCurrent() {
    for (const button of byId("strip").querySelectorAll("button")) {
      const current = Number(button.dataset.number) === this.shown?.picture.number;
      if (current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      if (current) button.parentElement.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  #headline(picture, verdict) {
    const name = el("h2", {}, `${picture.number}. ${picture.name}`);
    if (!verdict) {
      byId("headline").replaceChildren(name, el("p", { class: "quiet" }, "Not inspected yet."));
      return;
    }
    const bar = el("span", { class: `bar ${verdict.status}`, "aria-hidden": "true" }, el("i"));
    bar.firstChild.style.width = `${Math.round(100 * verdict.score)}%`;
    byId("headline").replaceChildren(
      name,
      badge(verdict.status),
      el("span", { class: "score", title: "0.5 is the decision line" }, bar, el("span", {}, `score ${verdict.score.toFixed(2)}`)),
      ...(verdict.error ? [el("p", { class: "alert" }, verdict.error)] : []),
    );
  }

  #table(verdict) {
    this.pinned = null;
    this.findings = [...(verdict?.findings ?? [])].sort((a, b) => ORDER[a.status] - ORDER[b.status]);
    const body = byId("findings").tBodies[0];
    body.replaceChildren(...this.findings.map((finding, place) => this.#row(finding, place)));
    byId("findings-title").textContent = this.findings.length ? `Findings (${counted(this.findings.filter((one) => one.status !== "passed").length, "open one")})` : "Findings";
    byId("findings").parentElement.hidden = this.findings.length === 0;
  }

  #row(finding, place) {
    const status = STATUS[finding.status];
    const label = finding.status === "passed" ? "✓" : String(place + 1);
    const source = finding.witness ? `Witness ${finding.witness}` : finding.detector ? `Detector ${finding.detector}` : `Rule ${finding.rule}`;
    const marked = finding.parts.length;
    const button = el(
      "button",
      {
        type: "button", class: `number ${status}`, "aria-pressed": "false",
        "aria-label": `${finding.status}: ${finding.reason}. ${marked ? `Show ${counted(marked, "place")} on the picture` : "It points at no place"}`,
        onclick: () => this.#pin(this.pinned === place ? null : place),
      },
      label,
    );
    return el(
      "tr",
      {
        "data-finding": place, class: `finding ${finding.status}`,
        onmouseenter: () => this.#light(place), onmouseleave: () => this.#light(null),
        onfocusin: () => this.#light(place), onfocusout: () => this.#light(null),
        onclick: (event) => { if (!event.target.closest("button")) this.#pin(this.pinned === place ? null : place); },
      },
      el("td", {}, button),
      el("td", {},
        el("p", { class: "reason" }, finding.status === "passed" ? finding.text : finding.reason),
        el("p", { class: "quiet small" }, finding.status === "passed" ? `${source}, passed` : `${source}, ${finding.status} (${finding.kind}): ${finding.text}`, finding.error ? ` (${finding.error})` : ""),
      ),
      el("td", { "data-label": "Expected" }, value(finding.expected)),
      el("td", { "data-label": "Saw" }, value(finding.actual)),
    );
  }

  #draw() {
    const marks = byId("marks");
    marks.classList.remove("lit");
    marks.replaceChildren();
    const unit = this.product.width / 40;
    const taken = [];
    this.findings.forEach((finding, place) => {
      if (!finding.parts.length) return;
      const path = finding.parts.map(pathOf).join("");
      const group = svg("g", { class: `mark ${STATUS[finding.status]}`, "data-finding": place });
      const frame = `M0 0H${this.product.width}V${this.product.height}H0Z`;
      group.append(
        svg("path", { class: "shade", d: frame + path, "fill-rule": "evenodd" }),
        svg("path", { class: "halo", d: path }),
        svg("path", { class: "line", d: path }),
      );
      if (finding.status !== "passed") group.append(...this.#marker(finding, place, unit, taken));
      group.addEventListener("click", () => this.#pin(this.pinned === place ? null : place));
      group.addEventListener("mouseenter", () => this.#light(place));
      group.addEventListener("mouseleave", () => this.#light(null));
      marks.prepend(group);
    });
  }

  #marker(finding, place, unit, taken) {
    let [x, y] = finding.parts[0].box;
    x = Math.min(Math.max(x, unit), this.product.width - unit);
    y = Math.min(Math.max(y, unit), this.product.height - unit);
    while (taken.some(([a, b]) => Math.hypot(a - x, b - y) < 2 * unit) && x < this.product.width - 3 * unit) x += 2.1 * unit;
    taken.push([x, y]);
    const text = svg("text", { x, y, "font-size": 1.25 * unit, class: "marker-text" }, String(place + 1));
    return [svg("circle", { cx: x, cy: y, r: unit, class: "marker" }), text];
  }

  #pin(place) {
    this.pinned = place;
    for (const row of byId("findings").tBodies[0].rows) {
      const pinned = Number(row.dataset.finding) === place;
      row.classList.toggle("pinned", pinned);
      row.querySelector("button").setAttribute("aria-pressed", String(pinned));
    }
    this.#light(null);
  }

  #light(place) {
    const lit = place ?? this.pinned;
    byId("marks").classList.toggle("lit", lit !== null && this.findings[lit]?.parts.length > 0);
    for (const mark of byId("marks").children) mark.classList.toggle("on", Number(mark.dataset.finding) === lit);
    for (const row of byId("findings").tBodies[0].rows) row.classList.toggle("on", Number(row.dataset.finding) === lit);
  }

  #facts(verdict) {
    const facts = [];
    if (verdict && Object.keys(verdict.counts).length) facts.push(["Parts seen", Object.entries(verdict.counts).map(([label, count]) => `${label}: ${count}`).join(", ")]);
    if (verdict && Object.keys(verdict.seconds).length) facts.push(["Time", Object.entries(verdict.seconds).map(([step, seconds]) => `${step} ${duration(seconds)}`).join(", ")]);
    for (const note of verdict?.notes ?? []) facts.push(["Note", note]);
    byId("facts").replaceChildren(...facts.map(([name, words]) => el("div", {}, el("dt", {}, name), el("dd", {}, words))));
  }

  /** Lay the heat map of the chosen detector over the picture. */
  async look() {
    const number = this.shown?.picture.number;
    const detector = byId("detector").value;
    if (!number || !detector) return;
    const key = `${number} ${detector}`;
    byId("look").disabled = true;
    byId("heat-says").textContent = `${detector} looks at picture ${number}; the first time it is calibrated on the reference pictures …`;
    try {
      let heat = this.heats.get(key);
      if (!heat) {
        heat = await api.heat(this.session, number, detector);
        const bytes = Uint8Array.from(atob(heat.png), (c) => c.charCodeAt(0));
        heat.url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
        this.heats.set(key, heat);
      }
      if (this.shown?.picture.number !== number) return;
      const image = byId("heat");
      image.src = heat.url;
      image.alt = `Heat map of ${heat.detector}: red is unlike normal pictures`;
      image.hidden = false;
      byId("opacity-label").hidden = false;
      this.#setOpacity();
      byId("heat-says").textContent =
        `${heat.detector}: score ${heat.score.toPrecision(3)}, the line is at ${heat.threshold.toPrecision(3)} ` +
        `(${heat.decision > 0.5 ? "beyond it" : "below it"}), from ${counted(heat.normal, "normal picture")}.`;
    } catch (error) {
      byId("heat-says").textContent = "";
      this.onProblem(error.message);
    } finally {
      byId("look").disabled = false;
    }
  }

  #hideHeat() {
    byId("heat").hidden = true;
    byId("opacity-label").hidden = true;
    byId("heat-says").textContent = "";
  }

  #setOpacity() {
    const share = byId("opacity").value;
    byId("heat").style.opacity = share / 100;
    byId("opacity-out").textContent = `${share} %`;
  }
}

function pathOf(evidence) {
  const [x0, y0, x1, y1] = evidence.box;
  const polygons = evidence.outline.filter((one) => one.length > 2);
  const drawn = polygons.length ? polygons : [[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]];
  return drawn.map((polygon) => `M${polygon.map(([x, y]) => `${x} ${y}`).join("L")}Z`).join("");
}
