"""A proxy that ends TLS before a server of ours, as one does in production."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from tests.servers.background import Background, join
from tests.servers.certificates import make_certificate


class TlsProxy(Background):
    """Answers at `url` inside a `with` block, for the server on `port`. Who trusts `certificate` (a file) trusts it."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__()
        self.url = ""
        self._upstream = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate, key = make_certificate(folder)
        self._context.load_cert_chain(self.certificate, key)

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            answers, questions = await asyncio.open_connection("127.0.0.1", self._upstream)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return
        first, _, rest = head.partition(b"\r\n")
        # One request for each connection, unless it becomes a socket.
        said = b"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n" + (b"" if b"upgrade" in rest.lower() else b"Connection: close\r\n")
        rest = rest if b"upgrade" in rest.lower() else b"".join(line for line in rest.splitlines(True) if not line.lower().startswith(b"connection:"))
        questions.write(first + b"\r\n" + said + rest)
        await join((reader, writer), (answers, questions))
