// The question at the end: how it was, in five steps and one free line. It may be skipped.

import { h } from "../dom.js";

const STEPS = /** @type {const} */ (["bad", "poor", "fair", "good", "great"]);

export class Rating {
  #say;
  #chat;
  #steps;
  #comment;
  #more;
  #form;
  #thanks;
  #problem = h("p", { class: "problem", role: "alert" });
  /** @type {string | null} */
  #session = null;

  /** @param {{ say: import("./speech.js").Say, chat: import("./chat.js").Chat }} given */
  constructor({ say, chat }) {
    this.#say = say;
    this.#chat = chat;
    this.#steps = STEPS.map((step, index) => h("label", { class: "step" }, h("input", { type: "radio", name: "rating", value: String(index + 1), onchange: () => this.#chosen() }), h("span", null, say(step))));
    this.#comment = h("input", { type: "text", maxLength: 1000, placeholder: say("comment"), "aria-label": say("comment"), dir: "auto" });
    const skip = h("button", { type: "button", class: "plain", onclick: () => this.#session && chat.after.skip(this.#session) }, say("skip"));
    this.#more = h("div", { class: "more", hidden: true }, this.#comment, h("button", { type: "submit", class: "primary" }, say("rate")));
    this.#form = h("form", { noValidate: true }, h("fieldset", null, h("legend", null, say("how")), h("div", { class: "steps" }, ...this.#steps)), this.#more, this.#problem, skip);
    this.#thanks = h("p", { class: "quiet", role: "status" });
    this.element = h("div", { class: "rating" }, this.#form, this.#thanks);
    this.#form.classList.add("card");
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  draw() {
    const id = this.#chat.blocked ? null : (this.#chat.after.rateable?.id ?? null);
    this.#form.hidden = id === null;
    if (id !== null && id !== this.#session) {
      this.#form.reset();
      this.#more.hidden = true;
      this.#thanks.textContent = "";
    }
    if (this.#chat.session?.status !== "closed") this.#thanks.textContent = "";
    this.#session = id;
  }

  #chosen() {
    this.#more.hidden = false;
  }

  async #send() {
    const chosen = new FormData(this.#form).get("rating");
    if (!this.#session || !chosen) return;
    this.#problem.textContent = "";
    try {
      await this.#chat.after.rate(this.#session, Number(chosen), this.#comment.value.trim());
      this.#thanks.textContent = this.#say("thanks");
    } catch (problem) {
      this.#problem.textContent = /** @type {Error} */ (problem).message;
    }
  }
}
