// The console: who logs in gets the desk.

import { Api } from "../api.js";
import { h } from "../dom.js";
import { language } from "../moments.js";
import { Account } from "./account.js";
import { Desk } from "./desk.js";
import { loginForm } from "./login.js";
import { speaker } from "./words.js";

const root = /** @type {HTMLElement} */ (document.getElementById("console"));
const lang = language();
const say = speaker(lang);
const account = new Account();

/** @param {import("./shapes.js").Login} login */
function enter(login) {
  root.className = "desk";
  void new Desk({ account, login, say, lang: document.documentElement.lang || lang, root }).start();
}

if (account.login) enter(account.login);
else {
  const done = (/** @type {import("./shapes.js").Login} */ login) => {
    account.keep(login);
    enter(login);
  };
  root.className = "door";
  root.replaceChildren(h("main", { class: "card" }, h("h1", null, say("console")), loginForm({ api: new Api({ token: () => null, language: lang }), say, lang, done })));
}
