// What a page keeps over reloads, if its browser lets it.

/** The browser's storage for this site, or null where that is forbidden. @returns {Storage | null} */
export function ownStorage() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

/** A name that nothing else has, of 32 characters. (`crypto.randomUUID` is only there over https.) @returns {string} */
export function newName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
