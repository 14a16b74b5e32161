// One customer's conversation: the snapshot, what the socket tells after it, and the outbox.

import { Switchboard } from "../client.js";
import { support } from "../state.js";
import { CLOSE } from "../wire.js";

const SESSIONS = 20;
const MESSAGES = 30;
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;
/** Statuses of HTTP and close codes with which there is nobody to connect. */
const GONE = [403, 404, CLOSE.SESSION_REVOKED];

/**
 * @typedef {import("../state/support.js").State} State
 * @typedef {import("../state/support.js").Session} Session
 * @typedef {import("./rows.js").Entry} Entry
 * @typedef {{ name: string, retryAt?: number, code?: string }} Link
 */

export class Live {
  /** @type {State} */
  state;
  /** @type {Link} */
  link = { name: "connecting" };
  /** @type {readonly Entry[]} */
  entries = [];
  /** Whether the snapshot is there. */
  loaded = false;
  loadingOlder = false;
  userId;
  /** @type {string | null} */
  #moreSessions = null;
  #api;
  #given;
  /** @type {Switchboard | null} */
  #client = null;
  #changed;
  #heard;
  #stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {object} given
   * @param {import("../api.js").Api} given.api
   * @param {import("./kept.js").Kept} given.kept
   * @param {number} given.userId
   * @param {(anew: boolean) => Promise<string>} given.renewed  a good token; throws Problem
   * @param {(status: number) => void} given.gone  the server says that this customer is not there (404), signed out, or not vouched for (403)
   * @param {() => void} given.changed
   * @param {(frame: any) => void} given.heard  each frame, after it was applied
   */
  constructor({ api, kept, userId, renewed, gone, changed, heard }) {
    this.userId = userId;
    this.#api = api;
    this.#changed = changed;
    this.#heard = heard;
    this.state = support.from({ sessions: [], me: userId, asOf: 0 });
    this.#given = { kept, renewed, gone };
  }

  /** Connect a customer who has just been made: there is nothing to load. */
  begin() {
    this.loaded = true;
    this.#start();
  }

