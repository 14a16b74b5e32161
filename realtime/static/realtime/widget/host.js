// The page around this one. What it says is believed only from that window and the site that framed us first; what we say goes to that site only.

import { Kept } from "./kept.js";

const PREFIX = "switchboard:";
const LONGEST = 200;

/**
 * @typedef {{ externalId: string, hash: string, name?: string, metadata?: Record<string, unknown> }} Identity
 *
 * @typedef {object} Hello
 * @property {string} channel
 * @property {string} lang
 * @property {string} theme  "light", "dark" or empty
 * @property {Record<string, string>} look  the shop's colours and so on, by the names of their properties without --sb-
 * @property {string} page  its address without query
 * @property {Identity | null} identity
 * @property {boolean} shown
 */

export class Host {
  /** @type {Kept} */
  kept;
  /** @type {Hello} */
  hello;
  #origin;
  /** @type {Record<string, Set<(detail: any) => void>>} */
  #listeners = {};

  /** @param {any} said @param {string} origin  of the page; empty: there is none around us */
  constructor(said, origin) {
    this.#origin = origin;
    this.hello = {
      channel: text(said.channel) || "WEB",
      lang: text(said.lang),
      theme: text(said.theme),
      look: Object.fromEntries(Object.entries(said.look ?? {}).map(([name, value]) => [name, text(value)])),
      page: text(said.page),
      identity: identity(said.identity),
      shown: said.shown === true,
    };
    const held = /** @type {[string, string][]} */ (Array.isArray(said.kept) ? said.kept : []);
    this.kept = new Kept(
      held.map(([key, value]) => [key.slice(PREFIX.length), String(value)]),
      (key, value) => (origin ? this.#tell({ type: "keep", key, value }) : keepHere(key, value)),
    );
    if (origin) addEventListener("message", (event) => this.#hear(event));
    else addEventListener("storage", ({ key, newValue }) => key?.startsWith(PREFIX) && this.#keepAlso(key, newValue));
  }

  /**
   * The page around us, once it has said who it is; or, opened as a page of its own, what the address says.
   *
   * @returns {Promise<Host>}
   */
  static meet() {
    if (window.parent === window) {
      const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
      return Promise.resolve(new Host({ ...given, page: location.origin + location.pathname, shown: true, kept: keptHere() }, ""));
    }
    return new Promise((resolve) => {
      const listen = (/** @type {MessageEvent} */ { source, origin, data }) => {
        if (source !== window.parent || data?.type !== "hello") return;
        removeEventListener("message", listen);
        resolve(new Host(data, origin));
      };
      addEventListener("message", listen);
    });
  }

  /** Whether there is a page around us that could close us. */
  get frames() {
    return Boolean(this.#origin);
  }

  /**
   * @param {"shown" | "identify" | "logout" | "kept"} type
   * @param {(detail: any) => void} listener
   */
  on(type, listener) {
    (this.#listeners[type] ||= new Set()).add(listener);
  }

  /** Close us. */
  close() {
    this.#tell({ type: "close" });
  }

  /** Tell it, for its own listeners. @param {"ready" | "unread" | "message"} type @param {unknown} detail */
  tell(type, detail) {
    this.#tell({ type, detail });
  }

  /** @param {object} said */
  #tell(said) {
    if (this.#origin) window.parent.postMessage(said, this.#origin);
  }

  /** @param {MessageEvent} event */
  #hear({ source, origin, data }) {
    if (source !== window.parent || origin !== this.#origin) return;
    if (data?.type === "kept") this.#keepAlso(String(data.key), data.value);
    else if (data?.type === "shown") this.#emit("shown", data.shown === true);
    else if (data?.type === "identify") this.#emit("identify", identity(data.identity));
    else if (data?.type === "logout") this.#emit("logout", null);
  }

  /** @param {string} key @param {string | null} value */
  #keepAlso(key, value) {
    const name = key.slice(PREFIX.length);
    this.kept.heard(name, value);
    this.#emit("kept", name);
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.#listeners[type]?.forEach((listener) => listener(detail));
  }
}

/** @param {unknown} said @returns {string} */
function text(said) {
  return typeof said === "string" ? said.slice(0, LONGEST) : "";
}

/** @param {any} said @returns {Identity | null} */
function identity(said) {
  if (!said || said.externalId === undefined) return null;
  const { externalId, hash, name, metadata } = said;
  return { externalId: String(externalId), hash: String(hash), name: text(name), metadata: metadata && typeof metadata === "object" ? metadata : {} };
}

/** @returns {[string, string][]} */
function keptHere() {
  try {
    return Object.entries(localStorage).filter(([key]) => key.startsWith(PREFIX));
  } catch {
    return [];
  }
}

/** @param {string} key @param {string | null} value */
function keepHere(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // Then it is forgotten with the page.
  }
}
