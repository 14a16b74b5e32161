// Since when an answer is owed, session by session: by what frames tell, and by what was said before.

/** @typedef {import("./shapes.js").Session} Session */
/** @typedef {import("./shapes.js").Message} Message */

export class Owed {
  constructor() {
    /** When the first unanswered message came. @type {Map<string, string>} */
    this.since = new Map();
  }

  /** @param {string} id */
  of(id) {
    return this.since.get(id);
  }

  /** Somebody has written. @param {Message} message */
  said({ senderType, sessionId, createdAt }) {
    if (senderType === "AGENT") this.since.delete(sessionId);
    else if (senderType === "CUSTOMER" && !this.since.has(sessionId)) this.since.set(sessionId, createdAt);
  }

  /** By what is known of a session. @param {Session} session @param {readonly Message[]} said  its messages, oldest first, as far as they are loaded */
  judge(session, said) {
    const last = session.lastMessage;
    if (!said.length && last?.senderType === "SYSTEM" && session.status === "open" && !this.since.has(session.id)) {
      // It has just come from somebody else: whether an answer is owed is known once it is opened.
      this.since.set(session.id, last.createdAt);
      return;
    }
    const messages = said.length ? said : last ? [last] : [];
    const answer = messages.findLastIndex((each) => each.senderType === "AGENT" && !each.isNote);
    const first = messages.slice(answer + 1).find((each) => each.senderType === "CUSTOMER");
    const known = this.since.get(session.id);
    if (first && !(known && known < first.createdAt && answer < 0)) this.since.set(session.id, first.createdAt);
    else if (answer >= 0 && !first) this.since.delete(session.id);
  }
}
