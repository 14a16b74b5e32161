// Who one talks with, what can be done, and the way out.

import { fill, h } from "../dom.js";
import { icon } from "./icons.js";
import { promise } from "./openings.js";

/** @typedef {import("./speech.js").Say} Say */

export class Header {
  #say;
  #lang;
  #name = h("h1", { class: "name", dir: "auto" });
  #how = h("p", { class: "how" });
  #dot = h("span", { class: "dot" });
  #face = h("span", { class: "face", "aria-hidden": "true" });
  #sound = h("input", { type: "checkbox" });
  #end;
  #options;
  #menu;
  #sure = false;

  /**
   * @param {object} given
   * @param {Say} given.say
   * @param {string} given.lang
   * @param {import("./sound.js").Sound} given.sound
   * @param {() => void} given.end
   * @param {(() => void) | null} given.close  null: there is nothing to close
   */
  constructor({ say, lang, sound, end, close }) {
    this.#say = say;
    this.#lang = lang;
    this.#sound.checked = sound.on;
    this.#sound.onchange = () => (sound.on = this.#sound.checked);
    this.#end = h("button", { type: "button", class: "plain end", onclick: () => this.#ends(end) });
    this.#menu = h("div", { id: "menu", class: "menu", hidden: true }, h("label", null, this.#sound, say("sound")), this.#end);
    this.#options = h("button", { type: "button", class: "plain round options", "aria-label": say("options"), "aria-expanded": "false", "aria-controls": "menu" }, icon("options"));
    this.#options.onclick = () => this.#open(this.#menu.hidden);
    this.element = h(
      "header",
      { class: "top" },
      this.#face,
      h("div", { class: "who" }, this.#name, this.#how),
      this.#options,
      close && h("button", { type: "button", class: "plain round", "aria-label": say("close"), onclick: close }, icon("close")),
      this.#menu,
    );
    const elsewhere = (/** @type {Event} */ { target }) => {
      const inside = target instanceof Node && (this.#menu.contains(target) || this.#options.contains(target));
      if (!inside && !this.#menu.hidden) this.#open(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
  }

  /** Close the menu, if it is open. @returns {boolean} whether it was */
  escape() {
    const open = !this.#menu.hidden;
    if (open) {
      this.#open(false);
      this.#options.focus();
    }
    return open;
  }

  /** @param {import("./chat.js").Chat} chat */
  draw({ session, live, shop: { settings } }) {
    const say = this.#say;
    const agent = session?.status === "open" ? session.agent : null;
    const presence = agent && /** @type {"online" | "away" | "busy" | "offline" | undefined} */ (live?.state.presence.get(agent.userId));
    const name = agent ? agent.name : settings.shopName || say("support");
    this.#name.textContent = name;
    this.#face.textContent = initial(name);
    this.#dot.dataset.how = presence || "";
    const how = agent ? presence && say(presence) : promise(settings, say, this.#lang);
    fill(this.#how, presence && this.#dot, how);
    this.#how.hidden = !how;
    const active = session !== null && session.status !== "closed";
    this.#end.hidden = !active;
    if (!active) this.#sure = false;
    this.#end.textContent = say(this.#sure ? "endSure" : "end");
    this.#end.classList.toggle("sure", this.#sure);
  }

  /** @param {boolean} open */
  #open(open) {
    this.#menu.hidden = !open;
    this.#options.setAttribute("aria-expanded", String(open));
    this.#sure = false;
    this.#end.textContent = this.#say("end");
    this.#end.classList.remove("sure");
  }

  /** @param {() => void} end */
  #ends(end) {
    if (this.#sure) {
      this.#open(false);
      this.#options.focus();
      end();
    } else {
      this.#sure = true;
      this.#end.textContent = this.#say("endSure");
      this.#end.classList.add("sure");
    }
  }
}

/** The first letter as people see it: an emoji or a composed letter stays whole. @param {string} name */
function initial(name) {
  const [first] = new Intl.Segmenter().segment(name.trim());
  return first?.segment.toLocaleUpperCase() ?? "";
}
