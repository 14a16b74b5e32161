// A connection that comes back: a credential for each attempt, and then as the last one's end advised.

import { Problem } from "./api.js";
import { Backoff } from "./backoff.js";
import * as connection from "./connection.js";
import * as wire from "./wire.js";

/**
 * @typedef {object} State
 * @property {"connecting" | "connected" | "waiting" | "reconnecting" | "failed" | "stopped"} name
 * @property {number} [retryAt]  of "waiting": when the next attempt is made, in ms of the epoch; missing while nobody looks
 * @property {number} [code]  of "failed": the close code, or the status of HTTP with which there was no credential
 */
/** @typedef {{ ticket: string } | { token: string }} Credential */

const REFUSED = [401, 403, 404]; // a credential that is refused so will be again
const AT_ONCE = 5_000; // ms between two attempts that are made without a wait
const CREDENTIAL = 20_000; // ms to wait for one

export class Line {
  /**
   * @param {object} given
   * @param {string} given.server  an origin
   * @param {string} given.path
   * @param {(before: { refused: number | null }) => Promise<Credential>} given.credential
   * @param {() => string} given.since  the cursor, or an empty text
   * @param {() => boolean} given.looked  whether anybody looks; if not, no attempt is made
   * @param {(frame: wire.Frame) => void} given.frame
   * @param {(state: State) => void} given.changed
   * @param {boolean} given.again  whether there was a connection before
   * @param {{ greeting: number, answer: number }} given.patience  ms
   */
  constructor(given) {
    this.given = given;
    this.again = given.again;
    this.backoff = new Backoff();
    /** @type {State} */
    this.state = { name: given.again ? "reconnecting" : "connecting" };
    /** @type {connection.Connection | null} */
    this.connection = null;
    this.attempt = 0; // which one is under way, so that an older one's late answer is nothing
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.notBefore = 0;
    this.atOnceAt = 0;
    /** @type {number | null} */
    this.refused = null; // the code that wanted another credential
  }

  /** Connect, now. */
  retry() {
    this.refused = null;
    this.notBefore = 0;
    this.open();
  }

  /** The network or somebody's eyes are back: an attempt that waits is made at once, and a connection is tested. */
  nudge() {
    if (this.state.name === "connected") this.connection?.probe();
    else if (this.state.name === "waiting" && Date.now() >= this.notBefore) this.open();
  }

  /** @param {wire.Command} frame @returns {boolean} whether it could be sent */
  send(frame) {
    return this.state.name === "connected" && this.connection?.send(frame) === true;
  }

  /** End it without a word: the page goes, or another tab has it now. */
  drop() {
    this.attempt += 1;
    clearTimeout(this.timer);
    this.connection?.close();
    this.connection = null;
  }

  async open() {
    this.drop();
    const attempt = this.attempt;
    if (!this.given.looked()) {
      this.tell({ name: "waiting" });
      return;
    }
    this.tell({ name: this.again ? "reconnecting" : "connecting" });
    try {
      const credential = await within(CREDENTIAL, this.given.credential({ refused: this.refused }));
      if (attempt !== this.attempt) return;
      this.connection = new connection.Connection({
        ...this.address(credential),
        patience: this.given.patience,
        frame: (frame) => this.heard(frame),
        ended: (end) => this.ended(end),
      });
    } catch (error) {
      if (attempt === this.attempt) this.without(error);
    }
  }

  /** There is no credential, and perhaps none to be had. @param {unknown} error */
  without(error) {
    const status = error instanceof Error && "status" in error ? Number(error.status) : null;
    if (status === null) console.warn(error); // a mistake of the page's, most likely
    if (REFUSED.includes(status ?? 0)) this.fail(status ?? 0);
    else this.wait(error instanceof Problem && error.retryAfter !== null ? error.retryAfter * 1000 : 0);
  }

  /** @param {Credential} credential */
  address(credential) {
    const url = new URL(this.given.path, this.given.server);
    url.protocol = url.protocol.replace("http", "ws");
    const since = this.given.since();
    if (since) url.searchParams.set("since", since);
    if ("ticket" in credential) url.searchParams.set("ticket", credential.ticket);
    return { url: url.href, protocols: [wire.SUBPROTOCOL, ...("token" in credential ? [`bearer.${credential.token}`] : [])] };
  }

  /** @param {wire.Frame} frame */
  heard(frame) {
    if (frame.type === "connected" && this.state.name !== "connected") {
      this.again = true;
      this.refused = null;
      this.notBefore = 0;
      this.backoff.began();
      this.tell({ name: "connected" });
    }
    this.given.frame(frame);
  }

  /** @param {connection.End} end */
  ended({ code, advice, retryAfter }) {
    this.connection = null;
    const lived = this.state.name === "connected";
    this.backoff.ended();
    if (advice === "stop") {
      if (code === 1000) this.tell({ name: "stopped" });
      else this.fail(code);
    } else if (advice === "refresh") {
      if (this.refused !== null) this.fail(code);
      else {
        this.refused = code;
        this.open();
      }
    } else if (advice === "at once" && lived && Date.now() - this.atOnceAt >= AT_ONCE) {
      this.atOnceAt = Date.now();
      this.open();
    } else this.wait(retryAfter ?? 0);
  }

  /** @param {number} least  ms that the server wants us to wait */
  wait(least) {
    const ms = Math.ceil(Math.max(least, this.backoff.next()));
    this.notBefore = Date.now() + least;
    this.timer = setTimeout(() => this.open(), ms);
    this.tell({ name: "waiting", retryAt: Date.now() + ms });
  }

  /** @param {number} code */
  fail(code) {
    this.drop();
    this.tell({ name: "failed", code });
  }

  /** @param {State} state */
  tell(state) {
    this.state = state;
    this.given.changed(state);
  }
}

/** @template T @param {number} ms @param {Promise<T>} work @returns {Promise<T>} */
async function within(ms, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${ms} ms`)), ms);
  });
  try {
    return /** @type {T} */ (await Promise.race([work, late]));
  } finally {
    clearTimeout(timer);
  }
}
