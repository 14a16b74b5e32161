// The one tab of several that has the connection: tells all of them what comes, and brings what they write to the server.

import { Courier } from "./courier.js";
import * as line from "./line.js";
import * as member from "./member.js";
import * as outbox from "./outbox.js";
import { Recent } from "./recent.js";
import * as wire from "./wire.js";

/**
 * What a hub says, to one tab (`to`) or to all.
 *
 * @typedef {(
 *   | { kind: "leads", state: line.State }
 *   | { kind: "state", state: line.State }
 *   | { kind: "frame", frame: wire.Frame }
 *   | { kind: "joined", to: string, turn: number, joined: member.Joined }
 *   | { kind: "reset", to?: string, turn?: number, seq: number, epoch: string | null }
 *   | { kind: "expiring", to?: string, expiresAt: string }
 *   | { kind: "outbox", change: outbox.Change }
 * )} Said
 */

/** @typedef {{ id: string, turn: number, cursor: member.Cursor | null }} Asking  a tab that wants to follow from there; of its answers only the last `turn` counts */

const ACK = 1000; // ms in which several messages share one
const CONFIRMS = ["/ws/chat", "/api/v1/ws"];

export class Hub {
  /**
   * @param {object} given
   * @param {Omit<ConstructorParameters<typeof line.Line>[0], "since" | "frame" | "changed">} given.line
   * @param {outbox.Outbox} given.outbox
   * @param {member.Cursor | null} given.cursor  where its own tab stands
   * @param {(said: Said) => void} given.say
   */
  constructor({ line: how, outbox, cursor, say }) {
    this.say = say;
    this.outbox = outbox;
    this.confirms = CONFIRMS.includes(new URL(how.path, how.server).pathname.replace(/\/$/, ""));
    this.recent = new Recent();
    this.expiresAt = ""; // of the credential, while it is to be renewed
    this.opened = false; // the connection has told what it tells at first
    if (cursor) this.recent.begin(cursor.seq);
    this.epoch = cursor?.epoch ?? null;
    /** @type {Asking[]} those who can be let in when the line is there */
    this.waiting = [];
    /** @type {Asking[]} those for whom the server was asked to go back; an empty id: for all */
    this.resuming = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.acking = undefined;
    this.line = new line.Line({ ...how, since: () => this.since(), frame: (frame) => this.heard(frame), changed: (state) => this.changed(state) });
    this.courier = new Courier({ outbox, send: (frame) => this.line.send(frame), changed: (change) => this.say({ kind: "outbox", change }) });
  }

  /** Take the lead. */
  start() {
    this.say({ kind: "leads", state: this.line.state });
    this.outbox.load();
    this.line.open();
  }

  /** Let go of the connection without a word. */
  close() {
    clearTimeout(this.acking);
    this.courier.pause();
    this.line.drop();
  }

  /** @param {wire.Command} frame @returns {boolean} whether it could be sent */
  send(frame) {
    if (frame.type === "auth") this.expiresAt = "";
    return this.line.send(frame);
  }

  /** A tab wants to follow from its cursor. @param {Asking} asking */
  admit(asking) {
    const { id, turn, cursor } = asking;
    if (this.expiresAt) this.say({ kind: "expiring", to: id, expiresAt: this.expiresAt });
    const { recent, epoch } = this;
    if (recent.from === null) this.waiting.push(asking);
    else if (cursor?.epoch && epoch && cursor.epoch !== epoch) this.say({ kind: "reset", to: id, turn, seq: recent.to, epoch });
    else {
      const seq = cursor?.seq ?? recent.to;
      const frames = recent.after(seq);
      if (frames) this.letIn(asking, seq, frames);
      else if (this.resume(seq)) this.resuming.push(asking);
      else this.waiting.push(asking);
    }
  }

  /** @param {Asking} asking @param {number} seq @param {wire.Durable[]} frames */
  letIn({ id: to, turn }, seq, frames) {
    const { greeting, things } = this.recent;
    this.say({ kind: "joined", to, turn, joined: { seq, epoch: this.epoch, frames, things: [...things.values()], greeting: this.opened ? greeting : null } });
  }

  /** @param {number} seq */
  resume(seq) {
    return this.line.send({ type: "resume", since: this.epoch ? `${this.epoch}:${seq}` : seq });
  }

  since() {
    if (this.recent.from === null) return "";
    return this.epoch ? `${this.epoch}:${this.recent.to}` : String(this.recent.to);
  }

  /** @param {line.State} state */
  changed(state) {
    if (state.name === "connected") return; // which is told with its frame
    this.opened = false;
    this.expiresAt = "";
    this.courier.pause();
    this.waiting.push(...this.resuming.filter(({ id }) => id));
    this.resuming = [];
    this.say({ kind: "state", state });
  }

  /** @param {wire.Frame} frame */
  heard(frame) {
    if (frame.type === "pong") return;
    if (frame.type === "connected") {
      this.greeted(frame);
      return;
    }
    this.recent.add(frame);
    this.say({ kind: "frame", frame });
    this.courier.heard(frame);
    if (frame.type === "token_expiring") {
      this.expiresAt = frame.data.expires_at;
      this.say({ kind: "expiring", expiresAt: this.expiresAt });
    }
    if (frame.type === "message" || frame.type === "offline_message") this.confirm();
  }

  /** The socket has opened, or goes back as it was asked to, or counts anew. @param {wire.ConnectedFrame} frame */
  greeted(frame) {
    const { seq, resumed, epoch } = frame.data;
    const [asked] = this.resuming;
    if (asked && (!resumed || asked.cursor?.seq === seq)) {
      this.resuming.shift();
      this.resumed(asked, frame);
      return;
    }
    const begins = this.recent.from === null;
    this.epoch = epoch;
    if (begins || !resumed) this.recent.begin(seq);
    this.recent.greeting = null; // of those who are let in now, too, it is still to come
    if (!this.opened) this.recent.things.clear();
    if (!begins && !resumed) this.say({ kind: "reset", seq, epoch });
    for (const asking of this.waiting.splice(0)) this.admit(asking);
    this.recent.greeting = structuredClone(frame);
    if (!this.opened) this.say({ kind: "state", state: this.line.state });
    this.opened = true;
    this.say({ kind: "frame", frame });
    this.courier.go();
  }

  /** The server goes back for one tab, or cannot. @param {Asking} asked @param {wire.ConnectedFrame} frame */
  resumed(asked, frame) {
    const { id, turn, cursor } = asked;
    const { seq, resumed, epoch } = frame.data;
    if (resumed) {
      if (id) this.letIn(asked, cursor?.seq ?? seq, []);
    } else if (id) {
      this.say({ kind: "reset", to: id, turn, seq, epoch });
      // It has skipped to the newest, which may be more than the others have.
      if (this.resume(this.recent.to)) this.resuming.push({ id: "", turn: 0, cursor: { seq: this.recent.to, epoch } });
    } else {
      this.recent.begin(seq);
      this.say({ kind: "reset", seq, epoch });
    }
  }

  /** Tell the server that messages have arrived. */
  confirm() {
    if (!this.confirms || this.acking !== undefined) return;
    this.acking = setTimeout(() => {
      this.acking = undefined;
      this.line.send({ type: "ack", seq: this.recent.to });
    }, ACK);
  }
}
