// <switchboard-bell>: how many notifications are unread, and under it the notifications, live.

import { notifications } from "../state.js";
import { Panel } from "./bell-panel.js";
import { LiveElement } from "./live.js";
import { phrase } from "./phrase.js";
import { sheets } from "./sheets.js";

const PAGE = 20;
const LOOKS = await sheets("../tokens.css", "./parts.css", "./bell.css");

/** @typedef {import("../person.js").Person} Person */

/**
 * Events: `switchboard-notification` with a new notification in `detail`, and `switchboard-unread` with the number of
 * unread ones in `detail.unread`.
 */
export class SwitchboardBell extends LiveElement {
  static observedAttributes = ["server", "token-from"];

  /** @type {Panel | null} */
  #panel = null;
  /** @type {notifications.State | null} */
  #state = null;
  #unread = -1;
  #loadingOlder = false;

  constructor() {
    super(LOOKS);
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    this.#panel?.close();
  }

  /** @override */
  draw() {
    const { speech: lang, words } = this;
    const asked = {
      read: (/** @type {number} */ id) => this.#read(id),
      readAll: () => this.#readAll(),
      older: () => this.#older(),
      retry: () => this.again(),
    };
    this.#panel?.close();
    this.#panel = new Panel({ lang, words, asked });
    this.#state = null;
    this.#unread = -1;
    this.#show();
    return this.#panel.parts;
  }

  /** @override @param {Person} person @param {() => boolean} still */
  async load(person, still) {
    this.#state = null;
    this.#show();
    const user = await person.number();
    if (!still()) return;
    const state = notifications.from(await person.call("GET", `/api/v1/notifications?limit=${PAGE}`));
    if (!still()) return;
    this.#take(state);
    const client = this.follow({ path: "/api/ws/notifications", user, since: state.asOf });
    client.on("reset", () => this.#reload(client));
  }

  /** @override @param {any} frame */
  frame(frame) {
    const before = this.#state;
    if (!before) return;
    this.#take(notifications.apply(before, frame));
    if (frame.type !== "notification" || frame.seq <= before.asOf) return;
    this.#panel?.announce(phrase(this.words.new, { title: frame.data.title }));
    this.#tell("switchboard-notification", frame.data);
  }

  /** @override @param {string} text @param {boolean} [again] */
  complain(text, again) {
    this.#panel?.complain(text, again);
  }

  /** @override @param {string} text @param {boolean} [again] */
  line(text, again) {
    this.#panel?.tellLine(text, again);
  }

  /** The stream does not reach back to what is shown. @param {import("../client.js").Switchboard} client */
  async #reload(client) {
    try {
      const state = notifications.from(await this.#call("GET", `/api/v1/notifications?limit=${PAGE}`));
      if (this.client !== client) return;
      this.#take(state);
      client.startFrom(state.asOf);
    } catch (error) {
      if (this.client === client) this.failed(error);
    }
  }

  async #older() {
    const { next } = this.#state ?? {};
    if (!next || this.#loadingOlder) return;
    const { pathname, search } = new URL(next);
    this.#loadingOlder = true;
    this.#panel?.tellOlder("loading");
    try {
      // A page that was answered before what a frame has told meanwhile is asked for again. What was loaded anew has another end.
      for (let tries = 0; tries < 5 && this.#state?.next === next; tries++) {
        const page = await this.#call("GET", pathname + search);
        if (this.#state?.next === next) this.#take(notifications.older(this.#state, page));
      }
      this.#panel?.tellOlder("");
    } catch {
      this.#panel?.tellOlder("failed");
    } finally {
      this.#loadingOlder = false;
    }
  }

  /** @param {number} id */
  #read(id) {
    return this.#do("PATCH", `/api/v1/notifications/${id}`, { status: "read" });
  }

  #readAll() {
    // Only those that were there to be seen: what comes at this moment stays unread.
    const newest = this.#state?.items[0];
    return this.#do("POST", "/api/v1/notifications/read-all", newest && { up_to: newest.id });
  }

  /** What is changed comes back as a frame. @param {string} method @param {string} path @param {object} [body] */
  async #do(method, path, body) {
    this.complain("");
    try {
      await this.#call(method, path, body);
    } catch (error) {
      this.failed(error, this.words.not_done);
    }
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  #call(method, path, body) {
    return /** @type {Person} */ (this.person).call(method, path, body);
  }

  /** One of which a frame told only that it is there. @param {number} id */
  async #find(id) {
    const { person } = this;
    try {
      const found = await /** @type {Person} */ (person).unless404("GET", `/api/v1/notifications/${id}`);
      if (person === this.person && this.#state) this.#take(notifications.found(this.#state, id, found));
    } catch (error) {
      if (person === this.person) this.failed(error);
    }
  }

  /** @param {notifications.State} state */
  #take(state) {
    const asked = this.#state?.missing;
    this.#state = state;
    this.#show();
    for (const id of state.missing.keys()) if (!asked?.has(id)) this.#find(id);
    if (state.unread === this.#unread) return;
    this.#unread = state.unread;
    this.#tell("switchboard-unread", { unread: state.unread });
  }

  #show() {
    const { items = [], unread = 0, next = null } = this.#state ?? {};
    this.#panel?.show({ items, unread, more: Boolean(next), loaded: Boolean(this.#state) });
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get("switchboard-bell")) customElements.define("switchboard-bell", SwitchboardBell);
