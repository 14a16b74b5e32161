// Single keys, while nobody types.

const TYPED_IN = "input, textarea, select, [contenteditable]";

/**
 * Listen for them.
 *
 * @param {Record<string, () => void>} keys  by the key in lower case: "j", "/", "?", "Escape"
 * @param {() => boolean} on  whether single keys are wanted; Esc always is
 */
export function listen(keys, on) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const pressed = keys[name];
    if (!pressed || document.querySelector("dialog[open]")) return;
    const typing = event.target instanceof Element && event.target.matches(TYPED_IN);
    if (name !== "Escape" && (typing || !on())) return;
    event.preventDefault();
    pressed();
  });
}
