// Where answers are mailed to who is gone by then; asked while nobody is there.

import { fill, h } from "../dom.js";

export class Email {
  #say;
  #chat;
  #field;
  #form;
  #kept = h("p", { role: "status" });
  #problem = h("p", { class: "problem", role: "alert", id: "email-problem" });
  #changing = false;

  /** @param {{ say: import("./speech.js").Say, chat: import("./chat.js").Chat }} given */
  constructor({ say, chat }) {
    this.#say = say;
    this.#chat = chat;
    this.#field = h("input", { id: "email", type: "email", autocomplete: "email", maxLength: 254, placeholder: say("email"), "aria-describedby": "email-problem" });
    this.#form = h(
      "form",
      { noValidate: true },
      h("label", { htmlFor: "email" }, say("emailAsk")),
      h("div", { class: "more" }, this.#field, h("button", { type: "submit" }, say("emailSave"))),
      this.#problem,
    );
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    this.element = h("div", { class: "card email", hidden: true }, this.#form, this.#kept);
  }

  draw() {
    const { asksEmail, email } = this.#chat.after;
    this.element.hidden = !asksEmail;
    const asking = !email || this.#changing;
    this.#form.hidden = !asking;
    if (asking) fill(this.#kept);
    else if (!this.#kept.hasChildNodes()) fill(this.#kept, `${this.#say("emailKept", { email })} `, h("button", { type: "button", class: "link", onclick: () => this.#change() }, this.#say("emailChange")));
  }

  #change() {
    this.#changing = true;
    this.#field.value = this.#chat.after.email;
    this.draw();
    this.#field.focus();
  }

  async #save() {
    this.#problem.textContent = "";
    this.#field.removeAttribute("aria-invalid");
    try {
      this.#changing = false;
      await this.#chat.after.leaveEmail(this.#field.value.trim());
    } catch (problem) {
      const { message, errors = {} } = /** @type {any} */ (problem);
      this.#changing = true;
      this.#problem.textContent = errors.email?.[0] ?? message;
      this.#field.setAttribute("aria-invalid", "true");
      this.#field.focus();
    }
  }
}
