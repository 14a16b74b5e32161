// How oneself is: chosen here, and remembered by the server over all connections.

import { h } from "../dom.js";
import { icon } from "./dialog.js";
import { menu } from "./menu.js";

/** @typedef {"online" | "away" | "busy" | "offline"} Status */

/** @type {Status[]} */
const STATUSES = ["online", "away", "busy", "offline"];

export class OwnStatus {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {string} given.name
   * @param {boolean} given.serves  staff that is no agent gets no sessions: the hints would be wrong
   * @param {(status: Status) => boolean} given.tell  false: there is no connection
   * @param {() => void} given.part  somebody else wants to log in in this tab
   * @param {() => void} given.logOut
   * @param {(text: string) => void} given.failed
   */
  constructor({ say, name, serves, tell, part, logOut, failed }) {
    this.say = say;
    /** @type {Status} */
    this.status = "online";
    this.dot = h("span", { class: "dot online", "aria-hidden": "true" });
    this.word = h("span", { class: "word" });
    const button = h("button", { type: "button", class: "own", title: say("ownStatus") }, this.dot, h("bdi", { class: "name", dir: "auto" }, name), this.word, icon("down"));
    const { element, open } = menu(button, () => [
      ...STATUSES.map((status) => ({
        text: say(status),
        hint: serves ? say(`${status}Hint`) : undefined,
        mark: status,
        current: status === this.status,
        chosen: () => (tell(status) ? this.show(status) : failed(say("notWhileAway"))),
      })),
      "line",
      { text: say("somebodyElse"), hint: say("somebodyElseHint"), chosen: part },
      { text: say("logOut"), hint: say("logOutHint"), chosen: logOut },
    ]);
    this.element = element;
    this.open = open;
    this.show("online");
  }

  /** @param {string} status  as the server remembers it */
  show(status) {
    this.status = STATUSES.find((each) => each === status) ?? "online";
    this.dot.className = `dot ${this.status}`;
    this.word.textContent = this.say(this.status);
  }
}
