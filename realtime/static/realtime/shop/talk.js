// Direct messages with one person at a time.

import { fill, h } from "../dom.js";
import { phrase } from "../elements/phrase.js";
import { clock, exact, language } from "../moments.js";

const LONGEST = 4000;
const STILL = 3000;

/** @typedef {import("../conversation.js").Message} Message */

export class Talk {
  /** @type {Map<string, HTMLLIElement>} */
  #rows = new Map();
  #peer = 0;
  #wrote = 0;
  #quiet = 0;

  /**
   * @param {{ place: HTMLElement, me: number, community: import("../community.js").Community, names: import("./names.js").Names,
   *   words: import("./words.js").Words }} given
   */
  constructor(given) {
    this.given = given;
    const { place, words } = given;
    this.to = h("select", { name: "to", onchange: () => this.open(Number(this.to.value)) });
    this.log = h("ol", { class: "log", role: "log", tabIndex: 0, "aria-label": words.message });
    this.empty = h("p", { class: "none" }, words.empty);
    this.typing = h("p", { class: "typing" });
    this.text = h("textarea", { name: "text", rows: 1, maxLength: LONGEST, required: true, placeholder: words.message, "aria-label": words.message, dir: "auto" });
    this.text.onkeydown = (event) => this.#key(event);
    this.text.oninput = () => this.#typed();
    this.form = h("form", { onsubmit: (/** @type {Event} */ event) => this.#submit(event) }, this.text, h("button", { class: "primary" }, words.send));
    place.append(h("label", { class: "to" }, words.to, this.to), this.log, this.empty, this.typing, this.form);
  }

  /** Talk with somebody. @param {number} id */
  open(id) {
    if (!id) return;
    if (this.#peer) this.#stop();
    this.#peer = id;
    this.to.value = String(id);
    this.given.community.load(id);
    this.show(this.given.community.snapshot());
    if (this.to !== document.activeElement) this.text.focus();
  }

  /** @param {import("../community.js").Seen} seen */
  show({ messages, typing, userId }) {
    const { me, names, words } = this.given;
    const others = [...names.known.values()].filter((each) => each.id !== me).sort((one, other) => one.name.localeCompare(other.name));
    const had = [...this.to.options].map((each) => each.value).join();
    if (others.map((each) => each.id).join() !== had) {
      fill(this.to, ...others.map((each) => h("option", { value: String(each.id) }, each.name)));
      if (this.#peer) this.to.value = String(this.#peer);
    }
    if (!this.#peer && userId && others[0]) {
      this.#peer = (others.find((each) => !each.agent) ?? others[0]).id;
      this.to.value = String(this.#peer);
      this.given.community.load(this.#peer);
    }
    const ours = messages.filter((each) => each.from_user_id === this.#peer || each.to_user_id === this.#peer);
    const atEnd = this.log.scrollTop + this.log.clientHeight > this.log.scrollHeight - 24;
    const kept = new Map(ours.map((each) => [each.id, this.#row(each)]));
    this.#rows = kept;
    fill(this.log, ...kept.values());
    this.log.hidden = ours.length === 0;
    this.empty.hidden = ours.length > 0;
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
    const writes = typing.includes(this.#peer) ? phrase(words.writes, { name: names.known.get(this.#peer)?.name ?? "" }) : "";
    if (this.typing.textContent !== writes) this.typing.textContent = writes;
  }

  /** @param {Message} message */
  #row(message) {
    const { me, words } = this.given;
    const lang = language();
    const mine = message.from_user_id === me;
    const row = this.#rows.get(message.id) ?? h("li", { class: mine ? "mine" : "" }, h("p", { dir: "auto" }, message.message), h("p", { class: "about" }));
    const about = /** @type {HTMLElement} */ (row.lastElementChild);
    const state = message.state ?? "stored";
    if (row.dataset.state === state) return row;
    row.dataset.state = state;
    const time = h("time", { dateTime: message.timestamp, title: exact(message.timestamp, lang) }, clock(message.timestamp, lang));
    if (state === "failed") {
      const { community } = this.given;
      const again = h("button", { type: "button", class: "plain", onclick: () => community.resend(message.id) }, words.try_again);
      const drop = h("button", { type: "button", class: "plain", onclick: () => community.drop(message.id) }, words.drop);
      fill(about, message.error || words.not_sent, again, drop);
    } else fill(about, time, mine && ` · ${state === "sending" ? words.sending : words.sent}`);
    return row;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // The code is that of a key which an input method has taken, in browsers that end composing before they say so.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text || !this.#peer || this.given.community.sendMessage(this.#peer, text) === null) return;
    this.text.value = "";
    this.#stop();
    this.log.scrollTop = this.log.scrollHeight;
  }

  #typed() {
    const now = Date.now();
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#stop(), 2 * STILL);
    if (!this.#peer || now - this.#wrote < STILL) return;
    this.#wrote = now;
    this.given.community.setTyping(true, { to: this.#peer });
  }

  #stop() {
    clearTimeout(this.#quiet);
    if (!this.#wrote) return;
    this.#wrote = 0;
    this.given.community.setTyping(false, { to: this.#peer });
  }
}
