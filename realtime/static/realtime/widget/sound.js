// A short quiet tone for an answer that nobody looks at. It can be turned off, and that is kept.

const KEY = "sound";

export class Sound {
  #kept;
  /** @type {AudioContext | null} */
  #audio = null;

  /** @param {{ getItem(key: string): string | null, setItem(key: string, value: string): void }} kept */
  constructor(kept) {
    this.#kept = kept;
    // Browsers let a page sound only after somebody has touched it.
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, () => this.#wake(), { once: true, passive: true });
  }

  get on() {
    return this.#kept.getItem(KEY) !== "off";
  }

  set on(wanted) {
    this.#kept.setItem(KEY, wanted ? "on" : "off");
  }

  /** Two soft notes, a third of a second together; nothing if it is off, or may not sound yet. */
  play() {
    const audio = this.#audio;
    if (!this.on || !audio || audio.state !== "running") return;
    [660, 880].forEach((pitch, nth) => {
      const start = audio.currentTime + nth * 0.11;
      const tone = new OscillatorNode(audio, { frequency: pitch });
      const volume = new GainNode(audio, { gain: 0 });
      volume.gain.setValueAtTime(0, start);
      volume.gain.linearRampToValueAtTime(0.06, start + 0.015);
      volume.gain.exponentialRampToValueAtTime(0.0005, start + 0.22);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.24);
    });
  }

  #wake() {
    this.#audio ??= "AudioContext" in window ? new AudioContext() : null;
    this.#audio?.resume().catch(() => {});
  }
}
