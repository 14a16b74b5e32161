// The page of the chat, put together: what is known is drawn, what is done is passed on.

import { fill, h } from "../dom.js";
import { Composer } from "./composer.js";
import { Email } from "./email.js";
import { Header } from "./header.js";
import { Rating } from "./rating.js";
import { rows } from "./rows.js";
import { Status } from "./status.js";
import { Transcript } from "./transcript.js";
import { Waiting } from "./waiting.js";

/** @typedef {import("./chat.js").Chat} Chat */

export class View {
  #chat;
  #say;
  #lang;
  #header;
  #status;
  #transcript;
  #waiting;
  #rating;
  #email;
  #composer;
  #notice = h("p", { class: "notice", role: "alert" });
  #types = h("span", { class: "unseen" });
  #typing = h("p", { class: "typing", hidden: true }, this.#types, ...[1, 2, 3].map(() => h("i", { "aria-hidden": "true" })));
  #shown = false;
  #planned = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #ticking;

  /**
   * @param {object} given
   * @param {Chat} given.chat
   * @param {import("./speech.js").Say} given.say
   * @param {string} given.lang
   * @param {import("./sound.js").Sound} given.sound
   * @param {(() => void) | null} given.close
   */
  constructor({ chat, say, lang, sound, close }) {
    this.#chat = chat;
    this.#say = say;
    this.#lang = lang;
    this.#header = new Header({ say, lang, sound, close, end: () => chat.end().catch((problem) => this.#tell(problem.message)) });
    this.#status = new Status({ say, retry: () => chat.retry() });
    this.#waiting = new Waiting({ say, lang });
    this.#rating = new Rating({ say, chat });
    this.#email = new Email({ say, chat });
    const below = [this.#typing, this.#waiting.element, this.#email.element, this.#rating.element];
    this.#transcript = new Transcript({ say, lang, below, resend: (id) => chat.resend(id), older: () => chat.live?.older(), ended: (there) => chat.reach(there) });
    this.#composer = new Composer({ say, draft: chat.draft.text, send: (text, name) => chat.send(text, name), typed: (text) => chat.draft.type(text) });
    const main = h("main", null, this.#status.element, this.#waiting.spoken, this.#transcript.element, this.#notice, this.#composer.element);
    fill(document.body, this.#header.element, main);
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && !this.#header.escape()) close?.();
    });
  }

  /** Draw soon, once for all that changes now. */
  plan() {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#draw();
    });
  }

  /** Nobody is known here any more. */
  clear() {
    this.#composer.clear();
  }

  #draw() {
    const chat = this.#chat;
    const { live, session } = chat;
    this.#header.draw(chat);
    this.#status.draw(live?.link ?? null);
    const drawn = rows({
      sessions: live?.opened ?? [],
      messages: live?.state.messages ?? new Map(),
      entries: chat.entries,
      newFrom: chat.newFrom,
      readUpTo: (id) => chat.readUpTo(id),
      lang: this.#lang,
    });
    const { empty, loading } = this.#transcript;
    const nothing = drawn.length === 0 && (chat.stranger || live?.loaded === true);
    empty.hidden = !nothing;
    empty.textContent = chat.shop.settings.open ? this.#say("empty") : chat.shop.awayMessage ?? this.#say("emptyAway");
    loading.hidden = !live || (live.loaded && !live.loadingOlder);
    this.#waiting.draw(live?.state.queue ?? null, { waits: session?.status === "waiting" && chat.shop.settings.open, agentsOnline: chat.shop.settings.agentsOnline });
    this.#email.draw();
    this.#rating.draw();
    this.#typing.hidden = !chat.typing;
    this.#types.textContent = chat.typing ? this.#say("typing", { name: session?.agent?.name ?? this.#say("support") }) : "";
    this.#transcript.draw(drawn);
    this.#composer.draw({ asksName: chat.asksName, closed: chat.blocked ? this.#say("blocked") : chat.unknown ? this.#say("signIn") : "" });
    this.#tell(chat.problem ? this.#say(chat.problem) : "");
    if (chat.shown && !this.#shown) this.#begin();
    this.#shown = chat.shown;
    this.#tick();
  }

  /** Somebody opens it. */
  #begin() {
    this.#transcript.begin();
    this.#composer.focus();
  }

  /** @param {string} words */
  #tell(words) {
    this.#notice.hidden = !words;
    if (this.#notice.textContent !== words) this.#notice.textContent = words;
  }

  /** While something counts down, it is drawn each second. */
  #tick() {
    const { live, typing, shown } = this.#chat;
    clearTimeout(this.#ticking);
    if (shown && live && (typing || live.state.queue || live.link.name === "waiting")) this.#ticking = setTimeout(() => this.plan(), 1000);
  }
}
