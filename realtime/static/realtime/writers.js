// Who is writing. A sign of it lasts ten seconds, as it does everywhere, so that nobody writes for ever whose connection broke.

const LASTS = 10_000; // ms

export class Writers {
  /** @type {Map<number, ReturnType<typeof setTimeout>>} */
  #timers = new Map();

  /** @param {(ids: number[]) => void} changed */
  constructor(changed) {
    this.changed = changed;
  }

  /** That somebody writes, or does not. @param {number} id @param {boolean} writes */
  note(id, writes) {
    const before = this.#timers.has(id);
    clearTimeout(this.#timers.get(id));
    if (writes) this.#timers.set(id, setTimeout(() => this.note(id, false), LASTS));
    else this.#timers.delete(id);
    if (before !== writes) this.changed([...this.#timers.keys()]);
  }

  /** Nobody writes. */
  clear() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
