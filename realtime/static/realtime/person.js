// Whoever a page belongs to: REST and tickets in its name, with a token that is asked for again when it is no good any more.

import { Api, Problem } from "./api.js";

/**
 * How a page says whose it is: an `api` of its own, or a `credential` that answers with a token each time it is asked,
 * or `tokenFrom`, an address of the page's own site that answers `{"token": …}`. `server` is the origin to ask.
 *
 * @typedef {{ api?: Api | null, credential?: (() => Promise<string | null>) | null, tokenFrom?: string | null, server?: string | null,
 *   language?: string }} Given
 */

/** Nobody is logged in, as far as the page says. */
export class SignedOut extends Error {
  status = 401;
}

export class Person {
  /** @type {string | null} */
  #token = null;
  /** @type {(() => Promise<string | null>) | null} */
  #ask;
  /** @type {Promise<string | null> | null} */
  #asking = null;

  /** @param {Given} given */
  constructor({ api, credential, tokenFrom, server, language }) {
    this.#ask = api ? null : credential ?? (tokenFrom ? () => tokenOf(tokenFrom) : null);
    /** Where its sockets are; where this module came from, if nobody has said it. */
    this.server = server || api?.server || new URL(import.meta.url).origin;
    this.api = api ?? new Api({ server: this.server, token: () => this.#token, language });
  }

  /** Whether the page has said anything at all. @param {Given} given @returns {boolean} */
  static known({ api, credential, tokenFrom }) {
    return Boolean(api || credential || tokenFrom);
  }

  /**
   * One call. A token that is refused is asked for again, once.
   *
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>} the answer; rejects with a Problem, SignedOut, or what the page's own answer failed with
   */
  async call(method, path, body) {
    if (this.#ask && !this.#token) await this.renew();
    try {
      return await this.api.call(method, path, body);
    } catch (error) {
      if (!this.#ask || !refused(error)) throw error;
      await this.renew();
      return this.api.call(method, path, body);
    }
  }

  /** A call that may find nothing: null then. @param {string} method @param {string} path @returns {Promise<any>} */
  async unless404(method, path) {
    try {
      return await this.call(method, path);
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  }

  /** The number of its user. */
  async number() {
    return /** @type {number} */ ((await this.call("GET", "/api/v1/ws/status")).user_id);
  }

  /** What opens one connection. @returns {Promise<{ ticket: string }>} */
  async credential() {
    if (this.#ask && !this.#token) await this.renew();
    try {
      return { ticket: await this.api.ticket() };
    } catch (error) {
      if (!this.#ask || !refused(error)) throw error;
      await this.renew();
      return { ticket: await this.api.ticket() };
    }
  }

  /** Ask the page for a new token; those who ask at once get the same. @returns {Promise<string | null>} null if the page has an `api` of its own */
  async renew() {
    if (!this.#ask) return null;
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    this.#token = await this.#asking;
    if (!this.#token) throw new SignedOut("Nobody is logged in.");
    return this.#token;
  }
}

/** @param {unknown} error */
function refused(error) {
  return error instanceof Problem && error.status === 401;
}

/** @param {string} address @returns {Promise<string | null>} */
async function tokenOf(address) {
  const url = new URL(address, document.baseURI);
  // A token is fetched with the page's own cookies, so an address elsewhere could only be a mistake.
  if (url.origin !== location.origin) throw new Error(`token-from has to be an address of ${location.origin}.`);
  const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" }, cache: "no-store" });
  if (response.status === 401 || response.status === 403) return null;
  if (!response.ok) throw new Error(`${url.pathname} answered ${response.status}.`);
  return (await response.json()).token ?? null;
}
