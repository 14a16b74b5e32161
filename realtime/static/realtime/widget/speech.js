// The words of one language, with their places filled.

import { WORDS } from "./words.js";

/** @typedef {keyof typeof WORDS["en"]} Word */
/** @typedef {(word: Word, values?: Record<string, string | number>) => string} Say */

/**
 * A function that says a word in that language.
 *
 * @param {"en" | "zh-hans"} lang
 * @returns {Say}
 */
export function speech(lang) {
  /** @type {Record<Word, string>} */
  const words = WORDS[lang];
  return (word, values = {}) => words[word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
