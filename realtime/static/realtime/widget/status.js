// The line about the connection: there only while it is not connected, and for a moment after.

import { fill, h } from "../dom.js";

/** How long "Connected" stays, ms. */
const GLAD = 2000;
/** A connection that is there within this time, ms, needs no line. */
const QUICK = 400;

export class Status {
  #say;
  #text = h("span");
  #again;
  #name = "stopped";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Said once to those who do not see it: the seconds that count down are not. */
  #spoken = h("p", { class: "unseen", role: "status" });

  /** @param {{ say: import("./speech.js").Say, retry: () => void }} given */
  constructor({ say, retry }) {
    this.#say = say;
    this.#again = h("button", { type: "button", class: "link", onclick: retry }, say("tryAgain"));
    this.line = h("p", { class: "line", hidden: true }, this.#text);
    this.element = h("div", null, this.line, this.#spoken);
  }

  /**
   * @param {import("../line.js").State | null} link  null: there is nothing to connect
   */
  draw(link) {
    const name = link?.name ?? "stopped";
    const before = this.#name;
    this.#name = name;
    const words = name === "stopped" ? "" : this.#words(name, link?.retryAt);
    fill(this.line, this.#text, (name === "failed" || name === "waiting") && this.#again);
    if (this.#text.textContent !== words) this.#text.textContent = words;
    if (name === before) return;
    clearTimeout(this.#timer);
    this.line.dataset.how = name;
    if (name === "stopped") this.line.hidden = true;
    else if (name === "connected") this.#timer = setTimeout(() => (this.line.hidden = true), this.line.hidden ? 0 : GLAD);
    else if (name === "connecting") this.#timer = setTimeout(() => this.#show(words), QUICK);
    else this.#show(name === "waiting" ? this.#say("noConnection") : words);
    if (name === "connected" && !this.line.hidden) this.#spoken.textContent = words;
  }

  /** @param {string} spoken  what is said to who does not see it */
  #show(spoken) {
    this.line.hidden = false;
    this.#spoken.textContent = spoken;
  }

  /** @param {string} name @param {number} [retryAt] */
  #words(name, retryAt) {
    if (name === "waiting") {
      if (retryAt === undefined) return this.#say("noConnection");
      return this.#say("waiting", { seconds: Math.max(1, Math.ceil((retryAt - Date.now()) / 1000)) });
    }
    return this.#say(/** @type {import("./speech.js").Word} */ (name));
  }
}
