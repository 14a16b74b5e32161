// What is said in a session: groups, days, the line above what is new, and what is not confirmed yet. Rows are kept by their message,
// so that scroll and selection survive whatever comes.

import { fill, h } from "../dom.js";
import { clock, day, exact } from "../moments.js";

/** @typedef {import("./shapes.js").Message} Message */
/** @typedef {import("./shapes.js").Entry} Entry */

const GROUP = 5 * 60_000;
const NEAR = 48;

export class Log {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {string} given.lang
   * @param {number} given.me
   * @param {string} given.label
   * @param {() => void} given.top  the beginning has come into view: load what is before it
   * @param {() => void} given.end  the end has come into view
   * @param {(id: string) => void} given.again  send one that has failed
   * @param {(id: string) => void} given.drop  give it up
   */
  constructor({ say, lang, me, label, top, end, again, drop }) {
    this.say = say;
    this.lang = lang;
    this.me = me;
    this.again = again;
    this.drop = drop;
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    this.atEnd = true;
    this.first = "";
    this.before = h("div", { class: "before" });
    this.body = h("div", { class: "messages" });
    this.typing = h("div", { class: "typing", hidden: true }, h("span", null), h("span", null), h("span", null));
    this.element = h("div", { class: "log", role: "log", tabIndex: 0, "aria-label": label }, this.before, this.body, this.typing);
    this.jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.toEnd() }, say("toNewest"));
    this.element.addEventListener("scroll", () => {
      this.atEnd = this.#nearEnd();
      if (this.atEnd) {
        this.jump.hidden = true;
        end();
      }
      if (this.element.scrollTop < 200) top();
    });
    // A composer that grows, or a window that shrinks, pushes nobody off the end.
    new ResizeObserver(() => this.atEnd && this.toEnd()).observe(this.element);
  }

  /**
   * @param {object} shown
   * @param {readonly Message[]} shown.messages  oldest first
   * @param {Entry[]} shown.pending
   * @param {string | null} shown.newFrom  the first message that is new
   * @param {string | undefined} shown.readUpTo  the newest that the customer has read
   * @param {boolean} shown.more  whether there are earlier ones
   * @param {string} shown.note  said where earlier ones would be
   * @param {boolean} shown.types
   */
  update({ messages, pending, newFrom, readUpTo, more, note, types }) {
    const { element, say } = this;
    const first = messages[0]?.id ?? "";
    const earlier = this.first !== "" && first !== this.first;
    const fromEnd = element.scrollHeight - element.scrollTop;
    const count = this.rows.size;
    // What was said long ago is not read out when it is loaded.
    element.setAttribute("aria-busy", String(earlier));
    fill(this.before, note || (messages.length && !more ? say("beginning") : ""));
    fill(this.body, ...this.#lines(messages, newFrom, readUpTo), ...pending.map((entry) => this.#pending(entry)));
    for (const [id, row] of this.rows) if (!row.isConnected) this.rows.delete(id);
    this.typing.hidden = !types;
    if (earlier) element.scrollTop = element.scrollHeight - fromEnd;
    else if (this.atEnd || this.first === "") this.toEnd();
    else if (this.rows.size > count) this.jump.hidden = false;
    this.first = first;
    if (earlier) requestAnimationFrame(() => element.setAttribute("aria-busy", "false"));
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.atEnd = true;
    this.jump.hidden = true;
  }

  /** Bring a message into view and mark it for a moment; false: it is not loaded. @param {string} id */
  show(id) {
    const row = this.rows.get(id);
    if (!row) return false;
    this.atEnd = false;
    row.scrollIntoView({ block: "center" });
    row.classList.add("found");
    setTimeout(() => row.classList.remove("found"), 3000);
    return true;
  }

  #nearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  /** @param {readonly Message[]} messages @param {string | null} newFrom @param {string | undefined} readUpTo */
  *#lines(messages, newFrom, readUpTo) {
    const read = messages.findIndex((each) => each.id === readUpTo);
    const own = messages.findLastIndex((each) => each.senderId === this.me && !each.isNote);
    // Tomorrow it is said otherwise.
    const today = new Date().toDateString();
    let lastDay = "";
    for (const [nth, message] of messages.entries()) {
      const previous = messages[nth - 1];
      const next = messages[nth + 1];
      const date = new Date(message.createdAt).toDateString();
      // Only where the date changes is it worth saying as people do, which takes the browser long.
      if (date !== lastDay) yield this.#kept(`day ${date} ${today}`, () => h("div", { class: "day" }, day(message.createdAt, this.lang)));
      lastDay = date;
      const isNew = message.id === newFrom;
      if (isNew) yield this.#kept("new", () => h("div", { class: "new" }, h("span", null, this.say("new"))));
      const row = this.#kept(message.id, () => this.#row(message));
      const begins = isNew || !together(previous, message);
      const ends = !next || next.id === newFrom || !together(message, next);
      row.classList.toggle("begins", begins);
      row.classList.toggle("ends", ends);
      // Sent, or read, stands below the last own one only.
      const state = nth === own ? this.say(read >= nth ? "read" : "sent") : "";
      const said = row.querySelector(".state");
      if (said && said.textContent !== state) said.textContent = state;
      yield row;
    }
  }

  /** @param {Message} message */
  #row(message) {
    const { say, lang, me } = this;
    const system = message.senderType === "SYSTEM";
    const mine = message.senderId === me;
    const agent = message.senderType === "AGENT";
    const kind = system ? "system" : `${agent ? "ours" : "theirs"} ${mine ? "mine" : ""} ${message.isNote ? "note" : ""}`;
    const who = mine ? say("you") : agent ? message.agentName : say("customer");
    const author = message.isNote ? say("noteBy", { name: mine ? say("you") : message.agentName }) : who;
    return h(
      "div",
      { class: `message ${kind}`, data: { id: message.id } },
      !system && h("div", { class: message.isNote || (agent && !mine) ? "author" : "author unseen", dir: "auto" }, author),
      h("div", { class: "bubble", dir: "auto" }, message.text),
      h("div", { class: "meta" }, h("time", { dateTime: message.createdAt, title: exact(message.createdAt, lang) }, clock(message.createdAt, lang)), h("span", { class: "state" })),
    );
  }

  /** @param {Entry} entry */
  #pending(entry) {
    const row = this.#kept(`pending ${entry.id}`, () =>
      h(
        "div",
        { class: `message ours mine begins ends ${entry.frame.note ? "note" : ""}`, data: { entry: entry.id } },
        entry.frame.note && h("div", { class: "author" }, this.say("noteBy", { name: this.say("you") })),
        h("div", { class: "bubble", dir: "auto" }, entry.frame.text),
        h("div", { class: "meta" }),
      ),
    );
    const failed = entry.state === "failed";
    if (row.dataset.state === entry.state) return row;
    row.dataset.state = entry.state;
    const meta = /** @type {HTMLElement} */ (row.querySelector(".meta"));
    if (!failed) fill(meta, this.say("sending"));
    else {
      fill(
        meta,
        h("span", { class: "problem" }, this.say("notSent")),
        h("button", { type: "button", class: "link", onclick: () => this.again(entry.id) }, this.say("tryAgain")),
        h("button", { type: "button", class: "link", onclick: () => this.drop(entry.id) }, this.say("discard")),
        entry.error?.message && h("span", { class: "why", dir: "auto" }, entry.error.message),
      );
    }
    return row;
  }

  /** @param {string} id @param {() => HTMLElement} make */
  #kept(id, make) {
    let row = this.rows.get(id);
    if (!row) this.rows.set(id, (row = make()));
    return row;
  }
}

/** Whether two messages stand in one group. @param {Message | undefined} one @param {Message} other */
function together(one, other) {
  if (!one || one.senderType === "SYSTEM" || other.senderType === "SYSTEM") return false;
  if (one.senderId !== other.senderId || Boolean(one.isNote) !== Boolean(other.isNote)) return false;
  const [before, after] = [new Date(one.createdAt), new Date(other.createdAt)];
  return after.getTime() - before.getTime() < GROUP && after.toDateString() === before.toDateString();
}
