// The bell: one's notifications, newest first, and how many are unread.

/**
 * @typedef {import("../wire.js").NotificationData} Notification
 *
 * @typedef {object} State
 * @property {readonly Notification[]} items  newest first, without a gap down to where `next` goes on
 * @property {number} unread  of all, also of those that are not in `items`
 * @property {number} asOf  the number of the stream that this is true for
 * @property {string | null} next  the address of the next page, for `older`
 * @property {ReadonlyMap<number, Notification["status"]>} missing  the status of those of which only the id is known: they came silently
 *
 * @typedef {{ results: Notification[], unread_count: number, as_of: number, next: string | null }} Page
 */

/**
 * The state after `GET /api/v1/notifications`, not narrowed by anything.
 *
 * @param {Page} page
 * @returns {State}
 */
export function from(page) {
  return { items: page.results, unread: page.unread_count, asOf: page.as_of, next: page.next, missing: new Map() };
}

/**
 * The state after the page that `next` names. The same state: it was answered before what is known by now, so ask again.
 *
 * @param {State} state
 * @param {Page} page
 * @returns {State}
 */
export function older(state, page) {
  if (page.as_of < state.asOf) return state;
  return { ...state, items: merged(state.items, page.results), next: page.next };
}

/**
 * The state after `GET /api/v1/notifications/<id>` of one that is missing; null: it is not there any more.
 *
 * @param {State} state
 * @param {number} id
 * @param {Notification | null} notification
 * @returns {State}
 */
export function found(state, id, notification) {
  const status = state.missing.get(id);
  if (status === undefined) return state;
  const items = notification ? merged(state.items, [{ ...notification, status }]) : state.items;
  return { ...state, items, missing: without(state.missing, (each) => each === id) };
}

/**
 * The state after a frame.
 *
 * @param {State} state
 * @param {any} frame
 * @returns {State}
 */
export function apply(state, frame) {
  if (!(frame.seq > state.asOf)) return state;
  if (frame.type === "notification") return arrived(state, frame.seq, frame.data);
  if (frame.type === "notification_state") return changed(state, frame.seq, frame.data);
  return state;
}

/** @param {State} state @param {number} seq @param {Notification} notification @returns {State} */
function arrived(state, seq, notification) {
  // What a snapshot holds already may be newer than the frame. Its count is exactly that of `asOf`.
  const items = reaches(state, notification.id) ? merged([notification], state.items) : state.items;
  return { ...state, items, unread: state.unread + 1, asOf: seq };
}

/**
 * @param {State} state @param {number} seq
 * @param {import("../wire.js").NotificationStateData} data
 * @returns {State}
 */
function changed(state, seq, { ids, all_up_to: upTo, status, unread_count: unread }) {
  const named = new Set(ids);
  const meant = (/** @type {number} */ id) => named.has(id) || (upTo !== null && id <= upTo);
  const after = { ...state, unread, asOf: seq };
  if (status === "deleted") {
    if (state.items.some((each) => meant(each.id))) after.items = state.items.filter((each) => !meant(each.id));
    after.missing = without(state.missing, meant);
    return after;
  }
  const other = (/** @type {Notification} */ each) => meant(each.id) && each.status !== status;
  if (state.items.some(other)) after.items = state.items.map((each) => (other(each) ? { ...each, status } : each));
  const held = new Set(state.items.map((each) => each.id));
  const unknown = ids.filter((id) => !held.has(id) && reaches(state, id));
  const known = [...state.missing.keys()].filter(meant);
  if (unknown.length || known.length) after.missing = new Map([...state.missing, ...[...known, ...unknown].map((id) => /** @type {const} */ ([id, status]))]);
  return after;
}

/** Whether one with this id has its place in `items`, and not on a page that is not loaded yet. @param {State} state @param {number} id */
function reaches(state, id) {
  return state.next === null || id > (state.items.at(-1)?.id ?? 0);
}

/** @param {State["missing"]} missing @param {(id: number) => boolean} gone */
function without(missing, gone) {
  const left = [...missing].filter(([id]) => !gone(id));
  return left.length === missing.size ? missing : new Map(left);
}

/**
 * Both, newest first and each once; of two with the same id that of `later`.
 *
 * @param {readonly Notification[]} earlier
 * @param {readonly Notification[]} later
 */
function merged(earlier, later) {
  const byId = new Map([...earlier, ...later].map((each) => [each.id, each]));
  return [...byId.values()].sort((one, other) => other.id - one.id);
}
