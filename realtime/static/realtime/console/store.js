// What the console knows: the snapshot of REST, then frame by frame what the socket tells. Of the queue and of others' sessions nobody
// is told, so these are asked for now and then.

import { Problem } from "../api.js";
import { support } from "../state.js";
import { Owed } from "./owed.js";
import { everyPage, local } from "./pages.js";
import { byWaiting } from "./waiting.js";

/** @typedef {import("./shapes.js").Session} Session */
/** @typedef {import("./shapes.js").Message} Message */
/** @typedef {import("./shapes.js").ListName} ListName */

const PAGE = 50;
const MOST = 1000;

export class Store {
  /**
   * @param {object} given
   * @param {number} given.me
   * @param {(method: string, path: string, body?: object) => Promise<any>} given.call
   * @param {() => void} given.changed  something is to be drawn anew
   */
  constructor({ me, call, changed }) {
    this.me = me;
    this.call = call;
    this.changed = changed;
    this.state = support.from({ sessions: [], me, asOf: 0 });
    this.debts = new Owed();
    /** @type {Record<ListName, "loading" | "ready" | Problem>} */
    this.lists = { mine: "loading", waiting: "loading", all: "loading" };
    /** Staff's list of all sessions, in its order. @type {{ ids: string[], next: string | null }} */
    this.everything = { ids: [], next: null };
    /** @type {Set<string>} */
    this.asked = new Set();
    /** How sessions changed hands, of those that were opened. @type {Map<string, any[]>} */
    this.transfers = new Map();
  }

  // The lists

