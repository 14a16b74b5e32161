// How far tasks are. The newest wins: of two states of one task that with the higher version.

/**
 * `result` once it is completed; `error`, meant to be read, once it has failed or was cancelled.
 *
 * @typedef {import("../wire.js").TaskData & { result?: unknown, error?: string }} Task
 *
 * @typedef {ReadonlyMap<string, Task>} State  by task_id
 */

/** So many are known at once; of more, those that have ended and were heard of first are forgotten. */
const MOST = 1000;

/**
 * The state of tasks that REST has shown (`GET /api/v1/tasks`), or of none.
 *
 * @param {readonly any[]} [shown]
 * @returns {State}
 */
export function from(shown = []) {
  return new Map(shown.map((each) => [each.id, task(each)]));
}

/**
 * The state after a frame.
 *
 * @param {State} state
 * @param {any} frame
 * @returns {State}
 */
export function apply(state, frame) {
  const told = frame.data;
  const ours = frame.type === "progress" || frame.type === "completed" || (frame.type === "error" && frame.error_code === "TASK_FAILED");
  if (!ours || !told?.task_id) return state;
  const known = state.get(told.task_id);
  const next = frame.type === "error" ? { ...told, error: frame.message } : told;
  if (known && !isLater(next, known)) return state;
  const changed = new Map(state).set(next.task_id, next);
  if (changed.size > MOST) forget(changed);
  return changed;
}

/**
 * One that counted as failed may go on with the same version, so of equal ones the later in time wins; and the same again changes nothing.
 *
 * @param {Task} next
 * @param {Task} known
 */
function isLater(next, known) {
  if (next.version !== known.version) return next.version > known.version;
  return Date.parse(next.timestamp) >= Date.parse(known.timestamp) && (next.status !== known.status || next.timestamp !== known.timestamp);
}

/** @param {Map<string, Task>} tasks */
function forget(tasks) {
  for (const [id, { status }] of tasks) {
    if (tasks.size <= MOST) return;
    if (status !== "running") tasks.delete(id);
  }
}

/** As frames have it. @param {any} shown @returns {Task} */
function task(shown) {
  const { title, status, message, step, total_steps, progress, version } = shown;
  const found = { task_id: shown.id, title, status, message, step, total_steps, progress, version, timestamp: shown.updated_at };
  if (status === "completed") return { ...found, result: shown.result };
  return status === "running" ? found : { ...found, error: shown.error };
}
