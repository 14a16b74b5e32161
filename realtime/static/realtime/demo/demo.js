// The demo page: two people side by side.

import { Person } from "./person.js";

/** @param {string} id */
const given = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "");

const place = document.getElementById("people");
for (const login of given("logins")) {
  const person = new Person(login, given("texts"));
  place?.append(person.element);
  person.start();
}
