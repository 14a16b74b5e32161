// The sheet that shows the keys.

import { h } from "../dom.js";
import { openDialog } from "./dialog.js";

/** @type {[string[], import("./words.js").Key][]} */
const KEYS = [
  [["J"], "keyNext"],
  [["K"], "keyPrevious"],
  [["Enter"], "keyOpen"],
  [["R"], "keyAnswer"],
  [["N"], "keyNote"],
  [["A"], "keyClaim"],
  [["T"], "keyTransfer"],
  [["E"], "keyClose"],
  [["U"], "keyUndo"],
  [["/"], "keyCanned"],
  [["Tab"], "keyFill"],
  [["S"], "keyStatus"],
  [["?"], "keyHelp"],
  [["Esc"], "keyBack"],
];

/** @param {import("./words.js").Say} say */
export function showHelp(say) {
  openDialog({
    title: say("help"),
    close: say("close"),
    kind: "narrow",
    body: [
      h("p", { class: "hint" }, say("keysWhen")),
      h("dl", { class: "keys" }, ...KEYS.map(([keys, text]) => h("div", null, h("dt", null, ...keys.map((key) => h("kbd", null, key))), h("dd", null, say(text))))),
      h("p", { class: "hint" }, say("keysSend")),
    ],
  });
}
