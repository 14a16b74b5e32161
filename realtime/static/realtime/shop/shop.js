// The shop's first page.

import { showAccount } from "./account.js";

showAccount();
for (const button of document.querySelectorAll("[data-ask]")) button.addEventListener("click", () => /** @type {any} */ (window).Switchboard?.open?.());
