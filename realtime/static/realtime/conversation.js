/**
 * A direct message. One that is not confirmed yet has no number of the server's: its `id` is its `client_message_id`, and `state` says
 * "sending" or "failed", with `error` for why.
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {number} from_user_id
 * @property {string} from_username
 * @property {number} to_user_id
 * @property {string} message
 * @property {string} timestamp
 * @property {string} client_message_id
 * @property {"sending" | "failed"} [state]
 * @property {string} [error]
 */

/**
 * What is to be shown of direct messages: those that are stored, oldest first, and then what still waits to be.
 *
 * @param {Iterable<Message>} stored
 * @param {readonly import("./outbox.js").Entry[]} waiting  the client's outbox
 * @param {number | null} me
 * @returns {Message[]}
 */
export function conversation(stored, waiting, me) {
  const sorted = [...stored].sort((one, other) => Date.parse(one.timestamp) - Date.parse(other.timestamp));
  const confirmed = new Set(sorted.filter((each) => each.from_user_id === me && each.client_message_id).map((each) => each.client_message_id));
  const pending = waiting.flatMap(({ id, frame, state, error, at }) => {
    if (!("to_user_id" in frame) || confirmed.has(id)) return [];
    const { to_user_id, message } = frame;
    const written = { id, from_user_id: me ?? 0, from_username: "", to_user_id, message, timestamp: new Date(at).toISOString(), client_message_id: id, state };
    return [error ? { ...written, error: error.message } : written];
  });
  return [...sorted, ...pending];
}
