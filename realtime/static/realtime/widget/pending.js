// What was written before there was anybody to send it for. It is kept until the outbox takes it.

const KEY = "pending";

/** @typedef {import("./rows.js").Entry} Entry */

export class Pending {
  /** @type {readonly Entry[]} oldest first */
  entries = [];
  #kept;
  #count = 0;

  /** @param {import("./kept.js").Kept} kept */
  constructor(kept) {
    this.#kept = kept;
    /** What was left when the page was. @type {string[]} */
    const left = JSON.parse(kept.getItem(KEY) ?? "[]");
    for (const text of left) this.add(text);
  }

  /** @param {string} text */
  add(text) {
    const id = `pending-${(this.#count += 1)}`;
    this.#set([...this.entries, { id, frame: { text }, state: "sending", error: null, at: Date.now() }]);
  }

  /** @param {string} id */
  has(id) {
    return this.entries.some((each) => each.id === id);
  }

  /** It is tried again. */
  retry() {
    this.#set(this.entries.map((each) => ({ ...each, state: "sending", error: null })));
  }

  /** It could not be sent. @param {any} error */
  fail(error) {
    this.#set(this.entries.map((each) => ({ ...each, state: "failed", error })));
  }

  /** Hand all of it over. @returns {string[]} the texts */
  take() {
    const texts = this.entries.map(({ frame }) => frame.text);
    this.#set([]);
    return texts;
  }

  /** @param {Entry[]} entries */
  #set(entries) {
    this.entries = entries;
    if (entries.length) this.#kept.tryItem(KEY, JSON.stringify(entries.map(({ frame }) => frame.text)));
    else this.#kept.removeItem(KEY);
  }
}
