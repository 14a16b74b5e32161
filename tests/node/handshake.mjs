// Makes one handshake with the `ws` package and prints what came of it as one line of JSON:
//   node handshake.mjs '{"url": "ws://…", "protocols": [], "headers": {}}'
import WebSocket from "ws";

const { url, protocols = [], headers = {} } = JSON.parse(process.argv[2]);
const frames = [];
const socket = new WebSocket(url, protocols, { headers, handshakeTimeout: 15000 });

const tell = (outcome) => process.stdout.write(JSON.stringify({ protocol: socket.protocol, frames, ...outcome }) + "\n");

socket.on("unexpected-response", (request, response) => {
  const chunks = [];
  response.on("data", (chunk) => chunks.push(chunk));
  response.on("end", () => {
    tell({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() });
    request.destroy();
  });
});
socket.on("message", (data) => frames.push(JSON.parse(data.toString())));
socket.on("close", (code, reason) => tell({ status: 101, code, reason: reason.toString() }));
socket.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
