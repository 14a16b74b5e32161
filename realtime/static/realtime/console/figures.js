// How much was done, how fast and how well: of everybody for staff, of oneself for an agent.

import { fill, h } from "../dom.js";
import { span } from "../moments.js";
import { bars, line } from "./charts.js";
import { openDialog } from "./dialog.js";

const DAY = 86_400_000;

/** @typedef {{ day: string, agent: { userId: number, name: string } | null, sessions: number, firstAnswerMedian: number | null, firstAnswerMean: number | null, lengthMean: number | null, ratings: number, ratingMean: number | null }} Row */

/**
 * @param {object} given
 * @param {import("./words.js").Say} given.say
 * @param {string} given.lang
 * @param {boolean} given.staff
 * @param {(method: string, path: string) => Promise<any>} given.call
 */
export function showFigures({ say, lang, staff, call }) {
  const body = h("div", { class: "figures" });
  const status = h("p", { class: "hint", role: "status" });
  const week = h("button", { type: "button", onclick: () => load(7) }, say("days7"));
  const month = h("button", { type: "button", onclick: () => load(30) }, say("days30"));
  openDialog({
    title: say(staff ? "figures" : "ownFigures"),
    close: say("close"),
    kind: "wide",
    body: [h("div", { class: "switch", role: "group", "aria-label": say("howLong") }, week, month), status, body],
  });
  let asked = 0;

  /** @param {number} count  days */
  async function load(count) {
    const mine = ++asked;
    week.setAttribute("aria-pressed", String(count === 7));
    month.setAttribute("aria-pressed", String(count === 30));
    status.textContent = say("loading");
    const days = Array.from({ length: count }, (_each, nth) => localDay(new Date(Date.now() - (count - 1 - nth) * DAY)));
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    try {
      const answer = await call("GET", `/api/v1/support/figures?from=${days[0]}&to=${days.at(-1)}&tz=${encodeURIComponent(zone)}`);
      if (mine !== asked) return;
      status.textContent = answer.totals.sessions ? "" : say("noFigures");
      fill(body, ...(answer.totals.sessions ? [tiles(answer.totals), perDay(days, answer.days), medians(days, answer.days), staff && perAgent(answer.days)] : []));
    } catch (error) {
      if (mine === asked) status.textContent = /** @type {Error} */ (error).message;
    }
  }

  /** @param {Row} totals */
  function tiles(totals) {
    const shown = [
      [say("sessions"), String(totals.sessions)],
      [say("firstAnswer"), seconds(totals.firstAnswerMedian)],
      [say("length"), seconds(totals.lengthMean)],
      [say("rating"), totals.ratingMean === null ? "–" : `${totals.ratingMean.toFixed(1)} (${totals.ratings})`],
    ];
    return h("dl", { class: "tiles" }, ...shown.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
  }

  /** @param {string[]} days @param {Row[]} rows */
  function perDay(days, rows) {
    const counts = days.map((each) => sum(rows.filter((row) => row.day === each)));
    const title = say("sessionsPerDay");
    const drawn = days.map((each, nth) => ({ label: short(each), value: counts[nth] ?? 0, said: String(counts[nth]) }));
    return section(title, bars(title, drawn), table([say("day"), say("sessions")], drawn.map(({ label, said }) => [label, said])));
  }

  /** @param {string[]} days @param {Row[]} rows */
  function medians(days, rows) {
    const values = days.map((each) => middle(rows.filter((row) => row.day === each)));
    const title = say("firstAnswerPerDay");
    const drawn = days.map((each, nth) => ({ label: short(each), value: values[nth] ?? null, said: seconds(values[nth] ?? null) }));
    return section(title, line(title, drawn), table([say("day"), say("firstAnswer")], drawn.map(({ label, said }) => [label, said])), staff ? say("medianHint") : "");
  }

  /** @param {Row[]} rows */
  function perAgent(rows) {
    const names = new Map(rows.map((row) => [row.agent?.userId ?? 0, row.agent?.name ?? say("nobody")]));
    const title = say("sessionsPerAgent");
    const all = [...names].map(([id, name]) => {
      const own = rows.filter((row) => (row.agent?.userId ?? 0) === id);
      const ratings = own.reduce((total, row) => total + row.ratings, 0);
      const rated = own.reduce((total, row) => total + row.ratings * (row.ratingMean ?? 0), 0);
      return { name, count: sum(own), median: middle(own), rating: ratings ? (rated / ratings).toFixed(1) : "–" };
    });
    all.sort((one, other) => other.count - one.count);
    return section(
      title,
      bars(title, all.slice(0, 20).map(({ name, count }) => ({ label: name, value: count, said: String(count) }))),
      table([say("agent"), say("sessions"), say("firstAnswer"), say("rating")], all.map(({ name, count, median, rating }) => [name, String(count), seconds(median), rating])),
    );
  }

  /** @param {string} title @param {Element} drawing @param {Element} numbers @param {string} [hint] */
  function section(title, drawing, numbers, hint = "") {
    return h("section", null, h("h3", null, title), drawing, hint && h("p", { class: "hint" }, hint), h("details", null, h("summary", null, say("asTable")), numbers));
  }

  /** @param {number | null} value */
  function seconds(value) {
    return value === null ? "–" : span(value, lang);
  }

  /** @param {string} iso */
  function short(iso) {
    return new Intl.DateTimeFormat(lang, { day: "numeric", month: "numeric" }).format(new Date(`${iso}T12:00`));
  }

  void load(7);
}

/** @param {string[]} heads @param {string[][]} rows */
function table(heads, rows) {
  return h(
    "table",
    null,
    h("thead", null, h("tr", null, ...heads.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", null, ...rows.map(([first = "", ...rest]) => h("tr", null, h("th", { scope: "row", dir: "auto" }, first), ...rest.map((each) => h("td", null, each))))),
  );
}

/** @param {Row[]} rows */
function sum(rows) {
  return rows.reduce((total, row) => total + row.sessions, 0);
}

/** Of several agents the medians are weighed by their sessions: near enough for a line, and said so below it. @param {Row[]} rows */
function middle(rows) {
  const answered = rows.filter((row) => row.firstAnswerMedian !== null);
  const weight = sum(answered);
  return weight ? answered.reduce((total, row) => total + row.sessions * /** @type {number} */ (row.firstAnswerMedian), 0) / weight : null;
}

/** @param {Date} date */
function localDay(date) {
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}
