// Style sheets for shadow roots. They are fetched and adopted, so that a page whose policy allows no styles of ours shows them all the same.

/**
 * @param {...string} addresses  relative to this module
 * @returns {Promise<CSSStyleSheet[]>} those that came; an element without its looks still works
 */
export async function sheets(...addresses) {
  const made = await Promise.allSettled(addresses.map(sheet));
  return made.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}

/** @param {string} address */
async function sheet(address) {
  const response = await fetch(new URL(address, import.meta.url));
  if (!response.ok) throw new Error(`${address} answered ${response.status}.`);
  return new CSSStyleSheet().replace(await response.text());
}
