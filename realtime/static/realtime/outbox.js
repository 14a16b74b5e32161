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

/** @typedef {{ put: Entry, kept: boolean } | { remove: string }} Change  `kept`: other tabs find the entry in the storage */

export const MOST = 200; // entries

export class Outbox {
  /**
   * @param {string} name  what its keys begin with
   * @param {Storage | null} storage  null where there is none
   */
  constructor(name, storage) {
    this.prefix = `${name}:outbox:`;
    this.storage = storage;
    /** @type {Map<string, Entry>} what the storage would not take */
    this.memory = new Map();
  }

  /** All entries, oldest first. @returns {Entry[]} */
  entries() {
    return [...this.stored(), ...this.memory.values()].sort((one, other) => one.at - other.at);
  }

  /** @param {string} id @returns {Entry | undefined} */
  get(id) {
    return this.memory.get(id) ?? parsed(this.try((storage) => storage.getItem(this.prefix + id)));
  }

  /** A new entry, to be put here. Throws Error when there are too many. @param {string} id @param {Message} frame @returns {Entry} */
  written(id, frame) {
    const entries = this.entries();
    if (entries.length >= MOST) throw new Error(`${MOST} messages wait to be sent already.`);
    return { id, frame, state: "sending", error: null, at: Math.max(Date.now(), (entries.at(-1)?.at ?? 0) + 1) };
  }

  /** Keep it. @param {Entry} entry @returns {boolean} whether other tabs find it in the storage */
  put(entry) {
    const kept = this.try((storage) => {
      storage.setItem(this.prefix + entry.id, JSON.stringify(entry));
      return true;
    });
    if (kept) this.memory.delete(entry.id);
    else this.memory.set(entry.id, entry);
    return kept === true;
  }

  /** @param {string} id */
  remove(id) {
    this.memory.delete(id);
    this.try((storage) => storage.removeItem(this.prefix + id));
  }

  /** Another tab has changed its outbox. @param {Change} change */
  follow(change) {
    if ("remove" in change) this.memory.delete(change.remove);
    else if (change.kept) this.memory.delete(change.put.id);
    else this.memory.set(change.put.id, change.put);
  }

  /** @returns {Entry[]} */
  stored() {
    const found = this.try((storage) => {
      const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "").filter((key) => key.startsWith(this.prefix));
      return keys.map((key) => parsed(storage.getItem(key)));
    });
    return (found ?? []).flatMap((entry) => (entry && !this.memory.has(entry.id) ? [entry] : []));
  }

  /** A browser may forbid its storage, or have no room. @template T @param {(storage: Storage) => T} work @returns {T | undefined} */
  try(work) {
    if (!this.storage) return undefined;
    try {
      return work(this.storage);
    } catch {
      return undefined;
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
