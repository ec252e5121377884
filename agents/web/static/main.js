// The page: one session of a product, always shown as the server keeps it.

import { api, pictureUrl } from "./api.js";
import { Composer } from "./composer.js";
import { byId, counted, speak } from "./dom.js";
import { showRules, showSessions } from "./lists.js";
import { Stage } from "./stage.js";
import { consentCard, cutOffCard, forget, hear, hintCard, inWords, openCard, Progress, turnCard } from "./talk.js";

const state = { session: "", talk: null, saying: null, works: [], loads: 0 };
const NOTHING = { title: "New session", turns: 0, talk: [], pictures: [], verdicts: {}, open: null };
const progress = new Progress();
let stage;
let composer;

async function begin() {
  listenToTabs();
  byId("new-session").addEventListener("click", () => openSession(""));
  byId("help").addEventListener("click", () => say("help", []));
  byId("add-rule").addEventListener("submit", (event) => {
    event.preventDefault();
    const sentence = byId("sentence").value.trim();
    byId("sentence").value = "";
    say(`add rule: ${sentence}`, []);
  });
  addEventListener("hashchange", () => {
    if (location.hash.slice(1) !== state.session) openSession(location.hash.slice(1));
  });
  byId("viewer").addEventListener("click", (event) => {
    if (event.target === byId("viewer")) byId("viewer").close();
  });
  composer = new Composer(say, showProblem);
  const product = await api.product();
  stage = new Stage(product, showProblem);
  byId("sentence").placeholder = `Each ${product.labels[0] ?? "part"} is …`;
  listenToServer();
  await Promise.all([refreshRules(), refreshSessions()]);
  await openSession(location.hash.slice(1));
}

/** Open a session; an empty id is one that begins with what is said first. */
async function openSession(session) {
  state.session = session;
  state.talk = null;
  history.replaceState(null, "", session ? `#${session}` : location.pathname);
  byId("turns").replaceChildren();
  hideProblem();
  if (session) {
    await load();
    if (innerWidth < 900) choosePanel("talk");
  } else {
    showTalk(NOTHING);
    if ([document.body, byId("new-session")].includes(document.activeElement)) focusOnText();
  }
  refreshSessions();
}

/** Show the session as the server keeps it. */
async function load() {
  const session = state.session;
  if (!session) return;
  const load = (state.loads += 1);
  try {
    const talk = await api.talk(session);
    if (load === state.loads && session === state.session) showTalk(talk);
  } catch (error) {
    if (error.message.includes(" has no session ")) openSession("");
    showProblem(error.message);
  }
}

function showTalk(talk) {
  const before = state.talk;
  state.talk = talk;
  byId("session-name").textContent = talk.turns ? `${talk.title} · ${counted(talk.turns, "turn")}` : talk.title;
  const list = byId("turns");
  for (const card of list.querySelectorAll(".open, .hint")) card.remove();
  const have = new Set([...list.children].map((card) => Number(card.dataset.turn)));
  const fresh = talk.talk.filter((turn) => !have.has(turn.number));
  list.append(...fresh.map((turn) => turnCard(turn, { openPicture, nameOf, view, branch })));
  const asked = before?.open?.consent?.question;
  if (talk.open) showOpen(talk.open, asked);
  else if (state.saying) list.append(openCard(state.saying.text, state.saying.files.map((file) => file.name)));
  if (!list.children.length) list.append(hintCard((words) => composer.draft(words), () => byId("files").click()));
  stage.list(state.session, talk.pictures, talk.verdicts);
  choosePicture(talk, fresh);
  composer.busy = Boolean(state.saying || talk.open);
  showWorks();
  if (fresh.length || talk.open) list.scrollTop = list.scrollHeight;
  if (before && fresh.length) {
    speak(fresh.at(-1).answer);
    if (asked) focusOnText();
  }
}

function showOpen(open, askedBefore) {
  const card = openCard(open.asked, open.pictures.map((one) => one.name));
  byId("turns").append(card);
  if (open.consent) {
    card.append(consentCard(open.consent, decide));
    if (open.consent.question !== askedBefore) {
      if (innerWidth < 900) choosePanel("talk");
      byId("consent-title").focus({ preventScroll: true });
    }
  } else if (!open.in_work && !state.saying) card.append(cutOffCard(() => inTurn(() => api.goOn(state.session)), () => inTurn(() => api.drop(state.session))));
}

/** Show what was judged just now, a bad one first; else the picture that is spoken of, or the last one. */
function choosePicture(talk, fresh) {
  const verdicts = fresh.flatMap((turn) => Object.entries(turn.verdicts));
  const judged = verdicts.toSorted(([, a], [, b]) => (a.status === "normal") - (b.status === "normal")).map(([number]) => Number(number));
  const spoken = fresh.flatMap((turn) => turn.shown.map((one) => one.picture)).filter(Boolean);
  const number = judged[0] ?? spoken.at(-1) ?? (stage.shown ? null : talk.pictures.at(-1)?.number);
  if (!number) return;
  stage.open(number);
  if (judged.length && innerWidth >= 900) choosePanel("picture");
}

