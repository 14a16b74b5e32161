// What the elements share: whose they are, when they begin and end, and what they say of the connection.

import { Problem } from "../api.js";
import { Switchboard } from "../client.js";
import { language } from "../moments.js";
import { Person } from "../person.js";
import { phrase } from "./phrase.js";
import { WORDS } from "./words.js";

/** Codes, of HTTP or of a close, that mean: whoever this was is not logged in any more. */
const SIGNED_OUT = new Set([401, 4001, 4401, 4410]);

/** @typedef {import("../api.js").Api} Api */

/**
 * An element that is live. It belongs to somebody: by the property `credential`, a function that answers with a token
 * each time it is asked; by the property `api`, an Api; or by the attribute `token-from`, an address of the page's own
 * site that answers `{"token": …}`. `server` is the origin of Switchboard, if the module does not come from there.
 */
export class LiveElement extends HTMLElement {
  /** @type {Switchboard | null} */
  client = null;
  /** @type {Person | null} */
  person = null;
  /** @type {"en" | "zh-hans"} */
  speech = "en";
  /** @type {import("./words.js").Words} */
  words = WORDS.en;
  #drawn = false;
  #run = 0;
  #countdown = 0;
  /** @type {Record<string, any>} */
  #given = {};

  /** @param {CSSStyleSheet[]} looks */
  constructor(looks) {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = looks;
  }

  connectedCallback() {
    this.#upgrade("credential");
    this.#upgrade("api");
    this.speech = language(/** @type {HTMLElement | null} */ (this.closest("[lang]"))?.lang || undefined);
    this.words = WORDS[this.speech];
    this.shadowRoot?.replaceChildren(...this.draw());
    this.#drawn = true;
    addEventListener("online", this.#online);
    this.begin();
  }

  disconnectedCallback() {
    removeEventListener("online", this.#online);
    this.#drawn = false;
    this.#end();
  }

  attributeChangedCallback() {
    this.begin();
  }

  /** A function that answers with a token, or null when nobody is logged in. @returns {(() => Promise<string | null>) | null} */
  get credential() {
    return this.#given.credential ?? null;
  }

  set credential(value) {
    this.#take("credential", value);
  }

  /** REST in somebody's name, in place of a credential. @returns {Api | null} */
  get api() {
    return this.#given.api ?? null;
  }

  set api(value) {
    this.#take("api", value);
  }

  /** Everything from the start: load what there is, then follow it. Nothing happens until it is known whose it is. */
  async begin() {
    if (!this.#drawn) return;
    this.#end();
    const given = { credential: this.credential, api: this.api, tokenFrom: this.getAttribute("token-from"), server: this.getAttribute("server"), language: this.speech };
    if (!Person.known(given)) return;
    const run = ++this.#run;
    this.person = new Person(given);
    this.complain("");
    try {
      await this.load(this.person, () => run === this.#run);
    } catch (error) {
      if (run === this.#run) this.failed(error);
    }
  }

  /** Try again, from where it is. */
  again() {
    this.complain("");
    if (this.client) this.client.retry();
    else this.begin();
  }

  /**
   * Follow one socket. What it says of the connection is shown; its frames go to `frame`.
   *
   * @param {{ path: string, user: number, since?: number }} where
   */
  follow({ path, user, since }) {
    const person = /** @type {Person} */ (this.person);
    const client = new Switchboard({
      server: person.server,
      path,
      user,
      since,
      credential: () => person.credential(),
      renew: () => person.renew(),
    });
    this.client = client;
    client.on("frame", (frame) => void (this.client === client && this.frame(frame)));
    client.on("state", (state) => void (this.client === client && this.#tellLine(state)));
    client.start();
    return client;
  }

  /** Show why something did not happen. @param {unknown} error @param {string} [otherwise]  what is said if the error says nothing that people could read */
  failed(error, otherwise = this.words.failed) {
    const { words } = this;
    if (error instanceof Problem && error.status === 0) this.complain(words.no_line, true);
    else if (statusOf(error) === 401) this.complain(words.signed_out);
    else if (error instanceof Problem) this.complain(error.message, true);
    else {
      this.complain(otherwise, true);
      console.error(error);
    }
  }

  #end() {
    this.#run++;
    clearInterval(this.#countdown);
    const { client } = this;
    this.client = null;
    this.person = null;
    client?.stop();
  }

  /** @param {"credential" | "api"} name @param {unknown} value */
  #take(name, value) {
    if (this.#given[name] === value) return;
    this.#given[name] = value;
    this.begin();
  }

  /** What a page has set before the element was known is taken over. @param {"credential" | "api"} name */
  #upgrade(name) {
    if (!Object.hasOwn(this, name)) return;
    const value = /** @type {any} */ (this)[name];
    delete /** @type {any} */ (this)[name];
    /** @type {any} */ (this)[name] = value;
  }

  #online = () => {
    if (!this.client) this.begin();
  };

  /** @param {Switchboard["state"]} state */
  #tellLine({ name, retryAt, code = 0 }) {
    const { words } = this;
    clearInterval(this.#countdown);
    if (name === "failed" && SIGNED_OUT.has(code)) this.complain(words.signed_out);
    else if (name === "failed") this.line(words.lost, true);
    else if (name === "reconnecting" || (name === "waiting" && !retryAt)) this.line(words.reconnecting);
    else if (name === "waiting" && retryAt) {
      const tell = () => this.line(phrase(words.waiting, { seconds: Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)) }));
      tell();
      this.#countdown = setInterval(tell, 1000);
    } else this.line("");
    if (name === "stopped") this.stopped();
  }

  // What each element does in its own way.

  /** @returns {Node[]} what stands in its shadow root */
  draw() {
    return [];
  }

  /** @param {Person} person @param {() => boolean} still  whether this is still what is wanted @returns {Promise<void>} */
  async load(person, still) {
    void person, still;
  }

  /** @param {any} frame */
  frame(frame) {
    void frame;
  }

  /** The server has ended the connection for good, as there is nothing more to tell. */
  stopped() {}

  /** @param {string} text  nothing is wrong if it is empty @param {boolean} [again]  whether trying again helps */
  complain(text, again) {
    void text, again;
  }

  /** @param {string} text @param {boolean} [again] */
  line(text, again) {
    void text, again;
  }
}

/** @param {unknown} error @returns {number | undefined} */
export function statusOf(error) {
  return /** @type {{ status?: number } | undefined} */ (error)?.status;
}
