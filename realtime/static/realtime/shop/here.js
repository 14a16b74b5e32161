// Who is here, and how; and how one is oneself.

import { fill, h } from "../dom.js";
import { phrase } from "../elements/phrase.js";

const STATUSES = /** @type {const} */ (["online", "away", "busy"]);

export class Here {
  /** @type {Map<number, { row: HTMLLIElement, dot: HTMLElement, name: HTMLElement, how: HTMLElement }>} */
  #rows = new Map();

  /**
   * @param {{ place: HTMLElement, count: HTMLElement, me: number, community: import("../community.js").Community,
   *   names: import("./names.js").Names, words: import("./words.js").Words, talk: (id: number) => void }} given
   */
  constructor(given) {
    this.given = given;
    const { words, community } = given;
    const options = STATUSES.map((status) => h("option", { value: status }, this.#how(status)));
    this.choice = h("select", { "aria-label": words.status, onchange: () => community.setPresence(/** @type {"online" | "away" | "busy"} */ (this.choice.value)) }, ...options);
    this.alone = h("li", { class: "none" }, words.alone);
  }

  /** @param {import("../community.js").Seen} seen */
  show({ people, onlineCount }) {
    const { place, count, me, names, words } = this.given;
    count.textContent = onlineCount === null ? "" : phrase(words.online, { count: onlineCount });
    const others = Object.entries(people).filter(([id]) => Number(id) !== me);
    const rows = [
      this.#row(me, people[me] ?? "online"),
      ...others.map(([id, status]) => this.#row(Number(id), status)).sort((one, other) => this.#name(Number(one.dataset.id)).localeCompare(this.#name(Number(other.dataset.id)))),
      others.length === 0 && this.alone,
    ];
    for (const id of this.#rows.keys()) if (id !== me && !(id in people)) this.#rows.delete(id);
    if (names.known.size) fill(place, ...rows);
  }

  /** @param {number} id @param {string} status */
  #row(id, status) {
    const { me, names, talk, words } = this.given;
    let row = this.#rows.get(id);
    if (!row) {
      const dot = h("span", { class: "dot", "aria-hidden": "true" });
      const name = id === me ? h("span", { class: "name", dir: "auto" }) : h("button", { type: "button", class: "plain name", dir: "auto", onclick: () => talk(id) });
      const how = h("span", { class: "how" });
      row = { row: h("li", { data: { id } }, dot, name, id === me ? this.choice : how), dot, name, how };
      this.#rows.set(id, row);
    }
    row.row.dataset.status = status;
    const known = names.known.get(id);
    row.name.textContent = id === me ? `${this.#name(id)} (${words.you})` : this.#name(id);
    if (id !== me) row.name.setAttribute("aria-label", phrase(words.write_to, { name: this.#name(id) }));
    row.how.textContent = [known?.agent && words.agent, this.#how(status)].filter(Boolean).join(" · ");
    return row.row;
  }

  /** @param {string} status */
  #how(status) {
    const { away, busy, here } = this.given.words;
    return status === "away" ? away : status === "busy" ? busy : here;
  }

  /** @param {number} id */
  #name(id) {
    const { names, words } = this.given;
    return names.known.get(id)?.name ?? phrase(words.someone, { id });
  }
}
