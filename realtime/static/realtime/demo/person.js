// One person: logs in, shows the connection and what it is told.

import { Api } from "./api.js";
import { Connection } from "./connection.js";

const SHOWN = 50;

export class Person {
  /** @param {{key: string, username: string, password: string}} login @param {Record<string, string>} texts */
  constructor(login, texts) {
    this.key = `switchboard-demo-${login.key}`;
    this.texts = texts;
    this.api = new Api(() => this.session?.token ?? null);
    this.session = JSON.parse(sessionStorage.getItem(this.key) ?? "null");
    /** @type {Map<number, any>} */
    this.notifications = new Map();
    this.unread = 0;
    this.cursor = 0;
    this.connection = null;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("person"));
    this.element = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    this.form = /** @type {HTMLFormElement} */ (this.element.querySelector("form"));
    this.form.username.value = login.username;
    this.form.password.value = login.password;
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.logIn();
    };
    this.part("read-all").onclick = () => this.try(() => this.api.call("POST", "/api/v1/notifications/read-all", {}));
    this.part("logout").onclick = () => this.logOut();
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    return /** @type {HTMLElement} */ (this.element.querySelector(`.${name}`));
  }

  start() {
    this.form.hidden = Boolean(this.session);
    this.part("live").hidden = !this.session;
    if (!this.session) return;
    this.part("name").textContent = this.session.user.displayName || this.session.user.username;
    this.connection = new Connection({
      url: () => this.address(),
      frame: (frame) => this.apply(frame),
      state: (state, seconds) => this.showState(state, seconds),
      refused: () => this.end(this.texts.signed_out ?? ""),
    });
    this.connection.open();
  }

  async logIn() {
    const { username, password } = this.form;
    await this.try(async () => {
      this.session = await this.api.call("POST", "/api/v1/public/login", { username: username.value, password: password.value });
      sessionStorage.setItem(this.key, JSON.stringify(this.session));
      this.start();
    });
  }

  async logOut() {
    this.connection?.close();
    await this.try(() => this.api.call("POST", "/api/v1/logout", {}));
    this.end("");
  }

  /** Back to the form. @param {string} why */
  end(why) {
    this.connection?.close();
    this.connection = null;
    this.session = null;
    this.cursor = 0;
    this.notifications.clear();
    sessionStorage.removeItem(this.key);
    this.start();
    this.part("problem").textContent = why;
  }

  /** @param {() => Promise<unknown>} work */
  async try(work) {
    this.part("problem").textContent = "";
    try {
      await work();
    } catch (error) {
      this.part("problem").textContent = String(error instanceof Error ? error.message : error);
    }
  }

  /** A list that starts empty is loaded, and the socket goes on from what it is true for. */
  async address() {
    if (!this.cursor) await this.load();
    const { ticket } = await this.api.call("POST", "/api/v1/ws/ticket", {});
    return `${location.origin.replace(/^http/, "ws")}/api/ws/notifications?ticket=${encodeURIComponent(ticket)}&since=${this.cursor}`;
  }

  async load() {
    const snapshot = await this.api.call("GET", `/api/v1/notifications?limit=${SHOWN}`);
    this.notifications = new Map(snapshot.results.map((/** @type {any} */ each) => [each.id, each]));
    this.unread = snapshot.unread_count;
    this.cursor = snapshot.as_of;
    this.show();
  }

  /** @param {any} frame */
  apply(frame) {
    if (frame.seq && frame.seq <= this.cursor) return;
    if (frame.type === "connected") {
      this.worker = frame.data.connection_id.split("-")[0];
      this.showState("connected");
      if (!frame.data.resumed) this.load();
    } else if (frame.type === "notification") {
      this.notifications.set(frame.data.id, frame.data);
      this.unread += 1;
    } else if (frame.type === "notification_state") {
      this.change(frame.data);
    }
    this.cursor = Math.max(this.cursor, frame.seq ?? frame.data?.seq ?? 0);
    this.show();
  }

  /** @param {{ids: number[], all_up_to: number | null, status: string, unread_count: number}} data */
  change({ ids, all_up_to: upTo, status, unread_count: unread }) {
    for (const [id, notification] of this.notifications) {
      if (!ids.includes(id) && !(upTo !== null && id <= upTo)) continue;
      if (status === "deleted") this.notifications.delete(id);
      else notification.status = status;
    }
    this.unread = unread;
    if (status === "unread" && ids.some((id) => !this.notifications.has(id))) this.load();
  }

  /** @param {string} state @param {number} [seconds] */
  showState(state, seconds = 0) {
    const line = this.part("connection");
    line.dataset.state = state;
    line.dataset.worker = this.worker ?? "";
    line.textContent = (this.texts[state] ?? "").replace("%(seconds)s", String(seconds)).replace("%(worker)s", this.worker ?? "");
  }

  show() {
    const count = this.part("unread");
    count.hidden = this.unread === 0;
    count.textContent = this.unread > 99 ? "99+" : String(this.unread);
    const newest = [...this.notifications.values()].sort((a, b) => b.id - a.id).slice(0, SHOWN);
    this.part("notifications").replaceChildren(...newest.map((each) => this.row(each)));
    this.part("empty").hidden = newest.length > 0;
  }

  /** @param {any} notification */
  row(notification) {
    const row = document.createElement("li");
    row.dataset.id = String(notification.id);
    row.dataset.status = notification.status;
    const title = document.createElement(notification.link ? "a" : "strong");
    if (notification.link) /** @type {HTMLAnchorElement} */ (title).href = notification.link;
    title.textContent = notification.title;
    const time = document.createElement("time");
    const moment = new Date(notification.created_at);
    time.dateTime = notification.created_at;
    time.textContent = moment.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    time.title = moment.toLocaleString(document.documentElement.lang);
    const text = document.createElement("p");
    text.textContent = notification.message;
    row.append(title, time, text);
    if (notification.status === "unread") {
      const read = document.createElement("button");
      read.type = "button";
      read.textContent = this.texts.mark_read ?? "";
      read.onclick = () => this.try(() => this.api.call("PATCH", `/api/v1/notifications/${notification.id}`, { status: "read" }));
      row.append(read);
    }
    return row;
  }
}
