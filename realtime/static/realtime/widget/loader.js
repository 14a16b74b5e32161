// The button on a shop's page, and the frame of ours behind it. It keeps what the chat keeps, as a frame may be forbidden to.
(() => {
  const page = /** @type {any} */ (window);
  const queue = page.Switchboard || [];
  if (queue.open) return;
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const { href, origin } = new URL("widget/", script.src);
  const { channel = "WEB", lang = document.documentElement.lang || navigator.language, theme } = script.dataset;
  const [opens, closes, unseen, title] = /^zh/i.test(lang) ? ["打开聊天", "关闭聊天", "条未读", "聊天"] : ["Open chat", "Close chat", "unread", "Chat"];
  const prefix = "switchboard:";
  const host = document.createElement("switchboard-widget");
  const root = host.attachShadow({ mode: "open" });
  const button = document.createElement("button");
  const badge = document.createElement("b");
  const sheet = new CSSStyleSheet();
  const listeners = /** @type {Set<any>} */ (new Set());
  /** @type {HTMLIFrameElement | undefined} */
  let frame;
  /** @type {Window | null | undefined} once it listens */
  let inside;
  /** @type {object | undefined} */
  let identity;
  let unread = 0, shown = false;

  sheet.replaceSync(`:host{all:initial!important}
[hidden]{display:none!important}
button,iframe{--a:var(--sb-accent,light-dark(#2456d6,#7aa2ff));position:fixed;z-index:2147483647;inset-block-end:20px;inset-inline-end:20px;border:0;box-shadow:0 8px 28px #0005;color-scheme:${theme || "light dark"}}
.left{left:20px;right:auto}
.right{left:auto;right:20px}
button{width:56px;height:56px;padding:16px;border-radius:50%;background:var(--a);color:var(--sb-on-accent,light-dark(#fff,#0b1020));cursor:pointer;forced-color-adjust:none}
:focus-visible{outline:2px solid var(--a);outline-offset:2px}
button::before{content:"";display:block;width:24px;height:24px;background:currentcolor;clip-path:path("M6 4h12a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-6l-5 4v-4H6a3 3 0 0 1-3-3V7a3 3 0 0 1 3-3z")}
[aria-expanded=true]::before{clip-path:path("M5 10l7 7 7-7-2-2-5 5-5-5z")}
b{position:absolute;top:-4px;right:-4px;min-width:20px;border-radius:10px;background:#c4314b;color:#fff;font:600 12px/20px system-ui}
iframe{inset-block-end:88px;width:min(380px,100vw - 40px);height:min(640px,100dvh - 108px);border-radius:12px;background:light-dark(#fff,#0f1216)}
@media(max-width:479px){iframe{inset:0;box-sizing:border-box;width:100%;height:var(--h,100dvh);border-radius:0;padding:env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left)}
iframe:not([hidden])+button{display:none}}
@media(prefers-reduced-motion:no-preference){iframe{animation:a .15s ease-out}}
@keyframes a{from{opacity:0;transform:translateY(8px)}}`);

  const tell = (/** @type {object} */ said) => inside?.postMessage(said, origin);
  const emit = (/** @type {string} */ type, /** @type {unknown} */ detail) => listeners.forEach(([name, listener]) => name === type && listener(detail));
  // Where the shop's storage is forbidden, too, the chat is forgotten with the page.
  const store = (/** @type {(all: Storage) => any} */ use) => {
    try {
      return use(localStorage);
    } catch {}
  };
  const kept = () => /** @type {[string, string][]} */ (store((all) => Object.entries(all).filter(([key]) => key.startsWith(prefix))) || []);

  const draw = () => {
    const count = unread > 99 ? "99+" : unread;
    const wanted = (unread ? `(${count}) ` : "") + document.title.replace(/^\(\d+\+?\) /, "");
    if (document.title !== wanted) document.title = wanted;
    button.ariaExpanded = `${shown}`;
    button.ariaLabel = shown ? closes : unread ? `${opens}, ${count} ${unseen}` : opens;
    badge.textContent = `${count}`;
    badge.hidden = shown || !unread;
  };

  const look = () => {
    const style = getComputedStyle(host);
    const found = Object.fromEntries(["accent", "on-accent", "radius", "font", "side"].map((name) => [name, style.getPropertyValue("--sb-" + name).trim()]));
    for (const each of root.children) each.setAttribute("class", found.side || "");
    return found;
  };

  const load = () => {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.hidden = true;
    frame.title = title;
    frame.src = href;
    frame.onload = () => {
      inside = frame?.contentWindow;
      tell({ type: "hello", channel, lang, theme, identity, shown, look: look(), page: location.origin + location.pathname, kept: kept() });
    };
    button.before(frame);
  };

  const show = (wanted = true) => {
    load();
    if (shown === wanted || !frame) return;
    const within = root.activeElement;
    shown = wanted;
    frame.hidden = !shown;
    look();
    draw();
    if (shown) frame.focus();
    else if (within) button.focus();
    tell({ type: "shown", shown });
    emit(shown ? "open" : "close", null);
  };

  const api = (page.Switchboard = {
    open: () => show(),
    close: () => show(false),
    identify: (/** @type {object} */ given) => tell({ type: "identify", identity: (identity = given) }),
    logout() {
      identity = undefined;
      for (const [key] of kept()) localStorage.removeItem(key);
      tell({ type: "logout" });
    },
    on(/** @type {string} */ name, /** @type {(detail: any) => void} */ listener) {
      const entry = [name, listener];
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
    push: (/** @type {any[]} */ [name, ...given]) => page.Switchboard[name](...given),
  });

  addEventListener("message", ({ source, origin: from, data }) => {
    if (!inside || source !== inside || from !== origin) return;
    const { type, key, value, detail } = data;
    if (type === "keep") return store((all) => (value === null ? all.removeItem(prefix + key) : all.setItem(prefix + key, value)));
    if (type === "close") return show(false);
    if (type === "unread") {
      unread = detail;
      draw();
    }
    emit(type, detail);
  });
  addEventListener("storage", ({ key, newValue: value }) => key?.startsWith(prefix) && tell({ type: "kept", key, value }));
  // A phone's keyboard covers the page and does not make it smaller.
  const view = window.visualViewport;
  if (view) view.onresize = () => host.style.setProperty("--h", view.height + "px");
  root.addEventListener("keydown", (event) => /** @type {KeyboardEvent} */ (event).key === "Escape" && show(false));
  button.onclick = () => show(!shown);

  button.append(badge);
  root.adoptedStyleSheets = [sheet];
  root.append(button);
  draw();
  const begin = () => {
    document.body.append(host);
    look();
    if (kept().some(([key]) => key === `${prefix}customer:${channel}`)) load();
    queue.forEach(api.push);
  };
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
