// Times as people say them, by the browser's own Intl. Everything takes the language and the time, so that a test can choose them.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * The language a page speaks: "zh-hans" for any Chinese, else "en".
 *
 * @param {string} [wanted]  such as zh-CN; the document's, or else the browser's, if it is not given
 * @returns {"en" | "zh-hans"}
 */
export function language(wanted = document.documentElement.lang || navigator.language) {
  return wanted.toLowerCase().startsWith("zh") ? "zh-hans" : "en";
}

/** 14:05. @param {string} iso @param {string} lang @returns {string} */
export function clock(iso, lang) {
  return new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(iso));
}

/** Day and time in full, for a `title`. @param {string} iso @param {string} lang @returns {string} */
export function exact(iso, lang) {
  return new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "medium" }).format(new Date(iso));
}

/** Today, yesterday, or the date: what stands above a day's messages. @param {string} iso @param {string} lang @param {number} [now] @returns {string} */
export function day(iso, lang, now = Date.now()) {
  const apart = Math.round((midnight(now) - midnight(new Date(iso).getTime())) / DAY);
  if (apart === 0 || apart === 1) return capital(new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(-apart, "day"));
  /** @type {Intl.DateTimeFormatOptions} */
  const form = apart < 7 && apart > 0 ? { weekday: "long" } : { dateStyle: "medium" };
  return new Intl.DateTimeFormat(lang, form).format(new Date(iso));
}

/** How long ago, in the largest unit: "5 minutes ago", "now". @param {string} iso @param {string} lang @param {number} [now] @returns {string} */
export function ago(iso, lang, now = Date.now()) {
  const past = now - new Date(iso).getTime();
  const words = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  if (past < MINUTE) return words.format(0, "second");
  if (past < HOUR) return words.format(-Math.floor(past / MINUTE), "minute");
  if (past < DAY) return words.format(-Math.floor(past / HOUR), "hour");
  if (past < 30 * DAY) return words.format(-Math.floor(past / DAY), "day");
  return new Intl.DateTimeFormat(lang, { dateStyle: "medium" }).format(new Date(iso));
}

/** A length of time in at most two units: "1 min 30 s", "1 分 30 秒". @param {number} seconds @param {string} lang @returns {string} */
export function span(seconds, lang) {
  const whole = Math.max(0, Math.round(seconds));
  const units = /** @type {const} */ ([[86_400, "d", "天"], [3600, "h", "小时"], [60, "min", "分"], [1, "s", "秒"]]);
  const said = [];
  let rest = whole;
  for (const [size, en, zh] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) said.push(`${count} ${lang.startsWith("zh") ? zh : en}`);
  }
  const first = units.findIndex(([size]) => whole >= size);
  const second = units[first + 1];
  // Of days and seconds the seconds are not said.
  const neighbours = second && Math.floor((whole % (units[first]?.[0] ?? 1)) / second[0]) > 0 ? 2 : 1;
  return said.slice(0, neighbours).join(" ") || `0 ${lang.startsWith("zh") ? "秒" : "s"}`;
}

/** @param {number} moment */
function midnight(moment) {
  const date = new Date(moment);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** @param {string} words */
function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
