// What a person says: words, and pictures that are dropped, pasted or chosen.

import { byId, counted, el } from "./dom.js";

const MOST = 32;
const MOST_BYTES = 30 * 2 ** 20;
const MOST_TOGETHER = 100 * 2 ** 20;

export class Composer {
  /** `onSay(text, files)` is called with what is said; `onProblem` is told what cannot be. */
  constructor(onSay, onProblem) {
    this.onSay = onSay;
    this.onProblem = onProblem;
    this.files = [];
    this.busy = false;
    const text = byId("text");
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    for (const id of ["attach", "choose"]) byId(id).addEventListener("click", () => byId("files").click());
    byId("files").addEventListener("change", (event) => {
      this.add(event.target.files);
      event.target.value = "";
    });
    text.addEventListener("paste", (event) => this.#paste(event));
    this.#listenForDrops();
  }

  /** Pictures to go with what is said next; where nothing is written yet, they go at once. */
  add(files) {
    const added = [...files];
    const large = added.find((file) => file.size > MOST_BYTES);
    const all = [...this.files, ...added.filter((file) => file !== large)];
    if (large) this.onProblem(`${large.name}: larger than ${MOST_BYTES / 2 ** 20} MiB; scale it down or crop it`);
    else if (all.length > MOST) this.onProblem(`${counted(all.length, "picture")} at once; give at most ${MOST} in one turn`);
    else if (all.reduce((sum, file) => sum + file.size, 0) > MOST_TOGETHER) this.onProblem("more than 100 MiB at once; send fewer pictures");
    else {
      this.files = all;
      this.#chips();
      if (!byId("text").value.trim() && !this.busy) this.#send();
      else byId("text").focus();
    }
  }

  /** Put words where the person can go on writing. */
  draft(words) {
    byId("text").value = words;
    byId("text").focus();
  }

  /** Whether something can be said now. */
  set busy(busy) {
    this.isBusy = busy;
    byId("send").disabled = busy;
  }

  get busy() {
    return this.isBusy;
  }

  /** Give back what could not be said. */
  restore(text, files) {
    if (!byId("text").value) byId("text").value = text;
    this.files = [...files, ...this.files];
    this.#chips();
  }

  #send() {
    const text = byId("text").value.trim();
    if (this.busy || (!text && !this.files.length)) return;
    const files = this.files;
    this.files = [];
    byId("text").value = "";
    this.#chips();
    this.onSay(text, files);
  }

  #chips() {
    byId("chips").replaceChildren(
      ...this.files.map((file) =>
        el("li", { class: "chip" }, file.name, el("button", { type: "button", "aria-label": `Leave out ${file.name}`, onclick: () => this.#leaveOut(file) }, "×")),
      ),
    );
  }

  #leaveOut(file) {
    this.files = this.files.filter((one) => one !== file);
    this.#chips();
    byId("text").focus();
  }

  #paste(event) {
    const files = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  #listenForDrops() {
    let depth = 0;
    const carries = (event) => [...event.dataTransfer.types].includes("Files");
    const show = (shown) => {
      byId("drop").hidden = !shown;
      if (!shown) depth = 0;
    };
    addEventListener("dragenter", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth += 1;
      show(true);
    });
    addEventListener("dragover", (event) => carries(event) && event.preventDefault());
    addEventListener("dragleave", () => {
      depth -= 1;
      if (depth <= 0) show(false);
    });
    addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      show(false);
      this.add(event.dataTransfer.files);
    });
  }
}
