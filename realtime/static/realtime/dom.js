// Elements by function. Text is only ever set as text, so nobody's words can become markup.

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown> | null} [given]  `class`, `data` (an object) and `on` (listeners by event) are understood;
 *   other names are set as properties where the element has one (`hidden`, `type`, `onclick`), else as attributes (`aria-label`)
 * @param {...(Node | string | null | undefined | false)} children  a string becomes a text node, nothing is left out
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, given, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given ?? {})) set(made, name, value);
  made.append(...kept(children));
  return made;
}

/**
 * Make an SVG element; its attributes are set as they are.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} [given]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svg(tag, given, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(given ?? {})) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * Put these into `parent` in place of what it held. Children that stay in place are not touched, so they keep focus and scroll.
 *
 * @param {Element} parent
 * @param {...(Node | string | null | undefined | false)} children
 */
export function fill(parent, ...children) {
  const wanted = kept(children);
  const had = parent.childNodes;
  if (wanted.length === had.length && wanted.every((child, index) => child === had[index])) return;
  let at = parent.firstChild;
  for (const child of wanted) {
    const node = typeof child === "string" ? document.createTextNode(child) : child;
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** @param {(Node | string | null | undefined | false)[]} children @returns {(Node | string)[]} */
function kept(children) {
  return /** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined && child !== false));
}

/** @param {HTMLElement} made @param {string} name @param {unknown} value */
function set(made, name, value) {
  if (value === undefined || value === null) return;
  if (name === "class") made.className = String(value);
  else if (name === "data") Object.assign(made.dataset, value);
  else if (name === "on") for (const [type, listener] of Object.entries(/** @type {Record<string, EventListener>} */ (value))) made.addEventListener(type, listener);
  else if (name in made) /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (made))[name] = value;
  else made.setAttribute(name, String(value));
}
