// What can be taken back for a moment: it is said at once, and done when the moment is over, or when the page goes.

import { h } from "../dom.js";

const MOMENT = 5000;

/**
 * @typedef {object} Pending
 * @property {string} key  what it is about; a second one for the same does the first at once
 * @property {string} text  what will be done
 * @property {() => Promise<unknown>} run
 * @property {() => void} leave  do it with the page going away: nothing can be waited for
 * @property {() => void} [changed]  it was taken back, or done
 */

export class Undo {
  /** @param {{ say: import("./words.js").Say, moment?: number }} given  `moment` in milliseconds */
  constructor({ say, moment = MOMENT }) {
    this.say = say;
    this.moment = moment;
    this.element = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
    /** @type {Map<string, { pending: Pending, toast: HTMLElement, timer: number }>} */
    this.waiting = new Map();
    addEventListener("pagehide", () => {
      for (const { pending } of [...this.waiting.values()]) {
        this.#end(pending.key);
        pending.leave();
      }
    });
  }

  /** Whether something about this is to be done. @param {string} key */
  has(key) {
    return this.waiting.has(key);
  }

  /** Say what will be done, and do it when the moment is over. @param {Pending} pending */
  soon(pending) {
    if (this.waiting.has(pending.key)) this.#run(pending.key);
    const toast = h(
      "div",
      { class: "toast" },
      h("span", { class: "text", dir: "auto" }, pending.text),
      h("button", { type: "button", onclick: () => this.back(pending.key) }, this.say("undo"), h("kbd", { "aria-hidden": "true" }, "U")),
    );
    toast.style.setProperty("--moment", `${this.moment}ms`);
    const start = () => window.setTimeout(() => this.#run(pending.key), this.moment);
    const entry = { pending, toast, timer: start() };
    // Whoever is on the way to the button has the time to reach it.
    toast.addEventListener("pointerenter", () => clearTimeout(entry.timer));
    toast.addEventListener("pointerleave", () => (entry.timer = start()));
    this.waiting.set(pending.key, entry);
    this.element.append(toast);
  }

  /** Take back the newest, or the one about this. @param {string} [key] @returns {boolean} whether there was one */
  back(key = [...this.waiting.keys()].at(-1)) {
    const found = key === undefined ? undefined : this.waiting.get(key);
    if (!found) return false;
    this.#end(found.pending.key);
    found.pending.changed?.();
    return true;
  }

  /** Do all that waits, at once. */
  flush() {
    for (const key of [...this.waiting.keys()]) this.#run(key);
  }

  /** @param {string} key */
  #run(key) {
    const found = this.waiting.get(key);
    if (!found) return;
    this.#end(key);
    void found.pending.run().finally(() => found.pending.changed?.());
  }

  /** @param {string} key */
  #end(key) {
    const found = this.waiting.get(key);
    clearTimeout(found?.timer);
    found?.toast.remove();
    this.waiting.delete(key);
  }
}
