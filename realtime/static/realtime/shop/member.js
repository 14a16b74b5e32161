// The page of somebody who is logged in: messages, who is here, and tasks.

import { Community } from "../community.js";
import { phrase } from "../elements/phrase.js";
import { language } from "../moments.js";
import { showAccount } from "./account.js";
import { Here } from "./here.js";
import { Names } from "./names.js";
import { credential, logIn, session } from "./session.js";
import { Talk } from "./talk.js";
import { Tasks } from "./tasks.js";
import { WORDS } from "./words.js";

const words = WORDS[language()];

/** @template {HTMLElement} T @param {string} id @returns {T} */
const part = (id) => /** @type {T} */ (document.getElementById(id));

showAccount();
const known = session();
part("out").hidden = Boolean(known);
part("in").hidden = !known;
if (known) show(known.user.id);
else part("login").addEventListener("submit", submit);

/** @param {Event} event */
function submit(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const { username, password } = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)));
  const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
  problem.textContent = "";
  logIn(username ?? "", password ?? "").catch((error) => (problem.textContent = error.message));
}

/** @param {number} me */
function show(me) {
  const community = new Community(() => ({ credential }));
  const names = new Names(() => draw());
  const talk = new Talk({ place: part("talk"), me, community, names, words });
  const here = new Here({ place: part("here"), count: part("online"), me, community, names, words, talk: (id) => talk.open(id) });
  const draw = () => {
    const seen = community.snapshot();
    names.want([...Object.keys(seen.people).map(Number), ...seen.messages.flatMap((each) => [each.from_user_id, each.to_user_id])]);
    tellLine(seen);
    talk.show(seen);
    here.show(seen);
  };
  community.subscribe(draw);
  names.want([]);
  community.start();
  new Tasks({ list: part("tasks"), none: part("no-tasks"), button: part("begin"), problem: part("tasks-problem") }).start();
  setInterval(() => tellLine(community.snapshot()), 1000);
}

/** @param {import("../community.js").Seen} seen */
function tellLine({ state, retryAt, error }) {
  const line = part("line");
  line.dataset.state = state;
  const seconds = Math.max(0, Math.ceil(((retryAt ?? 0) - Date.now()) / 1000));
  const text = state === "failed" && error ? error.message : phrase(words[state], { seconds });
  if (line.textContent !== text) line.textContent = text;
}
