// Support sessions of one person, a customer or an agent: what became of them, what is said in them, who types, reads and looks.

import { cut, isNewer, merged, unreadAfter } from "./messages.js";

/**
 * @typedef {import("./messages.js").Message} Message
 * @typedef {import("../wire.js").Person} Person
 *
 * As REST has it; `unreadCount` is one's own, and the text of `lastMessage` is cut.
 * @typedef {Omit<import("../wire.js").SessionData, "reason" | "note"> & { unreadCount: number, lastMessage: Message | null }} Session
 *
 * @typedef {Session & { readUpTo: string | null }} Shown  as REST shows it; the state has what others have read in `reads`
 *
 * @typedef {object} State
 * @property {number} me
 * @property {number} asOf  the number of the stream that this is true for
 * @property {ReadonlyMap<string, Session>} sessions
 * @property {ReadonlyMap<string, readonly Message[]>} messages  by session, oldest first: of those that were opened all from the first page on, of others
 *   what came since
 * @property {ReadonlyMap<string, string | null>} older  the address of the page before the oldest message, of sessions that were opened; null: there is none
 * @property {import("../wire.js").QueueData | null} queue  where the customer stands
 * @property {ReadonlyMap<string, ReadonlyMap<number, number>>} typing  by session and user, since when (ms); see `typists`
 * @property {ReadonlyMap<string, ReadonlyMap<number, string>>} reads  by session and user, the newest message that this one has read, as far as it was told
 * @property {ReadonlyMap<string, readonly Person[]>} looking  agents who have a session open
 * @property {ReadonlyMap<number, string>} presence  "online" | "away" | "busy" | "offline" by user
 * @property {ReadonlySet<string>} missing  ids of sessions of which frames do not say enough: fetch them for `found`
 */

/** Typing is forgotten after so many ms. */
const TYPING = 10_000;
/** So many messages are kept of a session that is not open. */
const KEPT = 100;

/**
 * The state after `GET /api/v1/sessions`; `asOf` is the page's. Of several pages it is that of the first one asked for.
 *
 * @param {{ sessions: readonly Shown[], me: number, asOf: number }} snapshot
 * @returns {State}
 */
export function from({ sessions, me, asOf }) {
  const none = { messages: new Map(), older: new Map(), typing: new Map(), reads: new Map(), looking: new Map(), presence: new Map() };
  return shown({ me, asOf, ...none, queue: null, sessions: new Map(), missing: new Set() }, sessions);
}

/**
 * The state after more sessions of REST, such as the list's next page. What one is told of and holds already stays as it is.
 *
 * @param {State} state
 * @param {readonly Shown[]} sessions
 * @returns {State}
 */
export function listed(state, sessions) {
  const told = (/** @type {Session | undefined} */ each) => each !== undefined && isMine(each, state.me);
  const wanted = sessions.filter((each) => !told(state.sessions.get(each.id)));
  return wanted.length ? shown(state, wanted) : state;
}

/**
 * The state after `GET /api/v1/sessions?status=waiting`, all of it. Nobody tells an agent of the queue, so it is asked for now and then.
 *
 * @param {State} state
 * @param {readonly Shown[]} sessions
 * @returns {State}
 */
export function waiting(state, sessions) {
  const now = new Set(sessions.map((each) => each.id));
  const left = [...state.sessions].filter(([id, each]) => each.status !== "waiting" || now.has(id) || isMine(each, state.me));
  return listed(left.length === state.sessions.size ? state : { ...state, sessions: new Map(left) }, sessions);
}

/**
 * The state after `GET /api/v1/sessions/<id>`. The same state: it was answered before what is known by now, so ask again.
 *
 * @param {State} state
 * @param {any} detail
 * @returns {State}
 */
export function found(state, detail) {
  const { transfers: _transfers, participants = [], asOf, ...session } = detail;
  if (asOf < state.asOf) return state;
  const next = shown(state, [session]);
  const reads = new Map(next.reads.get(session.id));
  for (const each of participants) if (each.readUpTo) reads.set(each.userId, each.readUpTo);
  const missing = new Set(state.missing);
  missing.delete(session.id);
  return { ...next, missing, reads: put(next.reads, session.id, reads) };
}

