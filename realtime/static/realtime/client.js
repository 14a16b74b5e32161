// One live connection to the server for all tabs of a browser: it comes back by itself, loses nothing, and sends what was written once.

import * as hub from "./hub.js";
import * as line from "./line.js";
import * as member from "./member.js";
import * as outbox from "./outbox.js";
import { Seat } from "./seat.js";
import { newName, ownStorage } from "./storage.js";
import * as wire from "./wire.js";

/**
 * @typedef {object} Options
 * @property {string} [server]  its origin; where this module came from, if it is not given
 * @property {string} path  such as /ws/chat
 * @property {number | string} user  whose connection it is; tabs of another user share nothing with it
 * @property {(before: { refused: number | null }) => Promise<line.Credential>} credential  asked before every connection; `refused` is the
 *   close code for which the last one was no good. What it throws with `status` 401, 403 or 404 ends in "failed"; all else is tried again
 * @property {() => Promise<string | null>} [renew]  a new token for the connection that is open; null: the event "expiring" tells the page
 * @property {number | null} [since]  the number that the page's state is true for; left out: begin at the newest
 * @property {boolean} [keep]  remember the cursor in `storage`, for pages that keep their state there, too; `since` goes before it
 * @property {Storage | null} [storage]  for the outbox; the browser's own, if it is not given, and memory where that is forbidden
 * @property {boolean} [shared]  false: a connection of its own
 * @property {{ greeting: number, answer: number }} [patience]  ms to wait for `connected`, and for the answer to a ping
 * @property {boolean} [awake]  true: connect while no tab is visible, too
 */

/**
 * @typedef {object} Events
 * @property {(frame: wire.Frame) => void} frame  every frame but `pong`; those with a number once and in order
 * @property {(state: line.State) => void} state
 * @property {(reset: { seq: number }) => void} reset  the stream does not reach back: load a snapshot and call `startFrom`. Without a listener it just goes on
 * @property {(expiring: { expiresAt: string }) => void} expiring  the credential ends then; `authenticate` renews it
 * @property {(entries: outbox.Entry[]) => void} outbox  what is not confirmed
 * @property {(caughtUp: { count: number }) => void} caughtup  after a reconnection: so many numbered frames had been missed and have come
 */

const VERSION = 1; // of what tabs say to each other: those of two versions do not share
const PATIENCE = Object.freeze({ greeting: 15_000, answer: 5_000 }); // ms

export class Switchboard {
  /** @param {Options} options  Throws TypeError if they do not say whose connection it is */
  constructor(options) {
    if (options.user === undefined || options.user === null || options.user === "") throw new TypeError("`user` has to say whose connection this is.");
    const { server = new URL(import.meta.url).origin, storage = ownStorage(), shared = true, awake = false, patience = PATIENCE } = options;
    this.options = { ...options, server, storage };
    this.id = newName();
    this.name = `switchboard ${this.options.server}${this.options.path} ${this.options.user}`;
    this.outbox = new outbox.Outbox(this.name, this.options.storage);
    /** @type {Map<keyof Events, Set<Function>>} */
    this.listeners = new Map();
    /** @type {line.State} */
    this.state = { name: "stopped" };
    this.member = new member.Member({
      cursor: this.begin(),
      recalls: options.path.startsWith("/api/ws/tasks/"),
      frame: (frame) => this.emit("frame", frame),
      caughtUp: (count) => this.emit("caughtup", { count }),
    });
    const { path, credential } = options;
    this.seat = new Seat({
      id: this.id,
      name: `${this.name} ${VERSION}`,
      shared,
      awake,
      lead: ({ again, looked, say }) => {
        const how = { server, path, credential, again, looked, patience };
        return new hub.Hub({ line: how, outbox: this.outbox, cursor: this.member.cursor, say });
      },
      part: () => {
        this.member.part();
        return this.member.cursor;
      },
      hear: (said) => this.hear(said),
      changed: (change) => {
        this.outbox.follow(change);
        this.written();
      },
    });
    this.started = false;
    this.going = new AbortController();
    /** @type {number | undefined} */
    this.kept = undefined;
  }

  /** The newest number that was seen, or null before the first connection. */
  get cursor() {
    return this.member.cursor?.seq ?? null;
  }

  /** What was posted and is not confirmed, oldest first. */
  get entries() {
    return this.outbox.entries();
  }

