"""A small ASGI application. HTTP: says which process answers, at /read once the body is there. Sockets, by path:

/deny refuses by HTTP, /shut closes without accepting, /forget does neither, /crash raises, /slow
sends without end, /late accepts when the worker has said its goodbyes, any other is an echo that also
answers `who` with the process id and `pong` with the protocol pongs seen.
"""

import asyncio
import json
import os
from typing import Any

import django

if os.path.exists(os.environ.get("BROKEN", "")):
    raise RuntimeError("meant to happen")

django.setup()  # for the log

from realtime.worker import draining  # noqa: E402


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        while scope["path"] == "/read":
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
        return
    await receive()
    if scope["path"] == "/deny":
        await deny(scope, send)
    elif scope["path"] == "/shut":
        await send({"type": "websocket.close"})
    elif scope["path"] == "/forget":
        return
    elif scope["path"] == "/crash":
        await send({"type": "websocket.accept"})
        raise RuntimeError("meant to happen")
    elif scope["path"] == "/slow":
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "text": "x" * 65536})
    else:
        if scope["path"] == "/late":
            await goodbyes()
        await echo(scope, receive, send)


async def goodbyes() -> None:
    """Wait until this worker has said goodbye to its sockets, where DRAIN_SPREAD is 0."""
    await asyncio.to_thread(draining.wait)
    await asyncio.sleep(0.1)  # a timer that ends after those of the goodbyes, which are of no length


async def deny(scope: dict[str, Any], send: Any) -> None:
    if "websocket.http.response" not in scope["extensions"]:
        raise RuntimeError("this server cannot deny")
    headers = [(b"content-type", b"application/json"), (b"x-websocket-error-code", b"TOKEN_EXPIRED")]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b'{"error_code":', "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b'"TOKEN_EXPIRED"}'})


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    protocol = scope["extensions"].get("switchboard")
    pongs: list[str] = []
    if protocol is not None:
        protocol.on_pong = lambda payload: pongs.append(payload.decode())
        if scope["path"] == "/quiet":
            protocol.farewell = lambda retry_after_ms: None
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text == "ping me":
            protocol.ping(b"payload")
        elif text == "abort":
            protocol.abort()
        elif text == "leave":
            protocol.leave(4203, "the last")
        else:
            answers = {"who": str(os.getpid()), "pong": json.dumps(pongs), "heard": heard(protocol)}
            await send({"type": "websocket.send", "text": answers.get(text, text)})


def heard(protocol: Any) -> str:
    return "" if protocol is None else f"{asyncio.get_running_loop().time() - protocol.heard_at:.3f}"
