// What the console's modules hand to each other. Types only.

/**
 * @typedef {{ userId: number, name: string }} Person
 *
 * @typedef {object} Message  as REST and frames have it
 * @property {string} id
 * @property {string} sessionId
 * @property {"CUSTOMER" | "AGENT" | "SYSTEM"} senderType
 * @property {number | null} senderId
 * @property {string} agentName
 * @property {string} text
 * @property {boolean} isMine
 * @property {boolean} isNote
 * @property {string} createdAt
 * @property {string} clientMessageId
 *
 * @typedef {object} Session
 * @property {string} id
 * @property {"waiting" | "open" | "closed"} status
 * @property {string} channel
 * @property {string} subject
 * @property {Person} customer
 * @property {Person | null} agent
 * @property {string} openedAt
 * @property {string | null} waitingSince
 * @property {string | null} assignedAt
 * @property {string | null} answeredAt
 * @property {string | null} closedAt
 * @property {number | null} rating
 * @property {string} comment
 * @property {number} unreadCount  one's own
 * @property {Message | null} lastMessage  its text cut
 *
 * @typedef {object} Login  what `/api/v1/public/login` answers, and whether this is staff
 * @property {string} token
 * @property {string} expiresAt
 * @property {{ id: number, username: string, role: string, displayName: string }} user
 * @property {boolean} isStaff
 *
 * @typedef {object} Settings  what the shop has set for its support
 * @property {string} shopName
 * @property {number} waitWarn  seconds
 * @property {number} waitBad  seconds
 *
 * @typedef {{ id: string, frame: any, state: "sending" | "failed", error: any, at: number }} Entry  what is not confirmed yet
 *
 * @typedef {object} AgentRow  somebody a session can be handed to
 * @property {number} userId
 * @property {string} name
 * @property {string} status
 * @property {number} openSessions
 * @property {number} maxSessions
 * @property {boolean} available
 *
 * @typedef {"mine" | "waiting" | "all"} ListName
 */

export {};