/**
 * The state after the first page of `GET /api/v1/sessions/<id>/messages`, newest first.
 *
 * @param {State} state
 * @param {string} sessionId
 * @param {{ results: readonly Message[], next: string | null, asOf: number }} page
 * @returns {State}
 */
export function opened(state, sessionId, page) {
  const since = (state.messages.get(sessionId) ?? []).filter((each) => (each.seq ?? 0) > page.asOf);
  const messages = put(state.messages, sessionId, merged([...page.results].reverse(), since));
  return { ...state, messages, older: put(state.older, sessionId, page.next) };
}

/**
 * The state after the page of messages that `older` names.
 *
 * @param {State} state
 * @param {string} sessionId
 * @param {{ results: readonly Message[], next: string | null }} page
 * @returns {State}
 */
export function earlier(state, sessionId, page) {
  const messages = put(state.messages, sessionId, merged([...page.results].reverse(), state.messages.get(sessionId) ?? []));
  return { ...state, messages, older: put(state.older, sessionId, page.next) };
}

/**
 * Who types in a session.
 *
 * @param {State} state
 * @param {string} sessionId
 * @param {number} [now]  ms
 * @returns {number[]} their numbers
 */
export function typists(state, sessionId, now = Date.now()) {
  return [...(state.typing.get(sessionId) ?? [])].filter(([, since]) => now - since < TYPING).map(([user]) => user);
}

/**
 * The state after a frame.
 *
 * @param {State} state
 * @param {any} frame
 * @param {number} [now]  ms, when somebody began to type
 * @returns {State}
 */
export function apply(state, frame, now = Date.now()) {
  const how = passing[frame.type];
  if (how) return how(state, frame.data, now);
  if (!(frame.seq > state.asOf)) return state;
  switch (frame.type) {
    case "message":
    case "offline_message":
      return said({ ...state, asOf: frame.seq }, { ...frame.message, isNote: false, seq: frame.seq });
    case "note":
      return said({ ...state, asOf: frame.seq }, { ...frame.note, isNote: true, seq: frame.seq });
    case "session":
      return became({ ...state, asOf: frame.seq }, frame.session);
    case "read":
      return read({ ...state, asOf: frame.seq }, frame.data);
    default:
      return state;
  }
}

/** What has no number: the newest is what counts. @type {Record<string, (state: State, data: any, now: number) => State>} */
const passing = {
  queue: (state, data) => ({ ...state, queue: data }),
  looking: (state, { sessionId, agents }) => ({ ...state, looking: put(state.looking, sessionId, agents) }),
  typing: (state, { user_id: user, is_typing: types, context }, now) => (state.sessions.has(context) ? typed(state, context, user, types ? now : null) : state),
  presence: (state, { user_id: user, status }) => present(state, user, status),
  // It tells only who comes and goes: who is busy or away has come, too.
  user_status: (state, { user_id: user, status }) =>
    present(state, user, status === "online" && (state.presence.get(user) ?? "offline") !== "offline" ? /** @type {string} */ (state.presence.get(user)) : status),
};

/** @param {State} state @param {number} user @param {string} status @returns {State} */
function present(state, user, status) {
  return state.presence.get(user) === status ? state : { ...state, presence: put(state.presence, user, status) };
}

/** @param {State} state @param {string} sessionId @param {number} user @param {number | null} since @returns {State} */
function typed(state, sessionId, user, since) {
  const before = state.typing.get(sessionId);
  if (since === null && !before?.has(user)) return state;
  const users = new Map(before);
  if (since === null) users.delete(user);
  else users.set(user, since);
  return { ...state, typing: put(state.typing, sessionId, users) };
}

