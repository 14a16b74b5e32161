// What was written and is not confirmed yet. Each message has a key of its own in the storage, so that tabs do not write over each other's.

import * as wire from "./wire.js";

/** @typedef {wire.WriteMessageCommand | wire.SendDirectMessageCommand} Message */

/**
 * @typedef {object} Entry
 * @property {string} id  the client's name for the message
 * @property {Message} frame
 * @property {"sending" | "failed"} state
 * @property {{ code: string, message: string } | null} error  why it has failed
 * @property {number} at  when it was written, in ms of the epoch; no two have the same
 */

/** @typedef {{ put: Entry } | { remove: string }} Change */

export const MOST = 200; // entries
const REMEMBERED = 1000; // entries that are gone
const LATE = 1000; // ms that a word of another tab may come late

export class Outbox {
  /**
   * @param {string} name  what its keys begin with
   * @param {Storage | null} storage  null where there is none
   */
  constructor(name, storage) {
    this.prefix = `${name}:outbox:`;
    this.storage = storage;
    /** @type {Map<string, Entry>} */
    this.all = new Map();
    /** @type {Set<string>} */
    this.stored = new Set(); // as far as this tab has seen
    /** @type {Map<string, number>} until when which of them is not to come back, in ms of the epoch */
    this.gone = new Map();
    this.load();
  }

  /** All entries, oldest first. @returns {Entry[]} */
  entries() {
    return [...this.all.values()].sort((one, other) => one.at - other.at);
  }

  /** @param {string} id @returns {Entry | undefined} */
  get(id) {
    return this.all.get(id);
  }

  /** A new entry, to be put here. Throws Error when there are too many. @param {string} id @param {Message} frame @returns {Entry} */
  written(id, frame) {
    const entries = this.entries();
    if (entries.length >= MOST) throw new Error(`${MOST} messages wait to be sent already.`);
    return { id, frame, state: "sending", error: null, at: Math.max(Date.now(), (entries.at(-1)?.at ?? 0) + 1) };
  }

  /** @param {Change} change */
  change(change) {
    if ("put" in change) this.gone.delete(change.put.id);
    this.follow(change);
    this.try((storage) => {
      if ("put" in change) {
        storage.setItem(this.prefix + change.put.id, JSON.stringify(change.put));
        this.stored.add(change.put.id);
      } else storage.removeItem(this.prefix + change.remove);
    });
  }

  /** Another tab has changed its outbox. What it has stored is not to be seen here at once: a browser's processes tell each other later. @param {Change} change */
  follow(change) {
    if ("put" in change) {
      if (change.put.at > (this.gone.get(change.put.id) ?? 0)) this.all.set(change.put.id, change.put);
    } else {
      this.all.delete(change.remove);
      this.gone.set(change.remove, Date.now() + LATE);
      if (this.gone.size > REMEMBERED) this.gone.delete(/** @type {string} */ (this.gone.keys().next().value));
    }
  }

  /** Look for what pages have left that are closed now, and for what others have done while this one did not hear them. */
  load() {
    this.try((storage) => {
      const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "");
      const found = new Set(keys.filter((each) => each.startsWith(this.prefix)).map((each) => each.slice(this.prefix.length)));
      for (const id of this.stored) if (!found.has(id)) this.follow({ remove: id });
      this.stored = found;
      for (const id of found) {
        const entry = parsed(storage.getItem(this.prefix + id));
        if (entry && !this.all.has(id)) this.follow({ put: entry });
      }
    });
  }

  /** Another tab's change can be seen in the storage now. @param {StorageEvent} event @returns {boolean} whether it is one of this outbox */
  seen({ key, newValue, storageArea }) {
    if (!key?.startsWith(this.prefix) || storageArea !== this.storage) return false;
    const entry = parsed(newValue);
    if (!entry) this.follow({ remove: key.slice(this.prefix.length) });
    else if (!this.all.has(entry.id)) this.follow({ put: entry }); // of one that is known it may be the past
    return true;
  }

  /** A browser may forbid its storage, or have no room. @param {(storage: Storage) => void} work */
  try(work) {
    try {
      if (this.storage) work(this.storage);
    } catch {
      // Then it is kept for as long as a tab is there.
    }
  }
}

/** @param {string | null | undefined} text @returns {Entry | undefined} */
function parsed(text) {
  try {
    const entry = JSON.parse(text ?? "");
    return typeof entry?.id === "string" && typeof entry.frame === "object" && typeof entry.at === "number" ? entry : undefined;
  } catch {
    return undefined;
  }
}
