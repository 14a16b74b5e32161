// Whose tab this is. Each tab keeps its own login, so two agents in two tabs of one browser never share; the newest is left for a new tab.

/** @typedef {import("./shapes.js").Login} Login */

const KEY = "switchboard.console.login";
const NOBODY = "null";

export class Account {
  /** @param {{ tab?: Storage, browser?: Storage }} [places]  the tab's own storage, and the one that all tabs share */
  constructor({ tab = sessionStorage, browser = localStorage } = {}) {
    this.tab = tab;
    this.browser = browser;
    /** @type {Login | null} */
    this.login = read(tab) ?? (tab.getItem(KEY) === NOBODY ? null : read(browser));
    if (this.login) this.tab.setItem(KEY, JSON.stringify(this.login));
    /** Called when another tab has logged the same person in anew. @type {(login: Login) => void} */
    this.renewed = () => {};
    addEventListener("storage", (event) => {
      if (event.storageArea !== browser || event.key !== KEY) return;
      const newest = read(browser);
      if (!newest || newest.user.id !== this.login?.user.id || newest.token === this.login.token) return;
      this.keep(newest);
      this.renewed(newest);
    });
  }

  /** Keep a login for this tab, and for tabs that are opened from now on. @param {Login} login */
  keep(login) {
    this.login = login;
    this.tab.setItem(KEY, JSON.stringify(login));
    this.browser.setItem(KEY, JSON.stringify(login));
  }

  /** Somebody else shall log in in this tab; other tabs and the login itself stay as they are. */
  part() {
    this.tab.setItem(KEY, NOBODY);
  }

  /** The login is worth nothing any more: no tab begins with it again. */
  forget() {
    const gone = this.login;
    this.tab.removeItem(KEY);
    if (gone && read(this.browser)?.user.id === gone.user.id) this.browser.removeItem(KEY);
  }
}

/**
 * What a token says of its user. Only to know what to show: what it may is judged by the server.
 *
 * @param {string} token
 * @returns {{ role: string, isStaff: boolean }}
 */
export function claims(token) {
  const [, body = ""] = token.split(".");
  const bytes = Uint8Array.from(atob(body.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  const said = JSON.parse(new TextDecoder().decode(bytes));
  return { role: String(said.role ?? ""), isStaff: said.is_staff === true };
}

/** @param {Storage} storage @returns {Login | null} */
function read(storage) {
  try {
    const login = /** @type {Login | null} */ (JSON.parse(storage.getItem(KEY) ?? "null"));
    return login && new Date(login.expiresAt).getTime() > Date.now() ? login : null;
  } catch {
    return null;
  }
}