  /** Load what was said, then connect. Tries again until it is there; throws Problem where that would not help. */
  async resume() {
    for (let wait = FIRST_WAIT; !this.#stopped; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        await this.#load();
        this.#start();
        return;
      } catch (problem) {
        const { status = 0 } = /** @type {any} */ (problem);
        if (status >= 400 && status < 500 && status !== 429) throw problem;
        await this.#pause(wait * (0.5 + Math.random() / 2));
      }
    }
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#client?.stop();
  }

  /** Try again at once, whatever waits. */
  retry() {
    this.#wake?.();
    this.#client?.retry();
  }

  /** Write. It is sent once, now or as soon as that is possible. @param {string} text */
  post(text) {
    const session = this.latest;
    this.#client?.post({ type: "message", ...(session ? { sessionId: session.id } : {}), text });
  }

  /** @param {string} id  of an entry that failed */
  resend(id) {
    this.#client?.resend(id);
  }

  /** Take what is not sent out of the outbox. @returns {string[]} the texts */
  reclaim() {
    const texts = this.entries.map(({ id, frame }) => {
      this.#client?.drop(id);
      return frame.text;
    });
    this.entries = [];
    return texts;
  }

  /** Say something that need not arrive. @param {object} frame @returns {boolean} whether it was sent */
  say(frame) {
    return this.#client?.send(/** @type {any} */ (frame)) ?? false;
  }

  /** The newest session. @returns {Session | null} */
  get latest() {
    return this.ordered.at(-1) ?? null;
  }

  /** All that are known, oldest first. @returns {Session[]} */
  get ordered() {
    return [...this.state.sessions.values()].sort((one, other) => (one.openedAt < other.openedAt ? -1 : 1));
  }

  /** Those whose messages are here. @returns {Session[]} */
  get opened() {
    return this.ordered.filter((each) => this.state.older.has(each.id));
  }

  /** Whether something was said before what is here. */
  get hasOlder() {
    return Boolean(this.#oldest && this.state.older.get(this.#oldest.id)) || this.ordered.length > this.opened.length || this.#moreSessions !== null;
  }

  /** Load a page of what was said before. */
  async older() {
    if (this.loadingOlder || !this.loaded || !this.hasOlder) return;
    this.loadingOlder = true;
    this.#changed();
    try {
      await this.#olderPage();
    } catch {
      // The next scroll asks again.
    } finally {
      this.loadingOlder = false;
      this.#changed();
    }
  }

  /** @param {string} method @param {string} path @param {unknown} [body] */
  call(method, path, body) {
    return this.#api.call(method, path, body);
  }

  async #olderPage() {
    const oldest = this.#oldest;
    const next = oldest && this.state.older.get(oldest.id);
    if (oldest && next) {
      this.state = support.earlier(this.state, oldest.id, await this.#page(next));
      return;
    }
    const before = this.ordered.filter((each) => !this.state.older.has(each.id)).at(-1);
    if (before) {
      await this.#open(before.id);
    } else if (this.#moreSessions) {
      const page = await this.#page(this.#moreSessions);
      this.state = support.listed(this.state, page.results);
      this.#moreSessions = page.next;
      await this.#olderPage();
    }
  }

  get #oldest() {
    return this.opened[0] ?? null;
  }

  async #load() {
    const page = await this.#api.call("GET", `/api/v1/sessions?limit=${SESSIONS}`);
    const fresh = support.from({ sessions: page.results, me: this.userId, asOf: page.asOf });
    this.state = { ...fresh, presence: this.state.presence, queue: this.state.queue };
    this.#moreSessions = page.next;
    if (this.latest) await this.#open(this.latest.id);
    this.loaded = true;
    this.#changed();
  }

  /** @param {string} id */
  async #open(id) {
    this.state = support.opened(this.state, id, await this.#api.call("GET", `/api/v1/sessions/${id}/messages?limit=${MESSAGES}`));
  }

  #start() {
    if (this.#stopped) return;
    const { kept, renewed } = this.#given;
    const client = new Switchboard({
      path: "/ws/chat",
      user: this.userId,
      since: this.state.asOf,
      storage: /** @type {any} */ (kept),
      credential: ({ refused }) => this.#credential(refused !== null),
      renew: () => renewed(true),
    });
    client.on("frame", (frame) => this.#frame(frame));
    client.on("state", (link) => this.#linked(link));
    client.on("outbox", (entries) => this.#wrote(entries));
    client.on("reset", () => this.#load().then(() => client.startFrom(this.state.asOf)));
    this.#client = client;
    this.entries = client.entries;
    client.start();
    this.#changed();
  }

  /** @param {boolean} refused  the last one was no good */
  async #credential(refused) {
    await this.#given.renewed(refused);
    try {
      return { ticket: await this.#api.ticket() };
    } catch (problem) {
      if (/** @type {any} */ (problem).status !== 401) throw problem;
      await this.#given.renewed(true);
      return { ticket: await this.#api.ticket() };
    }
  }

  /** @param {Link} link */
  #linked(link) {
    this.link = link;
    if (link.name === "failed" && link.code && GONE.includes(link.code)) this.#given.gone(link.code);
    else this.#changed();
  }

  /** @param {readonly Entry[]} entries */
  #wrote(entries) {
    this.entries = entries;
    this.#changed();
  }

  /** @param {any} frame */
  #frame(frame) {
    const before = this.state;
    this.state = support.apply(before, frame);
    const id = frame.session?.id;
    // Told from its beginning, so nothing was said before.
    if (frame.type === "session" && !before.sessions.has(id) && !this.state.missing.has(id)) this.state = support.opened(this.state, id, { results: [], next: null, asOf: 0 });
    for (const each of this.state.missing) if (!before.missing.has(each)) this.#fetch(each);
    this.#heard(frame);
    this.#changed();
  }

  /** @param {string} id */
  async #fetch(id) {
    try {
      const detail = await this.#api.call("GET", `/api/v1/sessions/${id}`);
      const next = support.found(this.state, detail);
      if (next === this.state) return void this.#fetch(id);
      this.state = next;
      await this.#open(id);
    } catch {
      // It is not there for us, or comes with the next snapshot.
    }
    this.#changed();
  }

  /** @param {string} address */
  #page(address) {
    const { pathname, search } = new URL(address);
    return this.#api.call("GET", pathname + search);
  }

  /** @type {(() => void) | undefined} */
  #wake;

  /** @param {number} wait */
  #pause(wait) {
    this.link = { name: "waiting", retryAt: Date.now() + wait };
    this.#changed();
    return new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
      this.#timer = setTimeout(this.#wake, wait);
    });
  }
}
