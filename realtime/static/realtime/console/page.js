// The desk's parts on the page: the line at the top, the three columns, and what is said for a moment below.

import { h } from "../dom.js";
import { icon } from "./dialog.js";
import { showFigures } from "./figures.js";
import { showHelp } from "./help.js";

/**
 * @param {import("./desk.js").Desk} desk
 * @returns {{ parts: HTMLElement[], expiring: HTMLElement }}  `expiring`: the line that says that the login ends soon
 */
export function columns(desk) {
  const { say, lang, me } = desk;
  /** @param {Parameters<typeof icon>[0]} drawing @param {import("./words.js").Key} name @param {() => void} shown */
  const button = (drawing, name, shown) => h("button", { type: "button", class: "plain icon", "aria-label": say(name), title: say(name), onclick: shown }, icon(drawing));
  const again = h("button", { type: "button", class: "link", onclick: () => desk.doorway.open("", false) }, say("logInAgain"));
  const expiring = h("div", { class: "band", data: { state: "warn" }, hidden: true }, h("span", { role: "status" }, say("loginEnds")), again);
  const parts = [
    h(
      "header",
      { class: "top" },
      h("h1", null, say("console")),
      h("div", { class: "bands" }, desk.band.element, expiring),
      desk.status.element,
      button("bell", "alerts", () => desk.alerts.show()),
      button("chart", "figures", () => showFigures({ say, lang, staff: me.staff, call: (method, path) => desk.call(method, path) })),
      button("help", "help", () => showHelp(say)),
    ),
    h("main", { class: "columns" }, desk.list.element, desk.conversation.element, desk.customer.element),
    h("div", { class: "below" }, desk.news.element, desk.undo.element),
  ];
  return { parts, expiring };
}
