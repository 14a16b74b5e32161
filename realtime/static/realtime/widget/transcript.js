// The conversation as it is shown. A row that stays is the same element, so nothing flickers and nothing is said twice.

import { fill, h } from "../dom.js";
import { exact } from "../moments.js";
import { icon } from "./icons.js";
import { linked } from "./linked.js";

/** @typedef {import("./rows.js").Row} Row */

/** This close to an end counts as there, px. */
const NEAR = 80;

export class Transcript {
  #say;
  #lang;
  #resend;
  #older;
  #ended;
  /** @type {Map<string, { row: string, element: HTMLElement }>} */
  #drawn = new Map();
  #log;
  #newer;
  #atEnd = true;
  /** @type {string | undefined} */
  #lastKey;

  /**
   * @param {object} given
   * @param {import("./speech.js").Say} given.say
   * @param {string} given.lang
   * @param {(id: string) => void} given.resend
   * @param {() => void} given.older  what was said before is wanted
   * @param {(there: boolean) => void} given.ended  whether the newest is in view
   * @param {HTMLElement[]} given.below  cards that stand under the last message and scroll with it
   */
  constructor({ say, lang, resend, older, ended, below }) {
    this.#say = say;
    this.#lang = lang;
    this.#resend = resend;
    this.#older = older;
    this.#ended = ended;
    this.#log = h("div", { class: "log", role: "log", "aria-label": say("messages") });
    this.loading = h("p", { class: "quiet", hidden: true }, say("older"));
    this.empty = h("p", { class: "empty", hidden: true });
    this.scroller = h("div", { class: "scroller", tabIndex: 0, role: "region", "aria-label": say("messages") }, this.loading, this.empty, this.#log, ...below);
    this.#newer = h("button", { type: "button", class: "newer", hidden: true, onclick: () => this.toEnd() }, icon("down"), say("newer"));
    this.element = h("div", { class: "conversation" }, this.scroller, this.#newer);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // A keyboard that comes up, or a card that grows, hides no last message.
    const sized = new ResizeObserver(() => this.#atEnd && this.toEnd());
    for (const each of [this.scroller, this.#log, ...below]) sized.observe(each);
  }

  /** @param {Row[]} rows */
  draw(rows) {
    const { scroller } = this;
    const last = rows.at(-1)?.key;
    // The day above them stays the same.
    const first = rows.find(({ kind }) => kind === "said")?.key;
    const grewAbove = this.#firstKey !== undefined && first !== this.#firstKey && last === this.#lastKey;
    const fromBottom = scroller.scrollHeight - scroller.scrollTop;
    // What is put above was said before, and is not to be read out as if it came just now.
    this.#log.ariaBusy = String(grewAbove || this.#drawn.size === 0);
    /** @type {Map<string, { row: string, element: HTMLElement }>} */
    const drawn = new Map();
    for (const row of rows) drawn.set(row.key, this.#element(row));
    this.#drawn = drawn;
    fill(this.#log, ...[...drawn.values()].map(({ element }) => element));
    this.#log.ariaBusy = "false";
    if (grewAbove && !this.#atEnd) scroller.scrollTop = scroller.scrollHeight - fromBottom;
    if (last !== this.#lastKey) {
      const row = rows.at(-1);
      if (this.#atEnd || row?.own) this.toEnd();
      else if (row?.kind === "said") this.#newer.hidden = false;
    }
    this.#lastKey = last;
    this.#firstKey = first;
  }
  /** @type {string | undefined} */
  #firstKey;

  /** Show the newest. */
  toEnd() {
    this.#atEnd = true;
    this.#newer.hidden = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#ended(true);
  }

  /** Show what is new, or else the newest: somebody begins to look. */
  begin() {
    const line = this.#drawn.get("new")?.element;
    if (!line) this.toEnd();
    else {
      this.scroller.scrollTop = line.offsetTop - this.scroller.offsetTop - 24;
      this.#scrolled();
    }
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (clientHeight === 0) return; // hidden
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#atEnd) this.#newer.hidden = true;
    if (scrollTop < NEAR) this.#older();
    this.#ended(this.#atEnd);
  }

  /** @param {Row} row */
  #element(row) {
    const known = this.#drawn.get(row.key);
    const now = JSON.stringify(row);
    if (known?.row === now) return known;
    const element = known?.element ?? h("div", { class: row.kind });
    if (row.kind === "said") this.#said(element, row);
    else fill(element, h("span", { dir: "auto" }, this.#words(row)));
    return { row: now, element };
  }

  /** @param {Row} row */
  #words(row) {
    if (row.kind === "here") return this.#say("here", { name: row.text });
    if (row.kind === "ended") return this.#say("ended");
    return row.kind === "new" ? this.#say("new") : row.text;
  }

  /** @param {HTMLElement} element @param {Row} row */
  #said(element, row) {
    element.className = ["said", row.own ? "own" : "other", row.first && "first", row.last && "last", row.status].filter(Boolean).join(" ");
    if (!element.hasChildNodes()) {
      // Who does not see the sides is told with each message who has written it.
      const who = h("span", { class: "unseen" }, `${row.own ? this.#say("you") : row.name}: `);
      element.append(who, h("div", { class: "bubble" }, h("p", { dir: "auto" }, ...linked(row.text))), h("p", { class: "foot" }));
    }
    const foot = /** @type {HTMLElement} */ (element.lastElementChild);
    const time = row.last && row.status !== "sending" && row.status !== "failed" && h("time", { dateTime: row.at, title: exact(row.at ?? "", this.#lang) }, row.time);
    const status = row.status && row.status !== "failed" && h("span", { class: "state" }, this.#say(row.status));
    fill(foot, time, time && status && " · ", status, ...(row.status === "failed" ? this.#failed(row) : []));
    foot.hidden = !foot.hasChildNodes();
  }

  /** @param {Row} row */
  #failed(row) {
    const again = h("button", { type: "button", class: "link", onclick: () => this.#resend(row.key) }, this.#say("tryAgain"));
    return [h("span", { class: "state" }, this.#say("notSent")), row.error ? ` ${row.error} ` : " ", again];
  }
}
