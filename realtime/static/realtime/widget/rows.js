// What stands in the conversation, top to bottom: a pure function of what is known.

import { clock, day } from "../moments.js";

/** Messages of one sender this close together stand in one group, ms. */
const GROUP = 5 * 60_000;
/** Where a message of the system stands so close to somebody's coming, ms, it has said that already. */
const SAID = 3000;
/** Stands for oneself, whose number an unsent message does not have. */
const OWN = -1;
/** Of these "not sent" says it all. */
const WORDLESS = ["UNREACHABLE", "NO_ANSWER"];

/**
 * @typedef {import("../state/messages.js").Message} Message
 * @typedef {import("../state/support.js").Session} Session
 * @typedef {{ id: string, frame: any, state: string, error: any, at: number }} Entry  what the outbox holds
 *
 * @typedef {object} Row
 * @property {"day" | "new" | "said" | "system" | "here" | "ended"} kind
 * @property {string} key  the same for the same thing, whatever becomes of it
 * @property {string} text
 * @property {boolean} [own]
 * @property {boolean} [first]  of its group
 * @property {boolean} [last]  of its group
 * @property {string} [name]  of who has written
 * @property {string} [at]  ISO
 * @property {string} [time]  to be shown
 * @property {"sending" | "sent" | "read" | "failed" | ""} [status]
 * @property {string} [error]  why it was not sent, meant to be read
 */

/**
 * @param {object} given
 * @param {readonly Session[]} given.sessions  oldest first
 * @param {ReadonlyMap<string, readonly Message[]>} given.messages
 * @param {readonly Entry[]} given.entries  what is not confirmed, oldest first
 * @param {string | null} given.newFrom  the message above which "new" stands
 * @param {(session: string) => readonly string[]} given.readUpTo  the newest messages that others have read there
 * @param {string} given.lang
 * @param {number} [given.now]
 * @returns {Row[]}
 */
export function rows({ sessions, messages, entries, newFrom, readUpTo, lang, now = Date.now() }) {
  /** @type {Row[]} */
  const made = [];
  const confirmed = new Set();
  let date = "";
  /** @type {{ row: Row, read: boolean } | null} */
  let lastOwn = null;

  /** @param {string} iso */
  const dated = (iso) => {
    const named = day(iso, lang, now);
    if (named !== date) made.push({ kind: "day", key: `day ${new Date(iso).toDateString()}`, text: (date = named), at: iso });
  };
  /** @param {Row} row @param {number} sender */
  const add = (row, sender) => {
    const before = made.at(-1);
    const near = before?.kind === "said" && senders.get(before) === sender && Date.parse(row.at ?? "") - Date.parse(before.at ?? "") < GROUP;
    row.first = !near;
    row.last = true;
    if (near) before.last = false;
    senders.set(row, sender);
    made.push(row);
  };
  /** @type {Map<Row, number>} */
  const senders = new Map();

  for (const session of sessions) {
    const said = messages.get(session.id) ?? [];
    const upTo = new Set(readUpTo(session.id));
    const seen = said.findLastIndex((each) => upTo.has(each.id) || (!each.isMine && each.senderType === "AGENT"));
    let came = session.agent && session.assignedAt ? session.assignedAt : null;
    if (came && said.some((each) => each.senderType === "SYSTEM" && Math.abs(Date.parse(each.createdAt) - Date.parse(came ?? "")) < SAID)) came = null;
    const here = () => {
      if (!came || !session.agent) return;
      dated(came);
      made.push({ kind: "here", key: `here ${session.id} ${came}`, text: session.agent.name, at: came });
      came = null;
    };
    for (const [index, each] of said.entries()) {
      if (came && each.createdAt > came) here();
      dated(each.createdAt);
      if (each.id === newFrom) made.push({ kind: "new", key: "new", text: "" });
      if (each.senderType === "SYSTEM") {
        made.push({ kind: "system", key: each.id, text: each.text, at: each.createdAt });
        continue;
      }
      if (each.isMine && each.clientMessageId) confirmed.add(each.clientMessageId);
      /** @type {Row} */
      const row = {
        kind: "said",
        key: (each.isMine && each.clientMessageId) || each.id,
        text: each.text,
        own: each.isMine,
        name: each.isMine ? "" : each.agentName,
        at: each.createdAt,
        time: clock(each.createdAt, lang),
        status: "",
      };
      add(row, each.isMine ? OWN : each.senderId ?? 0);
      if (each.isMine) lastOwn = { row, read: index <= seen };
    }
    here();
    if (session.status === "closed" && session.closedAt) made.push({ kind: "ended", key: `ended ${session.id}`, text: "", at: session.closedAt });
  }
  if (lastOwn) lastOwn.row.status = lastOwn.read ? "read" : "sent";
  for (const { id, frame, state, error, at } of entries) {
    if (confirmed.has(id)) continue;
    const iso = new Date(at).toISOString();
    dated(iso);
    if (lastOwn && lastOwn.row.status !== "failed") lastOwn.row.status = "";
    /** @type {Row} */
    const row = { kind: "said", key: id, text: frame.text, own: true, name: "", at: iso, time: clock(iso, lang), status: state === "failed" ? "failed" : "sending" };
    if (error && !WORDLESS.includes(error.code)) row.error = error.message;
    add(row, OWN);
    lastOwn = { row, read: false };
  }
  return made;
}
