// The tabs of one browser that share a connection: which of them has it (a Web Lock) and what they say to each other (a BroadcastChannel).

const ANSWER = 1500; // ms in which a leader that lives answers
const LOOK = 5000; // ms between two looks of a tab that somebody sees
const WORD = 250; // ms that a word takes at most: it and the lock go different ways, and the lock may be the faster one
const SEEN = 3 * LOOK; // ms for which such a look counts

/** @typedef {{ from: string, to?: string, kind: string }} Note  what one tab says to all, or to another */

/** Whether this page is in front of somebody. */
export function visible() {
  return document.visibilityState === "visible";
}

export class Tabs {
  /**
   * @param {object} given
   * @param {string} given.name  of the lock and the channel: who has the same one shares
   * @param {string} given.id  of this tab
   * @param {() => void} given.lead  this tab has the lock now
   * @param {() => void} given.robbed  another has taken it, because this one did not answer
   * @param {() => void} given.alone  the browser does not let tabs share
   * @param {(note: any) => void} given.heard  another tab says something
   */
  constructor(given) {
    this.given = given;
    /** @type {BroadcastChannel | null} */
    this.channel = null;
    /** @type {string | null} */
    this.leader = null; // the other tab that has the lock
    /** @type {Map<string, number>} */
    this.eyes = new Map(); // other tabs that somebody sees, and when they said so
    /** @type {Ask | null} */
    this.ask = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.doubt = undefined;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.looking = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.leaving = undefined;
    this.seeing = new AbortController();
  }

  /** Whether this tab has the lock. */
  get leads() {
    return this.ask?.granted === true;
  }

  /** Begin to hear the others. @returns {boolean} whether the browser allows it */
  open() {
    try {
      if (!navigator.locks) return false;
      this.channel = new BroadcastChannel(this.given.name);
    } catch {
      return false;
    }
    this.channel.onmessage = ({ data }) => this.heard(data);
    document.addEventListener("visibilitychange", () => this.seen(), { signal: this.seeing.signal });
    return true;
  }

  /** Leave the others: the next one in line gets the lock. */
  close() {
    this.release();
    this.seeing.abort();
    this.channel?.close();
    this.channel = null;
  }

  /** Get in line for the lock. */
  request() {
    if (this.leaving !== undefined) this.release();
    if (this.ask) return;
    this.take({});
    clearInterval(this.looking);
    this.looking = setInterval(() => this.look(), LOOK);
    this.look();
  }

  /** Give the lock back, or leave the line. */
  release() {
    clearTimeout(this.leaving);
    clearTimeout(this.doubt);
    clearInterval(this.looking);
    this.leaving = this.doubt = undefined;
    const led = this.leads;
    this.ask?.end();
    this.ask = null;
    if (led) this.say({ kind: "left" });
  }

  /** Give the lock back when the others have heard what was said last. */
  releaseSoon() {
    if (this.leads) this.leaving = setTimeout(() => this.release(), WORD);
    else this.release();
  }

  /** @param {{ kind: string, to?: string }} note */
  say(note) {
    this.channel?.postMessage({ ...note, from: this.given.id });
  }

  /** Whether somebody sees another of the tabs. */
  othersVisible() {
    return [...this.eyes.values()].some((at) => Date.now() - at < SEEN);
  }

  // What it hears

  /** @param {Note} note */
  heard(note) {
    if (note.to !== undefined && note.to !== this.given.id) return;
    if (note.kind === "there?") this.eyes.set(note.from, Date.now());
    else if (note.kind === "hidden" || note.kind === "left") this.eyes.delete(note.from);
    if (note.kind === "leads") this.leader = note.from;
    else if (note.kind === "here") this.leader ??= note.from;
    if (note.from === this.leader) {
      clearTimeout(this.doubt);
      this.doubt = undefined;
      if (note.kind === "left") this.leader = null;
    }
    this.given.heard(note);
  }

  seen() {
    if (visible()) this.look(true);
    else this.say({ kind: "hidden" });
  }

  /** See whether the leader lives. A tab that nobody sees lets a visible one do that. @param {boolean} [came]  it has just become visible */
  look(came = false) {
    if (!this.ask || this.leads || !visible()) return;
    this.say(/** @type {any} */ ({ kind: "there?", leader: this.leader, came }));
    this.doubt ??= setTimeout(() => this.steal(), ANSWER);
  }

  steal() {
    this.doubt = undefined;
    if (!this.ask || this.leads || !visible()) return;
    this.ask.end();
    this.take({ steal: true });
  }

  /** @param {{ steal?: boolean }} how */
  take(how) {
    const ask = new Ask(this.given.name, how, {
      granted: () => {
        this.leader = null;
        clearTimeout(this.doubt);
        this.doubt = undefined;
        clearInterval(this.looking);
        this.given.lead();
      },
      refused: () => {
        if (this.ask !== ask) return;
        this.ask = null;
        if (ask.granted) this.given.robbed();
        else this.given.alone();
      },
    });
    this.ask = ask;
    ask.begin();
  }
}

/** One asking for the lock, until it is given back. */
class Ask {
  /** @param {string} name @param {{ steal?: boolean }} how @param {{ granted: () => void, refused: () => void }} hooks */
  constructor(name, how, hooks) {
    this.name = name;
    this.how = how;
    this.hooks = hooks;
    this.aborter = new AbortController();
    this.granted = false;
    this.ended = false;
    /** @type {() => void} */
    this.release = () => {};
  }

  async begin() {
    const options = this.how.steal ? { steal: true } : { signal: this.aborter.signal };
    try {
      await navigator.locks.request(this.name, options, () => this.hold());
    } catch {
      if (!this.ended) this.hooks.refused();
    }
  }

  /** @returns {Promise<void>} */
  async hold() {
    if (this.ended) return;
    const held = new Promise((resolve) => {
      this.release = () => resolve(undefined);
    });
    this.granted = true;
    this.hooks.granted();
    await held;
  }

  end() {
    this.ended = true;
    this.aborter.abort();
    this.release();
  }
}
