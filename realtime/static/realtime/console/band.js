// The line that says how the connection is, while there is something to say.

import { h } from "../dom.js";
import { span } from "../moments.js";

const SHOWN = 6000;

export class Band {
  /** @param {{ say: import("./words.js").Say, lang: string, retry: () => void }} given */
  constructor({ say, lang, retry }) {
    this.say = say;
    this.lang = lang;
    this.text = h("span", { role: "status", "aria-live": "polite" });
    this.again = h("button", { type: "button", class: "link", hidden: true, onclick: retry }, say("tryAgain"));
    this.element = h("div", { class: "band", hidden: true }, this.text, this.again);
    this.timer = 0;
    this.was = "";
  }

  /** @param {{ name: string, retryAt?: number, code?: string | number }} state  as the client says it */
  state({ name, retryAt }) {
    clearTimeout(this.timer);
    const { say } = this;
    const before = this.was;
    this.was = name;
    if (name === "connected") {
      // What was missed may be said a moment later, in this line's place.
      if (before && before !== "connected" && !this.element.hidden) this.#show("good", say("connectedAgain"), 2000);
      else this.element.hidden = true;
    } else if (name === "connecting") {
      if (before) this.#show("warn", say("reconnecting"));
    } else if (name === "reconnecting") this.#show("warn", say("reconnecting"));
    else if (name === "waiting") this.#count(retryAt ?? Date.now());
    else if (name === "failed") this.#show("bad", say("notConnected"), 0, true);
    else this.element.hidden = true;
  }

  /** What was missed is here. @param {number} count */
  caughtUp(count) {
    this.#show("good", count ? this.say("caughtUp", { n: count }) : this.say("connectedAgain"), SHOWN);
  }

  /** @param {number} retryAt */
  #count(retryAt) {
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    // Said once to screen readers: the seconds only count for the eye.
    if (this.element.dataset.state !== "waiting" || this.element.hidden) this.#show("waiting", this.say("noConnection"), 0, true);
    this.element.dataset.left = left > 1 ? span(left, this.lang) : "";
    this.timer = window.setTimeout(() => this.#count(retryAt), 1000);
  }

  /** @param {string} kind @param {string} text @param {number} [life] @param {boolean} [again] */
  #show(kind, text, life = 0, again = false) {
    clearTimeout(this.timer);
    this.element.hidden = false;
    this.element.dataset.state = kind;
    this.element.dataset.left = "";
    this.text.textContent = text;
    this.again.hidden = !again;
    if (life) this.timer = window.setTimeout(() => (this.element.hidden = true), life);
  }
}
