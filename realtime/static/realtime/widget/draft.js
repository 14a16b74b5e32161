// What is being typed: kept over a reload, and the agent sees that it is typed, not what.

const KEY = "draft";
/** So often it is said, ms; who is told forgets it after 10 s. */
const AGAIN = 4000;

export class Draft {
  #kept;
  #live;
  #saidAt = 0;

  /** @param {{ kept: import("./kept.js").Kept, live: () => import("./live.js").Live | null }} given */
  constructor({ kept, live }) {
    this.#kept = kept;
    this.#live = live;
  }

  get text() {
    return this.#kept.getItem(KEY) ?? "";
  }

  /** @param {string} text  all of it, after each change */
  type(text) {
    if (text) this.#kept.tryItem(KEY, text);
    else this.#kept.removeItem(KEY);
    const session = this.#live()?.latest;
    if (!session || session.status === "closed") return;
    const types = text.trim() !== "";
    if (types ? Date.now() - this.#saidAt < AGAIN : !this.#saidAt) return;
    this.#saidAt = types ? Date.now() : 0;
    this.#live()?.say({ type: "typing", data: { is_typing: types, context: session.id } });
  }

  /** It was sent, which says that nobody types any more. */
  sent() {
    this.#saidAt = 0;
  }
}
