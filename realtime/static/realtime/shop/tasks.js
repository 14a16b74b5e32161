// What was started here, newest first. Each shows itself.

import "../elements/task.js";
import { h } from "../dom.js";
import { call, credential } from "./session.js";

const SHOWN = 5;

export class Tasks {
  /** @param {{ list: HTMLElement, none: HTMLElement, button: HTMLElement, problem: HTMLElement }} parts */
  constructor({ list, none, button, problem }) {
    this.list = list;
    this.none = none;
    this.problem = problem;
    button.addEventListener("click", () => this.#try(async () => this.#add((await call("POST", "/demo/tasks")).id)));
  }

  /** Load what there is. */
  start() {
    return this.#try(async () => {
      const { results } = await call("GET", `/api/v1/tasks?limit=${SHOWN}`);
      for (const { id } of results.reverse()) this.#add(id);
      this.none.hidden = results.length > 0;
    });
  }

  /** @param {string} id */
  #add(id) {
    const shown = /** @type {import("../elements/task.js").SwitchboardTask} */ (document.createElement("switchboard-task"));
    shown.task = id;
    shown.toggleAttribute("cancellable", true);
    shown.credential = credential;
    this.list.prepend(h("li", null, shown));
    while (this.list.children.length > SHOWN) this.list.lastElementChild?.remove();
    this.none.hidden = true;
  }

  /** @param {() => Promise<void>} work */
  async #try(work) {
    this.problem.textContent = "";
    try {
      await work();
    } catch (error) {
      this.problem.textContent = /** @type {Error} */ (error).message;
    }
  }
}
