// Who the visitor is: an anonymous customer, or one whom the shop vouches for. Its id is its only secret, and kept by the shop's page.

/** @typedef {import("./host.js").Identity} Identity */
/** @typedef {import("../api.js").Api} Api */

/**
 * @typedef {object} Known
 * @property {string} id  the secret
 * @property {number} userId
 * @property {string} token
 * @property {string} expiresAt
 * @property {string | null} externalId  the shop's own id of a customer that it vouches for
 */

/** A token is renewed when it has less than this left, ms. */
const SPARE = 60_000;
/** The server takes no more, bytes of JSON. */
const METADATA = 2048;
const SAID = "introduced";

export class Customer {
  /** @type {Identity | null} */
  identity;
  #api;
  #kept;
  #channel;
  #key;
  #page;

  /** @param {{ api: Api, kept: import("./kept.js").Kept, channel: string, page: string, identity: Identity | null }} given */
  constructor({ api, kept, channel, page, identity }) {
    this.#api = api;
    this.#kept = kept;
    this.#channel = channel;
    this.#key = `customer:${channel}`;
    this.#page = page;
    this.identity = identity;
  }

  /** The key under which it is kept. */
  get key() {
    return this.#key;
  }

  /** @returns {Known | null} */
  get known() {
    try {
      return JSON.parse(this.#kept.getItem(this.#key) ?? "null");
    } catch {
      return null;
    }
  }

  /** Whether the one we know is not the one whom the shop vouches for now. */
  get changes() {
    return this.identity !== null && this.known?.externalId !== this.identity.externalId;
  }

  /** @returns {string | null} */
  token() {
    return this.known?.token ?? null;
  }

  /**
   * Become a customer, or the one whom the shop vouches for; who was anonymous before brings its sessions along. Throws Problem: 403, the shop's
   * word is not good.
   *
   * @param {string} name
   * @returns {Promise<Known>}
   */
  async make(name) {
    const { identity } = this;
    // One who was vouched for stays apart from the next one at this device.
    if (this.known?.externalId) this.forget();
    const body = { name: name || identity?.name || "", channel: this.#channel, metadata: this.#metadata(), identity: proof(identity) };
    const made = await this.#api.call("POST", "/api/v1/customers", body);
    return this.#keep({ id: made.id, userId: made.userId, token: made.token, expiresAt: made.expiresAt, externalId: identity?.externalId ?? null });
  }

  /**
   * A token that is good for a while. Throws Problem: 404, this customer is gone; 403, it has to be vouched for again.
   *
   * @param {boolean} [anew]  even if the one we have looks good
   * @returns {Promise<string>}
   */
  async renewed(anew = false) {
    const { known } = this;
    if (!known) throw new Error("There is no customer yet.");
    if (!anew && Date.parse(known.expiresAt) - Date.now() > SPARE) return known.token;
    const body = { customerId: known.id, channel: this.#channel, identity: known.externalId ? proof(this.identity) : undefined };
    const made = await this.#api.call("POST", "/api/v1/customers/token", body);
    return this.#keep({ ...known, token: made.token, expiresAt: made.expiresAt }).token;
  }

  /** Tell the server what the shop says of this customer, if that has changed. */
  async introduce() {
    const { identity, known } = this;
    if (!identity || known?.externalId !== identity.externalId || (!identity.name && !Object.keys(identity.metadata ?? {}).length)) return;
    const body = { ...(identity.name ? { name: identity.name } : {}), metadata: this.#metadata() };
    const said = JSON.stringify([known.userId, identity.name, identity.metadata]);
    if (this.#kept.getItem(SAID) === said) return;
    try {
      await this.#api.call("PATCH", "/api/v1/support/me", body);
      this.#kept.tryItem(SAID, said);
    } catch {
      // The next page says it again.
    }
  }

  /** Nobody is known on this device any more. */
  forget() {
    this.#kept.removeItem(this.#key);
  }

  /** @param {Known} known */
  #keep(known) {
    this.#kept.setItem(this.#key, JSON.stringify(known));
    return known;
  }

  #metadata() {
    const own = { timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone, page: this.#page };
    const all = { ...this.identity?.metadata, ...own };
    return new TextEncoder().encode(JSON.stringify(all)).length <= METADATA ? all : own;
  }
}

/** @param {Identity | null} identity */
function proof(identity) {
  return identity ? { externalId: identity.externalId, hash: identity.hash } : undefined;
}
