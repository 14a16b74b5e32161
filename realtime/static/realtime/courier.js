// Brings what is in the outbox to the server: one after the other, so that their order is kept, and again until an answer comes.

import { Backoff } from "./backoff.js";
import * as outbox from "./outbox.js";
import * as wire from "./wire.js";

const ANSWER = 10_000; // ms to wait for one
const TRIES = 5; // without an answer, on a line that lives

export class Courier {
  /**
   * @param {object} given
   * @param {outbox.Outbox} given.outbox
   * @param {(frame: wire.Command) => boolean} given.send
   * @param {(change: outbox.Change) => void} given.changed  it has changed the outbox
   */
  constructor({ outbox, send, changed }) {
    this.outbox = outbox;
    this.send = send;
    this.changed = changed;
    this.backoff = new Backoff({ first: 1000 });
    /** @type {string | null} */
    this.under = null; // way
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.tries = 0;
  }

  /** There may be something to do. */
  go() {
    if (this.timer !== undefined) return;
    const entry = this.outbox.entries().find((each) => each.state === "sending");
    if (!entry || !this.send(entry.frame)) return;
    this.under = entry.id;
    this.timer = setTimeout(() => this.unanswered(), ANSWER);
  }

  /** The line is away; what was under way is sent again when it is back. */
  pause() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.under = null;
    this.tries = 0;
    this.backoff.reset();
  }

  /** A frame has come, which may be an answer. @param {wire.Frame} frame */
  heard(frame) {
    const id = confirmed(frame);
    if (id) {
      if (this.outbox.get(id)) {
        this.change({ remove: id });
      }
      if (id === this.under) this.backoff.reset();
      this.next(id);
    } else if (frame.type === "error" && !("seq" in frame)) this.refused(frame);
  }

  /** @param {wire.ErrorFrame} frame */
  refused({ error_code: code, message, data }) {
    // Of what went wrong at the server's own fault it does not say which it was.
    const named = data?.client_message_id ?? (code === "MESSAGE_PROCESSING_ERROR" ? this.under : null);
    if (typeof named !== "string") return;
    if (wire.TEMPORARY.includes(code)) this.later(named);
    else if (code === "MESSAGE_PROCESSING_ERROR") this.unanswered();
    else this.fail(named, { code, message });
  }

  /** Try that again after a while. @param {string} id */
  later(id) {
    if (id !== this.under) return;
    clearTimeout(this.timer);
    this.under = null;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.go();
    }, this.backoff.next());
  }

  unanswered() {
    const id = this.under;
    if (id === null) return;
    this.tries += 1;
    if (this.tries >= TRIES) this.fail(id, { code: "NO_ANSWER", message: "The server does not answer to this." });
    else this.later(id);
  }

  /** @param {string} id @param {{ code: string, message: string }} error */
  fail(id, error) {
    const entry = this.outbox.get(id);
    if (entry) this.change({ put: { ...entry, state: "failed", error } });
    this.next(id);
  }

  /** @param {outbox.Change} change */
  change(change) {
    this.outbox.change(change);
    this.changed(change);
  }

  /** That one is done with. @param {string} id */
  next(id) {
    if (id !== this.under) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.under = null;
    this.tries = 0;
    this.go();
  }
}

/** The client's name for a message of its own that the server has. @param {wire.Frame} frame */
function confirmed(frame) {
  if (frame.type === "message" || frame.type === "offline_message") return frame.message.isMine ? frame.message.clientMessageId : "";
  if (frame.type === "note") return frame.note.isMine ? frame.note.clientMessageId : "";
  return frame.type === "chat" ? frame.data.client_message_id : "";
}
