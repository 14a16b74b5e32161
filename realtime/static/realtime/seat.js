// One tab's part in the connection that the tabs of a browser share: it leads and has it, follows and is told, or rests after the server said stop.

import * as hub from "./hub.js";
import * as line from "./line.js";
import * as member from "./member.js";
import * as outbox from "./outbox.js";
import { Tabs, visible } from "./tabs.js";
import * as wire from "./wire.js";

/**
 * What a tab says to the one that leads.
 *
 * @typedef {(
 *   | { kind: "join", turn: number, cursor: member.Cursor | null }
 *   | { kind: "send", frame: wire.Command }
 *   | { kind: "retry" }
 *   | { kind: "written", change: outbox.Change }
 *   | { kind: "there?", leader: string | null, came: boolean }
 *   | { kind: "hidden" }
 *   | { kind: "left" }
 * )} Asked
 */

const NO_CREDENTIAL = 4401;

export class Seat {
  /**
   * @param {object} given
   * @param {string} given.id
   * @param {string} given.name
   * @param {boolean} given.shared
   * @param {boolean} given.awake  connect while no tab is visible, too
   * @param {(how: { again: boolean, looked: () => boolean, say: (said: hub.Said) => void }) => hub.Hub} given.lead  make the hub, now that this tab leads
   * @param {() => member.Cursor | null} given.part  take no more frames until the hub says from where on; returns where the page stands
   * @param {(said: hub.Said) => void} given.hear  what the hub says, here or in the tab that leads
   * @param {(change: outbox.Change) => void} given.changed  another tab has changed the outbox
   */
  constructor(given) {
    this.given = given;
    /** @type {hub.Hub | null} */
    this.hub = null;
    /** @type {Tabs | null} null if it shares with nobody */
    this.tabs = null;
    this.opened = false;
    this.resting = false;
    this.connected = false; // at any time before
    this.turn = 0; // of asking to follow: an answer to an earlier one is late
    this.looking = new AbortController();
  }

  /** Take part. */
  open() {
    this.opened = true;
    this.resting = false;
    if (this.given.shared) {
      const { name, id } = this.given;
      const tabs = new Tabs({ name, id, lead: () => this.lead(), robbed: () => this.robbed(), alone: () => this.alone(), heard: (note) => this.heard(note) });
      if (tabs.open()) this.tabs = tabs;
    }
    this.looking = new AbortController();
    const { signal } = this.looking;
    addEventListener("online", () => this.nudge(), { signal });
    addEventListener("offline", () => this.hub?.line.connection?.probe(), { signal });
    document.addEventListener("visibilitychange", () => this.nudge(), { signal });
    this.ask();
  }

  /** Take part no more. */
  close() {
    this.opened = false;
    this.looking.abort();
    this.yield();
    this.tabs?.close();
    this.tabs = null;
  }

  /** Follow from where the page stands. */
  join() {
    const cursor = this.given.part(); // or it might miss what lies between that and the next frame
    this.turn += 1;
    if (this.hub) this.hub.admit({ id: this.given.id, turn: this.turn, cursor });
    else this.say({ kind: "join", turn: this.turn, cursor });
  }

  /** @param {wire.Command} frame @returns {boolean} whether it could be sent or passed on */
  send(frame) {
    if (this.hub) return this.hub.send(frame);
    return this.say({ kind: "send", frame });
  }

  /** Connect at once, whatever was before. */
  retry() {
    if (this.hub) this.hub.line.retry();
    else if (this.resting) {
      this.resting = false;
      this.ask();
    } else this.say({ kind: "retry" });
  }

  /** This tab has changed the outbox. @param {outbox.Change} change */
  written(change) {
    this.say({ kind: "written", change });
  }

  /** Let the other tabs hear it, too, if this one leads. @param {hub.Said} said */
  passOn(said) {
    if (this.hub) this.tabs?.say(said);
  }

  // Leading

  ask() {
    if (!this.tabs) {
      this.lead();
      return;
    }
    this.tabs.request();
    if (!this.hub) this.join();
  }

