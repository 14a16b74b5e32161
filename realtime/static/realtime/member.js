// What one tab has seen of the stream: each numbered frame once and in order, whichever connection it came by.

import * as wire from "./wire.js";

/** @typedef {{ seq: number, epoch: string | null }} Cursor  a number of a stream, and the stream's history if that is known */

/**
 * A tab may follow now.
 *
 * @typedef {object} Joined
 * @property {number} seq  what comes after this number follows
 * @property {string | null} epoch
 * @property {wire.Durable[]} frames
 * @property {wire.Frame[]} things  what is not numbered, the newest of each
 * @property {wire.ConnectedFrame | null} greeting  null if it is still to come
 */

const QUIET = 500; // ms without a numbered frame after which a reconnection has brought all

export class Member {
  /**
   * @param {object} given
   * @param {Cursor | null} given.cursor  where its page's state stands; null: begin at the newest
   * @param {boolean} given.recalls  whether the connection is of one task, whose end is told to everybody who comes, however old it is
   * @param {(frame: wire.Frame) => void} given.frame
   * @param {(count: number) => void} given.caughtUp
   */
  constructor({ cursor, recalls, frame, caughtUp }) {
    this.recalls = recalls;
    this.frame = frame;
    this.caughtUp = caughtUp;
    /** @type {Cursor | null} */
    this.cursor = cursor;
    this.fresh = cursor === null; // so what nobody has confirmed is news for it, however old
    this.ended = -1; // the number of its task's end, if it has seen that
    this.follows = false;
    this.connection = ""; // by the server's name for it
    this.missed = -1; // numbered frames since the reconnection; -1: all have come
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {Joined} joined */
  join({ seq, epoch, frames, things, greeting }) {
    this.follows = true;
    this.cursor = { seq: Math.max(seq, this.cursor?.seq ?? 0), epoch: epoch ?? this.cursor?.epoch ?? null };
    if (greeting) this.take(greeting);
    for (const frame of frames) this.take(frame);
    for (const frame of things) this.take(frame);
  }

  /** Nothing is to be taken until it joins again. */
  part() {
    this.follows = false;
    clearTimeout(this.timer);
  }

  /** Begin anew, where a new snapshot stands. @param {Cursor | null} cursor */
  restart(cursor) {
    this.part();
    this.cursor = cursor;
    this.fresh = false;
    this.missed = -1;
  }

  /** A frame has come, perhaps not for the first time. @param {wire.Frame} frame */
  take(frame) {
    if (!this.follows || this.cursor === null || frame.type === "pong") return;
    if (frame.type === "connected") this.begin(frame);
    else if (frame.type === "heartbeat") {
      this.cursor.seq = Math.max(this.cursor.seq, frame.data.seq);
      this.settle();
    } else if (frame.type === "offline_message") {
      if (!this.fresh) return;
    } else if ("seq" in frame) {
      const end = this.recalls && (frame.type === "completed" || frame.type === "error");
      if (end ? frame.seq <= this.ended : frame.seq <= this.cursor.seq) return;
      if (end) this.ended = frame.seq;
      this.cursor.seq = Math.max(this.cursor.seq, frame.seq);
      if (this.missed >= 0) {
        this.missed += 1;
        this.wait();
      }
    }
    this.frame(frame);
  }

  /** @param {wire.ConnectedFrame} frame */
  begin(frame) {
    if (this.cursor) this.cursor.epoch = frame.data.epoch;
    const before = this.connection;
    this.connection = frame.data.connection_id;
    if (!before || before === this.connection) return;
    this.missed = Math.max(this.missed, 0);
    this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), QUIET);
  }

  settle() {
    clearTimeout(this.timer);
    if (this.missed < 0) return;
    const count = this.missed;
    this.missed = -1;
    this.caughtUp(count);
  }
}
