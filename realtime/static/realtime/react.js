// A hook for React, which the page passes in: its bundler or import map has it, we do not.

import { Community } from "./community.js";

/**
 * The part of React that is used.
 *
 * @typedef {object} ReactLike
 * @property {(effect: () => void | (() => void), dependencies: readonly unknown[]) => void} useEffect
 * @property {<T>(make: () => T, dependencies: readonly unknown[]) => T} useMemo
 * @property {<T>(first: T) => { current: T }} useRef
 * @property {<T>(subscribe: (listener: () => void) => () => void, snapshot: () => T, onServer?: () => T) => T} useSyncExternalStore
 *
 * @typedef {import("./community.js").Options & { key?: string | number }} Options  another `key` is another user: everything begins anew
 */

/**
 * What concerns the user of this page, live: `state`, `connected`, `onlineCount`, `people`, `typing`, `notifications`, `unread`, `messages`,
 * `error`, and the functions that change it. One connection serves all tabs of the browser; it ends with the component.
 *
 * @param {ReactLike} React
 * @param {Options} options  `credential` is a function that answers with a token
 */
export function useSwitchboard(React, options) {
  // A page makes a new function at each rendering: the latest one counts, and no connection ends for that.
  const latest = React.useRef(options);
  latest.current = options;
  const { server, key } = options;
  const community = React.useMemo(() => new Community(() => latest.current), [server, key]);
  // Strict mode mounts twice: what was stopped can be begun again.
  React.useEffect(() => {
    community.start();
    return community.stop;
  }, [community]);
  const seen = React.useSyncExternalStore(community.subscribe, community.snapshot, community.snapshot);
  return React.useMemo(() => ({ ...seen, ...community.actions }), [community, seen]);
}