  /** Load the snapshot anew, and the session that is open. @param {string | null} [open] @returns {Promise<number>} the number it is true for */
  async reload(open = null) {
    try {
      const waiting = await everyPage(this.call, "/api/v1/sessions?status=waiting");
      const mine = await everyPage(this.call, `/api/v1/sessions?status=open&agent=${this.me}`);
      const before = this.state;
      const fresh = support.from({ sessions: mine.results, me: this.me, asOf: mine.asOf });
      const kept = { looking: before.looking, presence: before.presence, typing: before.typing, messages: only(before.messages, open) };
      this.state = support.waiting({ ...fresh, ...kept }, waiting.results);
      for (const session of this.#known()) this.#owe(session);
      this.lists.mine = this.lists.waiting = "ready";
      if (open) await this.open(open).catch(() => {});
      return mine.asOf;
    } catch (error) {
      this.lists.mine = this.lists.waiting = asProblem(error);
      throw error;
    } finally {
      this.changed();
    }
  }

  /**
   * Ask for what nobody is told of: the queue, and where it is looked at, everything or a session of somebody else.
   *
   * @param {ListName} list
   * @param {string | null} open
   * @returns {Promise<Session[]>} who has joined the queue
   */
  async refresh(list, open) {
    const { results } = await everyPage(this.call, "/api/v1/sessions?status=waiting");
    const before = new Set(this.#of("waiting").map((each) => each.id));
    this.#put(support.waiting(this.state, results));
    for (const session of results) this.#owe(session);
    if (list === "all") await this.#first();
    const shown = open ? this.session(open) : undefined;
    if (shown && !this.isMine(shown) && shown.status !== "closed") await this.open(shown.id);
    return results.filter((/** @type {Session} */ each) => !before.has(each.id));
  }

  /** The sessions of a list, in its order. @param {ListName} list @returns {Session[]} */
  rows(list) {
    if (list === "all") return this.everything.ids.flatMap((id) => this.session(id) ?? []);
    return byWaiting(this.#of(list), (id) => this.debts.of(id));
  }

  /** @param {ListName} list */
  count(list) {
    return list === "all" ? 0 : this.#of(list).length;
  }

  /** @param {ListName} list */
  listState(list) {
    return this.lists[list];
  }

  /** @param {ListName} list */
  hasMoreRows(list) {
    return list === "all" && this.everything.next !== null;
  }

  /** The next page of everything; the first, if none was asked for. @param {ListName} list */
  async moreRows(list) {
    if (list !== "all") return;
    try {
      if (!this.everything.next) await this.#first();
      else {
        const page = await this.call("GET", local(this.everything.next));
        this.everything = { ids: [...new Set([...this.everything.ids, ...page.results.map((/** @type {Session} */ each) => each.id)])], next: page.next };
        this.#list(page.results);
      }
      this.lists.all = "ready";
    } catch (error) {
      this.lists.all = asProblem(error);
    }
    this.changed();
  }

  /** How many messages are unread in one's own sessions. */
  unread() {
    return this.#of("mine").reduce((sum, each) => sum + (each.unreadCount ?? 0), 0);
  }

  // One session

  /** @param {string} id @returns {Session | undefined} */
  session(id) {
    return /** @type {Session | undefined} */ (this.state.sessions.get(id));
  }

  /** @param {Session} session */
  isMine(session) {
    return session.agent?.userId === this.me && session.status !== "closed";
  }

  /** Messages, oldest first. @param {string} id @returns {readonly Message[]} */
  messages(id) {
    return /** @type {readonly Message[]} */ (this.state.messages.get(id) ?? []);
  }

  /** Whether a session's messages are loaded. @param {string} id */
  isOpen(id) {
    return this.state.older.has(id);
  }

  /** @param {string} id */
  hasMore(id) {
    return Boolean(this.state.older.get(id));
  }

  /** Load a session and its newest messages; as many as were there, when it is asked for again. @param {string} id */
  async open(id) {
    const limit = Math.min(MOST, Math.max(PAGE, this.messages(id).length));
    const [detail, page] = await Promise.all([this.call("GET", `/api/v1/sessions/${id}`), this.call("GET", `/api/v1/sessions/${id}/messages?limit=${limit}`)]);
    this.#found(detail);
    this.#put(support.opened(this.state, id, page));
    const session = this.session(id);
    if (session) this.#owe(session);
  }

  /** The page before the oldest message. @param {string} id */
  async more(id) {
    const next = this.state.older.get(id);
    if (!next) return;
    const page = await this.call("GET", local(next));
    this.#put(support.earlier(this.state, id, page));
  }

  /** @param {string} id */
  owed(id) {
    return this.debts.of(id);
  }

  /** The newest message that a session's customer has read. @param {Session} session */
  readBy(session) {
    return this.state.reads.get(session.id)?.get(session.customer.userId);
  }

  /** Whether its customer types. @param {Session} session */
  types(session) {
    return support.typists(this.state, session.id).includes(session.customer.userId);
  }

  /** Other agents who have it open. @param {string} id */
  looking(id) {
    return (this.state.looking.get(id) ?? []).filter((each) => each.userId !== this.me);
  }

  /** @param {number} user */
  presence(user) {
    return this.state.presence.get(user);
  }

  /** The customers whose presence is shown. @param {string | null} open */
  customers(open) {
    const session = open ? this.session(open) : undefined;
    const people = [...(session ? [session] : []), ...this.#of("mine"), ...this.#of("waiting")].map((each) => each.customer.userId);
    return [...new Set(people)].slice(0, 500);
  }

  // What comes

  /** @param {any} frame */
  apply(frame) {
    const before = this.state;
    this.state = support.apply(before, frame);
    if (frame.type === "typing") setTimeout(() => this.changed(), 10_100);
    if (this.state === before) return;
    if (frame.type === "message" || frame.type === "offline_message") this.debts.said(frame.message);
    const session = frame.session?.id ?? frame.message?.sessionId;
    if (frame.type === "session" && this.isOpen(session)) void this.#detail(session);
    for (const id of this.state.missing) void this.#detail(id);
    this.changed();
  }

  /** A session that a call has answered with. @param {any} detail */
  answered(detail) {
    this.#found(detail);
    this.#put(support.listed(this.state, [detail]));
  }

  /** @param {any} detail */
  #found(detail) {
    this.transfers.set(detail.id, detail.transfers ?? []);
    this.#put(support.found(this.state, detail));
    // Older than what frames have told by now, and still more than nothing.
    if (!this.state.sessions.has(detail.id)) this.#put(support.listed(this.state, [detail]));
  }

  /** @param {string} id */
  async #detail(id) {
    if (this.asked.has(id)) return;
    this.asked.add(id);
    try {
      this.#found(await this.call("GET", `/api/v1/sessions/${id}`));
      const session = this.session(id);
      if (session) this.#owe(session);
    } catch {
      // It is not ours to see any more; or the next frame asks again.
    } finally {
      setTimeout(() => this.asked.delete(id), 1000);
    }
  }

  /** @param {Session} session */
  #owe(session) {
    this.debts.judge(session, this.isOpen(session.id) ? this.messages(session.id) : []);
  }

  async #first() {
    const page = await this.call("GET", `/api/v1/sessions?limit=${PAGE}`);
    const ids = page.results.map((/** @type {Session} */ each) => each.id);
    const seen = new Set(ids);
    const further = this.everything.ids.filter((id) => !seen.has(id));
    this.everything = { ids: [...ids, ...further], next: further.length ? this.everything.next : page.next };
    this.lists.all = "ready";
    this.#list(page.results);
  }

  /** @param {any[]} sessions  as REST shows them */
  #list(sessions) {
    for (const session of sessions) this.#owe(session);
    this.#put(support.listed(this.state, sessions));
  }

  #known() {
    return /** @type {Session[]} */ ([...this.state.sessions.values()]);
  }

  /** @param {ListName} list @returns {Session[]} */
  #of(list) {
    return this.#known().filter((each) => (list === "waiting" ? each.status === "waiting" : each.status === "open" && each.agent?.userId === this.me));
  }

  /** @param {import("../state/support.js").State} state */
  #put(state) {
    if (state === this.state) return;
    this.state = state;
    this.changed();
  }
}

/**
 * @template Value
 * @param {ReadonlyMap<string, Value>} map
 * @param {string | null} key
 * @returns {Map<string, Value>}
 */
function only(map, key) {
  return new Map([...map].filter(([each]) => each === key));
}

/** @param {unknown} error */
function asProblem(error) {
  return error instanceof Problem ? error : new Problem(0, String(error));
}
