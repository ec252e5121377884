// The talk: what was said, what came of it, and what a person is asked.

import { pictureUrl } from "./api.js";
import { badge, byId, counted, duration, el } from "./dom.js";

const WORDS = {
  open: "Opening the product", begin: "Reading what you said", think: "Thinking", check: "Checking what to do",
  ask: "Asking you", keep: "Keeping the turn", inspect_picture: "Inspecting", list_parts: "Listing parts",
  count_parts: "Counting parts", locate_parts: "Locating parts", measure_part: "Measuring", zoom_in: "Zooming in",
  compare_pictures: "Comparing", look_with_detector: "Looking with a detector", list_rules: "Reading the rulebook",
  show_rule: "Reading the rulebook", propose_rule: "Proving the rule", save_rule: "Saving the rule",
  change_rule: "Changing the rule", retire_rule: "Retiring the rule", run_check: "Running the check",
  search_verdicts: "Searching verdicts", explain_verdict: "Explaining the verdict", show_overlay: "Marking the picture",
  compare_verdicts: "Comparing verdicts", ask_model: "Asking the model",
};

export const inWords = (step) => WORDS[step] ?? step.replaceAll("_", " ");

/** A finished turn; `does` are `openPicture`, `nameOf`, `view` and `branch`. */
export function turnCard(turn, does) {
  return el(
    "li",
    { class: "turn", "data-turn": turn.number },
    said(turn.asked, turn.pictures),
    el(
      "div",
      { class: "answer" },
      verdicts(turn, does),
      Object.keys(turn.verdicts).length && plain(turn) ? null : el("p", { class: "words" }, turn.answer),
      turn.decisions.map((one) => el("p", { class: "decision quiet small" }, one)),
      turn.stopped ? el("p", { class: "alert small" }, turn.stopped) : null,
      shown(turn, does),
      el(
        "div",
        { class: "row foot" },
        trace(turn),
        el("button", { type: "button", class: "quiet-button", onclick: () => does.branch(turn.number), "aria-label": `Branch a new session after turn ${turn.number}` }, "Branch from here"),
      ),
    ),
  );
}

const EXAMPLES = ["why is this one bad?", "compare with the reference", "list rules"];

/** What can be done in a session where nothing was said; `draft(words)` and `choose()` begin it. */
export const hintCard = (draft, choose) =>
  el(
    "li",
    { class: "hint" },
    el("p", {}, "Give a picture, and it is inspected. Then ask about it, or say what must always be true."),
    el("button", { type: "button", class: "primary", onclick: choose }, "Choose pictures"),
    el("p", { class: "quiet small" }, "For example:"),
    EXAMPLES.map((words) => el("button", { type: "button", onclick: () => draft(words) }, words)),
  );

/** What a person said, that is not answered yet. */
export const openCard = (asked, names) => el("li", { class: "turn open" }, said(asked, names.map((name) => ({ name }))));

/** Show more of what a model says in the turn that is open. */
export function hear(text) {
  const card = document.querySelector("#turns .open");
  if (!card) return;
  if (!card.querySelector(".heard")) card.append(el("div", { class: "answer heard" }, el("p", { class: "words" })));
  card.querySelector(".heard .words").append(text);
}

/** What a model has said before it called a tool is not its answer. */
export const forget = () => document.querySelector("#turns .open .heard")?.remove();

function said(asked, pictures) {
  return el(
    "div",
    { class: "asked" },
    el("span", { class: "hidden" }, "You: "),
    asked ? el("p", { class: "words" }, asked) : null,
    pictures.length ? el("p", { class: "small" }, pictures.map((one) => el("span", { class: "chip" }, one.number ? `${one.number}. ${one.name}` : one.name))) : null,
  );
}

/** Whether the answer is nothing but the verdicts, which are told in their own way. */
const plain = (turn) => turn.steps.every((step) => ["think", "inspect_picture"].includes(step.name) && !step.error) && !turn.steps.some((step) => step.usage.calls);

function verdicts(turn, does) {
  const told = Object.entries(turn.verdicts);
  if (!told.length) return null;
  return el(
    "ul",
    { class: "verdicts" },
    told.map(([number, verdict]) =>
      el(
        "li",
        {},
        el("p", {}, badge(verdict.status), ` ${does.nameOf(Number(number))}`),
        el("p", { class: "words" }, verdict.explanation),
        el("button", { type: "button", "data-evidence": number, onclick: () => does.openPicture(Number(number)) }, "Show the evidence"),
      ),
    ),
  );
}

function shown(turn, does) {
  if (!turn.shown.length) return null;
  return el(
    "ul",
    { class: "shown" },
    turn.shown.map((one) =>
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", class: "thumb", onclick: () => does.view(one), "aria-label": `Enlarge: ${one.caption}` },
          el("img", { src: pictureUrl(one.sha256), alt: "", loading: "lazy", decoding: "async" }),
          el("span", { class: "thumb-name" }, one.caption),
        ),
      ),
    ),
  );
}