/** Somebody has written. @param {State} state @param {Message} message @returns {State} */
function said(state, message) {
  const id = message.sessionId;
  const held = state.messages.get(id) ?? [];
  const again = held.some((each) => each.id === message.id);
  let next = state;
  if (!again) {
    const all = [...held, message];
    next = { ...next, messages: put(state.messages, id, state.older.has(id) ? all : all.slice(-KEPT)) };
  }
  if (message.senderId !== null) {
    next = typed(marked(next, id, message.senderId, message.id), id, message.senderId, null);
  }
  const session = state.sessions.get(id);
  if (!session) return next;
  // Not whether it was held: a page of messages may be newer than the count.
  const newer = isNewer(message, session.lastMessage);
  const mine = message.senderId === state.me;
  const counts = newer && !mine && !message.isNote && message.senderType !== "SYSTEM";
  const after = {
    ...session,
    lastMessage: newer ? cut(message) : session.lastMessage,
    unreadCount: mine && newer ? 0 : session.unreadCount + (counts ? 1 : 0),
    answeredAt: session.answeredAt ?? (message.senderType === "AGENT" && !message.isNote ? message.createdAt : null),
  };
  return { ...next, sessions: put(state.sessions, id, after) };
}

/** Something has become of a session. @param {State} state @param {any} told @returns {State} */
function became(state, { reason, note: _note, ...told }) {
  const known = state.sessions.get(told.id);
  const { me } = state;
  const held = state.messages.get(told.id) ?? [];
  // A customer's own is told from its beginning. Of what an agent is given, who knows what was said before.
  const begins = !known && !state.older.has(told.id) && told.customer.userId === me && (reason === "opened" || reason === "assigned") && told.answeredAt === null;
  const last = held.at(-1);
  const fresh = { unreadCount: begins ? unreadAfter(held, null, me) : 0, lastMessage: last ? cut(last) : null };
  const session = { ...(known ?? fresh), ...told };
  if (!isMine(session, me)) session.unreadCount = 0;
  const given = known ? isMine(session, me) && !isMine(known, me) : !begins;
  const missing = given || reason === "moved" ? new Set([...state.missing, told.id]) : state.missing;
  const queue = state.queue?.sessionId === told.id && told.status !== "waiting" ? null : state.queue;
  return { ...state, missing, queue, sessions: put(reason === "renamed" ? named(state.sessions, told.customer) : state.sessions, told.id, session) };
}

/** A customer has another name, in all of its sessions. @param {State["sessions"]} sessions @param {Person} customer */
function named(sessions, customer) {
  return new Map([...sessions].map(([id, each]) => [id, each.customer.userId === customer.userId ? { ...each, customer } : each]));
}

/** Somebody has read a session. @param {State} state @param {import("../wire.js").ReadData} data @returns {State} */
function read(state, { sessionId, userId, upTo }) {
  const next = marked(state, sessionId, userId, upTo);
  const session = state.sessions.get(sessionId);
  if (userId !== state.me || !session || session.unreadCount === 0) return next;
  const left = session.lastMessage?.id === upTo ? 0 : unreadAfter(state.messages.get(sessionId) ?? [], upTo, state.me);
  if (left === null) return { ...next, missing: new Set([...state.missing, sessionId]) };
  return { ...next, sessions: put(state.sessions, sessionId, { ...session, unreadCount: left }) };
}

/** @param {State} state @param {string} sessionId @param {number} user @param {string} message @returns {State} */
function marked(state, sessionId, user, message) {
  return { ...state, reads: put(state.reads, sessionId, put(state.reads.get(sessionId) ?? new Map(), user, message)) };
}

/** With these as REST shows them. @param {State} state @param {readonly Shown[]} wanted @returns {State} */
function shown(state, wanted) {
  const sessions = new Map(state.sessions);
  const reads = new Map(state.reads);
  for (const { readUpTo, ...session } of wanted) {
    sessions.set(session.id, session);
    const other = session.customer.userId === state.me ? session.agent : session.customer;
    if (other && readUpTo) reads.set(session.id, put(reads.get(session.id) ?? new Map(), other.userId, readUpTo));
  }
  return { ...state, sessions, reads };
}

/** Whether one is told of it. @param {Session} session @param {number} me */
function isMine({ customer, agent }, me) {
  return customer.userId === me || agent?.userId === me;
}

/**
 * @template Key, Value
 * @param {ReadonlyMap<Key, Value>} map
 * @param {Key} key
 * @param {Value} value
 * @returns {ReadonlyMap<Key, Value>}
 */
function put(map, key, value) {
  return new Map(map).set(key, value);
}
