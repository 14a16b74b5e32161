// Lists that REST gives out page by page.

/** @typedef {(method: string, path: string) => Promise<any>} Call */

const LISTED = 200;
const MOST = 1000;

/**
 * All pages of a list of sessions, as far as anybody can oversee.
 *
 * @param {Call} call
 * @param {string} address  with a query
 * @returns {Promise<{ results: any[], asOf: number }>}  true for the number of the first page
 */
export async function everyPage(call, address) {
  let page = await call("GET", `${address}&limit=${LISTED}`);
  const { asOf } = page;
  const results = [...page.results];
  while (page.next && results.length < MOST) {
    page = await call("GET", local(page.next));
    results.push(...page.results);
  }
  return { results, asOf };
}

/** What a page names as the next is asked of where this page came from, whatever the server takes itself for. @param {string} address */
export function local(address) {
  const { pathname, search } = new URL(address, location.href);
  return pathname + search;
}
