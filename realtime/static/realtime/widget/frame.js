// The chat in its frame: meets the page around it, and begins.

import { language } from "../moments.js";
import { Chat } from "./chat.js";
import { Host } from "./host.js";
import { dress } from "./look.js";
import { Sound } from "./sound.js";
import { speech } from "./speech.js";
import { View } from "./view.js";

const host = await Host.meet();
const { lang: wanted, look, theme } = host.hello;
const lang = language(wanted || undefined);
document.documentElement.lang = lang === "en" ? "en" : "zh-Hans";
dress(look, theme);
const say = speech(lang);
const sound = new Sound(host.kept);
const chat = new Chat({ host, sound, lang, changed: () => view.plan() });
const view = new View({ chat, say, lang, sound, close: host.frames ? () => host.close() : null });
host.on("logout", () => view.clear());
view.plan();
await chat.begin();
