// <switchboard-task>: how far one piece of work is, live, and how it ended.

import { fill, h } from "../dom.js";
import { tasks } from "../state.js";
import { LiveElement, statusOf } from "./live.js";
import { phrase } from "./phrase.js";
import { sheets } from "./sheets.js";

const LOOKS = await sheets("../tokens.css", "./parts.css", "./task.css");
const RUNNING = "running";

/** @typedef {import("../person.js").Person} Person */

/**
 * Attributes: `task`, its id; `cancellable`, if the work looks whether it was asked to stop: then there is a button
 * for it. The attribute `status` says how the task is. Event: `switchboard-task`, with the task in `detail`, when it
 * has ended.
 */
export class SwitchboardTask extends LiveElement {
  static observedAttributes = ["server", "task", "token-from"];

  /** @type {Map<string, any> | ReadonlyMap<string, any>} */
  #state = new Map();
  #said = "";
  #asked = false;
  #parts = /** @type {ReturnType<typeof parts> | null} */ (null);

  constructor() {
    super(LOOKS);
  }

  /** Its id. @returns {string} */
  get task() {
    return this.getAttribute("task") ?? "";
  }

  set task(id) {
    this.setAttribute("task", id);
  }

  /** @override */
  draw() {
    this.#parts = parts(this.words, () => this.#cancel());
    return [this.#parts.body, this.#parts.problem, this.#parts.line, this.#parts.said];
  }

  /** @override @param {Person} person @param {() => boolean} still */
  async load(person, still) {
    this.#state = new Map();
    this.#said = "";
    this.#asked = false;
    this.#show();
    const id = this.task;
    if (!id) return;
    const [user, shown] = await Promise.all([person.number(), person.call("GET", `/api/v1/tasks/${encodeURIComponent(id)}`)]);
    if (!still()) return;
    this.#asked = shown.cancel_requested;
    this.#take(tasks.from([shown]));
    // One that has ended without a word may go on, so it is followed too.
    this.follow({ path: `/api/ws/tasks/${encodeURIComponent(id)}`, user });
  }

  /** @override @param {any} frame */
  frame(frame) {
    this.#take(tasks.apply(this.#state, frame));
  }

  /** @override */
  async stopped() {
    const { person, task } = this;
    if (!person || this.#known?.status !== RUNNING) return;
    // Its end is older than the connection, whose stream begins later.
    try {
      const shown = await person.call("GET", `/api/v1/tasks/${encodeURIComponent(task)}`);
      if (person === this.person) this.#take(tasks.from([shown]));
    } catch (error) {
      if (person === this.person) this.failed(error);
    }
  }

  /** @override @param {string} text @param {boolean} [again] */
  complain(text, again) {
    const { problem } = this.#parts ?? {};
    if (!problem) return;
    fill(problem, text && h("span", null, text), text && again && h("button", { type: "button", onclick: () => this.again() }, this.words.try_again));
  }

  /** @override @param {string} text @param {boolean} [again] */
  line(text, again) {
    const { line } = this.#parts ?? {};
    // What has ended needs no connection.
    const shown = this.#known && this.#known.status !== RUNNING ? "" : text;
    if (!line) return;
    line.hidden = !shown;
    fill(line, shown, shown && again && h("button", { type: "button", class: "plain", onclick: () => this.again() }, this.words.try_again));
  }

  /** @override @param {unknown} error @param {string} [otherwise] */
  failed(error, otherwise = this.words.task_failed) {
    if (statusOf(error) === 404) this.complain(this.words.no_task);
    else super.failed(error, otherwise);
  }

  get #known() {
    return this.#state.get(this.task);
  }

  async #cancel() {
    const { person, task } = this;
    this.#asked = true;
    this.complain("");
    this.#show();
    try {
      await person?.call("POST", `/api/v1/tasks/${encodeURIComponent(task)}/cancel`);
    } catch (error) {
      // A conflict: it has ended meanwhile, which is told by itself.
      if (statusOf(error) === 409) return;
      this.#asked = false;
      this.#show();
      this.failed(error, this.words.not_done);
    }
  }

  /** @param {ReadonlyMap<string, any>} state */
  #take(state) {
    if (state === this.#state) return;
    const before = this.#known;
    this.#state = state;
    this.#show();
    const now = this.#known;
    if (!now) return;
    this.#announce(now, Boolean(before));
    if (before?.status === RUNNING && now.status !== RUNNING) {
      this.line("");
      this.dispatchEvent(new CustomEvent("switchboard-task", { detail: now, bubbles: true, composed: true }));
    }
  }

  /** That it runs and that it has ended are said once each; what had ended when the page came is only there to be read. @param {any} now @param {boolean} followed */
  #announce({ title, status, error }, followed) {
    if (this.#said === status || (!followed && status !== RUNNING)) return;
    this.#said = status;
    const { begun, finished, stopped } = this.words;
    const said = status === RUNNING ? begun : status === "completed" ? finished : stopped;
    if (this.#parts) this.#parts.said.textContent = phrase(said, { title, why: error ?? "" });
  }

  #show() {
    const { words } = this;
    const known = this.#known;
    const shown = this.#parts;
    if (!shown) return;
    shown.body.hidden = !known;
    if (!known) return this.removeAttribute("status");
    const { title, status, message, step, total_steps: total, progress, error } = known;
    const running = status === RUNNING;
    this.setAttribute("status", status);
    shown.title.textContent = title || words.task;
    const far = total ? phrase(words.steps, { step: Math.min(step, total), total }) : step ? phrase(words.step, { step }) : "";
    const doing = running ? [far, message].filter(Boolean).join(" · ") : status === "completed" ? [words.completed, message].filter(Boolean).join(" · ") : error || message;
    shown.doing.textContent = doing;
    // Of what nobody knows the length of there is no percentage, until it is done.
    const measured = !running || total > 0 || progress > 0;
    shown.percent.textContent = measured && running ? `${Math.floor(progress)}%` : "";
    shown.bar.toggleAttribute("aria-valuenow", measured);
    if (measured) shown.bar.setAttribute("aria-valuenow", String(Math.round(progress)));
    shown.bar.setAttribute("aria-valuetext", doing || `${Math.round(progress)}%`);
    shown.fill.style.setProperty("--progress", `${measured ? progress : 0}%`);
    shown.cancel.hidden = !running || !this.hasAttribute("cancellable");
    shown.cancel.disabled = this.#asked;
    shown.cancel.textContent = this.#asked ? words.cancelling : words.cancel;
  }
}

/** @param {import("./words.js").Words} words @param {() => void} cancel */
function parts(words, cancel) {
  const title = h("span", { class: "title", id: "title", dir: "auto" });
  const button = h("button", { type: "button", class: "plain cancel", hidden: true, onclick: cancel }, words.cancel);
  const filled = h("div", { class: "fill" });
  const bar = h("div", { class: "bar", role: "progressbar", "aria-labelledby": "title", "aria-valuemin": "0", "aria-valuemax": "100" }, filled);
  const doing = h("span", { class: "doing", dir: "auto" });
  const percent = h("span", { class: "percent" });
  return {
    title,
    cancel: button,
    bar,
    fill: filled,
    doing,
    percent,
    body: h("div", { hidden: true }, h("div", { class: "head" }, title, button), bar, h("div", { class: "now" }, doing, percent)),
    problem: h("div", { class: "problem" }),
    line: h("p", { class: "line", hidden: true }),
    said: h("p", { class: "unseen", role: "status" }),
  };
}

if (!customElements.get("switchboard-task")) customElements.define("switchboard-task", SwitchboardTask);
