// Addresses in what somebody wrote become links. The text is cut into nodes, so whatever it says stays text.

import { h } from "../dom.js";

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`，。；：！？、（）【】《》“”‘’]+/gi;

/**
 * The nodes of a text.
 *
 * @param {string} text
 * @returns {(Text | HTMLAnchorElement)[]}
 */
export function linked(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = ended(found[0]);
    const href = checked(address);
    if (!href) continue;
    if (found.index > at) nodes.push(document.createTextNode(text.slice(at, found.index)));
    nodes.push(h("a", { href, target: "_blank", rel: "noopener nofollow ugc" }, address));
    at = found.index + address.length;
  }
  if (at < text.length) nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}

/** Without the stop behind it, or a bracket that opened before it. @param {string} address */
function ended(address) {
  const cut = address.replace(/[.,;:!?]+$/, "");
  return cut.endsWith(")") && !cut.includes("(") ? cut.replace(/\)+$/, "") : cut;
}

/** @param {string} address @returns {string | null} */
function checked(address) {
  const url = URL.canParse(address) ? new URL(address) : null;
  return url && (url.protocol === "https:" || url.protocol === "http:") && url.hostname ? url.href : null;
}
