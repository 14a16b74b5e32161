// A short quiet tone for an answer that nobody looks at. It can be turned off, and that is kept.

import { Tones } from "../tones.js";

const KEY = "sound";

export class Sound {
  #kept;
  #tones = new Tones();

  /** @param {{ getItem(key: string): string | null, setItem(key: string, value: string): void }} kept */
  constructor(kept) {
    this.#kept = kept;
  }

  get on() {
    return this.#kept.getItem(KEY) !== "off";
  }

  set on(wanted) {
    this.#kept.setItem(KEY, wanted ? "on" : "off");
  }

  /** Nothing if it is off, or may not sound yet. */
  play() {
    if (this.on) this.#tones.play([660, 880]);
  }
}
