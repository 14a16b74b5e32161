// When somebody answers: how fast they usually do, or when they are back.

import { clock } from "../moments.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @typedef {import("./speech.js").Say} Say */

/**
 * What stands under the shop's name; empty where nothing is known.
 *
 * @param {{ open: boolean, nextOpening: string | null, answersIn: number | null }} settings
 * @param {Say} say
 * @param {string} lang
 * @param {number} [now]
 * @returns {string}
 */
export function promise({ open, nextOpening, answersIn }, say, lang, now = Date.now()) {
  if (!open) return nextOpening ? back(nextOpening, say, lang, now) : say("closedNow");
  if (answersIn === null) return "";
  if (answersIn < MINUTE) return say("answersSoon");
  if (answersIn < 1.5 * MINUTE) return say("answersMinute");
  if (answersIn < HOUR) return say("answersMinutes", { count: Math.round(answersIn / MINUTE) });
  if (answersIn < 1.5 * HOUR) return say("answersHour");
  return answersIn < DAY ? say("answersHours", { count: Math.round(answersIn / HOUR) }) : say("answersDay");
}

/** @param {string} iso @param {Say} say @param {string} lang @param {number} now */
function back(iso, say, lang, now) {
  const then = new Date(iso);
  const time = clock(iso, lang);
  const apart = Math.round((midnight(then) - midnight(new Date(now))) / DAY / 1000);
  if (apart <= 0) return say("backToday", { time });
  if (apart === 1) return say("backTomorrow", { time });
  /** @type {Intl.DateTimeFormatOptions} */
  const form = apart < 7 ? { weekday: "long" } : { month: "long", day: "numeric" };
  return say("backOn", { day: new Intl.DateTimeFormat(lang, form).format(then), time });
}

/** @param {Date} date */
function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