  lead() {
    this.resting = false;
    this.hub = this.given.lead({
      again: this.connected,
      looked: () => this.looked(),
      say: (said) => this.tell(said),
    });
    this.hub.start();
    this.join();
  }

  /** The hub says something. @param {hub.Said} said */
  tell(said) {
    const over = said.kind === "state" && (said.state.name === "failed" || said.state.name === "stopped");
    // Of these the others are told later, if at all: another tab may have a better credential, and tries when this one has given the lock back.
    const { code = 1000 } = over ? said.state : {};
    const to = "to" in said ? said.to : undefined;
    const mine = code < 1000 || code === NO_CREDENTIAL || (said.kind === "expiring" && to === undefined);
    if (!mine && to !== this.given.id) this.tabs?.say(said);
    if (to === undefined || to === this.given.id) this.hear(said);
    if (over && mine) this.tabs?.release();
    if (over) this.rest();
  }

  /** @param {hub.Said} said */
  hear(said) {
    if ("turn" in said && said.turn !== undefined && said.turn !== this.turn) return;
    if (said.kind === "state" && said.state.name === "connected") this.connected = true;
    this.given.hear(said);
  }

  /** The server said stop: nobody tries again until somebody is asked to. */
  rest() {
    this.resting = true;
    this.yield();
    this.tabs?.releaseSoon();
  }

  /** Let go of the connection. */
  yield() {
    this.hub?.close();
    this.hub = null;
  }

  robbed() {
    this.yield();
    this.tabs?.say({ kind: "left" });
    this.ask();
  }

  alone() {
    this.tabs?.close();
    this.tabs = null;
    if (this.opened) this.lead();
  }

  nudge() {
    if (this.looked()) this.hub?.line.nudge();
  }

  looked() {
    return this.given.awake || visible() || this.tabs?.othersVisible() === true;
  }

  // Hearing others

  /** @param {(hub.Said | Asked | { kind: "here", state: line.State }) & { from: string }} note */
  heard(note) {
    if (note.kind === "written" || note.kind === "outbox") this.given.changed(note.change);
    if (this.hub) this.serve(this.hub, /** @type {Asked & { from: string }} */ (note));
    else this.follow(/** @type {hub.Said & { from: string }} */ (note));
  }

  /** @param {hub.Hub} hub @param {Asked & { from: string }} note */
  serve(hub, note) {
    const { from: to } = note;
    const state = hub.line.state;
    if (note.kind === "join") {
      this.tabs?.say(/** @type {any} */ ({ kind: "here", to, state }));
      hub.admit({ id: to, turn: note.turn, cursor: note.cursor });
    } else if (note.kind === "send") hub.send(note.frame);
    else if (note.kind === "retry") hub.line.retry();
    else if (note.kind === "there?") {
      const right = note.leader === null || note.leader === this.given.id;
      this.tabs?.say(/** @type {any} */ ({ kind: right ? "here" : "leads", to, state }));
      // In a tab that nobody sees, timers may come a minute late.
      if (note.came || (state.name === "waiting" && Date.now() >= (state.retryAt ?? 0))) hub.line.nudge();
    }
  }

  /** @param {any} note */
  follow(note) {
    if (note.kind === "left" && this.tabs?.leader === null && !this.resting) this.join();
    if (note.from !== this.tabs?.leader) return;
    if (this.resting) {
      // Somebody has logged in again elsewhere, or was asked to try.
      if (note.kind !== "state" || note.state.name !== "connected") return;
      this.resting = false;
      this.ask();
    }
    if (note.kind === "leads") this.join();
    if (note.kind === "leads" || note.kind === "here") this.hear({ kind: "state", state: note.state });
    else this.hear(note);
    if (note.kind === "state" && (note.state.name === "failed" || note.state.name === "stopped")) this.rest();
  }

  /** @param {Asked} asked @returns {boolean} whether there is somebody to hear it */
  say(asked) {
    this.tabs?.say(asked);
    return this.tabs?.leader != null;
  }
}
