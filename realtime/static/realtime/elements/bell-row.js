// One notification in the list. A row is kept while its notification is there, so that focus stays where it was.

import { h, svg } from "../dom.js";
import { ago, exact } from "../moments.js";

/**
 * @typedef {{ id: number, title: string, message: string, link: string, status: string, created_at: string }} Notification
 */

export class Row {
  #time;
  #read;
  #title;
  #message;
  #link = "";

  /**
   * @param {Notification} notification
   * @param {{ lang: string, words: import("./words.js").Words, read: (id: number) => void }} given
   */
  constructor(notification, { lang, words, read }) {
    this.lang = lang;
    this.notification = notification;
    const label = words.mark_read;
    this.#link = safe(notification.link);
    this.#title = this.#link
      ? h("a", { class: "title", href: this.#link, dir: "auto", onclick: () => this.notification.status === "unread" && read(notification.id) })
      : h("span", { class: "title", dir: "auto" });
    this.#message = h("p", { class: "message", dir: "auto" });
    this.#time = h("time", { dir: "auto", dateTime: notification.created_at, title: exact(notification.created_at, lang) });
    this.#read = h("button", { type: "button", class: "read", title: label, "aria-label": `${label}: ${notification.title}`, onclick: () => read(notification.id) }, check());
    this.element = h("li", { data: { id: notification.id } }, h("div", { class: "text" }, this.#title, this.#message, this.#time), this.#read);
    this.show(notification);
  }

  /** @param {Notification} notification */
  show(notification) {
    this.notification = notification;
    this.element.dataset.status = notification.status;
    this.#title.textContent = notification.title;
    this.#message.textContent = notification.message;
    this.tell();
    const unread = notification.status === "unread";
    if (!unread && this.#holdsFocus()) this.#afterwards()?.focus();
    this.#read.hidden = !unread;
  }

  /** Say the time anew. */
  tell() {
    this.#time.textContent = ago(this.notification.created_at, this.lang);
  }

  #holdsFocus() {
    return /** @type {ShadowRoot} */ (this.element.getRootNode()).activeElement === this.#read;
  }

  /** Where the keyboard goes on when the button that it is on goes: to the next that can be marked, or to the list. @returns {HTMLElement | null} */
  #afterwards() {
    for (let next = this.element.nextElementSibling; next; next = next.nextElementSibling) {
      const button = /** @type {HTMLElement | null} */ (next.querySelector(".read:not([hidden])"));
      if (button) return button;
    }
    return this.element.parentElement;
  }
}

/** The address if a page may lead there, or nothing. @param {string} link */
function safe(link) {
  if (!link) return "";
  try {
    const { protocol } = new URL(link, document.baseURI);
    return protocol === "https:" || protocol === "http:" ? link : "";
  } catch {
    return "";
  }
}

function check() {
  return svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d: "M3 8.5 6.5 12 13 4.5", fill: "none", stroke: "currentColor", "stroke-width": 1.75, "stroke-linecap": "round", "stroke-linejoin": "round" }));
}
