// Finding sessions by names and subjects, and messages by their words. What is found takes the lists' place while something is searched.

import { h } from "../dom.js";
import { ago, exact } from "../moments.js";
import { searchField } from "./list.js";

const PAUSE = 250;
const SHORTEST = 2;

export class Search {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {string} given.lang
   * @param {(method: string, path: string) => Promise<any>} given.call
   * @param {(session: import("./shapes.js").Session | null, id: string, message: string | null) => void} given.chosen
   */
  constructor({ say, lang, call, chosen }) {
    this.say = say;
    this.lang = lang;
    this.call = call;
    this.chosen = chosen;
    const { input, element } = searchField(say);
    this.input = input;
    this.element = element;
    this.found = h("div", { class: "found", hidden: true });
    this.status = h("p", { class: "hint", role: "status" });
    this.results = h("div", null);
    this.found.append(this.status, this.results);
    this.asked = 0;
    this.timer = 0;
    input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.#search(), PAUSE);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && input.value) {
        event.stopPropagation();
        event.preventDefault();
        this.end();
      } else if (event.key === "ArrowDown") {
        event.preventDefault();
        this.results.querySelector("button")?.focus();
      }
    });
  }

  /** Back to the lists. */
  end() {
    this.input.value = "";
    void this.#search();
  }

  async #search() {
    const words = this.input.value.trim();
    const mine = ++this.asked;
    this.found.hidden = words.length < SHORTEST;
    this.found.parentElement?.classList.toggle("searching", !this.found.hidden);
    this.results.replaceChildren();
    if (this.found.hidden) return;
    this.status.textContent = this.say("searching");
    const q = encodeURIComponent(words);
    try {
      const [sessions, messages] = await Promise.all([this.call("GET", `/api/v1/sessions?limit=20&q=${q}`), this.call("GET", `/api/v1/support/search?limit=20&q=${q}`)]);
      if (mine !== this.asked) return;
      const named = sessions.results.filter((/** @type {any} */ each) => `${each.customer.name} ${each.subject}`.toLowerCase().includes(words.toLowerCase()));
      this.status.textContent = named.length + messages.results.length ? "" : this.say("nothingFound", { words });
      this.results.replaceChildren(
        ...this.#group(this.say("sessions"), named.map((/** @type {any} */ each) => this.#session(each))),
        ...this.#group(this.say("messages"), messages.results.map((/** @type {any} */ each) => this.#message(each, words))),
      );
    } catch (error) {
      if (mine === this.asked) this.status.textContent = /** @type {Error} */ (error).message;
    }
  }

  /** @param {string} title @param {HTMLElement[]} rows */
  #group(title, rows) {
    return rows.length ? [h("h3", null, title), h("ul", { class: "rows" }, ...rows)] : [];
  }

  /** @param {import("./shapes.js").Session} session */
  #session(session) {
    return this.#row(session.customer.name, session.subject || this.say(session.status), session.openedAt, () => this.chosen(session, session.id, null));
  }

  /** @param {any} message @param {string} words */
  #message(message, words) {
    return this.#row(message.session.customer.name, around(message.text, words), message.createdAt, () => this.chosen(null, message.session.id, message.id));
  }

  /** @param {string} name @param {string | Node} text @param {string} moment @param {() => void} chosen */
  #row(name, text, moment, chosen) {
    return h(
      "li",
      null,
      h(
        "button",
        { type: "button", onclick: chosen },
        h("span", { class: "line" }, h("bdi", { class: "name", dir: "auto" }, name), h("time", { class: "since", dateTime: moment, title: exact(moment, this.lang) }, ago(moment, this.lang))),
        h("span", { class: "line" }, h("span", { class: "last", dir: "auto" }, text)),
      ),
    );
  }
}

/** The part of a text that has the words, with these marked. @param {string} text @param {string} words */
function around(text, words) {
  const at = text.toLowerCase().indexOf(words.toLowerCase());
  if (at < 0) return text;
  const from = at > 24 ? at - 16 : 0;
  const end = at + words.length;
  return h("span", null, (from ? "…" : "") + text.slice(from, at), h("mark", null, text.slice(at, end)), text.slice(end, end + 100));
}
