// The corner of the shop's header: who is logged in, with the bell, or a way to log in.

import "../elements/bell.js";
import { fill, h } from "../dom.js";
import { language } from "../moments.js";
import { credential, logIn, logOut, session } from "./session.js";
import { WORDS } from "./words.js";

const words = WORDS[language()];

/** @param {string} id @returns {any} */
const given = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");

/** Show it. */
export function showAccount() {
  const place = /** @type {HTMLElement} */ (document.getElementById("account"));
  const known = session();
  fill(place, ...(known ? inside(known) : outside()));
}

/** @param {import("./session.js").Session} known */
function inside({ user }) {
  const bell = /** @type {import("../elements/bell.js").SwitchboardBell} */ (document.createElement("switchboard-bell"));
  bell.credential = credential;
  return [bell, h("span", { class: "name", dir: "auto" }, user.displayName || user.username), h("button", { type: "button", class: "plain", onclick: logOut }, words.log_out)];
}

function outside() {
  const problem = h("span", { class: "problem", role: "alert" });
  const buttons = given("logins").map((/** @type {{ username: string, label: string }} */ { username, label }, /** @type {number} */ nth) =>
    h("button", { type: "button", class: nth ? "plain" : "primary", onclick: () => logIn(username, given("password")).catch((error) => (problem.textContent = error.message)) }, label),
  );
  return [problem, ...buttons];
}
