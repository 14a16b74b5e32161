// How an agent is told who looks elsewhere: the title's count, a sound, and a notification of the desktop.

import { h } from "../dom.js";
import { openDialog } from "./dialog.js";
import { play } from "./sound.js";

export class Alerts {
  /** @param {{ say: import("./words.js").Say, kept: import("./kept.js").Kept, open: (session: string) => void }} given  `open`: a notification was clicked */
  constructor({ say, kept, open }) {
    this.say = say;
    this.kept = kept;
    this.open = open;
    this.title = document.title;
  }

  /** So many messages are unread. @param {number} unread */
  count(unread) {
    const shown = unread > 99 ? "99+" : String(unread);
    document.title = unread && this.kept.choices.title ? `(${shown}) ${this.title}` : this.title;
  }

  /**
   * Something that an agent should know of has come. Each of a browser's tabs is told of it, and one of them speaks.
   *
   * @param {{ kind: "message" | "queue", id: string, title: string, text: string, session: string | null }} news
   */
  tell(news) {
    if (!navigator.locks) return this.#speak(news);
    void navigator.locks.request(`switchboard.alert.${news.id}`, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      this.#speak(news);
      await new Promise((resolve) => setTimeout(resolve, 3000));
    });
  }

  /** @param {Parameters<Alerts["tell"]>[0]} news */
  #speak({ kind, id, title, text, session }) {
    const { choices } = this.kept;
    if (kind === "queue" ? choices.queueSound : choices.sound) play(kind);
    if (!choices.desktop || !document.hidden || window.Notification?.permission !== "granted") return;
    const shown = new Notification(title, { body: text, tag: session ?? id });
    shown.onclick = () => {
      window.focus();
      shown.close();
      if (session) this.open(session);
    };
  }

  /** The window in which each is switched on and off. */
  show() {
    const { say } = this;
    const answer = h("p", { class: "hint", role: "status" });
    openDialog({
      title: say("alerts"),
      close: say("close"),
      kind: "narrow",
      body: [
        this.#choice("sound", say("soundOfMessages")),
        this.#choice("queueSound", say("soundOfQueue")),
        this.#choice("title", say("countInTitle")),
        this.#choice("desktop", say("desktopNotifications"), () => this.#ask(answer)),
        answer,
        this.#choice("keys", say("keysOn")),
      ],
    });
  }

  /** @param {keyof import("./kept.js").Choices} name @param {string} text @param {() => Promise<boolean>} [may] @returns {HTMLElement} */
  #choice(name, text, may = async () => true) {
    const box = h("input", { type: "checkbox", checked: this.kept.choices[name], data: { choice: name } });
    box.onchange = async () => {
      if (box.checked) box.checked = await may();
      this.kept.choose(name, box.checked);
      if (name === "sound" && box.checked) play("message");
      if (name === "queueSound" && box.checked) play("queue");
    };
    return h("label", { class: "choice" }, box, h("span", null, text));
  }

  /** The browser is asked only when somebody wants it. @param {HTMLElement} answer @returns {Promise<boolean>} */
  async #ask(answer) {
    answer.textContent = "";
    if (!window.Notification) answer.textContent = this.say("noDesktop");
    else if ((await Notification.requestPermission()) === "granted") return true;
    else answer.textContent = this.say("desktopRefused");
    return false;
  }
}
