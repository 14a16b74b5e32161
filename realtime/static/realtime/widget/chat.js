// What the visitor does, and what is known: from the first word, before there is a customer, to the rating.

import { Api } from "../api.js";
import * as support from "../state/support.js";
import { CLOSE } from "../wire.js";
import { After } from "./after.js";
import { Customer } from "./customer.js";
import { Draft } from "./draft.js";
import { Live } from "./live.js";
import { Pending } from "./pending.js";
import { Shop } from "./shop.js";

/**
 * @typedef {import("./rows.js").Entry} Entry
 * @typedef {import("./host.js").Identity} Identity
 */

export class Chat {
  /** @type {Live | null} */
  live = null;
  /** @type {"" | "unproved" | "loadFailed"} */
  problem = "";
  /** @type {string | null} the message above which "new" stands */
  newFrom = null;
  blocked = false;
  /** Whether the page around us shows us. @type {boolean} */
  shown;
  #atEnd = true;
  #host;
  #kept;
  #sound;
  #changed;
  /** @type {Customer} */
  #customer;
  /** @type {Api} */
  #api;
  #pending;
  #name = "";
  #readTo = "";
  #unread = 0;

  /**
   * @param {object} given
   * @param {import("./host.js").Host} given.host
   * @param {import("./sound.js").Sound} given.sound
   * @param {"en" | "zh-hans"} given.lang
   * @param {() => void} given.changed  something is to be drawn
   */
  constructor({ host, sound, lang, changed }) {
    const { channel, page, identity, shown } = host.hello;
    this.#host = host;
    this.#kept = host.kept;
    this.#sound = sound;
    this.#changed = changed;
    this.#pending = new Pending(host.kept);
    this.shown = shown;
    this.#api = new Api({ token: () => this.#customer.token(), language: lang });
    this.shop = new Shop({ api: this.#api, changed });
    this.after = new After({ kept: host.kept, shop: this.shop, live: () => this.live, changed });
    this.draft = new Draft({ kept: host.kept, live: () => this.live });
    this.#customer = new Customer({ api: this.#api, kept: host.kept, channel, page, identity });
    host.on("shown", (now) => this.#show(now));
    host.on("identify", (known) => this.#identify(known));
    host.on("logout", () => this.#forget());
    host.on("kept", (key) => key === this.#customer.key && this.#customer.known?.userId !== this.live?.userId && this.enter());
    document.addEventListener("visibilitychange", () => this.look());
  }

  /** Load what there is. */
  async begin() {
    await Promise.all([this.shop.ask(), this.enter()]);
    this.#host.tell("ready", null);
  }

  /** Go on as the customer whom this device or the shop knows, if there is one. */
  async enter() {
    // What an anonymous customer has not got off goes along when the shop says who that is; another person's does not.
    const texts = this.#customer.known?.externalId === null ? (this.live?.reclaim() ?? []) : [];
    this.live?.stop();
    this.live = null;
    this.problem = "";
    try {
      // A customer is made when somebody opens the chat, not with each page that is looked at.
      if (this.#customer.changes && (this.shown || this.#customer.known)) await this.#customer.make("");
    } catch (problem) {
      this.#failed(problem);
    }
    try {
      const { known } = this.#customer;
      if (known) await this.#live(known.userId).resume();
      this.newFrom ??= /** @type {Live | null} */ (this.live)?.firstUnread ?? null;
      if (known) this.#customer.introduce();
    } catch (problem) {
      this.#failed(problem);
    }
    for (const text of texts) this.send(text);
    if (this.#pending.entries.length) this.#flush();
    this.shop.askAway();
    this.#settle();
    this.#changed();
  }

  /** Whether nobody has been made a customer of yet. */
  get stranger() {
    return this.#customer.known === null;
  }

  /** The shop vouches for nobody, but wants that. */
  get unknown() {
    return this.shop.settings.identityRequired && !this.#customer.identity && this.stranger;
  }

  get asksName() {
    return this.shop.settings.askName && this.stranger && !this.#customer.identity?.name;
  }

  /** Everything that is not confirmed. @returns {readonly Entry[]} */
  get entries() {
    return [...(this.live?.entries ?? []), ...this.#pending.entries];
  }

  /** The newest session. */
  get session() {
    return this.live?.latest ?? null;
  }

  /** Write. Throws Error where too much waits to be sent. @param {string} text @param {string} [name]  of who has none yet */
  send(text, name = "") {
    if (this.live?.loaded) this.live.post(text);
    else {
      this.#name = name;
      this.#pending.add(text);
      this.#flush();
    }
    this.newFrom = null;
    this.draft.sent();
    this.#changed();
  }

  /** Send again what was not sent. @param {string} id */
  resend(id) {
    if (this.#pending.has(id)) this.#flush();
    else this.live?.resend(id);
  }

  retry() {
    if (this.live && this.problem === "") this.live.retry();
    else this.enter();
  }

  async end() {
    const { live, session } = this;
    if (live && session) await live.call("POST", `/api/v1/sessions/${session.id}/close`);
  }

  /** The newest messages that others have read in a session. @param {string} id @returns {string[]} */
  readUpTo(id) {
    return [...(this.live?.state.reads.get(id) ?? [])].filter(([user]) => user !== this.live?.userId).map(([, message]) => message);
  }

  /** Whether an agent types. */
  get typing() {
    const { live, session } = this;
    return Boolean(live && session && support.typists(live.state, session.id).length);
  }

  /** @param {boolean} end  whether the newest message is in view */
  reach(end) {
    this.#atEnd = end;
    this.look();
  }

  /** Somebody looks now, or again: what is in view has been read. */
  look() {
    const { live } = this;
    if (!live || !this.#looked || !this.#atEnd) return;
    const unread = live.ordered.filter((each) => each.unreadCount > 0).at(-1);
    const last = unread && live.state.messages.get(unread.id)?.at(-1);
    if (unread && last && this.#readTo !== last.id && live.say({ type: "read", sessionId: unread.id, upTo: last.id })) this.#readTo = last.id;
  }

  get #looked() {
    return this.shown && document.visibilityState === "visible";
  }

  /** @param {boolean} now */
  #show(now) {
    if (!now) this.newFrom = null;
    this.shown = now;
    if (now) this.shop.ask();
    if (now && !this.live && this.#customer.changes) this.enter();
    this.look();
    this.#changed();
  }

  /** @param {Identity | null} identity */
  #identify(identity) {
    this.#customer.identity = identity;
    if (this.#customer.changes || this.problem) this.enter();
    else if (this.live) this.#customer.introduce();
  }

  #forget() {
    this.live?.stop();
    this.#customer.identity = null;
    this.#kept.clear();
    this.#pending.take();
    Object.assign(this, { live: null, problem: "", newFrom: null, blocked: false });
    this.#count();
    this.#changed();
  }

  /** @param {number} userId @returns {Live} */
  #live(userId) {
    const renewed = (/** @type {boolean} */ anew) => this.#customer.renewed(anew);
    const gone = (/** @type {number} */ status) => this.#failed({ status });
    const changed = () => {
      this.#settle();
      this.#changed();
    };
    this.live = new Live({ api: this.#api, kept: this.#kept, lang: this.#api.language, userId, renewed, gone, changed, heard: (frame) => this.#heard(frame) });
    return this.live;
  }

  /** Have a customer made, if need be, and hand over what was written before. */
  async #flush() {
    if (this.#flushing || (this.live && !this.live.loaded)) return;
    this.#flushing = true;
    this.#pending.retry();
    this.#changed();
    let error = null;
    try {
      if (!this.live && (this.stranger || this.#customer.changes)) this.#live((await this.#customer.make(this.#name)).userId).begin();
      else if (!this.live) await this.enter();
      this.shop.askAway();
    } catch (problem) {
      error = problem;
    }
    if (this.live?.loaded) {
      for (const text of this.#pending.take()) this.live.post(text);
    } else this.#pending.fail(error);
    this.#flushing = false;
    this.#changed();
  }
  #flushing = false;

  /** @param {any} problem */
  #failed({ status }) {
    if (status === CLOSE.SESSION_REVOKED) this.enter();
    else if (status === 404) this.#anew();
    else if (status === 403) {
      // Without the shop's word there is nothing to see of who was vouched for; everybody else may go on.
      this.problem = "unproved";
      this.#customer.identity = null;
      if (this.#customer.known?.externalId) this.#leave();
    } else this.problem = "loadFailed";
    this.#changed();
  }

  /** This customer is not there any more. What was typed goes with the next one. */
  #anew() {
    const texts = this.live?.reclaim() ?? [];
    this.#leave();
    for (const text of texts) this.send(text);
  }

  #leave() {
    this.live?.stop();
    this.live = null;
    this.#customer.forget();
  }

  /** @param {any} frame */
  #heard(frame) {
    const { message } = frame;
    if (frame.type === "message" && message.senderType === "AGENT") {
      if (!this.#looked) {
        this.newFrom ??= message.id;
        this.#sound.play();
      }
      this.#host.tell("message", { id: message.id, agentName: message.agentName, text: message.text, createdAt: message.createdAt });
    }
    if (frame.type === "queue") this.shop.ask();
    if (frame.type === "connected") this.#readTo = "";
  }

  /** What follows from what is known now. */
  #settle() {
    this.blocked = (this.live?.entries ?? []).some((each) => each.error?.code === "FORBIDDEN");
    this.look();
    this.#count();
  }

  #count() {
    const unread = this.live?.ordered.reduce((sum, each) => sum + each.unreadCount, 0) ?? 0;
    if (unread !== this.#unread) this.#host.tell("unread", (this.#unread = unread));
  }
}
