"""A real SMTP server that keeps what it is given."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType


class Smtp:
    """Takes mails on `port` of 127.0.0.1 in a `with` block. Says `451` to every recipient while `refuses`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses = False
        self.held = threading.Event()  # cleared: who has sent a mail waits for its answer
        self.held.set()
        self.received = threading.Semaphore(0)
        smtp = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                smtp._talk(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self) -> Smtp:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.held.set()
        self._server.shutdown()
        self._server.server_close()

    def to(self, address: str) -> list[EmailMessage]:
        """What this address was sent, oldest first."""
        return [mail for mail in self.mails if mail["To"] == address]

    def _talk(self, peer: socketserver.StreamRequestHandler) -> None:
        def say(text: str) -> None:
            peer.wfile.write(f"{text}\r\n".encode())

        say("220 here")
        for line in iter(peer.rfile.readline, b""):
            word = line.decode().strip().upper().partition(" ")[0]
            if word == "QUIT":
                say("221 bye")
                return
            if word == "RCPT" and self.refuses:
                say(f"451 not now, {line.decode().strip()}")
            elif word == "DATA":
                say("354 go on")
                self._take(peer)
                self.held.wait(30)
                say("250 taken")
            else:
                say("250 yes")

    def _take(self, peer: socketserver.StreamRequestHandler) -> None:
        lines = iter(peer.rfile.readline, b".\r\n")
        body = b"".join(line.removeprefix(b".") for line in lines)
        mail = message_from_bytes(body, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.received.release()
