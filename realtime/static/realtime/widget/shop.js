// The shop: what it is called, when it answers, and what it says while it is closed.

/** @typedef {{ shopName: string, askName: boolean, identityRequired: boolean, answersIn: number | null, open: boolean, nextOpening: string | null, agentsOnline: boolean, emailPossible: boolean }} Settings */

/** @type {Settings} */
const UNKNOWN = { shopName: "", askName: false, identityRequired: false, answersIn: null, open: true, nextOpening: null, agentsOnline: true, emailPossible: false };

/** So long an answer is good, ms. */
const FRESH = 60_000;

export class Shop {
  /** @type {Settings} */
  settings = UNKNOWN;
  /** What a customer is told while the shop is closed. @type {string | null} */
  awayMessage = null;
  #askedAt = 0;
  #api;
  #changed;

  /** @param {{ api: import("../api.js").Api, changed: () => void }} given */
  constructor({ api, changed }) {
    this.#api = api;
    this.#changed = changed;
  }

  /** Ask what everybody may know, unless that was just done. Without an answer the chat works too; its header says less then. */
  async ask() {
    if (Date.now() - this.#askedAt < FRESH) return;
    this.#askedAt = Date.now();
    try {
      this.settings = { ...UNKNOWN, ...(await this.#api.call("GET", "/api/v1/support/settings")) };
      this.#changed();
    } catch {
      // As above.
    }
  }

  /** Ask what customers are told while nobody is there, in their own time zone. */
  async askAway() {
    if (this.settings.open || this.awayMessage !== null || !this.#api.token()) return;
    try {
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
      this.awayMessage = (await this.#api.call("GET", `/api/v1/support/hours?tz=${encodeURIComponent(timeZone)}`)).awayMessage;
      this.#changed();
    } catch {
      // The header says when somebody is back, too.
    }
  }
}