async function say(text, files) {
  if (composer.busy) {
    showProblem("answer what is asked first, or wait until the turn is done");
    return;
  }
  if (innerWidth < 900) choosePanel("talk");
  state.saying = { text, files };
  composer.busy = true;
  hideProblem();
  byId("turns").querySelector(".hint")?.remove();
  byId("turns").append(openCard(text, files.map((file) => file.name)));
  byId("turns").scrollTop = byId("turns").scrollHeight;
  progress.show(files.length ? `Sending ${counted(files.length, "picture")}` : "Sending");
  const isNew = !state.session;
  try {
    if (isNew) {
      state.session = (await api.start()).id;
      history.replaceState(null, "", `#${state.session}`);
    }
    const answer = await api.say(state.session, text, files);
    state.saying = null;
    if (answer.notes.length) showProblem(answer.notes.join("; "));
  } catch (error) {
    state.saying = null;
    composer.restore(text, files);
    showProblem(error.message);
    if (isNew && state.session) await abandon();
  }
  await finished();
}

/** A session in which nothing could be said is none. */
async function abandon() {
  const { turns, open } = await api.talk(state.session).catch(() => ({ turns: 1 }));
  if (turns || open) return;
  const session = state.session;
  state.session = "";
  await api.remove(session).catch(() => null);
  history.replaceState(null, "", location.pathname);
}

const decide = (yes, edit) => inTurn(() => api.decide(state.session, yes, edit));

async function inTurn(does) {
  hideProblem();
  for (const button of byId("turns").querySelectorAll(".consent button")) button.disabled = true;
  progress.show("Sending");
  try {
    await does();
  } catch (error) {
    showProblem(error.message);
  }
  await finished();
}

async function finished() {
  progress.hide();
  if (!state.talk?.open && !state.saying) composer.busy = false;
  if (state.session) await load();
  else showTalk(NOTHING);
  await Promise.all([refreshRules(), refreshSessions()]);
}

function openPicture(number) {
  choosePanel("picture");
  stage.open(number);
  byId("panel-picture").focus({ preventScroll: innerWidth >= 900 });
}

function nameOf(number) {
  const name = state.talk.pictures.find((one) => one.number === number)?.name;
  return name ? `Picture ${number}, ${name}` : `Picture ${number}`;
}

function view(shown) {
  byId("viewer-picture").src = pictureUrl(shown.sha256);
  byId("viewer-picture").alt = shown.caption;
  byId("viewer-caption").textContent = shown.caption;
  byId("viewer").showModal();
}

async function branch(turn) {
  try {
    await openSession((await api.branch(state.session, turn)).id);
    speak("A new session begins after this turn.");
  } catch (error) {
    showProblem(error.message);
  }
}

async function remove(session) {
  byId("sure-question").textContent = `Delete “${session.title}” with ${counted(session.turns, "turn")}? This cannot be undone.`;
  byId("sure").returnValue = "no";
  byId("sure").showModal();
  await new Promise((done) => byId("sure").addEventListener("close", done, { once: true }));
  if (byId("sure").returnValue !== "yes") return;
  try {
    await api.remove(session.id);
    if (session.id === state.session) await openSession("");
  } catch (error) {
    showProblem(error.message);
  }
  refreshSessions();
}

async function refreshRules() {
  try {
    showRules(await api.rules(), (words) => say(words, []), (words) => {
      if (innerWidth < 900) choosePanel("talk");
      composer.draft(words);
    });
  } catch (error) {
    showProblem(error.message);
  }
}

async function refreshSessions() {
  try {
    showSessions(await api.sessions(), state.session, openSession, remove);
  } catch (error) {
    showProblem(error.message);
  }
}

function listenToServer() {
  const events = new EventSource("/api/events");
  events.addEventListener("open", () => {
    if (!byId("line").hidden) finished();
    byId("line").hidden = true;
  });
  events.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    if (event.kind === "works") {
      state.works = event.works;
      showWorks();
    } else if (event.kind === "text") {
      if (event.session === state.session) hear(event.text);
    } else if (event.kind === "done" && event.session) {
      if (event.session !== state.session) refreshRules();
      else if (!state.saying) load();
    }
  });
  events.addEventListener("error", () => {
    byId("line").textContent = "The line to the server is cut; trying again …";
    byId("line").hidden = false;
  });
}

function showWorks() {
  const work = state.works.find((one) => one.session === state.session && one.session);
  if (work?.steps.at(-1) === "check") forget();
  if (work) progress.show(work.ahead ? `Waiting for ${counted(work.ahead, "other request")}` : `${inWords(work.steps.at(-1) ?? "open")} …`, work.seconds);
  else if (!state.saying) progress.hide();
}

function choosePanel(name) {
  const wide = innerWidth >= 900;
  const chosen = wide && name === "talk" ? "picture" : name;
  document.body.dataset.panel = chosen;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const selected = tab.dataset.panel === chosen;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
  }
  for (const panel of document.querySelectorAll(".panel")) panel.hidden = panel.id !== `panel-${chosen}`;
}

function listenToTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  for (const tab of tabs) {
    tab.addEventListener("click", () => choosePanel(tab.dataset.panel));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const seen = tabs.filter((one) => one.offsetParent !== null);
      const next = seen[(seen.indexOf(tab) + step + seen.length) % seen.length];
      choosePanel(next.dataset.panel);
      next.focus();
    });
  }
  matchMedia("(min-width: 900px)").addEventListener("change", () => choosePanel(document.body.dataset.panel));
  choosePanel("talk");
}

/** Where there is a keyboard; on a phone it would cover half of the page. */
function focusOnText() {
  if (matchMedia("(hover: hover)").matches) byId("text").focus({ preventScroll: true });
}

function showProblem(words) {
  byId("problem").textContent = words;
  byId("problem").hidden = false;
}

function hideProblem() {
  byId("problem").hidden = true;
}

begin().catch((error) => showProblem(error.message));
