// What agents hear: a message rises, the queue falls.

import { Tones } from "../tones.js";

const PITCHES = { message: [660, 880], queue: [587, 440] };

/** @type {Tones | null} */
let tones = null;

/** Listen for the touch after which the page may be heard. */
export function allowSound() {
  tones ??= new Tones();
}

/** @param {"message" | "queue"} kind */
export function play(kind) {
  tones?.play(PITCHES[kind]);
}
