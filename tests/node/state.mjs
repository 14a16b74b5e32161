// Walks through programs with state.js: each is what a page would do, one step after the other. Reads them from its input, prints what came of them.
//   {kind, start, server, token, steps: [["frame", frame, now], ["open", session, limit], ["earlier", session], ["older"], ["mend"], ["typists", session, now]]}
// The answer: {state, same, said}, where `same` says of each step whether the state is still the same object.
import { readFileSync } from "node:fs";
import * as kinds from "../../realtime/static/realtime/state.js";

/** Maps and sets as JSON. */
const plain = (_key, value) => (value instanceof Map ? Object.fromEntries(value) : value instanceof Set ? [...value] : value);

/** Nobody changes what was given out. */
function frozen(value) {
  if (value === null || typeof value !== "object" || Object.isFrozen(value)) return value;
  const inside = value instanceof Map || value instanceof Set ? [...value.values()] : Object.values(value);
  inside.forEach(frozen);
  if (value instanceof Map) value.set = value.delete = forbidden;
  if (value instanceof Set) value.add = value.delete = forbidden;
  return Object.freeze(value);
}

function forbidden() {
  throw new Error("a state that was given out was changed");
}

async function walk({ kind, start, server, token, steps }) {
  const { from, apply, opened, earlier, older, found, typists } = kinds[kind];
  const said = [];
  const ask = async (address) => {
    const { pathname, search } = new URL(address, server);
    const response = await fetch(server + pathname + search, { headers: { Authorization: `Bearer ${token}` } });
    return response.status === 404 ? null : response.json();
  };
  const again = async (path, take) => {
    const before = state;
    for (let tries = 0; tries < 5 && state === before; tries++) state = take(await ask(path));
  };
  const doing = {
    frame: (frame, now) => (state = apply(state, frame, now)),
    open: async (id, limit) => (state = opened(state, id, await ask(`/api/v1/sessions/${id}/messages?limit=${limit}`))),
    earlier: async (id) => {
      while (state.older.get(id)) state = earlier(state, id, await ask(state.older.get(id)));
    },
    older: async () => state.next && (await again(state.next, (page) => older(state, page))),
    typists: (id, now) => said.push(typists(state, id, now)),
    mend: async () => {
      if (kind === "notifications") for (const id of state.missing.keys()) state = found(state, id, await ask(`/api/v1/notifications/${id}`));
      else for (const id of state.missing) await again(`/api/v1/sessions/${id}`, (detail) => found(state, detail));
    },
  };
  let state = frozen(from(start));
  const same = [];
  for (const [what, ...given] of steps) {
    const before = state;
    await doing[what](...given);
    same.push(state === frozen(before));
    frozen(state);
  }
  return { state, same, said };
}

const outcomes = [];
for (const program of JSON.parse(readFileSync(0, "utf8"))) outcomes.push(await walk(program));
process.stdout.write(JSON.stringify(outcomes, plain));
