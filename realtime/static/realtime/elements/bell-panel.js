// The bell's button and what opens under it. It shows what it is given, and asks by the functions it was given.

import { fill, h, svg } from "../dom.js";
import { Row } from "./bell-row.js";
import { phrase } from "./phrase.js";

const EVERY = 30_000; // ms
const GAP = 8; // px
const TALLEST = 560; // px

/**
 * @typedef {import("./bell-row.js").Notification} Notification
 * @typedef {object} Asked  what the panel asks for
 * @property {(id: number) => void} read
 * @property {() => void} readAll
 * @property {() => void} older
 * @property {() => void} retry
 */

export class Panel {
  /** @type {Map<number, Row>} */
  #rows = new Map();
  #clock = 0;
  #more = false;
  #inside = false;

  /** @param {{ lang: "en" | "zh-hans", words: import("./words.js").Words, asked: Asked }} given */
  constructor({ lang, words, asked }) {
    this.lang = lang;
    this.words = words;
    this.asked = asked;
    this.count = h("span", { class: "count", hidden: true, "aria-hidden": "true" });
    this.button = h("button", { type: "button", class: "bell", "aria-haspopup": "dialog", "aria-label": words.notifications }, bell(), this.count);
    this.heading = h("h2", { id: "heading" }, words.notifications);
    this.readAll = h("button", { type: "button", class: "plain", hidden: true, onclick: asked.readAll }, words.mark_all_read);
    this.list = h("ol", { tabIndex: 0, "aria-labelledby": "heading" });
    this.empty = h("p", { class: "empty" });
    this.older = h("p", { class: "older", hidden: true });
    this.problem = h("div", { class: "problem", role: "alert" });
    this.line = h("p", { class: "line", hidden: true });
    this.said = h("p", { class: "unseen", role: "status" });
    this.panel = h(
      "div",
      { class: "panel", popover: "auto", role: "dialog", "aria-labelledby": "heading", tabIndex: -1, autofocus: true },
      h("div", { class: "head" }, this.heading, this.readAll),
      this.problem,
      this.empty,
      this.list,
      this.older,
      this.line,
    );
    this.button.popoverTargetElement = this.panel;
    this.panel.addEventListener("beforetoggle", (event) => (this.#inside = /** @type {ToggleEvent} */ (event).newState === "closed" && this.panel.matches(":focus-within")));
    this.panel.addEventListener("toggle", (event) => this.#toggled(/** @type {ToggleEvent} */ (event).newState === "open"));
    this.watcher = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.#more && asked.older(), { root: this.list, rootMargin: "120px" });
  }

  /** What stands in the shadow root. */
  get parts() {
    return [this.button, this.panel, this.said];
  }

  /**
   * Show what there is.
   *
   * @param {{ items: readonly Notification[], unread: number, more: boolean, loaded: boolean }} given
   */
  show({ items, unread, more, loaded }) {
    const { words } = this;
    this.count.hidden = unread === 0;
    this.count.textContent = unread > 99 ? "99+" : String(unread);
    this.button.setAttribute("aria-label", unread ? phrase(words.unread, { count: unread }) : words.notifications);
    this.readAll.hidden = unread === 0;
    this.empty.textContent = loaded ? words.nothing : words.loading;
    this.empty.hidden = items.length > 0;
    this.list.hidden = items.length === 0;
    const kept = new Map();
    for (const item of items) {
      const row = this.#rows.get(item.id) ?? new Row(item, { lang: this.lang, words, read: this.asked.read });
      row.show(item);
      kept.set(item.id, row);
    }
    this.#rows = kept;
    this.#more = more;
    fill(this.list, ...[...kept.values()].map((row) => row.element));
    // Watched anew, so that an end that is already in sight asks for what comes after it.
    this.watcher.disconnect();
    const last = this.list.lastElementChild;
    if (last && more) this.watcher.observe(last);
  }

  /** Say what went wrong, with a way to try again where that helps; nothing if it is empty. @param {string} text @param {boolean} [again] */
  complain(text, again = false) {
    fill(this.problem, text && h("p", null, text), text && again && h("button", { type: "button", onclick: this.asked.retry }, this.words.try_again));
    this.empty.hidden = this.empty.hidden || Boolean(text);
  }

  /** Say how it stands with the older ones: nothing, that they are coming, or that they did not. @param {"" | "loading" | "failed"} how */
  tellOlder(how) {
    const { words } = this;
    this.older.hidden = !how;
    fill(
      this.older,
      how === "loading" && words.loading_older,
      how === "failed" && words.older_failed,
      how === "failed" && h("button", { type: "button", class: "plain", onclick: this.asked.older }, words.try_again),
    );
  }

  /** Say how it stands with the connection; nothing if it is empty. @param {string} text @param {boolean} [again] */
  tellLine(text, again = false) {
    this.line.hidden = !text;
    fill(this.line, text, again && h("button", { type: "button", class: "plain", onclick: this.asked.retry }, this.words.try_again));
  }

  /** Say once, to those who do not see the count. @param {string} text */
  announce(text) {
    this.said.textContent = text;
  }

  /** Ends what runs. */
  close() {
    clearInterval(this.#clock);
    this.watcher.disconnect();
    removeEventListener("resize", this.#place);
    removeEventListener("scroll", this.#place, true);
  }

  /** @param {boolean} open */
  #toggled(open) {
    clearInterval(this.#clock);
    const change = open ? addEventListener : removeEventListener;
    change("resize", this.#place);
    change("scroll", this.#place, true);
    // Browsers do not all find the way back to a button in a shadow root.
    if (!open && this.#inside) this.button.focus();
    if (!open) return;
    this.#place();
    this.#tell();
    this.#clock = setInterval(() => this.#tell(), EVERY);
  }

  #tell() {
    for (const row of this.#rows.values()) row.tell();
  }

  /** Under the button, its end at the button's end, and inside the window. */
  #place = () => {
    const { bottom, left, right } = this.button.getBoundingClientRect();
    const { offsetWidth: width, style } = this.panel;
    const start = getComputedStyle(this.button).direction === "rtl" ? left : right - width;
    const top = Math.max(GAP, bottom + GAP);
    style.setProperty("left", `${Math.max(GAP, Math.min(start, innerWidth - width - GAP))}px`);
    style.setProperty("top", `${top}px`);
    style.setProperty("max-height", `${Math.max(200, Math.min(TALLEST, innerHeight - top - GAP))}px`);
  };
}

function bell() {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-linecap": "round", "stroke-linejoin": "round" };
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: 22, height: 22, "aria-hidden": "true" },
    svg("path", { ...line, d: "M12 3.5a5.8 5.8 0 0 0-5.8 5.8c0 4.9-2.2 6.6-2.2 7.5h16c0-.9-2.2-2.6-2.2-7.5A5.8 5.8 0 0 0 12 3.5Z" }),
    svg("path", { ...line, d: "M9.8 19.6a2.4 2.4 0 0 0 4.4 0" }),
  );
}
