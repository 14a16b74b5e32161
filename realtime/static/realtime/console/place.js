// Where in the console one is: the list and the session, in the address, so that reload and the browser's way back keep it.

/** @typedef {import("./shapes.js").ListName} ListName */

export class Place {
  /** @param {{ list: ListName, lists: ListName[], moved: () => void }} given  `list` is shown where the address names none of `lists` */
  constructor({ list, lists, moved }) {
    this.lists = lists;
    /** @type {ListName} */
    this.list = list;
    /** @type {string | null} */
    this.session = null;
    this.moved = moved;
    this.#read();
    addEventListener("popstate", () => {
      this.#read();
      moved();
    });
  }

  /** Show another list. @param {ListName} list */
  show(list) {
    this.list = list;
    this.#write("replaceState");
  }

  /** Open a session, or none. @param {string | null} session */
  open(session) {
    if (session === this.session) return;
    // From one session to another the way back still leads to the list.
    const way = this.session === null ? "pushState" : "replaceState";
    this.session = session;
    this.#write(way);
  }

  #read() {
    const [list = "", session = ""] = location.hash.slice(1).split("/");
    this.list = this.lists.find((each) => each === list) ?? this.list;
    this.session = /^[0-9a-f-]{36}$/.test(session) ? session : null;
  }

  /** @param {"pushState" | "replaceState"} way */
  #write(way) {
    history[way](null, "", `#${this.list}${this.session ? `/${this.session}` : ""}`);
    this.moved();
  }
}
