// REST, with one person's token.

const PATIENCE = 20_000; // ms

/** Why the server did not do what it was asked. Its `message` is meant to be read. */
export class Problem extends Error {
  /**
   * @param {number} status  of HTTP; 0 if there was no answer
   * @param {string} text
   * @param {object} [more]
   * @param {string} [more.code]  the stable name of the problem; UNREACHABLE if there was no answer
   * @param {Record<string, string[]>} [more.errors]  what is wrong with which field
   * @param {number | null} [more.retryAfter]  seconds to wait before the next try
   */
  constructor(status, text, { code = "", errors = {}, retryAfter = null } = {}) {
    super(text);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfter = retryAfter;
  }
}

export class Api {
  /**
   * @param {object} given
   * @param {string} [given.server]  the origin of the server; where this module came from, if it is not given
   * @param {() => string | null} given.token  asked before every call
   * @param {string} [given.language]  in which problems are said; the browser's, if it is not given
   */
  constructor({ server = new URL(import.meta.url).origin, token, language = "" }) {
    this.server = server;
    this.token = token;
    this.language = language;
  }

  /**
   * Ask for something.
   *
   * @param {string} method
   * @param {string} path  from the root of the server; an address of the server's own, such as `next` of a list, will do
   * @param {unknown} [body]  sent as JSON
   * @returns {Promise<any>} the answer's JSON, or null where it has none. Throws Problem
   */
  async call(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    const token = this.token();
    if (token) headers.Authorization = `Bearer ${token}`;
    if (this.language) headers["Accept-Language"] = this.language;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const url = new URL(path, this.server);
    if (url.origin !== new URL(this.server).origin) throw new Problem(0, "This address is not the server's.", { code: "UNREACHABLE" }); // or it would get the token
    let response, text;
    try {
      response = await fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body), credentials: "omit", signal: AbortSignal.timeout(PATIENCE) });
      text = await response.text();
    } catch {
      throw new Problem(0, "The server cannot be reached.", { code: "UNREACHABLE" });
    }
    const answer = parsed(text);
    if (response.ok) return answer;
    const seconds = Number.parseFloat(response.headers.get("Retry-After") ?? "");
    throw new Problem(response.status, answer?.detail ?? (response.statusText || `HTTP ${response.status}`), {
      code: answer?.code,
      errors: answer?.errors ?? {},
      retryAfter: Number.isNaN(seconds) ? null : seconds,
    });
  }

  /** A ticket for one connection, good for half a minute. @returns {Promise<string>} Throws Problem */
  async ticket() {
    return (await this.call("POST", "/api/v1/ws/ticket", {})).ticket;
  }
}

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // nothing, or the page of a proxy
  }
}
