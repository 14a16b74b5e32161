// What goes over the wire, as the server declares it.
// Written by `python -m config.wire_page > realtime/static/realtime/wire.js`; a test fails when it is not up to date.

/** The subprotocol that a new client offers. */
export const SUBPROTOCOL = "switchboard.v1";

/** Why a socket is closed. */
export const CLOSE = Object.freeze({
  MISSING_TOKEN: 4401,
  TOKEN_EXPIRED: 4001,
  INVALID_REQUEST: 4400,
  FORBIDDEN: 4403,
  NOT_FOUND: 4404,
  RATE_LIMITED: 4102,
  OVERLOADED: 4101,
  DEPENDENCY_DOWN: 4103,
  PING_TIMEOUT: 4201,
  SLOW_CONSUMER: 4203,
  REPLACED: 4409,
  SESSION_REVOKED: 4410,
  MESSAGE_TOO_BIG: 4413,
  RESTART: 1012,
});

/** @typedef {"stop" | "back off" | "refresh" | "at once"} Advice  what a close code tells a client to do */

/**
 * The first and the last close code of each range, and its advice. With any other code: back off.
 *
 * @type {readonly (readonly [number, number, Advice])[]}
 */
export const ADVICE = [
  [1000, 1000, "stop"],
  [1003, 1003, "stop"],
  [1009, 1009, "stop"],
  [4000, 4099, "refresh"],
  [4100, 4199, "back off"],
  [4200, 4299, "at once"],
  [4400, 4499, "stop"],
];

/** Codes of errors that pass: the same may be sent again later. @type {readonly string[]} */
export const TEMPORARY = ["CONNECTION_LIMIT", "DEPENDENCY_DOWN", "OVERLOADED", "RATE_LIMITED"];

/** Characters that a message may have after trimming. */
export const LONGEST_TEXT = 4000;

/** Characters that a client's name for a message may have. */
export const LONGEST_NAME = 100;

/**
 * The notification itself. `message` and `content` are the same text: one old client reads one, one the other.
 * @typedef {{ id: number, type: string, title: string, message: string, content: string, data: Record<string, unknown>, link: string, source: string, status: "unread" | "read", created_at: string }} NotificationData
 */
/**
 * Which notifications changed: those in `ids`, or with `all_up_to` all whose id is at most that. `unread_count` is true at `as_of`.
 * @typedef {{ ids: number[], all_up_to: number | null, status: "unread" | "read" | "deleted", unread_count: number, as_of: number }} NotificationStateData
 */
/**
 * The message itself. `client_message_id` is what its sender's client called it, or empty.
 * @typedef {{ id: string, from_user_id: number, from_username: string, to_user_id: number, message: string, timestamp: string, client_message_id: string }} DirectData
 */
/**
 * A message of a support session. `agent_name` is empty unless an agent has written, `sender_id` null where the system speaks.
 * @typedef {{ id: string, sessionId: string, senderType: "CUSTOMER" | "AGENT" | "SYSTEM", senderId: number | null, agentName: string, text: string, isMine: boolean, createdAt: string, clientMessageId: string }} MessageData
 */
/**
 * `up_to` is the newest message that was read.
 * @typedef {{ sessionId: string, userId: number, upTo: string }} ReadData
 */
/**
 * Somebody by the name that others may see.
 * @typedef {{ userId: number, name: string }} Person
 */
/**
 * A support session. `reason` is what has happened to it; `note` is what an agent was told at a transfer, and empty for the customer.
 * @typedef {{ id: string, status: "waiting" | "open" | "closed", reason: "opened" | "assigned" | "transferred" | "returned" | "closed" | "reopened" | "rated" | "moved" | "renamed", channel: string, subject: string, customer: Person, agent: Person | null, openedAt: string, waitingSince: string | null, assignedAt: string | null, answeredAt: string | null, closedAt: string | null, rating: number | null, comment: string, note: string }} SessionData
 */
/**
 * @typedef {{ task_id: string, title: string, status: "running" | "completed" | "failed" | "cancelled", message: string, step: number, total_steps: number, progress: number, version: number, timestamp: string, result: unknown }} CompletedData
 */
/**
 * `progress` is in percent, `total_steps` 0 where it is not known. Of two the one with the higher `version` is the later.
 * @typedef {{ task_id: string, title: string, status: "running" | "completed" | "failed" | "cancelled", message: string, step: number, total_steps: number, progress: number, version: number, timestamp: string }} TaskData
 */