  /**
   * Listen; returns what ends it.
   *
   * @template {keyof Events} Name @param {Name} name @param {Events[Name]} listener @returns {() => void}
   */
  on(name, listener) {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Connect, and come back until `stop`. */
  start() {
    if (this.started) return;
    this.started = true;
    this.going = new AbortController();
    const { signal } = this.going;
    // Before a page is kept for the way back, or frozen, another tab has to have the connection.
    addEventListener("pagehide", () => this.leave(), { signal });
    document.addEventListener("freeze", () => this.leave(), { signal });
    addEventListener("pageshow", () => this.comeBack(), { signal });
    document.addEventListener("resume", () => this.comeBack(), { signal });
    addEventListener("storage", (event) => this.outbox.seen(event) && this.written(), { signal });
    this.tell({ name: "connecting" });
    this.comeBack();
  }

  /** End the connection. What waits in the outbox stays there. */
  stop() {
    if (!this.started) return;
    this.started = false;
    this.going.abort();
    this.leave();
    this.tell({ name: "stopped" });
  }

  /** Try again at once. */
  retry() {
    if (this.started) this.seat.retry();
    else this.start();
  }

  /** Go on from the number that a new snapshot is true for. @param {number} asOf */
  startFrom(asOf) {
    this.member.restart({ seq: asOf, epoch: this.member.cursor?.epoch ?? null });
    this.seat.join();
  }

  /** Forget what was kept in the browser for this user, as when it logs out: what was not sent, and the cursor. */
  forget() {
    for (const { id } of this.entries) this.drop(id);
    try {
      this.options.storage?.removeItem(`${this.name}:cursor`);
    } catch {
      // Nothing was kept, then.
    }
  }

  /** Renew the credential of the open connection. @param {string} token @returns {boolean} whether there was one */
  authenticate(token) {
    return this.send({ type: "auth", token });
  }

  /** Send a frame now or not at all. @param {wire.Command} frame @returns {boolean} whether there was a connection to send it by */
  send(frame) {
    return this.state.name === "connected" && this.seat.send(frame);
  }

  /**
   * Write a message that has to arrive once: it is kept over reloads, and sent again until the server has it.
   *
   * @param {outbox.Message} frame
   * @returns {string} its name, by which `entries` and the frame that confirms it call it. Throws Error when too many wait already
   */
  post(frame) {
    const member = "to_user_id" in frame ? "client_message_id" : "clientMessageId";
    const id = /** @type {Record<string, unknown>} */ (frame)[member] || newName();
    this.change({ put: this.outbox.written(String(id), { ...frame, [member]: id }) });
    return String(id);
  }

  /** Send one again that has failed. @param {string} id */
  resend(id) {
    const entry = this.outbox.get(id);
    if (entry) this.change({ put: { ...entry, state: "sending", error: null } });
  }

  /** Give one up. @param {string} id */
  drop(id) {
    this.change({ remove: id });
  }

  // What comes

  /** @param {hub.Said} said */
  hear(said) {
    if (said.kind === "frame") this.member.take(said.frame);
    else if (said.kind === "state") this.tell(said.state);
    else if (said.kind === "joined") this.member.join(said.joined);
    else if (said.kind === "reset") this.reset(said);
    else if (said.kind === "expiring") this.renew(said.expiresAt);
    else if (said.kind === "outbox") this.emit("outbox", this.entries);
    if (this.options.keep) this.remember();
  }

  leave() {
    this.seat.close();
    this.member.part();
  }

  comeBack() {
    if (this.seat.opened) return;
    this.seat.open();
    const before = this.entries.length;
    this.outbox.load();
    if (before || this.entries.length) this.emit("outbox", this.entries);
  }

  /** @param {{ seq: number, epoch: string | null }} cursor */
  reset(cursor) {
    this.member.restart(cursor);
    if (this.listeners.get("reset")?.size) this.emit("reset", { seq: cursor.seq });
    else this.seat.join();
  }

  /** @param {string} expiresAt */
  async renew(expiresAt) {
    let token = null;
    try {
      token = await this.options.renew?.();
    } catch {
      // Then the page is told.
    }
    if (token) this.authenticate(token);
    else {
      this.emit("expiring", { expiresAt });
      this.seat.passOn({ kind: "expiring", expiresAt });
    }
  }

  /** @param {outbox.Change} change */
  change(change) {
    this.outbox.change(change);
    this.written();
    this.seat.written(change);
  }

  /** The outbox has changed, here or in another tab. */
  written() {
    this.emit("outbox", this.entries);
    this.seat.hub?.courier.go();
  }

  /** @param {line.State} state */
  tell(state) {
    if (JSON.stringify(state) === JSON.stringify(this.state)) return; // the tab that leads says it to each that asks
    this.state = state;
    this.emit("state", state);
  }

  /** @template {keyof Events} Name @param {Name} name @param {Parameters<Events[Name]>[0]} said */
  emit(name, said) {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      try {
        listener(said);
      } catch (error) {
        reportError(error);
      }
    }
  }

  // Where it begins

  /** @returns {member.Cursor | null} */
  begin() {
    const { since, keep, storage } = this.options;
    if (since !== undefined && since !== null) return { seq: since, epoch: null };
    if (!keep) return null;
    try {
      const [, epoch, seq] = /^(.*):(\d+)$/.exec(storage?.getItem(`${this.name}:cursor`) ?? "") ?? [];
      return epoch && seq ? { seq: Number(seq), epoch } : null;
    } catch {
      return null;
    }
  }

  remember() {
    const { seq, epoch } = this.member.cursor ?? {};
    if (!epoch || this.kept === seq) return;
    this.kept = seq;
    try {
      this.options.storage?.setItem(`${this.name}:cursor`, `${epoch}:${seq}`);
    } catch {
      // The next page begins with a snapshot, then.
    }
  }
}
