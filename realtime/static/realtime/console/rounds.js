// Asking again for what nobody tells: often while somebody looks, seldom while nobody does, and at once when there is a reason.

const LOOKED_AT = 10_000;
const ELSEWHERE = 30_000;
const TOGETHER = 200;

export class Rounds {
  /** @param {{ refresh: () => Promise<unknown> }} given */
  constructor({ refresh }) {
    this.refresh = refresh;
    this.timer = 0;
    this.running = false;
    this.again = false;
    addEventListener("visibilitychange", () => this.timer && document.visibilityState === "visible" && this.now());
  }

  start() {
    this.#in(document.visibilityState === "visible" ? LOOKED_AT : ELSEWHERE);
  }

  /** Soon, and once for several reasons. */
  now() {
    if (!this.timer) return;
    if (this.running) this.again = true;
    else this.#in(TOGETHER);
  }

  /** @param {number} wait */
  #in(wait) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(async () => {
      this.running = true;
      // What fails now is asked for again in the next round.
      await this.refresh().catch(() => {});
      this.running = false;
      const soon = this.again;
      this.again = false;
      if (soon) this.#in(TOGETHER);
      else this.start();
    }, wait);
  }
}
