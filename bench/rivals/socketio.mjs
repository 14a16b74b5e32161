// Socket.IO with its Redis adapter; each user has a room.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const { BENCH_REDIS, BENCH_SECRET, PORT } = process.env;
const NEVER = 600_000;

function userOf(token) {
  const [head, body, signature] = token.split(".");
  const ours = createHmac("sha256", BENCH_SECRET).update(`${head}.${body}`).digest();
  if (!timingSafeEqual(ours, Buffer.from(signature, "base64url"))) throw new Error("not ours");
  return JSON.parse(Buffer.from(body, "base64url")).user_id;
}

const publisher = createClient({ socket: { path: BENCH_REDIS } });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const server = createServer();
const io = new Server(server, {
  adapter: createAdapter(publisher, subscriber),
  transports: ["websocket"],
  pingInterval: NEVER,
  pingTimeout: NEVER,
});
io.on("connection", (socket) => {
  socket.join(`user.${userOf(socket.handshake.query.token)}`);
  socket.emit("connected", { seq: 1000000, resumed: false });
});
server.listen(Number(PORT), "127.0.0.1");
