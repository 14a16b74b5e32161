// How long to wait before the next attempt: exponential, with full jitter, so that a restart does not bring everyone back at one moment.

export class Backoff {
  /**
   * @param {object} [given]
   * @param {number} [given.first]  ms that the first wait may have
   * @param {number} [given.longest]  ms that any may have
   * @param {number} [given.calm]  ms that a connection has to last for the next wait to be a first one
   * @param {() => number} [given.random]  from 0 up to 1
   * @param {() => number} [given.now]  ms
   */
  constructor({ first = 500, longest = 30_000, calm = 30_000, random = Math.random, now = Date.now } = {}) {
    this.first = first;
    this.longest = longest;
    this.calm = calm;
    this.random = random;
    this.now = now;
    this.attempts = 0;
    /** @type {number | null} */
    this.since = null;
  }

  /** How many ms to wait now; each call is an attempt that failed. @returns {number} */
  next() {
    const ceiling = Math.min(this.longest, this.first * 2 ** this.attempts);
    this.attempts += 1;
    return this.random() * ceiling;
  }

  /** It has succeeded, for now. */
  began() {
    this.since = this.now();
  }

  /** What had begun has ended; after a calm time the waits are short again. */
  ended() {
    if (this.since !== null && this.now() - this.since >= this.calm) this.reset();
    this.since = null;
  }

  /** Begin with short waits. */
  reset() {
    this.attempts = 0;
  }
}
