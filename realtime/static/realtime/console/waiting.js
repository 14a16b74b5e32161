// Who has waited for how long: what lists are sorted by, and what turns yellow and red.

/** @typedef {import("./shapes.js").Session} Session */

/**
 * Since when somebody waits for us in this session; null: nobody does.
 *
 * @param {Session} session
 * @param {string} [owed]  when the first message came that is unanswered, if there is one
 * @returns {string | null}
 */
export function waitsSince(session, owed) {
  if (session.status === "waiting") return session.waitingSince ?? session.openedAt;
  if (session.status === "closed") return null;
  if (owed) return owed;
  return session.answeredAt ? null : (session.assignedAt ?? session.openedAt);
}

/** When something happened there last. @param {Session} session @returns {string} */
export function lastMoment(session) {
  return session.closedAt ?? session.lastMessage?.createdAt ?? session.assignedAt ?? session.openedAt;
}

/**
 * "warn" and "bad" by the shop's limits, else "".
 *
 * @param {string | null} since
 * @param {{ waitWarn: number, waitBad: number }} limits  seconds
 * @param {number} [now]
 * @returns {"" | "warn" | "bad"}
 */
export function urgency(since, { waitWarn, waitBad }, now = Date.now()) {
  if (!since) return "";
  const seconds = (now - new Date(since).getTime()) / 1000;
  if (seconds >= waitBad) return "bad";
  return seconds >= waitWarn ? "warn" : "";
}

/**
 * Who has waited longest first; then those for whom nobody waits, what is freshest first.
 *
 * @param {Session[]} sessions
 * @param {(id: string) => string | undefined} owed
 * @returns {Session[]}
 */
export function byWaiting(sessions, owed) {
  const keyed = sessions.map((session) => ({ session, since: waitsSince(session, owed(session.id)), last: lastMoment(session) }));
  keyed.sort((one, other) => {
    if (one.since && other.since) return one.since < other.since ? -1 : 1;
    if (one.since || other.since) return one.since ? -1 : 1;
    return one.last > other.last ? -1 : 1;
  });
  return keyed.map(({ session }) => session);
}

/** A short length of time: 40 s, 4 min, 2 h 5 min. @param {string} since @param {string} lang @param {(seconds: number, lang: string) => string} span @param {number} [now] */
export function shortly(since, lang, span, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(since).getTime()) / 1000);
  // Seconds that tick away beside every name would only make nervous.
  if (seconds < 60) return span(Math.floor(seconds / 10) * 10, lang);
  if (seconds < 86_400) return span(Math.floor(seconds / 60) * 60, lang);
  return span(Math.floor(seconds / 3600) * 3600, lang);
}