function trace(turn) {
  const seconds = turn.steps.reduce((sum, step) => sum + step.seconds, 0);
  const tokens = turn.usage.input_tokens + turn.usage.output_tokens;
  const summary = `Trace: ${counted(turn.steps.length, "step")}, ${duration(seconds)}${tokens ? `, ${counted(tokens, "token")}` : ""}`;
  const rows = turn.steps.map((step) =>
    el(
      "tr",
      {},
      el("td", {}, step.name),
      el("td", {}, Object.entries(step.arguments).map(([name, given]) => `${name}: ${JSON.stringify(given)}`).join(", "), step.error ? el("span", { class: "anomalous" }, ` ${step.error}`) : ""),
      el("td", {}, duration(step.seconds)),
      el("td", {}, step.usage.calls ? `${step.usage.input_tokens} + ${step.usage.output_tokens}` : "–"),
    ),
  );
  const head = el("tr", {}, ["Step", "With", "Time", "Tokens"].map((name) => el("th", { scope: "col" }, name)));
  return el("details", { class: "trace" }, el("summary", {}, summary), el("div", { class: "table" }, el("table", {}, el("thead", {}, head), el("tbody", {}, rows))));
}

/** What a person is asked; `decide(yes, edit)` answers. */
export function consentCard(consent, decide) {
  const running = consent.action === "run";
  const was = running ? consent.rule.code : consent.rule?.text ?? "";
  const box = el("textarea", { rows: running ? 8 : 2, value: was, "aria-label": running ? "The check, in other code" : "The rule, in other words", maxLength: 4000 });
  const edit = el("form", { class: "edit", hidden: true }, box, el("div", { class: "row" }, el("button", { type: "button", onclick: () => toggle(false) }, "Back"), el("button", { class: "primary" }, "Propose this instead")));
  const again = el("button", { type: "button", onclick: () => toggle(true), "aria-expanded": "false" }, "Edit …");
  const toggle = (open) => {
    edit.hidden = !open;
    again.setAttribute("aria-expanded", String(open));
    (open ? box : again).focus();
  };
  edit.addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim()) decide(false, box.value.trim());
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !running) {
      event.preventDefault();
      edit.requestSubmit();
    }
    if (event.key === "Escape") toggle(false);
  });
  const title = { save: "A new rule?", change: "Change this rule?", retire: "Retire this rule?", run: "Run this check?" }[consent.action] ?? "May I?";
  return el(
    "div",
    { class: "consent card", role: "group", "aria-labelledby": "consent-title" },
    el("h2", { id: "consent-title", tabIndex: -1 }, title),
    consent.replaces ? el("p", { class: "quiet" }, "Now: ", el("del", {}, consent.replaces)) : null,
    running ? el("p", {}, consent.question) : el("p", { class: "rule-text" }, consent.rule?.text ?? consent.question),
    consent.rule && !running ? el("p", { class: "quiet small" }, consent.rule.proof) : null,
    el("p", { class: "effect" }, consent.effect),
    consent.rule ? el("details", { class: "code", open: running }, el("summary", {}, "Check"), el("pre", { tabIndex: 0 }, el("code", {}, consent.rule.code))) : null,
    el(
      "div",
      { class: "row" },
      el("button", { type: "button", class: "primary", id: "approve", onclick: () => decide(true) }, { retire: "Retire it", run: "Run it" }[consent.action] ?? "Approve"),
      consent.action === "retire" ? null : again,
      el("button", { type: "button", id: "reject", onclick: () => decide(false) }, "Reject"),
    ),
    edit,
  );
}

/** A turn that was cut off. */
export const cutOffCard = (goOn, drop) =>
  el(
    "div",
    { class: "consent card" },
    el("p", {}, "This turn was cut off before it was done."),
    el("div", { class: "row" }, el("button", { type: "button", class: "primary", onclick: goOn }, "Go on with it"), el("button", { type: "button", onclick: drop }, "Drop it")),
  );

/** What is in work for a session: shows it, and counts the seconds. */
export class Progress {
  constructor() {
    this.began = 0;
    this.timer = 0;
  }

  show(words, seconds = 0) {
    const box = byId("progress");
    if (box.hidden) this.began = performance.now() - 1000 * seconds;
    box.hidden = false;
    if (byId("progress-words").textContent !== words) byId("progress-words").textContent = words;
    clearInterval(this.timer);
    this.timer = setInterval(() => this.#tick(), 500);
    this.#tick();
  }

  hide() {
    clearInterval(this.timer);
    byId("progress").hidden = true;
    byId("progress-words").textContent = "";
  }

  #tick() {
    const seconds = (performance.now() - this.began) / 1000;
    byId("progress-time").textContent = seconds < 1 ? "" : `${Math.floor(seconds)} s`;
  }
}
