// The console of one agent who has logged in: it puts the parts together, and hands them what comes.

import { Api, Problem } from "../api.js";
import { Switchboard } from "../client.js";
import { Alerts } from "./alerts.js";
import { Band } from "./band.js";
import { Conversation } from "./conversation.js";
import { CustomerPanel } from "./customer.js";
import { deedsOf } from "./deeds.js";
import { Doorway } from "./doorway.js";
import { Kept } from "./kept.js";
import { SessionList } from "./list.js";
import { Lookout } from "./lookout.js";
import { News } from "./news.js";
import { columns } from "./page.js";
import { Place } from "./place.js";
import { Rounds } from "./rounds.js";
import { Search } from "./search.js";
import { shortcuts } from "./shortcuts.js";
import { allowSound } from "./sound.js";
import { OwnStatus } from "./status.js";
import { Store } from "./store.js";
import { Undo } from "./undo.js";

/** @typedef {import("./shapes.js").Login} Login */

/** Closed with these, or answered so, only a new login helps. */
const LOGGED_OUT = new Set([401, 4001, 4401, 4410]);

export class Desk {
  /** @param {{ account: import("./account.js").Account, login: Login, say: import("./words.js").Say, lang: string, root: HTMLElement }} given */
  constructor({ account, login, say, lang, root }) {
    this.account = account;
    this.say = say;
    this.lang = lang;
    this.root = root;
    const { user, isStaff: staff } = login;
    const serves = user.role === "agent";
    this.me = { ...user, serves, staff };
    this.api = new Api({ token: () => account.login?.token ?? null, language: lang });
    /** @type {Switchboard | null} */
    this.client = null;
    /** @type {import("./shapes.js").Settings} */
    this.settings = { shopName: "", waitWarn: 60, waitBad: 300 };
    this.drawn = true;
    this.watched = "";

    const call = this.call.bind(this);
    const changed = () => this.changed();
    this.kept = new Kept(user.id);
    this.store = new Store({ me: user.id, call, changed });
    /** @type {import("./shapes.js").ListName[]} */
    const lists = [...(serves ? /** @type {const} */ (["mine"]) : []), "waiting", ...(staff ? /** @type {const} */ (["all"]) : [])];
    this.place = new Place({ list: lists[0] ?? "waiting", lists, moved: () => this.moved() });
    this.news = new News(say);
    this.undo = new Undo({ say });
    this.alerts = new Alerts({ say, kept: this.kept, open: (id) => this.place.open(id) });
    this.band = new Band({ say, lang, retry: () => this.client?.retry() });
    this.status = new OwnStatus({
      say, name: user.displayName, serves,
      tell: (status) => this.client?.send({ type: "presence", status }) ?? false,
      part: () => (account.part(), this.afresh()),
      logOut: () => this.logOut(),
      failed: (text) => this.news.tell(text, { bad: true }),
    });
    this.doorway = new Doorway({ say, lang, api: new Api({ token: () => null, language: lang }), username: user.username, done: (again) => this.loggedIn(again) });
    this.search = new Search({ say, lang, call, chosen: (session, id, message) => this.found(session, id, message) });
    this.list = new SessionList({ say, lang, me: user.id, lists, store: this.store, place: this.place, settings: () => this.settings, search: this.search.element });
    this.list.element.append(this.search.found);
    this.deeds = deedsOf({
      say, me: user.id, call, store: this.store, undo: this.undo, news: this.news, changed,
      leave: (path, body) => this.leave(path, body),
      client: () => this.client,
      tell: (text) => this.conversation.tell(text),
      claimed: (id) => {
        if (serves) this.place.show("mine");
        this.place.open(id);
      },
      back: () => this.back(),
      customer: () => this.drawer(!root.classList.contains("drawer")),
    });
    this.conversation = new Conversation({ say, lang, me: this.me, store: this.store, kept: this.kept, deeds: this.deeds });
    this.customer = new CustomerPanel({ say, lang, call, open: (id) => this.found(null, id, null), close: () => this.drawer(false), blocked: () => void this.rounds.now() });
    this.rounds = new Rounds({ refresh: () => this.refresh() });
    this.lookout = new Lookout({
      say, me: user.id, store: this.store, alerts: this.alerts, news: this.news, rounds: this.rounds,
      open: (id) => this.place.open(id),
      inView: (id) => document.visibilityState === "visible" && this.place.session === id && Boolean(this.conversation.log?.atEnd),
      isOpen: (id) => this.place.session === id,
    });
    this.page = columns(this);
  }

  /** Show it, load what is there, and connect. */
  async start() {
    this.root.replaceChildren(...this.page.parts);
    this.account.renewed = (login) => (this.doorway.close(), this.loggedIn(login));
    addEventListener("visibilitychange", () => this.changed());
    allowSound();
    shortcuts(this);
    this.moved();
    void this.call("GET", "/api/v1/support/settings").then((settings) => ((this.settings = settings), this.changed()), () => {});
    await this.load();
  }

  async load() {
    try {
      const asOf = await this.store.reload(this.place.session);
      if (this.client) this.client.startFrom(asOf);
      else this.#connect(asOf);
      if (this.place.list === "all") await this.store.moreRows("all");
      this.rounds.start();
    } catch (error) {
      // The list says why, and has a button. Whatever passes is tried again.
      if (!(error instanceof Problem) || error.status === 0 || error.status >= 500) setTimeout(() => this.load(), 5000);
    }
  }

