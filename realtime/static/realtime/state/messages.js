// Messages of a session, oldest first.

/**
 * As REST has it. `seq` is its number in one's stream, if it came over the socket.
 *
 * @typedef {import("../wire.js").MessageData & { isNote: boolean, seq?: number }} Message
 */

/** Characters of a session's last message. */
const PREVIEW = 200;

/**
 * Both, each message once.
 *
 * @param {readonly Message[]} before
 * @param {readonly Message[]} after
 * @returns {readonly Message[]}
 */
export function merged(before, after) {
  const held = new Set(before.map((each) => each.id));
  return [...before, ...after.filter((each) => !held.has(each.id))];
}

/**
 * How many of these after one somebody has not read yet: what customers and agents have said, but for its own.
 *
 * @param {readonly Message[]} messages
 * @param {string | null} upTo  null: it has read none
 * @param {number} me
 * @returns {number | null} null: it is none of these, so that cannot be said
 */
export function unreadAfter(messages, upTo, me) {
  const place = upTo === null ? -1 : messages.findIndex((each) => each.id === upTo);
  if (upTo !== null && place < 0) return null;
  return messages.slice(place + 1).filter((each) => each.senderId !== me && !each.isNote && each.senderType !== "SYSTEM").length;
}

/**
 * Whether a message was written after a session's last one. A snapshot may hold more than its number says.
 *
 * @param {Message} message
 * @param {Message | null} last
 */
export function isNewer(message, last) {
  return last === null || moment(message.createdAt) > moment(last.createdAt);
}

/**
 * As a session's last message.
 *
 * @param {Message} message
 * @returns {Message}
 */
export function cut({ seq: _seq, ...message }) {
  const characters = [...message.text];
  return characters.length <= PREVIEW ? message : { ...message, text: `${characters.slice(0, PREVIEW - 1).join("")}…` };
}

/** Comparable to the microsecond, which is left out where it is 0. @param {string} iso */
function moment(iso) {
  const [seconds, fraction = ""] = iso.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(6, "0")}`;
}
