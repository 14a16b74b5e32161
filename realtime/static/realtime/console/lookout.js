// What has come, and whether an agent who looks elsewhere is to be told.

/** @typedef {import("./shapes.js").Session} Session */

/** Reasons for which a session comes to an agent. */
const GIVEN = ["assigned", "transferred", "reopened"];

export class Lookout {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {number} given.me
   * @param {import("./store.js").Store} given.store
   * @param {import("./alerts.js").Alerts} given.alerts
   * @param {import("./news.js").News} given.news
   * @param {import("./rounds.js").Rounds} given.rounds
   * @param {(session: string) => void} given.open
   * @param {(session: string) => boolean} given.isOpen
   * @param {(session: string) => boolean} given.inView  its end is seen
   */
  constructor(given) {
    this.given = given;
    /** Messages and notes of others since the line was cut. */
    this.missed = 0;
  }

  /** @param {any} frame */
  frame(frame) {
    const { store, alerts, rounds, inView } = this.given;
    store.apply(frame);
    if ((frame.message ?? frame.note)?.isMine === false) this.missed += 1;
    if (frame.type === "waiting") rounds.now();
    else if (frame.type === "session") this.#became(frame.session);
    else if (frame.type === "message" && frame.message.senderType === "CUSTOMER") {
      const { id, sessionId, text } = frame.message;
      if (!inView(sessionId)) alerts.tell({ kind: "message", id, title: store.session(sessionId)?.customer.name ?? "", text, session: sessionId });
    }
  }

  /** They have joined the queue. @param {Session[]} sessions */
  came(sessions) {
    const { say, alerts } = this.given;
    for (const { id, customer, lastMessage, subject } of sessions) {
      alerts.tell({ kind: "queue", id, title: say("waitsNow", { name: customer.name }), text: lastMessage?.text ?? subject, session: id });
    }
  }

  /** @param {any} session  as a frame tells it */
  #became({ id, reason, agent, customer, note }) {
    const { say, me, alerts, news, rounds, open, isOpen } = this.given;
    rounds.now();
    if (agent?.userId !== me || !GIVEN.includes(reason) || isOpen(id)) return;
    const text = say(reason === "transferred" ? "wasGivenYou" : "isYours", { name: customer.name });
    news.tell(note ? `${text} ${note}` : text, { button: say("open"), chosen: () => open(id) });
    alerts.tell({ kind: "queue", id: `${id} ${reason}`, title: text, text: note, session: id });
  }
}
