// Where one writes.

import { h } from "../dom.js";
import { LONGEST_TEXT } from "../wire.js";
import { icon } from "./icons.js";

const LINES = 5;
/** From so many characters left on they are counted. */
const NEARLY = 200;

export class Composer {
  #say;
  #send;
  #typed;
  #name;
  #named;
  #field;
  #button;
  #counter = h("p", { class: "counter", id: "counter", hidden: true });
  #counted = "";
  #closed = h("p", { class: "quiet", hidden: true, tabIndex: -1, role: "status" });

  /**
   * @param {object} given
   * @param {import("./speech.js").Say} given.say
   * @param {string} given.draft
   * @param {(text: string, name: string) => void} given.send
   * @param {(text: string) => void} given.typed  after each change
   */
  constructor({ say, draft, send, typed }) {
    this.#say = say;
    this.#send = send;
    this.#typed = typed;
    this.#name = h("input", { id: "name", type: "text", maxLength: 100, autocomplete: "name", dir: "auto" });
    this.#named = h("p", { class: "named", hidden: true }, h("label", { htmlFor: "name" }, say("yourName")), this.#name);
    this.#field = h("textarea", { rows: 1, "aria-label": say("write"), placeholder: say("write"), "aria-describedby": "counter", dir: "auto", value: draft });
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#button = h("button", { type: "submit", class: "primary round", "aria-label": say("send") }, icon("send"));
    this.element = h("form", { class: "composer", noValidate: true }, this.#named, this.#closed, h("div", { class: "writing" }, this.#field, this.#button), this.#counter);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    new ResizeObserver(() => this.#size()).observe(this.element);
    this.#count();
  }

  /**
   * @param {object} given
   * @param {boolean} given.asksName
   * @param {string} given.closed  why nothing can be written; empty: it can
   */
  draw({ asksName, closed }) {
    this.#named.hidden = !asksName;
    if (closed === this.#closed.textContent) return;
    const focused = this.element.contains(document.activeElement);
    this.#closed.hidden = !closed;
    this.#closed.textContent = closed;
    this.#field.parentElement?.toggleAttribute("hidden", closed !== "");
    if (focused) (closed ? this.#closed : this.#field).focus();
  }

  focus() {
    const first = !this.#named.hidden && !this.#name.value ? this.#name : this.#field;
    first.focus({ preventScroll: true });
  }

  /** Empty it: somebody else may use this device now. */
  clear() {
    this.#field.value = this.#name.value = "";
    this.#changed();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While an input method composes, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const text = this.#field.value.trim();
    if (!text || characters(text) > LONGEST_TEXT) return;
    if (!this.#named.hidden && !this.#name.value.trim()) {
      this.#name.setAttribute("aria-invalid", "true");
      this.#name.focus();
      return;
    }
    this.#name.removeAttribute("aria-invalid");
    this.#send(text, this.#name.value.trim()); // or it throws, and the text stays
    this.#field.value = "";
    this.#changed();
    this.#field.focus();
  }

  #changed() {
    this.#size();
    this.#count();
    this.#typed(this.#field.value);
  }

  #size() {
    const { style } = this.#field;
    style.setProperty("height", "auto");
    const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(this.#field);
    const most = LINES * Number.parseFloat(lineHeight) + Number.parseFloat(paddingTop) + Number.parseFloat(paddingBottom);
    const wanted = this.#field.scrollHeight + 2;
    style.setProperty("height", `${Math.min(wanted, most + 2)}px`);
    style.setProperty("overflow-y", wanted > most + 2 ? "auto" : "hidden");
  }

  #count() {
    const length = characters(this.#field.value.trim());
    const left = LONGEST_TEXT - length;
    this.#button.disabled = length === 0 || left < 0;
    this.#counter.hidden = left > NEARLY;
    this.#counter.classList.toggle("over", left < 0);
    this.#field.setAttribute("aria-invalid", String(left < 0));
    const words = left < 0 ? this.#say("over", { count: -left }) : this.#say("left", { count: left });
    if (words !== this.#counted && !this.#counter.hidden) this.#counter.textContent = this.#counted = words;
  }
}

/** As the server counts them: an emoji may be several. @param {string} text */
function characters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
