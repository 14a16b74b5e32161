// A window over the page: the browser's own dialog, which keeps focus inside and gives it back.

import { h, svg } from "../dom.js";

/**
 * Open one. It ends with its cross, Esc, or a click beside it, and is taken away then.
 *
 * @param {object} given
 * @param {string} given.title
 * @param {string} given.close  what its cross is called
 * @param {string} [given.kind]  a class
 * @param {() => void} [given.closed]
 * @param {(Node | string)[]} given.body
 * @returns {HTMLDialogElement}
 */
export function openDialog({ title, close, kind = "", closed = () => {}, body }) {
  const heading = h("h2", { id: "dialog-title", tabIndex: -1 }, title);
  const dialog = h(
    "dialog",
    { class: `window ${kind}`, "aria-labelledby": "dialog-title" },
    h("header", null, heading, h("button", { type: "button", class: "plain icon", "aria-label": close, title: close, onclick: () => dialog.close() }, icon("cross"))),
    h("div", { class: "inside" }, ...body),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector("[data-first]");
  if (first instanceof HTMLElement) first.focus();
  else heading.focus();
  return dialog;
}

const PATHS = {
  cross: "M6 6l12 12M18 6L6 18",
  back: "M15 5l-7 7 7 7",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20c1-4 4-6 8-6s7 2 8 6",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 20h4",
  chart: "M5 20V11M12 20V5M19 20v-6M3 20h18",
  help: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17.5v.5",
  search: "M11 17a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM16 16l4 4",
  down: "M6 9l6 6 6-6",
  send: "M4 12l16-7-6 15-3-6z",
};

/** A small drawing in the colour of the text, which says nothing to screen readers. @param {keyof typeof PATHS} name */
export function icon(name) {
  const drawing = svg("svg", { viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true", class: `drawing drawn-${name}` });
  drawing.append(svg("path", { d: PATHS[name], fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" }));
  return drawing;
}
