// What the people are called whom a page has only the numbers of.

import { call } from "./session.js";

/** @typedef {{ id: number, name: string, agent: boolean }} Known */

export class Names {
  /** @type {Map<number, Known>} */
  known = new Map();
  #asked = new Set(/** @type {number[]} */ ([]));
  #begun = false;

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
  }

  /** Ask for those who are not known yet; the demo's own people come along the first time. @param {number[]} ids */
  async want(ids) {
    const unknown = [...new Set(ids)].filter((id) => !this.#asked.has(id)).slice(0, 100);
    if (this.#begun && !unknown.length) return;
    this.#begun = true;
    for (const id of unknown) this.#asked.add(id);
    const { results } = await call("GET", `/demo/people${unknown.length ? `?ids=${unknown.join()}` : ""}`);
    for (const each of results) {
      this.known.set(each.id, each);
      this.#asked.add(each.id);
    }
    this.changed();
  }
}
