// Canned replies: found by a filter above the composer. Their placeholders are filled one by one, so that the agent sees each.

import { h } from "../dom.js";

/** @typedef {{ shortcut: string, text: string }} Reply */

const PLACEHOLDER = /\{(customer|agent)\}/;

export class Canned {
  /**
   * @param {object} given
   * @param {import("./words.js").Say} given.say
   * @param {() => Promise<Reply[]>} given.load
   * @param {(reply: Reply | null) => void} given.chosen  null: none
   */
  constructor({ say, load, chosen }) {
    this.say = say;
    this.load = load;
    this.chosen = chosen;
    /** @type {Reply[]} */
    this.replies = [];
    /** @type {Reply[]} */
    this.shown = [];
    this.at = 0;
    this.list = h("ul", { role: "listbox", id: "canned-list", "aria-label": say("canned") });
    this.filter = h("input", {
      type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "canned-list", "aria-autocomplete": "list",
      "aria-label": say("cannedFilter"), placeholder: say("cannedFilter"), autocomplete: "off",
    });
    this.note = h("p", { class: "hint", role: "status" });
    this.element = h("div", { class: "canned", hidden: true }, this.list, this.note, this.filter);
    this.filter.addEventListener("input", () => this.#narrow());
    this.filter.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(/** @type {Node | null} */ (event.relatedTarget))) this.element.hidden = true;
    });
  }

  async open() {
    this.element.hidden = false;
    this.filter.value = "";
    this.filter.focus();
    this.note.textContent = this.replies.length ? "" : this.say("loading");
    this.#narrow();
    try {
      this.replies = await this.load();
    } catch (error) {
      this.note.textContent = /** @type {Error} */ (error).message;
      return;
    }
    this.#narrow();
  }

  #narrow() {
    const words = this.filter.value.trim().toLowerCase();
    const fits = (/** @type {string} */ text) => text.toLowerCase().includes(words);
    const found = this.replies.filter(({ shortcut, text }) => fits(shortcut) || fits(text));
    // Whose name begins so comes first.
    this.shown = [...found.filter(({ shortcut }) => shortcut.toLowerCase().startsWith(words)), ...found.filter(({ shortcut }) => !shortcut.toLowerCase().startsWith(words))].slice(0, 50);
    this.at = 0;
    if (this.replies.length || !this.note.textContent) this.note.textContent = this.shown.length ? "" : this.say(this.replies.length ? "cannedNone" : "cannedEmpty");
    this.#draw();
  }

  #draw() {
    this.list.replaceChildren(
      ...this.shown.map((reply, nth) =>
        h(
          "li",
          {
            role: "option", id: `canned-${nth}`, "aria-selected": String(nth === this.at),
            on: { pointerdown: (/** @type {Event} */ event) => (event.preventDefault(), this.#choose(reply)) },
          },
          h("b", null, reply.shortcut),
          h("span", { dir: "auto" }, reply.text),
        ),
      ),
    );
    if (this.shown.length) this.filter.setAttribute("aria-activedescendant", `canned-${this.at}`);
    else this.filter.removeAttribute("aria-activedescendant");
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const count = this.shown.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.at = count ? (this.at + (event.key === "ArrowDown" ? 1 : count - 1)) % count : 0;
      this.#draw();
    } else if (event.key === "Enter" || (event.key === "Tab" && count)) this.#choose(this.shown[this.at] ?? null);
    else if (event.key === "Escape" || (event.key === "Backspace" && !this.filter.value)) this.#choose(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {Reply | null} reply */
  #choose(reply) {
    this.element.hidden = true;
    this.chosen(reply);
  }
}

/**
 * Where the next placeholder stands, from a place on.
 *
 * @param {string} text
 * @param {number} [from]
 * @returns {{ start: number, end: number, name: "customer" | "agent" } | null}
 */
export function nextPlaceholder(text, from = 0) {
  const found = PLACEHOLDER.exec(text.slice(from));
  if (!found) return null;
  const start = from + found.index;
  return { start, end: start + found[0].length, name: /** @type {"customer" | "agent"} */ (found[1]) };
}

/**
 * Put a name in a placeholder's place, the first behind `from`; and find the one after it. A name that looks like one is passed over.
 *
 * @param {string} text
 * @param {number} from  where the selection begins
 * @param {Record<"customer" | "agent", string>} names
 * @returns {{ text: string, start: number, end: number } | null}  what to select then; null: there was none
 */
export function fillNext(text, from, names) {
  const found = nextPlaceholder(text, from);
  if (!found) return null;
  const filled = text.slice(0, found.start) + names[found.name] + text.slice(found.end);
  const behind = found.start + names[found.name].length;
  const next = nextPlaceholder(filled, behind);
  return { text: filled, start: next?.start ?? filled.length, end: next?.end ?? filled.length };
}

/** The text with each placeholder filled: what is sent. @param {string} text @param {Record<"customer" | "agent", string>} names */
export function fillAll(text, names) {
  return text.replaceAll(new RegExp(PLACEHOLDER, "g"), (_all, name) => names[/** @type {"customer" | "agent"} */ (name)]);
}
