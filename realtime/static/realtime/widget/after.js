// What is asked when nobody answers, or nobody will any more: an address, and how it was.

const EMAIL = "email";
const RATED = "rated";
/** A conversation that ended longer ago is not asked about, ms. */
const RATEABLE = 24 * 3600_000;

/** @typedef {import("./live.js").Live} Live */

export class After {
  #kept;
  #shop;
  #live;
  #changed;

  /** @param {{ kept: import("./kept.js").Kept, shop: import("./shop.js").Shop, live: () => Live | null, changed: () => void }} given */
  constructor({ kept, shop, live, changed }) {
    this.#kept = kept;
    this.#shop = shop;
    this.#live = live;
    this.#changed = changed;
  }

  /** The session that may be rated now, or null. */
  get rateable() {
    const session = this.#live()?.latest ?? null;
    if (session?.status !== "closed" || !session.answeredAt || session.rating !== null || this.#kept.getItem(RATED) === session.id) return null;
    return Date.now() - Date.parse(session.closedAt ?? "") < RATEABLE ? session : null;
  }

  /** Throws Problem. @param {string} id @param {number} rating  1 to 5 @param {string} comment */
  async rate(id, rating, comment) {
    await this.#live()?.call("POST", `/api/v1/sessions/${id}/rate`, { rating, comment });
    this.skip(id);
  }

  /** Ask about this session no more. @param {string} id */
  skip(id) {
    this.#kept.tryItem(RATED, id);
    this.#changed();
  }

  /** Whether an address for answers is wanted: nobody is there, and the server can mail. */
  get asksEmail() {
    const { emailPossible, open, agentsOnline } = this.#shop.settings;
    return emailPossible && !(open && agentsOnline) && this.#live()?.latest?.status === "waiting";
  }

  /** The address that was left, or empty. */
  get email() {
    return this.#kept.getItem(EMAIL) ?? "";
  }

  /** Throws Problem. @param {string} email */
  async leaveEmail(email) {
    await this.#live()?.call("PUT", "/api/v1/support/email", { email });
    this.#kept.tryItem(EMAIL, email);
    this.#changed();
  }
}
