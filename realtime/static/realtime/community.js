// What a member's page needs of everything that concerns its user, as one value that changes: for react.js, vue.js, or a page of its own.

import { Switchboard } from "./client.js";
import { conversation } from "./conversation.js";
import { Person } from "./person.js";
import { notifications } from "./state.js";
import { Writers } from "./writers.js";

const PAGE = 50;
const MOST = 1000;

/**
 * @typedef {import("./state.js").notifications.Notification} Notification
 * @typedef {import("./conversation.js").Message} Message
 *
 * @typedef {import("./person.js").Given & { peer?: number | null }} Options  whose it is, and whose conversation is loaded from the start
 *
 * @typedef {object} Seen
 * @property {"connecting" | "connected" | "waiting" | "reconnecting" | "failed" | "stopped"} state
 * @property {boolean} connected
 * @property {number | null} retryAt  when it tries again, in milliseconds since 1970, while `state` is "waiting"
 * @property {Error | null} error  why something did not happen; null after what did
 * @property {number | null} userId  whose it is, once that is known
 * @property {number | null} onlineCount  members and agents who are online
 * @property {Readonly<Record<number, string>>} people  how those are who are here, by number: "online", "away" or "busy"
 * @property {readonly number[]} typing  who is writing to this user
 * @property {readonly Notification[]} notifications  newest first
 * @property {number} unread
 * @property {readonly Message[]} messages  direct ones, oldest first; those that are not confirmed yet at the end, with `state`
 */

/** @type {Seen} */
const NOTHING = {
  state: "stopped",
  connected: false,
  retryAt: null,
  error: null,
  userId: null,
  onlineCount: null,
  people: {},
  typing: [],
  notifications: [],
  unread: 0,
  messages: [],
};

export class Community {
  /** @type {Seen} */
  #seen = NOTHING;
  #listeners = new Set(/** @type {(() => void)[]} */ ([]));
  /** @type {Switchboard | null} */
  #client = null;
  /** @type {Person | null} */
  #person = null;
  /** @type {notifications.State | null} */
  #bell = null;
  /** @type {Map<string, Message>} */
  #messages = new Map();
  #writers = new Writers((typing) => this.#change({ typing }));
  /** Which beginning this is: what an earlier one still brings is not shown. */
  #run = 0;

  /** @param {() => Options} options  asked anew at each beginning */
  constructor(options) {
    this.options = options;
  }

  /** What there is now; the same object until something changes. @returns {Seen} */
  snapshot = () => this.#seen;

