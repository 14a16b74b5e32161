// A button with a menu below it, by pointer and by keys.

import { h } from "../dom.js";

/** @typedef {{ text: string, hint?: string, mark?: string, current?: boolean, chosen: () => void } | "line"} Item */

/**
 * @param {HTMLButtonElement} button
 * @param {() => Item[]} items  asked for whenever it opens
 * @returns {{ element: HTMLElement, open: () => void }}  `element` holds the button and what opens
 */
export function menu(button, items) {
  const list = h("div", { class: "menu", role: "menu", hidden: true });
  const element = h("div", { class: "menu-holder" }, button, list);
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");

  const close = (back = true) => {
    if (list.hidden) return;
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
    if (back) button.focus();
  };
  const open = () => {
    list.replaceChildren(...items().map((item) => row(item, close)));
    list.setAttribute("aria-label", button.getAttribute("aria-label") ?? button.textContent ?? "");
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    const rows = buttons(list);
    (rows.find((each) => each.getAttribute("aria-checked") === "true") ?? rows[0])?.focus();
  };
  button.addEventListener("click", () => (list.hidden ? open() : close()));
  element.addEventListener("keydown", (event) => {
    if (list.hidden) {
      if (event.key === "ArrowDown") (event.preventDefault(), open());
      return;
    }
    const rows = buttons(list);
    const at = rows.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined) rows.at(to % rows.length)?.focus();
    else if (event.key === "Escape") close();
    else if (event.key === "Tab") return close(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!element.contains(/** @type {Node} */ (event.target))) close(false);
  });
  return { element, open };
}

/** @param {Item} item @param {() => void} close */
function row(item, close) {
  if (item === "line") return h("hr", { role: "separator" });
  const { text, hint, mark, current, chosen } = item;
  const choice = current !== undefined;
  return h(
    "button",
    {
      type: "button",
      role: choice ? "menuitemradio" : "menuitem",
      "aria-checked": choice ? String(current) : undefined,
      tabIndex: -1,
      onclick: () => {
        close();
        chosen();
      },
    },
    mark && h("span", { class: `dot ${mark}`, "aria-hidden": "true" }),
    h("span", { class: "text" }, text, hint && h("span", { class: "hint" }, hint)),
  );
}

/** @param {HTMLElement} list @returns {HTMLButtonElement[]} */
function buttons(list) {
  return [...list.querySelectorAll("button")];
}
