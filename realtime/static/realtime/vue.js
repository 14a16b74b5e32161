// A composable for Vue, which the page passes in: its bundler or import map has it, we do not.

import { Community } from "./community.js";

/**
 * The part of Vue that is used.
 *
 * @typedef {object} VueLike
 * @property {<T>(value: T) => { value: T }} shallowRef
 * @property {<T>(getter: () => T) => { readonly value: T }} computed
 * @property {(work: () => void) => void} onMounted
 * @property {(work: () => void) => void} onScopeDispose
 * @property {() => unknown} getCurrentInstance
 *
 * @typedef {import("./community.js").Seen} Seen
 */

/**
 * What concerns the user of this page, live: `state`, `connected`, `onlineCount`, `people`, `typing`, `notifications`, `unread`, `messages`
 * and `error` as refs, and the functions that change it. One connection serves all tabs of the browser; it ends with the component.
 *
 * @param {VueLike} Vue
 * @param {import("./community.js").Options} options  `credential` is a function that answers with a token
 */
export function useSwitchboard(Vue, options) {
  const community = new Community(() => options);
  const seen = Vue.shallowRef(community.snapshot());
  const unsubscribe = community.subscribe(() => (seen.value = community.snapshot()));
  // Not before it is in a page: what a server renders connects to nothing.
  if (Vue.getCurrentInstance()) Vue.onMounted(community.start);
  else community.start();
  Vue.onScopeDispose(() => {
    unsubscribe();
    community.stop();
  });
  const names = /** @type {(keyof Seen)[]} */ (Object.keys(community.snapshot()));
  const refs = /** @type {{ [Name in keyof Seen]: { readonly value: Seen[Name] } }} */ (Object.fromEntries(names.map((name) => [name, Vue.computed(() => seen.value[name])])));
  return { ...refs, ...community.actions };
}
