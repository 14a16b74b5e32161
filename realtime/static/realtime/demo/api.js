// REST, with one person's token.

/** A refusal by the server; `text` is meant to be read. */
export class Problem extends Error {
  /** @param {number} status @param {string} text */
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export class Api {
  /** @param {() => string | null} token */
  constructor(token) {
    this.token = token;
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async call(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    const token = this.token();
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    const answer = text ? JSON.parse(text) : null;
    if (!response.ok) throw new Problem(response.status, answer?.detail ?? response.statusText);
    return answer;
  }
}
