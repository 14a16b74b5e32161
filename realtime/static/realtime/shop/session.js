// Who is logged in to the shop. Kept by tab, so that two people may try it out side by side in one browser.

import { Api, Problem } from "../api.js";

const KEY = "switchboard-demo";

/** @typedef {{ token: string, expiresAt: string, user: { id: number, username: string, role: string, displayName: string } }} Session */

const anybody = new Api({ token: () => null });

/** @returns {Session | null} */
export function session() {
  const kept = /** @type {Session | null} */ (JSON.parse(sessionStorage.getItem(KEY) ?? "null"));
  return kept && Date.parse(kept.expiresAt) > Date.now() ? kept : null;
}

/** What the elements ask for. @returns {Promise<string | null>} */
export async function credential() {
  return session()?.token ?? null;
}

/** Log in and begin the page anew. Rejects with a Problem that says why not. @param {string} username @param {string} password */
export async function logIn(username, password) {
  sessionStorage.setItem(KEY, JSON.stringify(await anybody.call("POST", "/api/v1/public/login", { username, password })));
  location.reload();
}

/** Forget it in this tab. Others, and other devices, stay logged in. */
export function logOut() {
  sessionStorage.removeItem(KEY);
  location.reload();
}

/** One call in the name of whom is logged in. @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
export async function call(method, path, body) {
  try {
    return await new Api({ token: () => session()?.token ?? null }).call(method, path, body);
  } catch (error) {
    if (error instanceof Problem && error.status === 401) logOut();
    throw error;
  }
}
