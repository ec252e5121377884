// The rulebook and the sessions.

import { byId, counted, el, when } from "./dom.js";

/** The rules; `say(words)` says something, `draft(words)` puts it where the person can go on writing. */
export function showRules(rules, say, draft) {
  byId("rule-count").textContent = String(rules.length);
  byId("rules").replaceChildren(
    ...rules.map((rule) =>
      el(
        "li",
        { class: "rule card" },
        el("p", { class: "rule-text" }, el("span", { class: "rule-number" }, String(rule.number)), ` ${rule.text} `, el("span", { class: "kind" }, rule.kind)),
        rule.proven ? el("p", { class: "quiet small" }, el("b", { class: "normal" }, "✓ proven"), ` ${rule.proof}`) : el("p", { class: "undecided small" }, "? Not proven: it does not count."),
        proofs(rule),
        el("details", { class: "code" }, el("summary", {}, "Check"), el("pre", { tabIndex: 0 }, el("code", {}, rule.code))),
        el(
          "div",
          { class: "row" },
          el("button", { type: "button", "aria-label": `Change rule ${rule.number}`, onclick: () => draft(`change rule ${rule.number} to: ${rule.text}`) }, "Change …"),
          el("button", { type: "button", "aria-label": `Retire rule ${rule.number}`, onclick: () => say(`retire rule ${rule.number}`) }, "Retire …"),
        ),
      ),
    ),
  );
  if (!rules.length) byId("rules").append(el("li", { class: "quiet" }, "There is no rule yet. Say above what is true of every good product."));
}

function proofs(rule) {
  if (!rule.counterfactuals.length) return null;
  return el(
    "details",
    { class: "code" },
    el("summary", {}, "Proof"),
    el(
      "ul",
      { class: "small quiet" },
      rule.counterfactuals.map((one) => el("li", {}, `${one.label} ${one.edit}: noticed ${one.caught} of ${one.tried}`)),
      rule.false_alarms.length ? el("li", {}, `false alarms on ${rule.false_alarms.join(", ")}`) : null,
      el("li", {}, `written by ${rule.reasoner}`),
    ),
  );
}

/** The sessions; `open(id)` and `remove(session)` do what they say. */
export function showSessions(sessions, current, open, remove) {
  byId("sessions").replaceChildren(
    ...sessions.map((session) => {
      const here = session.id === current;
      const button = el(
        "button",
        { type: "button", class: "session", onclick: () => open(session.id) },
        el("span", { class: "file" }, session.title, here ? el("span", { class: "kind" }, "open") : ""),
        el("span", { class: "quiet small" }, `${when(session.started)} · ${counted(session.turns, "turn")}${session.branch_of ? " · a branch" : ""}`),
        session.last ? el("span", { class: "small last" }, session.last) : null,
      );
      if (here) button.setAttribute("aria-current", "true");
      return el("li", { class: "card" }, button, el("button", { type: "button", class: "quiet-button", "aria-label": `Delete session ${session.title} of ${when(session.started)}`, onclick: () => remove(session) }, "Delete"));
    }),
  );
  if (!sessions.length) byId("sessions").append(el("li", { class: "quiet" }, "There is no session yet."));
}
