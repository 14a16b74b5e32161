// A socket that comes back. The range of the close code alone says what to do.

const FIRST = 500;
const LONGEST = 30_000;

/**
 * @typedef {object} Hooks
 * @property {() => Promise<string>} url  the address for the next attempt, with a fresh ticket
 * @property {(frame: any) => void} frame  a frame has come
 * @property {(state: string, seconds?: number) => void} state  connecting, connected, waiting, stopped
 * @property {(code: number) => void} refused  the server does not want us back with this credential
 */

export class Connection {
  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    this.attempt = 0;
    this.socket = null;
    this.timer = 0;
    this.stopped = false;
  }

  async open() {
    clearTimeout(this.timer);
    this.hooks.state("connecting");
    let url;
    try {
      url = await this.hooks.url();
    } catch (error) {
      if (error instanceof Error && "status" in error && error.status === 401) this.hooks.refused(4001);
      else this.again(this.delay());
      return;
    }
    if (this.stopped) return;
    const socket = new WebSocket(url, ["switchboard.v1"]);
    this.socket = socket;
    let advised = 0;
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "connected") {
        this.attempt = 0;
        this.hooks.state("connected");
      }
      if (frame.type === "error" && frame.retry_after_ms) advised = frame.retry_after_ms;
      this.hooks.frame(frame);
    };
    socket.onclose = ({ code }) => {
      if (this.stopped) return;
      if (code === 1000 || code === 1003 || code === 1009 || (code >= 4000 && code < 4100) || code >= 4400) this.hooks.refused(code);
      else if (code >= 4200 && code < 4300) this.open();
      else this.again(Math.max(advised, this.delay()));
    };
  }

  /** Exponential, with full jitter, so that a restart does not bring everyone back at one moment. */
  delay() {
    return Math.random() * Math.min(LONGEST, FIRST * 2 ** this.attempt++);
  }

  /** @param {number} ms */
  again(ms) {
    if (this.stopped) return;
    this.hooks.state("waiting", Math.ceil(ms / 1000));
    this.timer = setTimeout(() => this.open(), ms);
  }

  close() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.socket?.close(1000);
    this.hooks.state("stopped");
  }
}