  /** Call `listener` after each change. @param {() => void} listener @returns {() => void} what ends that */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Begin. It may be stopped and begun again as often as one likes. */
  start = async () => {
    this.stop();
    const run = ++this.#run;
    const still = () => run === this.#run;
    const options = this.options();
    const { credential } = options;
    const person = new Person({ ...options, credential: credential && (() => (this.options().credential ?? credential)()) });
    this.#person = person;
    this.#change({ ...NOTHING, state: "connecting" });
    try {
      const userId = await person.number();
      const page = await person.call("GET", `/api/v1/notifications?limit=${PAGE}`);
      if (!still()) return;
      this.#bell = notifications.from(page);
      this.#change({ userId, ...shown(this.#bell) });
      this.#connect(person, userId);
      await Promise.all([this.#look(), options.peer && this.load(options.peer)]);
    } catch (error) {
      if (still()) this.#change({ state: "failed", error: /** @type {Error} */ (error) });
    }
  };

  /** End, and forget everything. */
  stop = () => {
    this.#run++;
    this.#client?.stop();
    this.#client = null;
    this.#person = null;
    this.#bell = null;
    this.#messages.clear();
    this.#writers.clear();
    this.#change(NOTHING);
  };

  /** Try again, at once. */
  retry = () => {
    if (this.#client) this.#client.retry();
    else this.start();
  };

  /** Load the newest messages with somebody. @param {number} userId */
  load = (userId) =>
    this.#try(async (person) => {
      const page = await person.call("GET", `/api/v1/direct/${userId}/messages?limit=${PAGE}`);
      if (person !== this.#person) return;
      for (const message of page.results) this.#messages.set(message.id, message);
      this.#tellMessages();
    });

  /**
   * Write to somebody. It arrives once, also when the page is closed meanwhile; until that is known it stands in `messages` with a `state`.
   *
   * @param {number} userId @param {string} text
   * @returns {string | null} the name under which it stands there; null: it is not known yet whose this is, or too many wait already
   */
  sendMessage = (userId, text) => {
    try {
      return this.#client?.post({ type: "message", to_user_id: userId, message: text }) ?? null;
    } catch (error) {
      this.#change({ error: /** @type {Error} */ (error) });
      return null;
    }
  };

  /** Send again what has failed. @param {string} id  its `client_message_id` */
  resend = (id) => this.#client?.resend(id);

  /** Do not send what has failed. @param {string} id  its `client_message_id` */
  drop = (id) => this.#client?.drop(id);

  /** Say that this user is writing, or has stopped. @param {boolean} isTyping @param {{ to?: number, context?: string }} where  to whom, or in which context */
  setTyping = (isTyping, { to, context }) => {
    this.#client?.send({ type: "typing", data: { is_typing: isTyping, ...(to ? { to_user_id: to } : { context }) } });
  };

  /** Choose how one is to others, over all one's devices. @param {"online" | "away" | "busy" | "offline"} status @param {Record<string, unknown>} [data] */
  setPresence = (status, data = {}) => {
    this.#client?.send({ type: "presence", status, data });
  };

  /** Mark a notification as read. @param {number} id */
  markRead = (id) => this.#try((person) => person.call("PATCH", `/api/v1/notifications/${id}`, { status: "read" }));

  /** Mark all notifications that are shown, and those before them, as read. */
  markAllRead = () => {
    const newest = this.#seen.notifications[0];
    return this.#try(async (person) => newest && person.call("POST", "/api/v1/notifications/read-all", { up_to: newest.id }));
  };

  /** What a page may ask for. */
  actions = {
    sendMessage: this.sendMessage,
    resend: this.resend,
    drop: this.drop,
    setTyping: this.setTyping,
    setPresence: this.setPresence,
    markRead: this.markRead,
    markAllRead: this.markAllRead,
    load: this.load,
    retry: this.retry,
  };

  /** @param {Person} person @param {number} user */
  #connect(person, user) {
    const client = new Switchboard({
      server: person.server,
      path: "/api/v1/ws",
      user,
      since: this.#bell?.asOf,
      credential: () => person.credential(),
      renew: () => person.renew(),
    });
    this.#client = client;
    const ours = (/** @type {(given: any) => void} */ listener) => (/** @type {any} */ given) => void (this.#client === client && listener(given));
    client.on("frame", ours((frame) => this.#frame(frame)));
    client.on("state", ours(({ name, retryAt = null }) => this.#change({ state: name, connected: name === "connected", retryAt })));
    client.on("outbox", ours(() => this.#tellMessages()));
    client.on("reset", ours(() => this.#reload(client)));
    client.start();
    this.#tellMessages();
  }

  /** The stream does not reach back to what is shown. @param {Switchboard} client */
  #reload(client) {
    const peers = new Set([...this.#messages.values()].map((each) => (each.from_user_id === this.#seen.userId ? each.to_user_id : each.from_user_id)));
    return this.#try(async (person) => {
      const bell = notifications.from(await person.call("GET", `/api/v1/notifications?limit=${PAGE}`));
      if (this.#client !== client) return;
      this.#ring(bell);
      client.startFrom(bell.asOf);
      await Promise.all([...peers].map(this.load));
    });
  }

  /** @param {any} frame */
  #frame(frame) {
    if (this.#bell) this.#ring(notifications.apply(this.#bell, frame));
    if (frame.type === "chat") this.#take(frame.data);
    else if (frame.type === "typing") {
      if (!frame.data.context) this.#writers.note(frame.data.user_id, frame.data.is_typing);
    } else if (frame.type === "user_status") this.#comes(frame.data);
    else if (frame.type === "presence") this.#change({ people: how(this.#seen.people, frame.data.user_id, frame.data.status) });
    else if (frame.type === "connected") {
      this.#change({ onlineCount: frame.data.online_count ?? this.#seen.onlineCount });
      this.#look();
    } else if (frame.type === "heartbeat" && frame.data.online_count !== undefined) this.#change({ onlineCount: frame.data.online_count });
  }

  /** @param {notifications.State} bell */
  #ring(bell) {
    if (bell === this.#bell) return;
    const asked = this.#bell?.missing;
    this.#bell = bell;
    this.#change(shown(bell));
    for (const id of bell.missing.keys()) if (!asked?.has(id)) this.#find(id);
  }

  /** One of which a frame told only that it is there. @param {number} id */
  #find(id) {
    return this.#try(async (person) => {
      const found = await person.unless404("GET", `/api/v1/notifications/${id}`);
      if (person === this.#person && this.#bell) this.#ring(notifications.found(this.#bell, id, found));
    });
  }

  /** @param {Message} message */
  #take(message) {
    this.#messages.set(message.id, message);
    if (this.#messages.size > MOST) this.#messages.delete(/** @type {string} */ (this.#messages.keys().next().value));
    this.#writers.note(message.from_user_id, false);
    this.#tellMessages();
  }

  /** @param {{ user_id: number, status: "online" | "offline" }} data */
  #comes({ user_id: userId, status }) {
    const { onlineCount, people } = this.#seen;
    const by = status === "online" ? 1 : -1;
    this.#change({ onlineCount: onlineCount === null ? null : Math.max(0, onlineCount + by), people: how(people, userId, status) });
  }

  /** Who is here: told once, and then by ones. */
  #look() {
    return this.#try(async (person) => {
      const { users, online_count: onlineCount } = await person.call("GET", "/api/v1/online?limit=100");
      if (person !== this.#person) return;
      const people = Object.fromEntries(users.map((/** @type {any} */ each) => [each.user_id, each.status]));
      this.#change({ people, onlineCount });
    });
  }

  /** @param {(person: Person) => Promise<unknown>} work */
  async #try(work) {
    const person = this.#person;
    if (!person) return;
    try {
      await work(person);
      if (this.#seen.error && person === this.#person) this.#change({ error: null });
    } catch (error) {
      if (person === this.#person) this.#change({ error: /** @type {Error} */ (error) });
    }
  }

  #tellMessages() {
    this.#change({ messages: conversation(this.#messages.values(), this.#client?.entries ?? [], this.#seen.userId) });
  }

  /** @param {Partial<Seen>} changes */
  #change(changes) {
    this.#seen = { ...this.#seen, ...changes };
    for (const listener of this.#listeners) listener();
  }
}

/** @param {notifications.State} bell */
function shown({ items, unread }) {
  return { notifications: items, unread };
}

/** @param {Readonly<Record<number, string>>} people @param {number} userId @param {string} status @returns {Record<number, string>} */
function how(people, userId, status) {
  const { [userId]: _before, ...others } = people;
  return status === "offline" ? others : { ...others, [userId]: status };
}
