// The middle column: one session, with what can be done about it.

import { fill, h } from "../dom.js";
import { exact } from "../moments.js";
import { Canned } from "./canned.js";
import { Composer } from "./composer.js";
import { icon } from "./dialog.js";
import { Log } from "./log.js";

/** @typedef {import("./shapes.js").Session} Session */

/**
 * @typedef {object} Deeds  what is done about a session
 * @property {(session: Session) => void} claim
 * @property {(session: Session) => void} transfer
 * @property {(session: Session) => void} close
 * @property {(session: Session, text: string, note: boolean) => boolean} post  false: it could not be taken
 * @property {(session: Session, types: boolean) => void} types
 * @property {(session: Session) => void} seen  its end is in view
 * @property {(id: string) => void} again
 * @property {(id: string) => void} drop
 * @property {(session: Session) => Promise<import("./canned.js").Reply[]>} replies
 * @property {() => void} back
 * @property {() => void} customer  show who it is, where the third column is a drawer
 * @property {(id: string) => import("./shapes.js").Entry[]} entries
 * @property {(id: string) => boolean} ending  it is about to be closed or handed over
 */

export class Conversation {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {string} given.lang
   * @param {import("./shapes.js").Login["user"] & { serves: boolean, staff: boolean }} given.me
   * @param {import("./store.js").Store} given.store
   * @param {import("./kept.js").Kept} given.kept
   * @param {Deeds} given.deeds
   */
  constructor({ say, lang, me, store, kept, deeds }) {
    this.say = say;
    this.lang = lang;
    this.me = me;
    this.store = store;
    this.deeds = deeds;
    /** @type {string | null} */
    this.id = null;
    /** @type {string | null} */
    this.newFrom = null;
    this.problem = "";
    this.notice = "";
    this.loadingMore = false;
    /** A message to be brought into view once it is there. @type {string | null} */
    this.wanted = null;

    this.name = h("h2", { dir: "auto", tabIndex: -1 });
    this.line = h("p", { class: "hint" });
    /** @param {"claim" | "transfer" | "close"} deed @param {string} key @param {string} kind */
    const button = (deed, key, kind) => h("button", { type: "button", class: kind, title: `${say(deed)} ( ${key} )`, onclick: () => this.#do(deed) }, say(deed));
    this.claim = button("claim", "A", "primary");
    this.transfer = button("transfer", "T", "");
    this.close = button("close", "E", "");
    this.close.textContent = this.close.title = say("closeSession");
    this.close.title += " ( E )";
    this.header = h(
      "header",
      null,
      h("button", { type: "button", class: "plain icon back", "aria-label": say("back"), title: say("back"), onclick: deeds.back }, icon("back")),
      h("div", { class: "who" }, this.name, this.line),
      this.claim,
      this.transfer,
      this.close,
      h("button", { type: "button", class: "plain icon about", "aria-label": say("aboutCustomer"), title: say("aboutCustomer"), onclick: deeds.customer }, icon("person")),
    );
    this.noticeLine = h("p", { class: "notice", role: "status" });
    this.place = h("div", { class: "place" });
    this.canned = new Canned({ say, load: () => deeds.replies(/** @type {Session} */ (this.session())), chosen: (reply) => (reply ? this.composer.insert(reply.text) : this.composer.focus()) });
    this.composer = new Composer({
      say,
      kept,
      names: () => ({ customer: this.session()?.customer.name ?? "", agent: me.displayName }),
      send: (text, note) => {
        const session = this.session();
        if (!session || !deeds.post(session, text, note)) return false;
        this.newFrom = null;
        this.log?.toEnd();
        return true;
      },
      types: (types) => this.#with((session) => deeds.types(session, types)),
      canned: () => void this.canned.open(),
    });
    this.over = h("p", { class: "over" });
    this.foot = h("footer", null, this.canned.element, this.composer.element, this.over);
    this.nobody = h("div", { class: "nobody" }, h("p", null, say("chooseOne")), h("p", { class: "hint" }, say("chooseOneHint")));
    this.element = h("section", { class: "conversation", "aria-label": say("conversation") });
    /** @type {Log | null} */
    this.log = null;
  }

  /** @returns {Session | undefined} */
  session() {
    return this.id ? this.store.session(this.id) : undefined;
  }

  /** Show this session, or none. @param {string | null} id @param {string | null} [message]  bring this one into view */
  show(id, message = null) {
    this.wanted = message;
    if (id === this.id) return void (message && this.#seek());
    this.id = id;
    this.problem = this.notice = "";
    this.newFrom = null;
    this.log = null;
    if (id) void this.#load(id);
    this.update();
  }

  /** Say something about this session above its messages. @param {string} text */
  tell(text) {
    this.notice = text;
    this.update();
  }

  /** Go to the field, for an answer or a note. @param {boolean} note */
  write(note) {
    if (this.#mayWrite()) this.composer.mode(note, true);
  }

  /** Find a canned reply. */
  replies() {
    if (this.#mayWrite() && !this.composer.cannedButton.hidden) void this.canned.open();
  }

  /** Load what is open anew. */
  async reload() {
    if (this.id) await this.#load(this.id);
  }

  update() {
    const { element, store, say } = this;
    const session = this.session();
    if (!this.id) return fill(element, this.nobody);
    if (!session || !this.log) {
      const failed = this.problem ? [h("p", { class: "problem" }, this.problem), h("button", { type: "button", onclick: () => this.#load(/** @type {string} */ (this.id)) }, say("tryAgain"))] : [];
      fill(this.place, failed.length ? h("div", { class: "failed" }, ...failed) : h("div", { class: "skeleton", "aria-hidden": "true" }, h("span", null), h("span", null), h("span", null)));
    } else {
      const { log } = this;
      log.update({
        messages: store.messages(session.id),
        pending: this.deeds.entries(session.id),
        newFrom: this.newFrom,
        readUpTo: store.readBy(session),
        more: store.hasMore(session.id),
        note: this.loadingMore ? say("loading") : this.problem,
        types: store.types(session),
      });
      fill(this.place, log.element, log.jump);
    }
    this.#head(session);
    this.#feet(session);
    const notice = this.notice || this.#handed(session);
    fill(this.noticeLine, notice);
    this.noticeLine.hidden = !notice;
    fill(element, this.header, this.noticeLine, this.place, this.foot);
    if (session && this.log?.atEnd) this.deeds.seen(session);
  }

  #mayWrite() {
    return Boolean(this.session()) && !this.foot.hidden && !this.composer.element.hidden;
  }

  /** What the agent before has written for this one. @param {Session | undefined} session */
  #handed(session) {
    const last = session && this.store.transfers.get(session.id)?.at(-1);
    return last?.note ? this.say("handedBy", { from: last.by?.name ?? last.fromAgent?.name ?? "", to: last.toAgent?.name ?? "", note: last.note }) : "";
  }

  /** @param {Session | undefined} session */
  #head(session) {
    const { say, store, lang } = this;
    const mine = session ? store.isMine(session) : false;
    const open = session?.status === "open" || session?.status === "waiting";
    this.name.textContent = session?.customer.name ?? "";
    this.line.textContent = session ? this.#line(session) : "";
    this.line.title = session ? exact(session.openedAt, lang) : "";
    this.claim.hidden = session?.status !== "waiting" || !this.me.serves;
    this.transfer.hidden = this.close.hidden = !open || !(mine || this.me.staff);
    const ending = session ? this.deeds.ending(session.id) : false;
    for (const each of [this.claim, this.transfer, this.close]) each.disabled = ending;
  }

  /** @param {Session} session */
  #line(session) {
    const { say, store } = this;
    const presence = store.presence(session.customer.userId);
    const parts = [presence && say(/** @type {any} */ (presence === "offline" ? "customerGone" : "customerHere")), session.channel, session.subject];
    if (session.status === "closed") parts.unshift(say("closed"));
    else if (session.status === "waiting") parts.unshift(say("waitsForAgent"));
    else if (session.agent && !store.isMine(session)) parts.unshift(say("isWith", { name: session.agent.name }));
    const others = store.looking(session.id).map((each) => each.name);
    if (others.length) parts.push(say("looksAtIt", { name: others.join(", ") }));
    return parts.filter(Boolean).join(" · ");
  }

  /** @param {Session | undefined} session */
  #feet(session) {
    const { say, store } = this;
    this.foot.hidden = !session || !this.log;
    if (!session) return;
    const mine = store.isMine(session);
    const ending = this.deeds.ending(session.id);
    const closed = session.status === "closed";
    this.composer.element.hidden = closed || ending;
    if (!closed) this.composer.show(session.id, mine);
    const why = closed ? this.#ended(session) : ending ? say("ending") : mine ? "" : say(session.status === "waiting" ? "onlyNotesWaiting" : "onlyNotes");
    this.over.textContent = why;
    this.over.hidden = !why;
  }

  /** @param {Session} session */
  #ended(session) {
    const rated = session.rating ? this.say("rated", { n: session.rating }) : "";
    return [this.say("isClosed"), rated, session.comment].filter(Boolean).join(" · ");
  }

  /** @param {string} id */
  async #load(id) {
    const unread = this.store.session(id)?.unreadCount ?? 0;
    this.problem = "";
    try {
      await this.store.open(id);
    } catch (error) {
      if (this.id === id) this.problem = /** @type {Error} */ (error).message;
      return this.update();
    }
    if (this.id !== id) return;
    const spoken = this.store.messages(id).filter((each) => each.senderType === "CUSTOMER");
    this.newFrom = unread ? (spoken.at(-unread)?.id ?? spoken[0]?.id ?? null) : null;
    this.log ??= new Log({
      say: this.say,
      lang: this.lang,
      me: this.me.id,
      label: this.say("messagesWith", { name: this.session()?.customer.name ?? "" }),
      top: () => void this.#more(),
      end: () => this.#with((session) => this.deeds.seen(session)),
      again: this.deeds.again,
      drop: this.deeds.drop,
    });
    this.update();
    this.log.toEnd();
    if (this.wanted) void this.#seek();
  }

  async #more() {
    const { id, store } = this;
    if (!id || this.loadingMore || !store.hasMore(id)) return;
    this.loadingMore = true;
    this.problem = "";
    try {
      await store.more(id);
    } catch (error) {
      this.problem = /** @type {Error} */ (error).message;
    }
    this.loadingMore = false;
    if (this.id === id) this.update();
  }

  /** Bring the wanted message into view, loading what is before. */
  async #seek() {
    const { wanted, id, store } = this;
    if (!this.log) return; // once it is loaded
    for (let pages = 0; wanted && id && this.id === id && pages < 20; pages++) {
      if (this.log.show(wanted) || !store.hasMore(id)) break;
      await this.#more();
    }
    this.wanted = null;
  }

  /** @param {"claim" | "transfer" | "close"} deed */
  #do(deed) {
    this.#with((session) => this.deeds[deed](session));
  }

  /** @param {(session: Session) => void} work */
  #with(work) {
    const session = this.session();
    if (session) work(session);
  }
}
