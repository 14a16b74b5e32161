// One live connection to the server for all tabs of a browser: it comes back by itself, loses nothing, and sends what was written once.

import * as hub from "./hub.js";
import * as line from "./line.js";
import * as member from "./member.js";
import * as outbox from "./outbox.js";
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

const PATIENCE = Object.freeze({ greeting: 15_000, answer: 5_000 }); // ms

export class Switchboard {
  /** @param {Options} options */
  constructor(options) {
    this.options = { server: new URL(import.meta.url).origin, storage: ownStorage(), shared: true, awake: false, keep: false, ...options };
    this.id = newName();
    this.name = `switchboard ${this.options.server}${this.options.path} ${this.options.user}`;
    this.outbox = new outbox.Outbox(this.name, this.options.storage);
    /** @type {Map<keyof Events, Set<Function>>} */
    this.listeners = new Map();
    /** @type {line.State} */
    this.state = { name: "stopped" };
    this.member = new member.Member({
      cursor: this.begin(),
      frame: (frame) => this.emit("frame", frame),
      caughtUp: (count) => this.emit("caughtup", { count }),
    });
    /** @type {hub.Hub | null} */
    this.hub = null;
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
    if (this.hub) return;
    addEventListener("online", this.nudge);
    addEventListener("offline", this.nudge);
    document.addEventListener("visibilitychange", this.nudge);
    this.lead();
  }

  /** End the connection. What waits in the outbox stays there. */
  stop() {
    removeEventListener("online", this.nudge);
    removeEventListener("offline", this.nudge);
    document.removeEventListener("visibilitychange", this.nudge);
    this.hub?.close();
    this.hub = null;
    this.member.part();
    this.tell({ name: "stopped" });
  }

  /** Try again at once. */
  retry() {
    if (this.hub) this.hub.line.retry();
    else this.start();
  }

  /** Go on from the number that a new snapshot is true for. @param {number} asOf */
  startFrom(asOf) {
    this.member.restart({ seq: asOf, epoch: this.member.cursor?.epoch ?? null });
    this.join();
  }

  /** Renew the credential of the open connection. @param {string} token @returns {boolean} whether there was one */
  authenticate(token) {
    return this.send({ type: "auth", token });
  }

  /** Send a frame now or not at all. @param {wire.Command} frame @returns {boolean} whether there was a connection to send it by */
  send(frame) {
    return this.hub?.line.send(frame) ?? false;
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
    this.change({ put: this.outbox.add(String(id), { ...frame, [member]: id }) });
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
    if ("to" in said && said.to !== undefined && said.to !== this.id) return;
    if (said.kind === "frame") this.member.take(said.frame);
    else if (said.kind === "state") this.tell(said.state);
    else if (said.kind === "joined") this.member.join(said.joined);
    else if (said.kind === "reset") this.reset(said);
    else if (said.kind === "expiring") this.renew(said.expiresAt);
    else if (said.kind === "outbox") this.emit("outbox", this.entries);
    if (this.options.keep && this.member.cursor) this.remember(this.member.cursor);
  }

  lead() {
    const { server, path, credential } = this.options;
    this.hub = new hub.Hub({
      line: { server, path, credential, again: false, looked: () => this.options.awake || document.visibilityState === "visible", patience: PATIENCE },
      outbox: this.outbox,
      cursor: this.member.cursor,
      say: (said) => this.hear(said),
    });
    this.hub.start();
    this.join();
  }

  join() {
    this.hub?.admit({ id: this.id, cursor: this.member.cursor });
  }

  nudge = () => {
    if (document.visibilityState === "visible") this.hub?.line.nudge();
  };

  /** @param {{ seq: number, epoch: string | null }} cursor */
  reset(cursor) {
    this.member.restart(cursor);
    if (this.listeners.get("reset")?.size) this.emit("reset", { seq: cursor.seq });
    else this.join();
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
    else this.emit("expiring", { expiresAt });
  }

  /** @param {{ put: outbox.Entry } | { remove: string }} change */
  change(change) {
    if ("put" in change) this.outbox.put(change.put);
    else this.outbox.remove(change.remove);
    this.emit("outbox", this.entries);
    this.hub?.courier.go();
  }

  /** @param {line.State} state */
  tell(state) {
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

  /** @param {member.Cursor} cursor */
  remember({ seq, epoch }) {
    try {
      if (epoch) this.options.storage?.setItem(`${this.name}:cursor`, `${epoch}:${seq}`);
    } catch {
      // The next page begins with a snapshot, then.
    }
  }
}
