// What is kept over a reload. A frame on another site's page may be forbidden to keep anything, so the page around it does.

/** Of more than this nothing is taken: a shop's own page needs its storage, too. */
const MOST_KEYS = 400;
const MOST_CHARACTERS = 400_000;

/**
 * Like `localStorage`, at once from memory, and told to whoever keeps it.
 */
export class Kept {
  /** @type {Map<string, string>} */
  #held;
  #write;

  /**
   * @param {Iterable<[string, string]>} held
   * @param {(key: string, value: string | null) => void} write  null: take it away
   */
  constructor(held, write) {
    this.#held = new Map(held);
    this.#write = write;
  }

  get length() {
    return this.#held.size;
  }

  /** @param {number} index @returns {string | null} */
  key(index) {
    return [...this.#held.keys()][index] ?? null;
  }

  /** @param {string} key @returns {string | null} */
  getItem(key) {
    return this.#held.get(key) ?? null;
  }

  /** Throws a DOMException where there is no room, as `localStorage` does. @param {string} key @param {string} value */
  setItem(key, value) {
    const text = String(value);
    if (this.#held.get(key) === text) return;
    let size = text.length + key.length;
    for (const [each, held] of this.#held) if (each !== key) size += each.length + held.length;
    if (size > MOST_CHARACTERS || (!this.#held.has(key) && this.#held.size >= MOST_KEYS)) throw new DOMException("Too much to keep.", "QuotaExceededError");
    this.#held.set(key, text);
    this.#write(key, text);
  }

  /** The same, or nothing where there is no room. @param {string} key @param {string} value */
  tryItem(key, value) {
    try {
      this.setItem(key, value);
    } catch {
      // It is a comfort, and the chat works without.
    }
  }

  /** @param {string} key */
  removeItem(key) {
    if (this.#held.delete(key)) this.#write(key, null);
  }

  clear() {
    for (const key of [...this.#held.keys()]) this.removeItem(key);
  }

  /** Another tab has kept something. @param {string} key @param {string | null} value */
  heard(key, value) {
    if (value === null) this.#held.delete(key);
    else this.#held.set(key, value);
  }
}
