// Where an agent writes: an answer to the customer, or a note for the other agents.

import { h } from "../dom.js";
import { fillAll, fillNext, nextPlaceholder } from "./canned.js";
import { icon } from "./dialog.js";

const LONGEST = 4000;
const TYPING_AGAIN = 3000;

export class Composer {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {import("./kept.js").Kept} given.kept
   * @param {() => { customer: string, agent: string }} given.names  what placeholders become
   * @param {(text: string, note: boolean) => boolean} given.send  false: it could not be taken
   * @param {(types: boolean) => void} given.types
   * @param {() => void} given.canned  a canned reply is wanted
   */
  constructor({ say, kept, names, send, types, canned }) {
    this.say = say;
    this.kept = kept;
    this.names = names;
    this.send = send;
    this.types = types;
    this.canned = canned;
    this.session = "";
    this.note = false;
    this.mayAnswer = true;
    this.typedAt = 0;
    this.answerButton = h("button", { type: "button", onclick: () => this.mode(false, true) }, say("answer"));
    this.noteButton = h("button", { type: "button", onclick: () => this.mode(true, true) }, say("note"));
    this.switch = h("div", { class: "switch", role: "group", "aria-label": say("writeWhat") }, this.answerButton, this.noteButton);
    this.cannedButton = h("button", { type: "button", class: "plain slash", "aria-label": say("canned"), title: `${say("canned")} ( / )`, onclick: canned }, "/");
    this.field = h("textarea", { rows: 1, dir: "auto", "aria-describedby": "composer-hint" });
    this.left = h("span", { class: "left" });
    this.hint = h("span", { class: "hint", id: "composer-hint" }, say("enterSends"));
    this.button = h("button", { type: "submit", class: "primary icon", "aria-label": say("send"), title: say("send") }, icon("send"));
    this.element = h(
      "form",
      { class: "composer" },
      h("div", { class: "row" }, this.switch, this.cannedButton, this.hint, this.left),
      h("div", { class: "row" }, this.field, this.button),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.field.addEventListener("input", () => this.#typed());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("blur", () => this.#stop());
  }

  /** Write in this session from now on. @param {string} session @param {boolean} mayAnswer */
  show(session, mayAnswer) {
    if (session !== this.session) {
      this.#stop();
      this.session = session;
      const draft = this.kept.draft(session);
      this.field.value = draft.text;
      this.note = draft.note;
    }
    this.mayAnswer = mayAnswer;
    this.#draw();
  }

  /** An answer or a note. @param {boolean} note @param {boolean} [focus] */
  mode(note, focus = false) {
    this.note = note;
    if (note) this.#stop();
    this.#keep();
    this.#draw();
    if (focus) this.field.focus();
  }

  focus() {
    this.field.focus();
  }

  /** Put a text where the caret is, with its first placeholder selected. @param {string} text */
  insert(text) {
    const { field } = this;
    field.focus();
    const from = field.selectionStart;
    field.setRangeText(text, from, field.selectionEnd, "end");
    const first = nextPlaceholder(field.value, from);
    if (first && first.start < from + text.length) field.setSelectionRange(first.start, first.end);
    this.#typed();
  }

  #draw() {
    const { say, field } = this;
    const note = this.note || !this.mayAnswer;
    this.answerButton.setAttribute("aria-pressed", String(!note));
    this.noteButton.setAttribute("aria-pressed", String(note));
    this.answerButton.disabled = !this.mayAnswer;
    this.element.classList.toggle("note", note);
    this.cannedButton.hidden = note;
    const label = say(note ? "writeNote" : "writeAnswer");
    field.setAttribute("aria-label", label);
    field.placeholder = label;
    this.#measure();
  }

  #measure() {
    const { field } = this;
    const length = [...field.value].length;
    const left = LONGEST - length;
    this.left.textContent = left < 200 ? this.say(left < 0 ? "tooLong" : "charactersLeft", { n: Math.abs(left) }) : "";
    this.left.classList.toggle("problem", left < 0);
    this.button.disabled = !field.value.trim() || left < 0;
    field.style.setProperty("height", "auto");
    field.style.setProperty("height", `${field.scrollHeight + 2}px`);
  }

  #typed() {
    this.#measure();
    this.#keep();
    if (this.note || !this.mayAnswer) return;
    if (!this.field.value.trim()) return this.#stop();
    if (Date.now() - this.typedAt < TYPING_AGAIN) return;
    this.typedAt = Date.now();
    this.types(true);
  }

  #stop() {
    if (this.typedAt) this.types(false);
    this.typedAt = 0;
  }

  #keep() {
    if (this.session) this.kept.keepDraft(this.session, { text: this.field.value, note: this.note });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const { field } = this;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "/" && !field.value && !this.cannedButton.hidden) {
      event.preventDefault();
      this.canned();
    } else if (event.key === "Tab" && !event.shiftKey) {
      const filled = fillNext(field.value, field.selectionStart, this.names());
      if (!filled) return;
      event.preventDefault();
      field.value = filled.text;
      field.setSelectionRange(filled.start, filled.end);
      this.#typed();
    }
  }

  #send() {
    const note = this.note || !this.mayAnswer;
    const text = (note ? this.field.value : fillAll(this.field.value, this.names())).trim();
    if (!text || [...text].length > LONGEST) return;
    if (!this.send(text, note)) return;
    // A note is followed by a note until somebody says otherwise: what was meant for agents must not reach the customer.
    this.field.value = "";
    this.typedAt = 0;
    this.#keep();
    this.#draw();
  }
}
