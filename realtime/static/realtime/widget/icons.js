// Line drawings of 24 units.

import { svg } from "../dom.js";

const SHAPES = {
  close: "M6 6l12 12M18 6L6 18",
  options: "M5 12h.01M12 12h.01M19 12h.01",
  send: "M12 19V5M5 12l7-7 7 7",
  down: "M12 5v14M5 12l7 7 7-7",
};

/** @param {keyof typeof SHAPES} shape @returns {SVGElement} */
export function icon(shape) {
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, svg("path", { d: SHAPES[shape] }));
}
