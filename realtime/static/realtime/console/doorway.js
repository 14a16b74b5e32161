// Logging in over the page: it stays as it is, and so does what was being typed.

import { h } from "../dom.js";
import { loginForm } from "./login.js";

/** @typedef {import("./shapes.js").Login} Login */

export class Doorway {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {string} given.lang
   * @param {import("../api.js").Api} given.api  without a token
   * @param {string} given.username
   * @param {(login: Login) => void} given.done
   */
  constructor({ say, lang, api, username, done }) {
    this.say = say;
    this.lang = lang;
    this.api = api;
    this.username = username;
    this.done = done;
    /** @type {HTMLDialogElement | null} */
    this.dialog = null;
  }

  /** Ask who is there. @param {string} why @param {boolean} [must]  nothing else can be done before */
  open(why, must = true) {
    if (this.dialog) return;
    const { say, lang, api, username } = this;
    const form = loginForm({ api, say, lang, why, username, done: (login) => (this.close(), this.done(login)) });
    const dialog = h("dialog", { class: "window narrow doorway", "aria-label": say("logIn") }, h("h2", null, say("logIn")), form);
    dialog.addEventListener("cancel", (event) => must && event.preventDefault());
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (this.dialog === dialog) this.dialog = null;
      // A browser lets nobody be held by a second Esc.
      if (must && !this.closing) this.open(why, must);
    });
    this.dialog = dialog;
    this.closing = false;
    document.body.append(dialog);
    dialog.showModal();
  }

  /** Somebody has logged in. */
  close() {
    this.closing = true;
    this.dialog?.close();
    // Chromium gives the field its focus back, and lets nobody type there before it has been focused anew.
    const before = document.activeElement;
    requestAnimationFrame(() => {
      if (before !== document.activeElement || !(before instanceof HTMLElement)) return;
      before.blur();
      before.focus();
    });
  }
}
