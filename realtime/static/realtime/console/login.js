// The login form: a page of its own at first, and later over the page, which stays as it is.

import { Problem } from "../api.js";
import { h } from "../dom.js";
import { clock } from "../moments.js";
import { claims } from "./account.js";

/** @typedef {import("./shapes.js").Login} Login */

/**
 * @param {object} given
 * @param {import("../api.js").Api} given.api  without a token
 * @param {import("./words.js").Say} given.say
 * @param {string} given.lang
 * @param {string} [given.why]  said above the fields
 * @param {string} [given.username]  who is most likely
 * @param {(login: Login) => void} given.done  an agent or staff has logged in
 * @returns {HTMLFormElement}
 */
export function loginForm({ api, say, lang, why = "", username = "", done }) {
  const name = h("input", { name: "username", autocomplete: "username", required: true, maxLength: 150, value: username, autocapitalize: "none", spellcheck: false });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const problem = h("p", { class: "problem", role: "alert" });
  const button = h("button", { class: "primary", type: "submit" }, say("logIn"));
  const form = h(
    "form",
    { class: "login" },
    why && h("p", { class: "why" }, why),
    h("label", null, h("span", null, say("username")), name),
    h("label", null, h("span", null, say("password")), password),
    problem,
    button,
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    button.disabled = true;
    try {
      const answer = await api.call("POST", "/api/v1/public/login", { username: name.value, password: password.value });
      const { role, isStaff } = claims(answer.token);
      if (role === "agent" || isStaff) return done({ ...answer, isStaff });
      problem.textContent = say("notAnAgent");
    } catch (error) {
      problem.textContent = refusal(error, say, lang);
    } finally {
      button.disabled = false;
    }
    password.select();
    password.focus();
  };
  // Whose name is known has only the password to type.
  queueMicrotask(() => (username ? password : name).focus());
  return form;
}

/** @param {unknown} error @param {import("./words.js").Say} say @param {string} lang */
function refusal(error, say, lang) {
  if (!(error instanceof Problem)) return say("noServer");
  if (error.status !== 429) return error.message;
  const when = new Date(Date.now() + (error.retryAfter ?? 60) * 1000).toISOString();
  return say("tooOften", { time: clock(when, lang) });
}