  /** REST; a login that is over is asked for again. @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
  async call(method, path, body) {
    const { login } = this.account;
    try {
      return await this.api.call(method, path, body);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // What was asked with an earlier login says nothing of this one.
      if (error.status === 401 && login === this.account.login) this.loggedOut();
      if (error.status === 0) throw new Problem(0, this.say("noServer"));
      throw error;
    }
  }

  /** POST while the page goes away. @param {string} path @param {object} [body] */
  leave(path, body = {}) {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${this.account.login?.token}` };
    void fetch(path, { method: "POST", keepalive: true, credentials: "omit", headers, body: JSON.stringify(body) });
  }

  /** Draw, once for all that has changed at the same time. */
  changed() {
    if (!this.drawn) return;
    this.drawn = false;
    queueMicrotask(() => {
      this.drawn = true;
      this.list.update();
      this.conversation.update();
      this.customer.show(this.conversation.session());
      this.alerts.count(this.store.unread());
      this.#watch();
    });
  }

  /** The address says another list or session. @param {string | null} [message] */
  moved(message = null) {
    const { session, list } = this.place;
    this.root.dataset.view = session ? "conversation" : "list";
    if (session !== this.conversation.id) {
      this.drawer(false);
      this.client?.send({ type: "look", sessionId: session });
    }
    this.conversation.show(session, message);
    if (list === "all" && !this.store.everything.ids.length) void this.store.moreRows("all");
    this.changed();
  }

  /** Something was chosen that is perhaps in no list. @param {import("./shapes.js").Session | null} session @param {string} id @param {string | null} message */
  found(session, id, message) {
    if (session) this.store.answered(session);
    this.place.open(id);
    if (message) this.moved(message);
  }

  /** Back to the list, or out of the drawer. */
  back() {
    const typing = document.activeElement instanceof HTMLTextAreaElement;
    if (this.root.classList.contains("drawer")) return this.drawer(false);
    if (!typing || matchMedia("(max-width: 720px)").matches) this.place.open(null);
    this.list.focus();
  }

  /** @param {boolean} open */
  drawer(open) {
    this.root.classList.toggle("drawer", open);
    if (open) this.customer.heading.focus();
  }

  async refresh() {
    this.lookout.came(await this.store.refresh(this.place.list, this.place.session));
  }

  // Coming and going

  loggedOut() {
    this.account.forget();
    this.doorway.open(this.say("loginOver"));
  }

  /** @param {Login} login */
  loggedIn(login) {
    this.account.keep(login);
    if (login.user.id !== this.me.id || login.isStaff !== this.me.staff || login.user.role !== this.me.role) return this.afresh();
    this.page.expiring.hidden = true;
    if (this.client?.state.name === "connected") this.client.authenticate(login.token);
    else if (this.client) this.client.retry();
    else void this.load();
    if (this.place.session && !this.store.isOpen(this.place.session)) void this.conversation.reload();
  }

  async logOut() {
    this.undo.flush();
    try {
      await this.api.call("POST", "/api/v1/logout", {});
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) return this.news.tell(/** @type {Error} */ (error).message, { bad: true });
    }
    this.account.forget();
    this.afresh();
  }

  /** Begin again, with whoever is logged in. */
  afresh() {
    this.client?.stop();
    history.replaceState(null, "", location.pathname);
    location.reload();
  }

  /** @param {number} since */
  #connect(since) {
    const client = new Switchboard({
      path: "/ws/chat",
      user: this.me.id,
      since,
      credential: async () => ({ ticket: (await this.call("POST", "/api/v1/ws/ticket", {})).ticket }),
      // An agent is told of what comes while the window is hidden, too.
      awake: true,
    });
    this.client = client;
    client.on("frame", (frame) => this.lookout.frame(frame));
    client.on("state", (state) => this.#state(state));
    // Of all that has come, what somebody has written is news.
    client.on("caughtup", () => this.band.caughtUp(this.lookout.missed));
    client.on("outbox", () => this.changed());
    client.on("reset", () => this.load());
    client.on("expiring", () => (this.page.expiring.hidden = false));
    client.start();
  }

  /** @param {import("../line.js").State} state */
  #state(state) {
    this.band.state(state);
    this.root.dataset.connection = state.name;
    if (state.name === "failed" && LOGGED_OUT.has(state.code ?? 0)) this.loggedOut();
    if (state.name !== "connected") return void (this.lookout.missed = 0);
    this.client?.send({ type: "look", sessionId: this.place.session });
    this.watched = "";
    this.#watch();
    this.rounds.now();
    // How oneself is, is told to everybody but oneself.
    void this.call("GET", `/api/v1/status/${this.me.id}`).then(({ status }) => this.status.show(status), () => {});
  }

  /** Ask how the customers in sight are, whenever these are others. */
  #watch() {
    if (!this.me.serves) return; // staff that is no agent is told nothing of customers
    const people = this.store.customers(this.place.session);
    const wanted = people.join();
    if (wanted === this.watched || this.client?.state.name !== "connected") return;
    // Only who was not watched before is told of, and another tab of this browser may have asked.
    if (!this.watched) this.client.send({ type: "watch", user_ids: [] });
    if (this.client.send({ type: "watch", user_ids: people })) this.watched = wanted;
  }
}
