// What has just happened elsewhere on the page: said once, and gone after a while.

import { h } from "../dom.js";

const LIFE = 10_000;
const MOST = 3;

export class News {
  /** @param {import("./words.js").Say} say */
  constructor(say) {
    this.say = say;
    this.element = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  }

  /**
   * @param {string} text
   * @param {object} [more]
   * @param {boolean} [more.bad]  something went wrong
   * @param {string} [more.button]
   * @param {() => void} [more.chosen]  the button was pressed
   */
  tell(text, { bad = false, button = "", chosen = () => {} } = {}) {
    const toast = h(
      "div",
      { class: `toast ${bad ? "bad" : ""}` },
      h("span", { class: "text", dir: "auto" }, text),
      button && h("button", { type: "button", onclick: () => (toast.remove(), chosen()) }, button),
      h("button", { type: "button", class: "plain dismiss", "aria-label": this.say("close"), onclick: () => toast.remove() }, "×"),
    );
    this.element.append(toast);
    while (this.element.childElementCount > MOST) this.element.firstElementChild?.remove();
    setTimeout(() => toast.remove(), LIFE);
  }
}
