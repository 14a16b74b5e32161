// The shop's colours, corners and letters, as its page gives them.

const NAMES = ["accent", "on-accent", "radius", "font"];

/** @param {Record<string, string>} look @param {string} theme  "light", "dark" or empty */
export function dress(look, theme) {
  const root = document.documentElement;
  for (const name of NAMES) if (look[name]) root.style.setProperty(`--sb-${name}`, look[name]);
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
}
