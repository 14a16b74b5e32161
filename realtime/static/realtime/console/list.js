// The left column: which sessions there are, by who has waited longest.

import { fill, h } from "../dom.js";
import { ago, exact, span } from "../moments.js";
import { icon } from "./dialog.js";
import { lastMoment, shortly, urgency, waitsSince } from "./waiting.js";

/** @typedef {import("./shapes.js").Session} Session */
/** @typedef {import("./shapes.js").ListName} ListName */

const TICK = 10_000;

export class SessionList {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {string} given.lang
   * @param {number} given.me
   * @param {ListName[]} given.lists
   * @param {import("./store.js").Store} given.store
   * @param {import("./place.js").Place} given.place
   * @param {() => import("./shapes.js").Settings} given.settings
   * @param {HTMLElement} given.search
   */
  constructor({ say, lang, me, lists, store, place, settings, search }) {
    this.say = say;
    this.lang = lang;
    this.me = me;
    this.store = store;
    this.place = place;
    this.settings = settings;
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    this.tabs = new Map(lists.map((name) => [name, h("button", { type: "button", data: { list: name }, onclick: () => place.show(name) }, h("span", null, say(name)), h("span", { class: "count" }))]));
    this.ul = h("ul", { class: "rows", "aria-label": say("sessions") });
    this.said = h("div", { class: "said" });
    this.more = h("button", { type: "button", class: "plain more", hidden: true, onclick: () => store.moreRows(place.list) }, say("more"));
    this.scroll = h("div", { class: "scroll" }, this.said, this.ul, this.more);
    this.element = h(
      "section",
      { class: "list", "aria-label": say("sessions") },
      search,
      h("div", { class: "tabs", role: "group", "aria-label": say("lists") }, ...this.tabs.values()),
      this.scroll,
    );
    setInterval(() => this.update(), TICK);
  }

  update() {
    const { store, place, say } = this;
    for (const [name, tab] of this.tabs) {
      const count = store.count(name);
      tab.setAttribute("aria-pressed", String(name === place.list));
      /** @type {HTMLElement} */ (tab.lastChild).textContent = count ? String(count) : "";
    }
    const sessions = store.rows(place.list);
    const looked = sessions.map((session) => this.#row(session));
    fill(this.ul, ...looked.map(({ element }) => element));
    for (const [id, { element }] of this.rows) if (!element.isConnected) this.rows.delete(id);
    this.more.hidden = !store.hasMoreRows(place.list);
    const state = store.listState(place.list);
    if (sessions.length) fill(this.said);
    else if (state === "loading") this.#say(skeleton());
    else if (state === "ready") this.#say(h("p", { class: "empty" }, say(`${place.list}Empty`)), h("p", { class: "hint" }, say(`${place.list}EmptyHint`)));
    else this.#say(h("p", { class: "problem" }, say("listFailed", { why: state.message })), h("button", { type: "button", onclick: () => store.reload() }, say("tryAgain")));
  }

  /** Move the focus to the next row (1) or the one before (-1). @param {1 | -1} step */
  move(step) {
    const buttons = [...this.ul.querySelectorAll("button")];
    const focused = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const from = focused >= 0 ? focused : buttons.findIndex((each) => each.getAttribute("aria-current") === "true");
    const to = from < 0 ? 0 : Math.min(buttons.length - 1, Math.max(0, from + step));
    buttons[to]?.focus();
  }

  /** Where one comes back to from a conversation: its row, or what stands above where rows will be. */
  focus() {
    const current = this.ul.querySelector("button[aria-current='true']") ?? this.ul.querySelector("button") ?? this.tabs.get(this.place.list);
    if (current instanceof HTMLElement) current.focus();
  }

  /** @param {...Node} nodes */
  #say(...nodes) {
    // The same words again would lose the focus of the button below them.
    if (this.said.textContent === nodes.map((each) => each.textContent).join("") && this.said.childElementCount) return;
    this.said.replaceChildren(...nodes);
  }

  /** @param {Session} session */
  #row(session) {
    let row = this.rows.get(session.id);
    if (!row) this.rows.set(session.id, (row = new Row(session.id, this)));
    row.show(session);
    return row;
  }
}

class Row {
  /** @param {string} id @param {SessionList} list */
  constructor(id, list) {
    this.list = list;
    this.moment = "";
    this.name = h("bdi", { class: "name", dir: "auto" });
    this.dot = h("span", { class: "dot", "aria-hidden": "true" });
    this.channel = h("span", { class: "channel" });
    this.time = h("time", { class: "since" });
    this.last = h("span", { class: "last", dir: "auto" });
    this.unread = h("span", { class: "count badge" });
    this.unreadWord = h("span", { class: "unseen" });
    this.faces = h("span", { class: "faces" });
    this.button = h(
      "button",
      { type: "button", data: { id }, onclick: () => list.place.open(id) },
      h("span", { class: "line" }, this.dot, this.name, this.channel, this.time),
      h("span", { class: "line" }, this.last, this.faces, this.unread, this.unreadWord),
    );
    this.element = h("li", null, this.button);
  }

  /** @param {Session} session */
  show(session) {
    const { say, lang, store, place, settings, me } = this.list;
    const since = waitsSince(session, store.owed(session.id));
    const limit = urgency(since, settings());
    const last = session.lastMessage;
    const presence = store.presence(session.customer.userId);
    this.button.setAttribute("aria-current", String(place.session === session.id));
    this.button.classList.toggle("unread", Boolean(session.unreadCount));
    this.name.textContent = session.customer.name;
    this.dot.className = `dot ${presence ?? "unknown"}`;
    this.channel.textContent = session.channel;
    const moment = since ?? lastMoment(session);
    this.time.className = `since ${limit}`;
    // Of a hundred rows few have changed, and saying a time in full takes the browser long.
    const shown = `${since} ${moment}`;
    if (this.moment !== shown) {
      this.moment = shown;
      this.time.dateTime = moment;
      this.time.title = since ? say("waitsSince", { time: exact(since, lang) }) : exact(moment, lang);
    }
    this.time.textContent = since ? shortly(since, lang, span) : session.status === "closed" ? say("closed") : ago(moment, lang);
    const who = last?.senderType === "AGENT" ? `${last.senderId === me ? say("you") : last.agentName}: ` : "";
    this.last.textContent = last ? who + last.text : session.subject || say("nothingWritten");
    const count = session.unreadCount ?? 0;
    this.unread.textContent = count > 99 ? "99+" : count ? String(count) : "";
    this.unreadWord.textContent = count ? say("unread") : "";
    const faces = store.looking(session.id);
    fill(this.faces, ...faces.slice(0, 3).map((each) => face(each, say("looksAtIt", { name: each.name }))));
    // Of all sessions it matters whose they are.
    if (place.list === "all" && session.agent) this.channel.textContent = session.agent.name;
  }
}

/** A circle with somebody's initial. @param {import("./shapes.js").Person} person @param {string} title */
function face(person, title) {
  return h("span", { class: "face", title }, h("span", { "aria-hidden": "true" }, [...person.name][0] ?? "?"), h("span", { class: "unseen" }, title));
}

/** What stands where rows will be; the style shows it only after a moment. */
function skeleton() {
  return h("div", { class: "skeleton", "aria-hidden": "true" }, ...Array.from({ length: 5 }, () => h("span", null)));
}

/** The field above the list. @param {import("./words.js").Say} say */
export function searchField(say) {
  const input = h("input", { type: "search", "aria-label": say("search"), placeholder: say("search"), autocomplete: "off", maxLength: 100, dir: "auto" });
  return { input, element: h("div", { class: "search", role: "search" }, icon("search"), input) };
}
