// Two short tones, made by the browser: nothing is loaded.

/** @type {AudioContext | null} */
let audio = null;

/** Browsers let a page be heard once somebody has touched it. */
export function allowSound() {
  for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => void wake(), { once: true });
}

/** Play it: "message" rises, "queue" falls. @param {"message" | "queue"} kind */
export function play(kind) {
  if (!audio || audio.state !== "running") return;
  const tones = kind === "message" ? [660, 880] : [587, 440];
  tones.forEach((pitch, nth) => {
    const context = /** @type {AudioContext} */ (audio);
    const begin = context.currentTime + nth * 0.12;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(0.12, begin + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.0001, begin + 0.18);
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + 0.2);
  });
}

async function wake() {
  try {
    audio ??= new AudioContext();
    await audio.resume();
  } catch {
    // A machine without sound.
  }
}
