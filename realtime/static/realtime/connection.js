// One socket, from its opening to what its end means. A line that has died without a word counts as ended, too.

import * as wire from "./wire.js";

/**
 * @typedef {object} End
 * @property {number} code  of the close; 1006 if there was none
 * @property {wire.Advice} advice  what it says to do
 * @property {number | null} retryAfter  ms to wait at least, if the server said so
 */

/** What the range of a close code says to do. @param {number} code @returns {wire.Advice} */
export function advised(code) {
  return wire.ADVICE.find(([first, last]) => first <= code && code <= last)?.[2] ?? "back off";
}

export class Connection {
  /**
   * @param {object} given
   * @param {string} given.url
   * @param {string[]} given.protocols
   * @param {(frame: wire.Frame) => void} given.frame  a frame has come
   * @param {(end: End) => void} given.ended  it is over; told once, and not after `close`
   * @param {{ greeting: number, answer: number }} given.patience  ms to wait for `connected`, and for the answer to a ping
   */
  constructor({ url, protocols, frame, ended, patience }) {
    this.frame = frame;
    this.ended = ended;
    this.patience = patience;
    this.heardAt = Date.now();
    this.silence = patience.greeting; // ms without a word that mean that the line is dead
    this.greeted = false;
    /** @type {number | null} */
    this.retryAfter = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.probing = undefined;
    this.socket = new WebSocket(url, protocols);
    this.socket.onmessage = ({ data }) => this.heard(data);
    this.socket.onclose = ({ code }) => this.end(code, advised(code));
    this.watching = setTimeout(() => this.watch(), this.silence);
  }

  /** Send it if that is possible just now. @param {wire.Command} frame @returns {boolean} */
  send(frame) {
    if (!this.greeted || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** See whether the line still lives: nothing heard soon after a ping is its end. */
  probe() {
    if (this.probing !== undefined || !this.send({ type: "ping", timestamp: Date.now() })) return;
    const asked = Date.now();
    this.probing = setTimeout(() => {
      this.probing = undefined;
      if (this.heardAt < asked) this.end(1006, "at once");
    }, this.patience.answer);
  }

  /** End it, and say nothing of it. */
  close() {
    clearTimeout(this.watching);
    clearTimeout(this.probing);
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close(1000);
  }

  /** @param {string} data */
  heard(data) {
    this.heardAt = Date.now();
    /** @type {wire.Frame} */
    const frame = JSON.parse(data);
    if (frame.type === "connected") {
      this.greeted = true;
      this.silence = 2 * 1000 * frame.data.heartbeat_interval;
      clearTimeout(this.watching);
      this.watch();
    } else if (frame.type === "error" && "close_code" in frame) {
      this.retryAfter = frame.retry_after_ms ?? null;
    }
    this.frame(frame);
  }

  watch() {
    const left = this.heardAt + this.silence - Date.now();
    if (left > 0) this.watching = setTimeout(() => this.watch(), left);
    else this.end(1006, this.greeted ? "at once" : "back off");
  }

  /** @param {number} code @param {wire.Advice} advice */
  end(code, advice) {
    this.close();
    this.ended({ code, advice, retryAfter: this.retryAfter });
  }
}
