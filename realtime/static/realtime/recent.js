// What one connection was told of late, for tabs that come later than it: the numbered frames in order, and of all else the newest of each thing.

import * as wire from "./wire.js";

const LONGEST = 500; // numbered frames
const MOST = 500; // things

export class Recent {
  constructor() {
    /** @type {number | null} everything after this number that was told is here */
    this.from = null;
    /** @type {number} up to which number all was told */
    this.to = 0;
    /** @type {wire.Durable[]} */
    this.frames = [];
    /** @type {Map<string, wire.Frame>} */
    this.things = new Map();
    /** @type {wire.ConnectedFrame | null} with the count as it is now */
    this.greeting = null;
  }

  /** Begin anew after this number. @param {number} seq */
  begin(seq) {
    this.from = this.to = seq;
    this.frames = [];
  }

  /** Keep what may be asked for. @param {wire.Frame} frame */
  add(frame) {
    if ("seq" in frame) this.number(frame);
    else if (frame.type === "heartbeat") {
      this.to = Math.max(this.to, frame.data.seq);
      this.count(frame.data.online_count);
    } else if (frame.type === "user_status") this.count(undefined, frame.data.status === "online" ? 1 : -1);
    else {
      const name = nameOf(frame);
      if (!name) return;
      this.things.delete(name); // so that the oldest stand first
      this.things.set(name, frame);
      if (this.things.size > MOST) this.things.delete(/** @type {string} */ (this.things.keys().next().value));
    }
  }

  /** The numbered frames after that number, or null if they are not all here. @param {number} seq */
  after(seq) {
    if (this.from === null || seq < this.from) return null;
    return this.frames.filter((frame) => frame.seq > seq);
  }

  /** @param {wire.Durable} frame */
  number(frame) {
    if (frame.type === "completed" || frame.type === "error") this.things.delete(`progress ${frame.data.task_id}`);
    if (frame.type === "session" && frame.session.status !== "waiting") this.things.delete(`queue ${frame.session.id}`);
    if (frame.type === "offline_message" || frame.seq <= this.to) return;
    this.frames.push(frame);
    this.to = frame.seq;
    if (this.frames.length > LONGEST) this.from = this.frames.shift()?.seq ?? this.from;
  }

  /** @param {number | undefined} count @param {number} [more] */
  count(count, more = 0) {
    const data = this.greeting?.data;
    if (data?.online_count !== undefined) data.online_count = (count ?? data.online_count) + more;
  }
}

/** What a frame is the newest of. @param {wire.Frame} frame */
function nameOf(frame) {
  if (frame.type === "queue" || frame.type === "looking") return `${frame.type} ${frame.data.sessionId}`;
  if (frame.type === "presence") return `presence ${frame.data.user_id}`;
  if (frame.type === "progress") return `progress ${frame.data.task_id}`;
  return "";
}
