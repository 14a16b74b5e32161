// One customer's conversation: the snapshot, what the socket tells after it, and the outbox.

import { Switchboard } from "../client.js";
import * as support from "../state/support.js";
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
 * @typedef {import("../line.js").State} Link
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
  #renewed;
  #client;
  #changed;
  #heard;
  #stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {object} given
   * @param {import("../api.js").Api} given.api
   * @param {import("./kept.js").Kept} given.kept
   * @param {string} given.lang
   * @param {number} given.userId
   * @param {(anew: boolean) => Promise<string>} given.renewed  a good token; throws Problem
   * @param {(status: number) => void} given.gone  the server says that this customer is not there (404), signed out, or not vouched for (403)
   * @param {() => void} given.changed
   * @param {(frame: any) => void} given.heard  each frame, after it was applied
   */
  constructor({ api, kept, lang, userId, renewed, gone, changed, heard }) {
    this.userId = userId;
    this.#api = api;
    this.#changed = changed;
    this.#heard = heard;
    this.state = support.from({ sessions: [], me: userId, asOf: 0 });
    this.#renewed = renewed;
    this.#client = new Switchboard({
      // A page cannot set what its browser says of its language when a socket opens.
      path: `/ws/chat?lang=${lang}`,
      user: userId,
      storage: /** @type {any} */ (kept),
      credential: async ({ refused }) => {
        if (refused !== null) await renewed(true);
        return { ticket: (await this.call("POST", "/api/v1/ws/ticket", {})).ticket };
      },
      renew: () => renewed(true),
    });
    this.entries = this.#client.entries;
    this.#client.on("frame", (frame) => this.#frame(frame));
    this.#client.on("outbox", (entries) => {
      this.entries = entries;
      changed();
    });
    this.#client.on("state", (link) => {
      this.link = link;
      if (link.name === "failed" && link.code && GONE.includes(link.code)) gone(link.code);
      else changed();
    });
    this.#client.on("reset", () => {
      const again = this.#snapshot().then(() => this.#client.startFrom(this.state.asOf));
      again.catch((problem) => gone(problem.status));
    });
  }

  /** Connect a customer who has just been made: there is nothing to load. */
  begin() {
    this.loaded = true;
    this.#start();
  }

  /** Load what was said, then connect. Throws Problem where trying again would not help. */
  async resume() {
    await this.#snapshot();
    this.#start();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#client.stop();
  }

  /** Try again at once, whatever waits. */
  retry() {
    this.#wake?.();
    this.#client.retry();
  }

  /** Write. It is sent once, now or as soon as that is possible. @param {string} text */
  post(text) {
    const session = this.latest;
    this.#client.post({ type: "message", ...(session ? { sessionId: session.id } : {}), text });
  }

  /** @param {string} id  of an entry that failed */
  resend(id) {
    this.#client.resend(id);
  }

  /** Take what is not sent out of the outbox. @returns {string[]} the texts */
  reclaim() {
    const texts = this.entries.map(({ id, frame }) => {
      this.#client.drop(id);
      return frame.text;
    });
    this.entries = [];
    return texts;
  }

  /** Say something that need not arrive. @param {object} frame @returns {boolean} whether it was sent */
  say(frame) {
    return this.#client.send(/** @type {any} */ (frame));
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

  /** The oldest message that was not read yet, of those that are here. @returns {string | null} */
  get firstUnread() {
    const { latest } = this;
    if (!latest?.unreadCount) return null;
    const said = (this.state.messages.get(latest.id) ?? []).filter((each) => each.senderType === "AGENT");
    return said.at(-latest.unreadCount)?.id ?? said[0]?.id ?? null;
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

  /** Ask the server as this customer. Throws Problem. @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  async call(method, path, body) {
    await this.#renewed(false);
    try {
      return await this.#api.call(method, path, body);
    } catch (problem) {
      if (/** @type {any} */ (problem).status !== 401) throw problem;
      await this.#renewed(true);
      return this.#api.call(method, path, body);
    }
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

  /** Load, and try again until it is there. */
  async #snapshot() {
    for (let wait = FIRST_WAIT; !this.#stopped; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        return await this.#load();
      } catch (problem) {
        const { status = 0 } = /** @type {any} */ (problem);
        if (status >= 400 && status < 500 && status !== 429) throw problem;
        await this.#pause(wait * (0.5 + Math.random() / 2));
      }
    }
  }

  async #load() {
    const page = await this.call("GET", `/api/v1/sessions?limit=${SESSIONS}`);
    const fresh = support.from({ sessions: page.results, me: this.userId, asOf: page.asOf });
    this.state = { ...fresh, presence: this.state.presence, queue: this.state.queue };
    this.#moreSessions = page.next;
    if (this.latest) await this.#open(this.latest.id);
    this.loaded = true;
    this.#changed();
  }

  /** @param {string} id */
  async #open(id) {
    this.state = support.opened(this.state, id, await this.call("GET", `/api/v1/sessions/${id}/messages?limit=${MESSAGES}`));
  }

  #start() {
    if (this.#stopped) return;
    this.#client.startFrom(this.state.asOf);
    this.#client.start();
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
      const detail = await this.call("GET", `/api/v1/sessions/${id}`);
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
    return this.call("GET", pathname + search);
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
