// Handing a session to another agent: who is there, how busy they are, and a note for the one chosen.

import { h } from "../dom.js";
import { openDialog } from "./dialog.js";

/** @typedef {import("./shapes.js").AgentRow} AgentRow */

/**
 * @param {object} given
 * @param {import("./words.js").Say} given.say
 * @param {string} given.customer  the customer's name
 * @param {() => Promise<AgentRow[]>} given.agents  those it can be handed to
 * @param {(agent: AgentRow, note: string) => void} given.chosen
 */
export function chooseAgent({ say, customer, agents, chosen }) {
  const list = h("div", { class: "agents", role: "radiogroup", "aria-label": say("agents") }, h("p", { class: "hint" }, say("loading")));
  const note = h("textarea", { rows: 3, maxLength: 500, dir: "auto", placeholder: say("transferNoteHint") });
  const problem = h("p", { class: "problem", role: "alert" });
  const go = h("button", { type: "submit", class: "primary", disabled: true }, say("transfer"));
  /** @type {AgentRow[]} */
  let rows = [];
  const form = h("form", null, list, h("label", { class: "field" }, h("span", null, say("transferNote")), note), problem, h("div", { class: "actions" }, go));
  form.onsubmit = (event) => {
    event.preventDefault();
    const agent = rows.find((each) => String(each.userId) === new FormData(form).get("agent"));
    if (!agent) return;
    dialog.close();
    chosen(agent, note.value.trim());
  };
  const dialog = openDialog({ title: say("transferOf", { name: customer }), close: say("close"), kind: "narrow", body: [form] });
  agents().then(
    (found) => {
      rows = [...found].sort((one, other) => Number(other.available) - Number(one.available) || one.openSessions - other.openSessions);
      list.replaceChildren(...(rows.length ? rows.map((agent, nth) => choice(agent, nth === 0, say)) : [h("p", { class: "hint" }, say("nobodyElse"))]));
      go.disabled = !rows.length;
      const first = list.querySelector("input");
      if (first && !form.contains(document.activeElement)) first.focus();
    },
    (error) => {
      list.replaceChildren();
      problem.textContent = error.message;
    },
  );
}

/** @param {AgentRow} agent @param {boolean} checked @param {import("./words.js").Say} say */
function choice(agent, checked, say) {
  return h(
    "label",
    { class: "choice agent" },
    h("input", { type: "radio", name: "agent", value: String(agent.userId), checked }),
    h("span", { class: `dot ${agent.status}`, "aria-hidden": "true" }),
    h("bdi", { class: "name", dir: "auto" }, agent.name),
    h("span", { class: "hint" }, `${say(agent.status === "offline" ? "gone" : /** @type {any} */ (agent.status))} · ${say("sessionsOf", { n: agent.openSessions, most: agent.maxSessions })}`),
  );
}
