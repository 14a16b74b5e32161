// What is done about a session: taking it, handing it over, ending it, writing in it.

import { Problem } from "../api.js";
import { chooseAgent } from "./transfer.js";

/** @typedef {import("./shapes.js").Session} Session */
/** @typedef {import("./shapes.js").Entry} Entry */

/**
 * @param {object} desk
 * @param {import("./words.js").Say} desk.say
 * @param {number} desk.me
 * @param {(method: string, path: string, body?: object) => Promise<any>} desk.call
 * @param {(path: string, body?: object) => void} desk.leave  POST with the page going away
 * @param {import("./store.js").Store} desk.store
 * @param {import("./undo.js").Undo} desk.undo
 * @param {import("./news.js").News} desk.news
 * @param {() => import("../client.js").Switchboard | null} desk.client
 * @param {(text: string) => void} desk.tell  something about the session that is open
 * @param {() => void} desk.changed
 * @param {(id: string) => void} desk.claimed
 * @param {() => void} desk.back
 * @param {() => void} desk.customer
 * @returns {import("./conversation.js").Deeds}
 */
export function deedsOf({ say, me, call, leave, store, undo, news, client, tell, changed, claimed, back, customer }) {
  /** Up to which message each session was marked as read. @type {Map<string, string>} */
  const read = new Map();

  /** @param {Session} session @param {string} text @param {string} path @param {object} body */
  const soon = (session, text, path, body) => {
    const address = `/api/v1/sessions/${session.id}/${path}`;
    undo.soon({
      key: session.id,
      text,
      changed,
      leave: () => leave(address, body),
      run: async () => {
        try {
          store.answered(await call("POST", address, body));
        } catch (error) {
          // Handed over, it may not be there for us any more: that is no failure.
          if (error instanceof Problem && error.status === 404) return;
          news.tell(say("didNotWork", { what: text, why: /** @type {Error} */ (error).message }), { bad: true });
        }
      },
    });
    changed();
  };

  return {
    back,
    customer,
    ending: (id) => undo.has(id),
    entries: (id) => {
      const there = new Set(store.messages(id).map((each) => each.clientMessageId));
      return (client()?.entries ?? []).filter((/** @type {Entry} */ each) => each.frame.sessionId === id && !there.has(each.id));
    },
    again: (id) => client()?.resend(id),
    drop: (id) => client()?.drop(id),
    post: (session, text, note) => {
      try {
        return client()?.post({ type: "message", sessionId: session.id, text, ...(note ? { note: true } : {}) }) !== undefined;
      } catch (error) {
        // More waits already than is kept: what was typed stays where it is.
        news.tell(/** @type {Error} */ (error).message, { bad: true });
        return false;
      }
    },
    types: (session, types) => client()?.send({ type: "typing", data: { is_typing: types, context: session.id } }),
    replies: async () => (await call("GET", "/api/v1/support/canned-replies?limit=1000")).results,

    seen: (session) => {
      const newest = store.messages(session.id).at(-1);
      if (!session.unreadCount || !newest || !store.isMine(session) || document.visibilityState !== "visible" || read.get(session.id) === newest.id) return;
      if (client()?.send({ type: "read", sessionId: session.id, upTo: newest.id })) read.set(session.id, newest.id);
    },

    claim: async (session) => {
      if (session.status !== "waiting") return;
      try {
        store.answered(await call("POST", `/api/v1/sessions/${session.id}/claim`));
        claimed(session.id);
        await store.open(session.id);
      } catch (error) {
        // Who was faster stands in the answer.
        tell(/** @type {Error} */ (error).message);
      }
    },

    close: (session) => {
      if (session.status === "closed" || undo.has(session.id)) return;
      soon(session, say("closing", { name: session.customer.name }), "close", {});
    },

    transfer: (session) => {
      if (session.status === "closed" || undo.has(session.id)) return;
      chooseAgent({
        say,
        customer: session.customer.name,
        agents: async () => {
          const { results } = await call("GET", "/api/v1/support/agents");
          return results.filter((/** @type {import("./shapes.js").AgentRow} */ each) => each.userId !== me && each.userId !== session.agent?.userId);
        },
        chosen: (agent, note) => soon(session, say("transferring", { name: session.customer.name, to: agent.name }), "transfer", { toUserId: agent.userId, note }),
      });
    },
  };
}
