"""Daphne, which serves `runserver`, with what it lacks: the denial response, and logs without query strings."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol


class DenyingProtocol(WebSocketProtocol):  # type: ignore[misc]
    """Lets the application refuse a handshake with an HTTP response of its own."""

    denial: dict[str, Any] | None = None

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Take what the application sends."""
        if message["type"] == "websocket.http.response.start":
            self.denial = {"status": message["status"], "headers": list(message.get("headers", [])), "body": b""}
        elif message["type"] == "websocket.http.response.body" and self.denial is not None:
            self.denial["body"] += message.get("body", b"")
            if not message.get("more_body", False):
                self.serverReject()
        else:
            super().handle_reply(message)

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        """Answer a handshake that is refused, with the application's response if it gave one."""
        if self.denial is None:
            super().sendHttpErrorResponse(code, reason, responseHeaders)
            return
        status, body = HTTPStatus(self.denial["status"]), self.denial["body"]
        headers = [*self.denial["headers"], (b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
        lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode()), *(b"%s: %s" % header for header in headers)]
        self.sendData(b"\r\n".join(lines) + b"\r\n\r\n" + body)


class DenyingServer(Server):  # type: ignore[misc]
    """Daphne's server with that protocol."""

    def __init__(self, *args: Any, **options: Any) -> None:
        # Called when the factory has been made and nobody has connected yet.
        super().__init__(*args, ready_callable=self._speak, **options)

    def _speak(self) -> None:
        self.ws_factory.protocol = DenyingProtocol

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start the application for one connection."""
        if scope["type"] == "websocket":
            scope["extensions"] = {"websocket.http.response": {}}
        return super().create_application(protocol, scope)

    def log_action(self, protocol: str, action: str, details: dict[str, Any]) -> None:
        """Write one line; a query string may hold a token and stays out of it."""
        super().log_action(protocol, action, {**details, "path": details["path"].partition("?")[0]})
