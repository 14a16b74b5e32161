// What the visitor does, and what is known: from the first word, before there is a customer, to the rating.

import { Api } from "../api.js";
import { support } from "../state.js";
import { After } from "./after.js";
import { Customer } from "./customer.js";
import { Live } from "./live.js";
import { Shop } from "./shop.js";

const DRAFT = "draft";
const READ = "read";
/** So often it is said that somebody types, ms; who is told forgets it after 10 s. */
const TYPING = 4000;
/**
 * @typedef {import("./rows.js").Entry} Entry
 * @typedef {import("./host.js").Identity} Identity
 */

export class Chat {
  /** @type {Live | null} */
  live = null;
  /** What was written before there was a customer. @type {Entry[]} */
  pending = [];
  /** @type {"" | "unproved" | "loadFailed"} */
  problem = "";
  /** @type {string | null} the message above which "new" stands */
  newFrom = null;
  blocked = false;
  #shown;
  #host;
  #kept;
  #sound;
  #changed;
  #customer;
  #api;
  #typedAt = 0;
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
    this.#shown = shown;
    this.#api = new Api({ token: () => this.#customer.token(), language: lang });
    this.shop = new Shop({ api: this.#api, changed });
    this.after = new After({ kept: host.kept, shop: this.shop, live: () => this.live, changed });
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
    const texts = this.live?.reclaim() ?? [];
    this.live?.stop();
    this.live = null;
    this.problem = "";
    try {
      // A customer is made when somebody opens the chat, not with each page that is looked at.
      if (this.#customer.changes && (this.#shown || this.#customer.known)) await this.#customer.make("");
      const { known } = this.#customer;
      if (known) await this.#live(known.userId).resume();
    } catch (problem) {
      this.#failed(problem);
    }
    for (const text of texts) this.send(text);
    this.shop.askAway();
    this.look();
    this.#changed();
  }

  /** Whether nobody has been made a customer of yet. */
  get stranger() {
    return this.#customer.known === null;
  }

  get shown() {
    return this.#shown;
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
    return [...this.pending, ...(this.live?.entries ?? [])];
  }

  /** The newest session. */
  get session() {
    return this.live?.latest ?? null;
  }

  /** Write. @param {string} text @param {string} [name]  of who has none yet */
  send(text, name = "") {
    this.newFrom = null;
    if (this.live?.loaded) this.live.post(text);
    else {
      this.pending = [...this.pending, { id: `pending-${Date.now()}-${this.pending.length}`, frame: { text }, state: "sending", error: null, at: Date.now() }];
      this.#flush(name);
    }
    this.#typedAt = 0;
    this.#changed();
  }

  /** Send again what was not sent. @param {string} id */
  resend(id) {
    if (this.pending.some((each) => each.id === id)) this.#flush("");
    else this.live?.resend(id);
  }

  /** What is being typed, kept over a reload. */
  get draft() {
    return this.#kept.getItem(DRAFT) ?? "";
  }

  /** @param {string} text */
  type(text) {
    if (text) this.#kept.tryItem(DRAFT, text);
    else this.#kept.removeItem(DRAFT);
    const { session } = this;
    if (!session || session.status === "closed") return;
    const types = text.trim() !== "";
    if (types ? Date.now() - this.#typedAt < TYPING : !this.#typedAt) return;
    this.#typedAt = types ? Date.now() : 0;
    this.live?.say({ type: "typing", data: { is_typing: types, context: session.id } });
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
    const told = [...(this.live?.state.reads.get(id) ?? [])].filter(([user]) => user !== this.live?.userId).map(([, message]) => message);
    return [...told, this.#kept.getItem(READ) ?? ""];
  }

  /** Whether an agent types. */
  get typing() {
    const { live, session } = this;
    return Boolean(live && session && support.typists(live.state, session.id).length);
  }

  /** Somebody looks now, or again: what is there has been read. */
  look() {
    const { live } = this;
    if (!live || !this.#looked) return;
    const unread = live.ordered.filter((each) => each.unreadCount > 0).at(-1);
    const last = unread && live.state.messages.get(unread.id)?.at(-1);
    if (unread && last && this.#readTo !== last.id && live.say({ type: "read", sessionId: unread.id, upTo: last.id })) this.#readTo = last.id;
  }

  get #looked() {
    return this.#shown && document.visibilityState === "visible";
  }

  /** @param {boolean} now */
  #show(now) {
    if (!now) this.newFrom = null;
    this.#shown = now;
    if (now && !this.live && this.#customer.changes) this.enter();
    this.look();
    this.#changed();
  }

  /** @param {Identity | null} identity */
  #identify(identity) {
    this.#customer.identity = identity;
    if (this.#customer.changes || this.problem) this.enter();
  }

  #forget() {
    this.live?.stop();
    this.#customer.identity = null;
    this.#kept.clear();
    Object.assign(this, { live: null, pending: [], problem: "", newFrom: null, blocked: false });
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
    this.live = new Live({ api: this.#api, kept: this.#kept, userId, renewed, gone, changed, heard: (frame) => this.#heard(frame) });
    return this.live;
  }

  /** Have a customer made, if need be, and hand over what was written before. @param {string} name */
  async #flush(name) {
    if (this.#flushing) return;
    this.#flushing = true;
    this.pending = this.pending.map((each) => ({ ...each, state: "sending", error: null }));
    this.#changed();
    try {
      if (!this.live) {
        if (this.stranger || this.#customer.changes) this.#live((await this.#customer.make(name)).userId).begin();
        else await this.enter();
      }
      const { live } = this;
      if (live?.loaded) {
        for (const { frame } of this.pending) live.post(frame.text);
        this.pending = [];
      }
    } catch (error) {
      this.pending = this.pending.map((each) => ({ ...each, state: "failed", error }));
    }
    this.#flushing = false;
    this.#changed();
  }
  #flushing = false;

  /** @param {any} problem */
  async #failed(problem) {
    if (problem.status === 404 && this.#customer.known) {
      // This customer is gone. What was typed goes with the next one.
      const texts = this.live?.reclaim() ?? [];
      this.live?.stop();
      this.live = null;
      this.#customer.forget();
      for (const text of texts) this.send(text);
    } else if (problem.status === 403) this.problem = "unproved";
    else this.problem = "loadFailed";
    this.#changed();
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
    if (frame.type === "read" && frame.data.userId !== this.live?.userId) this.#kept.tryItem(READ, frame.data.upTo);
    if (frame.type === "connected") this.#readTo = "";
  }

  /** What follows from what is known now. */
  #settle() {
    this.blocked = this.entries.some((each) => each.error?.code === "FORBIDDEN");
    this.look();
    this.#count();
  }

  #count() {
    const unread = this.live?.ordered.reduce((sum, each) => sum + each.unreadCount, 0) ?? 0;
    if (unread !== this.#unread) this.#host.tell("unread", (this.#unread = unread));
  }
}