/**
 * The agents that look at a session, with oneself.
 * @typedef {{ sessionId: string, agents: Person[] }} LookingData
 */
/**
 * `position` counts from 1. `estimate_s`: seconds it will take, judged by the last hours; null where these say nothing.
 * @typedef {{ sessionId: string, position: number, waiting: number, estimate_s: number | null }} QueueData
 */
/**
 * `count`: customers that wait, 1,000 at most.
 * @typedef {{ count: number }} WaitingData
 */
/**
 * `seq` is where this socket begins: the client's cursor if `resumed`, else the newest number.
 * @typedef {{ message: string, user_id: number, online_count?: number, seq: number, epoch: string, resumed: boolean, heartbeat_interval: number, connection_id: string }} ConnectedData
 */
/**
 * `client_message_id` is what the client called the message that was refused; `request_id` finds a mistake of ours in the log.
 * @typedef {{ client_message_id?: string, request_id?: string }} ErrorData
 */
/**
 * Everything up to `seq` that this socket carries has been sent before this frame.
 * @typedef {{ seq: number, online_count?: number }} HeartbeatData
 */
/**
 * @typedef {{ expires_at: string }} TokenExpiringData
 */
/**
 * @typedef {{ user_id: number, status: "online" | "away" | "busy" | "offline", data: Record<string, unknown> }} PresenceData
 */
/**
 * @typedef {{ user_id: number, is_typing: boolean, context?: string }} TypingData
 */
/**
 * @typedef {{ user_id: number, status: "online" | "offline", timestamp: string }} UserStatusData
 */
/**
 * @typedef {{ is_typing: boolean, context?: string, to_user_id?: number }} TypingIn
 */
/**
 * The user has a new notification.
 * @typedef {{ type: "notification", seq: number, notification_type: string, timestamp: string, data: NotificationData }} NotificationSentFrame
 */
/**
 * Notifications were read, unread or deleted, or came silently; every socket of the user is told.
 * @typedef {{ type: "notification_state", seq: number, data: NotificationStateData }} NotificationStateChangedFrame
 */
/**
 * Somebody has written to the user.
 * @typedef {{ type: "chat", seq: number, timestamp: string, data: DirectData }} DirectMessageSentFrame
 */
/**
 * Somebody has written in one of the user's support sessions.
 * @typedef {{ type: "message", seq: number, message: MessageData }} MessageSentFrame
 */
/**
 * Somebody has read a session's messages up to one.
 * @typedef {{ type: "read", seq: number, data: ReadData }} MessagesReadFrame
 */
/**
 * An agent has written a note, for agents only. Of another type than messages, so that no client shows it to a customer.
 * @typedef {{ type: "note", seq: number, note: MessageData }} NoteWrittenFrame
 */
/**
 * A message that none of the user's sockets has confirmed, sent again to one that has just connected.
 * @typedef {{ type: "offline_message", seq: number, message: MessageData }} OfflineMessageFrame
 */
/**
 * Something has become of a support session; `reason` says what.
 * @typedef {{ type: "session", seq: number, session: SessionData }} SessionChangedFrame
 */
/**
 * A task has done its work.
 * @typedef {{ type: "completed", seq: number, data: CompletedData }} CompletedFrame
 */
/**
 * A task has failed, or was cancelled, which `data.status` says.
 * @typedef {{ type: "error", seq: number, error_code: "TASK_FAILED", message: string, data: TaskData, timestamp: string }} TaskFailedFrame
 */
/**
 * Which agents have a session open just now; told to these.
 * @typedef {{ type: "looking", data: LookingData }} LookingFrame
 */
/**
 * So many of them were sent.
 * @typedef {{ type: "offline_messages_complete", count: number }} OfflineMessagesCompleteFrame
 */
/**
 * Where a waiting customer stands.
 * @typedef {{ type: "queue", data: QueueData }} QueueFrame
 */
/**
 * The queue has changed: for agents and staff, who then ask who waits.
 * @typedef {{ type: "waiting", data: WaitingData }} WaitingFrame
 */
/**
 * The socket is open; also the answer to `resume`.
 * @typedef {{ type: "connected", data: ConnectedData, timestamp: string }} ConnectedFrame
 */
/**
 * Something was refused or failed. With a `close_code` the socket is closed next.
 * @typedef {{ type: "error", error_code: string, message: string, timestamp: string, data?: ErrorData, close_code?: number, reconnect?: boolean, retry_after_ms?: number }} ErrorFrame
 */
