// What a page knows, as values: a snapshot of REST, and then frame by frame what the socket tells. Nothing here reaches for the network or the
// page. Each call returns a new object where something changed and the same one where nothing did, so `===` says what has to be drawn again.
//
// A frame that is told twice, or whose number the snapshot holds already, changes nothing. What frames alone cannot say stands in `missing`:
// fetch it, and give it to `found`.

export * as notifications from "./state/notifications.js";
export * as support from "./state/support.js";
export * as tasks from "./state/tasks.js";
