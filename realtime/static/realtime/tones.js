// Short soft tones, made by the browser: nothing is loaded.

const APART = 0.12; // s between the beginnings of two tones
const LENGTH = 0.22; // s
const VOLUME = 0.08;

export class Tones {
  /** @type {AudioContext | null} */
  #audio = null;

  constructor() {
    // Browsers let a page be heard only after somebody has touched it.
    for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => this.#wake(), { once: true, passive: true });
  }

  /** Play these one after the other; nothing before somebody has touched the page. @param {readonly number[]} pitches  Hz */
  play(pitches) {
    const audio = this.#audio;
    if (!audio || audio.state !== "running") return;
    pitches.forEach((frequency, nth) => {
      const begin = audio.currentTime + nth * APART;
      const tone = new OscillatorNode(audio, { frequency });
      const volume = new GainNode(audio, { gain: 0 });
      volume.gain.setValueAtTime(0, begin);
      volume.gain.linearRampToValueAtTime(VOLUME, begin + 0.015);
      volume.gain.exponentialRampToValueAtTime(0.0005, begin + LENGTH);
      tone.connect(volume).connect(audio.destination);
      tone.start(begin);
      tone.stop(begin + LENGTH);
    });
  }

  #wake() {
    try {
      this.#audio ??= new AudioContext();
      this.#audio.resume().catch(() => {});
    } catch {
      // A machine without sound.
    }
  }
}