/**
 * Sent every WS_HEARTBEAT_INTERVAL seconds.
 * @typedef {{ type: "heartbeat", data: HeartbeatData, timestamp: string }} HeartbeatFrame
 */
/**
 * The answer to `ping`; `client_timestamp` is what the client sent.
 * @typedef {{ type: "pong", timestamp: string, client_timestamp: unknown }} PongFrame
 */
/**
 * The socket's credential ends soon; `auth` renews it.
 * @typedef {{ type: "token_expiring", data: TokenExpiringData }} TokenExpiringFrame
 */
/**
 * How somebody is, with what its client said besides.
 * @typedef {{ type: "presence", data: PresenceData }} PresenceFrame
 */
/**
 * Somebody types. Forget it after 10 s; it is not said again.
 * @typedef {{ type: "typing", data: TypingData }} TypingFrame
 */
/**
 * A member or an agent has come or gone. Never about oneself; counts go on from the last `connected` by one each.
 * @typedef {{ type: "user_status", data: UserStatusData }} UserStatusFrame
 */
/**
 * How far a task is. Not numbered: the newest wins, and it is dropped first.
 * @typedef {{ type: "progress", data: TaskData }} ProgressFrame
 */
/**
 * What the server tells.
 * @typedef {NotificationSentFrame | NotificationStateChangedFrame | DirectMessageSentFrame | MessageSentFrame | MessagesReadFrame | NoteWrittenFrame | OfflineMessageFrame | SessionChangedFrame | CompletedFrame | TaskFailedFrame | LookingFrame | OfflineMessagesCompleteFrame | QueueFrame | WaitingFrame | ConnectedFrame | ErrorFrame | HeartbeatFrame | PongFrame | TokenExpiringFrame | PresenceFrame | TypingFrame | UserStatusFrame | ProgressFrame} Frame
 */
/**
 * What has a number in its user's stream.
 * @typedef {NotificationSentFrame | NotificationStateChangedFrame | DirectMessageSentFrame | MessageSentFrame | MessagesReadFrame | NoteWrittenFrame | OfflineMessageFrame | SessionChangedFrame | CompletedFrame | TaskFailedFrame} Durable
 */
/**
 * Write to somebody. `timestamp` is the client's own and is not looked at.
 * @typedef {{ type: "message", to_user_id: number, message: string, timestamp?: unknown, client_message_id?: string }} SendDirectMessageCommand
 */
/**
 * An agent has this session open, or none.
 * @typedef {{ type: "look", sessionId?: string | null }} LookCommand
 */
/**
 * The user has read a session, up to a message or all of it.
 * @typedef {{ type: "read", sessionId: string, upTo?: string | null }} ReadCommand
 */
/**
 * Write in a session. A customer without a session writes in its open one, or a new one. `note`: for agents only.
 * @typedef {{ type: "message", sessionId?: string | null, text: string, clientMessageId?: string, note?: boolean }} WriteMessageCommand
 */
/**
 * Everything up to `seq` has arrived.
 * @typedef {{ type: "ack", seq: number }} AckCommand
 */
/**
 * Renew the credential of this socket, for the same user.
 * @typedef {{ type: "auth", token: string }} AuthCommand
 */
/**
 * Answered with `pong`, which repeats the timestamp.
 * @typedef {{ type: "ping", timestamp?: number | string | null }} PingCommand
 */
/**
 * Send again all after `since`, a number or `epoch:number`.
 * @typedef {{ type: "resume", since: number | string }} ResumeCommand
 */
/**
 * How the user is from now on, over all of its connections. `offline`: it appears to be offline.
 * @typedef {{ type: "presence", status: "online" | "away" | "busy" | "offline", data?: Record<string, unknown> }} PresenceCommand
 */
/**
 * The user types, in a context or to somebody. It is not stored.
 * @typedef {{ type: "typing", data: TypingIn }} TypingCommand
 */
/**
 * Whose presence and which contexts' typing this socket wants, instead of those it wanted before.
 * @typedef {{ type: "watch", user_ids?: number[], contexts?: string[] }} WatchCommand
 */
/**
 * What a client may ask, each on some of the sockets.
 * @typedef {SendDirectMessageCommand | LookCommand | ReadCommand | WriteMessageCommand | AckCommand | AuthCommand | PingCommand | ResumeCommand | PresenceCommand | TypingCommand | WatchCommand} Command
 */
