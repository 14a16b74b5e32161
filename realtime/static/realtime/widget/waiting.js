// The card of who waits: the place in the queue, and how long it will take.

import { h } from "../dom.js";
import { span } from "../moments.js";

/** Shorter than this it is said in steps of 5 s, longer in steps of 10. */
const SHORT = 60;

export class Waiting {
  #say;
  #lang;
  #text = h("p");
  /** Said to who does not see it: the place, once each time that it changes, and not how the time runs. */
  spoken = h("p", { class: "unseen", role: "status" });
  #told = "";
  /** @type {object | null} */
  #queue = null;
  #since = 0;

  /** @param {{ say: import("./speech.js").Say, lang: string }} given */
  constructor({ say, lang }) {
    this.#say = say;
    this.#lang = lang;
    this.element = h("div", { class: "card waiting", hidden: true }, h("span", { class: "pulse", "aria-hidden": "true" }), this.#text);

  }

  /**
   * @param {{ sessionId: string, position: number, estimate_s: number | null } | null} queue  where the customer stands
   * @param {object} given
   * @param {boolean} given.waits  for somebody who will come: while the shop is closed no place is worth telling
   * @param {boolean} given.agentsOnline  while nobody is, no time is promised
   * @param {number} [now]
   */
  draw(queue, { waits, agentsOnline }, now = Date.now()) {
    if (queue !== this.#queue) {
      this.#queue = queue;
      this.#since = now;
    }
    this.element.hidden = !queue || !waits;
    if (!queue || !waits) {
      this.spoken.textContent = "";
      return;
    }
    const { position, estimate_s: estimate } = queue;
    const place = position <= 1 ? this.#say("next") : this.#say("place", { place: this.#lang === "en" ? position : position - 1 });
    if (this.spoken.textContent !== place) this.spoken.textContent = place;
    const words = [place, ...this.#rest(agentsOnline ? estimate : null, (now - this.#since) / 1000)].join(this.#lang === "en" ? " " : "");
    if (words !== this.#told) this.#text.textContent = this.#told = words;
  }

  /** What was promised is counted down; when it is over, that is said and no new promise made. @param {number | null} estimate @param {number} gone */
  #rest(estimate, gone) {
    if (estimate === null) return [];
    const left = estimate - gone;
    if (left <= 0) return gone > 0 && estimate > 0 ? [this.#say("longer")] : [];
    const step = left < SHORT ? 5 : 10;
    return [this.#say("about", { time: span(Math.ceil(left / step) * step, this.#lang) })];
  }
}
