// The third column: who the customer is.

import { fill, h } from "../dom.js";
import { day, exact } from "../moments.js";
import { icon } from "./dialog.js";

/** @typedef {import("./shapes.js").Session} Session */

export class CustomerPanel {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {string} given.lang
   * @param {(method: string, path: string, body?: object) => Promise<any>} given.call
   * @param {(session: string) => void} given.open  an earlier session was chosen
   * @param {() => void} given.close  the drawer
   * @param {() => void} given.blocked  it was blocked, or may write again
   */
  constructor({ say, lang, call, open, close, blocked }) {
    this.say = say;
    this.lang = lang;
    this.call = call;
    this.open = open;
    this.blocked = blocked;
    /** @type {number | null} */
    this.user = null;
    /** @type {string | null} */
    this.session = null;
    /** @type {any} */
    this.card = null;
    this.time = h("time", null);
    this.heading = h("h2", { tabIndex: -1, hidden: true }, say("customer"));
    this.body = h("div", { class: "inside" });
    this.element = h(
      "aside",
      { class: "customer", "aria-label": say("aboutCustomer") },
      h("header", null, this.heading, h("button", { type: "button", class: "plain icon", "aria-label": say("close"), title: say("close"), onclick: close }, icon("cross"))),
      this.body,
    );
    setInterval(() => this.#tick(), 10_000);
  }

  /** Show this session's customer, or nobody. @param {Session | undefined} session */
  show(session) {
    const user = session?.customer.userId ?? null;
    const moved = session?.id !== this.session;
    this.session = session?.id ?? null;
    if (user !== this.user) {
      this.user = user;
      this.card = null;
      this.heading.hidden = user === null;
      fill(this.body, ...(user === null ? [] : [h("div", { class: "skeleton", "aria-hidden": "true" }, h("span", null), h("span", null), h("span", null))]));
      if (user !== null) void this.load();
    } else if (moved && this.card) this.#draw();
  }

  async load() {
    const { user } = this;
    if (user === null) return;
    try {
      const card = await this.call("GET", `/api/v1/support/customers/${user}`);
      if (user !== this.user) return;
      this.card = card;
      this.#draw();
    } catch (error) {
      if (user !== this.user) return;
      fill(this.body, h("p", { class: "problem" }, /** @type {Error} */ (error).message), h("button", { type: "button", onclick: () => this.load() }, this.say("tryAgain")));
    }
  }

  #draw() {
    const { say, lang, card } = this;
    const { timeZone, ...metadata } = card.metadata ?? {};
    const local = typeof timeZone === "string" && timeIn(timeZone, lang) !== null;
    const shown = Object.entries(local ? metadata : (card.metadata ?? {}));
    const facts = [
      [say("channel"), card.channel],
      [say("language"), languageName(card.language, lang)],
      [say("email"), card.email],
      [say("since"), h("time", { dateTime: card.createdAt, title: exact(card.createdAt, lang) }, day(card.createdAt, lang))],
    ];
    this.time = h("time", { data: local ? { zone: timeZone } : {} });
    if (local) facts.splice(2, 0, [say("localTime"), h("span", null, this.time, ` ${timeZone}`)]);
    const earlier = card.sessions.filter((/** @type {any} */ each) => each.id !== this.session);
    fill(
      this.body,
      h("p", { class: "big", dir: "auto" }, card.name || say("visitor")),
      card.blocked && h("p", { class: "blocked" }, say("isBlocked")),
      h("dl", { class: "facts" }, ...facts.filter(([, value]) => value).map(([name, value]) => fact(String(name), /** @type {string | Node} */ (value)))),
      shown.length > 0 && h("h3", null, say("details")),
      shown.length > 0 && h("dl", { class: "facts" }, ...shown.map(([name, value]) => fact(name, typeof value === "object" ? JSON.stringify(value) : String(value)))),
      h("h3", null, say("earlierSessions")),
      earlier.length ? h("ul", { class: "earlier" }, ...earlier.map((/** @type {any} */ each) => this.#session(each))) : h("p", { class: "hint" }, say("noEarlier")),
      this.#block(),
    );
    this.#tick();
  }

  /** @param {any} session */
  #session(session) {
    const { say, lang } = this;
    const rated = session.rating ? ` · ${say("rated", { n: session.rating })}` : "";
    return h(
      "li",
      null,
      h(
        "button",
        { type: "button", class: "plain", onclick: () => this.open(session.id) },
        h("span", { class: "name", dir: "auto" }, session.subject || say(session.status)),
        h("span", { class: "hint" }, `${day(session.openedAt, lang)}${session.agent ? ` · ${session.agent.name}` : ""}${rated}`),
      ),
    );
  }

  #block() {
    const { say, card } = this;
    const problem = h("p", { class: "problem", role: "alert" });
    /** @param {string} method @param {object} [body] */
    const ask = async (method, body) => {
      problem.textContent = "";
      try {
        await this.call(method, `/api/v1/support/customers/${card.userId}/block`, body);
        await this.load();
        this.blocked();
      } catch (error) {
        problem.textContent = /** @type {Error} */ (error).message;
      }
    };
    if (card.blocked) return h("div", { class: "block" }, h("button", { type: "button", onclick: () => ask("DELETE") }, say("unblock")), problem);
    const reason = h("input", { maxLength: 500, dir: "auto", "aria-label": say("blockReason"), placeholder: say("blockReason") });
    const form = h("form", null, h("p", { class: "hint" }, say("blockHint")), reason, problem, h("button", { type: "submit", class: "danger" }, say("block")));
    form.onsubmit = (event) => {
      event.preventDefault();
      void ask("POST", { reason: reason.value.trim() });
    };
    return h("details", { class: "block" }, h("summary", null, say("blockCustomer")), form);
  }

  #tick() {
    const now = this.time.dataset.zone ? timeIn(this.time.dataset.zone, this.lang) : null;
    if (now !== null && this.time.textContent !== now) this.time.textContent = now;
  }
}

/** @param {string} name @param {string | Node} value */
function fact(name, value) {
  return h("div", null, h("dt", { dir: "auto" }, name), h("dd", { dir: "auto" }, value));
}

/** The time there; null: there is no such zone. @param {string} timeZone @param {string} lang */
function timeIn(timeZone, lang) {
  try {
    return new Intl.DateTimeFormat(lang, { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone }).format(new Date());
  } catch {
    return null;
  }
}

/** @param {string} code @param {string} lang */
function languageName(code, lang) {
  try {
    return code ? (new Intl.DisplayNames(lang, { type: "language" }).of(code) ?? code) : "";
  } catch {
    return code;
  }
}
