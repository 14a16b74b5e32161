// What each key does on the desk.

import { showHelp } from "./help.js";
import { listen } from "./keys.js";

/** @param {import("./desk.js").Desk} desk */
export function shortcuts(desk) {
  const { conversation, list, store, me } = desk;

  // What is open is meant, or else the row that has the focus.
  const session = () => {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.id : undefined;
    return conversation.session() ?? (focused ? store.session(focused) : undefined);
  };

  /** @param {"claim" | "transfer" | "close"} deed */
  const about = (deed) => () => {
    const found = session();
    if (!found) return;
    if (deed === "claim" ? me.serves : store.isMine(found) || me.staff) desk.deeds[deed](found);
  };

  listen(
    {
      j: () => list.move(1),
      k: () => list.move(-1),
      r: () => conversation.write(false),
      n: () => conversation.write(true),
      a: about("claim"),
      t: about("transfer"),
      e: about("close"),
      u: () => desk.undo.back(),
      s: () => desk.status.open(),
      "/": () => conversation.replies(),
      "?": () => showHelp(desk.say),
      Escape: () => desk.back(),
    },
    () => desk.kept.choices.keys,
  );
}
