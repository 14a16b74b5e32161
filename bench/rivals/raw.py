"""No server, only its least: reads Redis, writes a frame to a socket, and nothing in between.

    python -m bench.rivals.raw <port> <redis path> <frames per write>

With one frame per write it is what the machine allows any server that writes each push by itself. With
eight it costs so little that the load generator and Redis are the limit.
"""

from __future__ import annotations

import select
import socket
import sys
from collections import defaultdict

import hiredis

from bench.rivals.bare import SUBSCRIBE
from bench.rivals.tokens import CONNECTED, user_of

HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"


def framed(payload: bytes) -> bytes:
    return b"\x81" + (bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")) + payload


def main(port: int, redis_path: str, batch: int) -> None:
    listening = socket.create_server(("127.0.0.1", port), backlog=4096)
    redis = socket.socket(socket.AF_UNIX)
    redis.connect(redis_path)
    redis.sendall(SUBSCRIBE)
    reader = hiredis.Reader()
    epoll = select.epoll()
    epoll.register(listening, select.EPOLLIN)
    epoll.register(redis, select.EPOLLIN)
    by_fd: dict[int, socket.socket] = {}
    by_user: defaultdict[int, list[socket.socket]] = defaultdict(list)
    waiting: defaultdict[int, list[bytes]] = defaultdict(list)
    while True:
        events = epoll.poll(0.005)
        if not events:
            for user, frames in waiting.items():
                for sock in by_user[user]:
                    sock.sendall(b"".join(frames))
            waiting.clear()
        for fd, _ in events:
            if fd == listening.fileno():
                sock, _ = listening.accept()
                by_fd[sock.fileno()] = sock
                epoll.register(sock, select.EPOLLIN)
            elif fd == redis.fileno():
                reader.feed(redis.recv(65536))
                while (message := reader.gets()) is not False:
                    if message[0] != b"message":
                        continue
                    user, _, payload = message[2].partition(b" ")
                    number = int(user)
                    if batch == 1:
                        data = framed(payload)
                        for sock in by_user[number]:
                            sock.sendall(data)
                        continue
                    frames = waiting[number]
                    frames.append(framed(payload))
                    if len(frames) == batch:
                        data = b"".join(frames)
                        frames.clear()
                        for sock in by_user[number]:
                            sock.sendall(data)
            else:
                sock = by_fd[fd]
                try:
                    said = sock.recv(65536)
                except OSError:
                    said = b""
                if said.startswith(b"GET "):
                    user = user_of(said.split(b" ", 2)[1].partition(b"?")[2])
                    by_user[user].append(sock)
                    sock.sendall(HEAD + framed(CONNECTED.encode()))
                elif not said:
                    epoll.unregister(fd)
                    del by_fd[fd]
                    sock.close()
                    for socks in by_user.values():
                        if sock in socks:
                            socks.remove(sock)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
