// What is kept in this browser for one agent: choices and drafts. Where storage is forbidden it lasts as long as the page.

const MOST_DRAFTS = 200;

/** What an agent can choose. @typedef {{ sound: boolean, queueSound: boolean, desktop: boolean, title: boolean, keys: boolean }} Choices */

/** @type {Choices} */
const CHOICES = { sound: true, queueSound: true, desktop: false, title: true, keys: true };

export class Kept {
  /** @param {number} user @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} [storage] */
  constructor(user, storage = localStorage) {
    this.prefix = `switchboard.console.${user}.`;
    this.storage = storage;
    /** @type {Choices} */
    this.choices = { ...CHOICES, .../** @type {Partial<Choices>} */ (this.#read("choices") ?? {}) };
    /** @type {Map<string, { text: string, note: boolean }>} */
    this.drafts = new Map(/** @type {any} */ (this.#read("drafts")) ?? []);
  }

  /** @template {keyof Choices} Name @param {Name} name @param {Choices[Name]} value */
  choose(name, value) {
    this.choices[name] = value;
    this.#write("choices", this.choices);
  }

  /** What was being typed in a session. @param {string} session @returns {{ text: string, note: boolean }} */
  draft(session) {
    return this.drafts.get(session) ?? { text: "", note: false };
  }

  /** @param {string} session @param {{ text: string, note: boolean }} draft */
  keepDraft(session, draft) {
    // Another tab may have kept others meanwhile.
    this.drafts = new Map(/** @type {any} */ (this.#read("drafts")) ?? [...this.drafts]);
    this.drafts.delete(session);
    if (draft.text || draft.note) this.drafts.set(session, draft);
    this.#write("drafts", [...this.drafts].slice(-MOST_DRAFTS));
  }

  /** @param {string} name @returns {unknown} */
  #read(name) {
    try {
      return JSON.parse(this.storage.getItem(this.prefix + name) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {string} name @param {unknown} value */
  #write(name, value) {
    try {
      this.storage.setItem(this.prefix + name, JSON.stringify(value));
    } catch {
      // Full or forbidden: it is still in memory.
    }
  }
}
