"""The rows: how each server is started, greeted and published to."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgpack
import redis

from bench import browser, nchan
from bench.crowd import REQUEST, Step
from bench.load import FIRST, Publisher, command, frame

HERE = Path(__file__).resolve().parent
NEVER = "600"  # seconds between signs of life: nothing may mix with what is counted


@dataclass(frozen=True)
class Place:
    """Where a row runs. `ours` is what Switchboard says of its own form: see `bench.shop`; `options` are its settings for one measure."""

    port: int
    folder: Path
    redis_path: str
    secret: str
    database_url: str
    ours: Mapping[str, str]
    workers: int = 1
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def redis_url(self) -> str:
        return f"unix://{self.redis_path}"


class Contestant:
    """A server on Uvicorn, and the form that the plain ones share: one Redis channel, "<user> <frame>"."""

    key = ""
    title = ""
    window = 4000
    """Pushes that may be on their way at once."""
    punctual = True
    """Its latency says something."""
    steps: Sequence[Step] = (Step(b'{"type":"connected"'),)
    path = "/?token={token}"
    app = ""

    def missing(self) -> str:
        """What this machine lacks for it, or an empty text."""
        return ""

    def command(self, place: Place) -> list[str]:
        return [sys.executable, "-m", "uvicorn", self.app, "--port", str(place.port), *UVICORN]

    def env(self, place: Place) -> dict[str, str]:
        return {"BENCH_REDIS": place.redis_url, "BENCH_SECRET": place.secret}

    def request(self, place: Place, user: int, token: str, more: str = "") -> bytes:
        return REQUEST.format(path=self.path.format(user=user, token=token), port=place.port, more=more).encode()

    def publisher(self, place: Place) -> Publisher:
        return Publisher(place.redis_path)

    def template(self, place: Place, client: redis.Redis) -> Callable[[int], bytes]:
        """Encodes the push of number FIRST for a user. The sockets are open when this is called."""
        return lambda user: command("PUBLISH", "bench", f"{user} {frame(FIRST)}")

    def wire(self, text: str) -> str:
        """The payload that arrives for the text of a push."""
        return text


# The same for all that run on it: the faster of its WebSocket implementations, and no compression.
UVICORN = ("--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--no-access-log")
UVICORN += ("--ws-ping-interval", NEVER, "--ws-ping-timeout", NEVER, "--log-level", "warning")


class Bare(Contestant):
    key = "bare"
    title = "bare ASGI, a queue and a task per socket"
    app = "bench.rivals.bare:queued"


class Straight(Contestant):
    key = "straight"
    title = "bare ASGI, each send awaited in turn"
    app = "bench.rivals.bare:straight"


class Manager(Contestant):
    key = "fastapi"
    title = "FastAPI with a hand-made manager"
    app = "bench.rivals.manager:app"

    def missing(self) -> str:
        return "" if importlib.util.find_spec("fastapi") else "FastAPI is not installed"


class Desk(Manager):
    key = "desk"
    title = "FastAPI with a hand-made support chat"
    app = "bench.rivals.chat:app"

    def env(self, place: Place) -> dict[str, str]:
        return {**super().env(place), "BENCH_DATABASE": place.database_url}


class DeskOnPostgres(Desk):
    key = "desk-pg"
    title = "FastAPI with a hand-made support chat, on PostgreSQL"

    def missing(self) -> str:
        return super().missing() or ("" if importlib.util.find_spec("asyncpg") else "asyncpg is not installed")


class Stock(Contestant):
    """Stock Channels. The consumer is the one of its tutorial, for users."""

    def env(self, place: Place) -> dict[str, str]:
        return {**super().env(place), "DJANGO_SETTINGS_MODULE": "bench.rivals.stock_settings", "BENCH_LAYER": self.layer}

    layer = ""
    app = "bench.rivals.stock:application"


class StockPubSub(Stock):
    key = "pubsub"
    title = "stock Channels, Uvicorn, pub/sub layer"
    layer = "channels_redis.pubsub.RedisPubSubChannelLayer"

    def template(self, place: Place, client: redis.Redis) -> Callable[[int], bytes]:
        body = msgpack.packb({"type": "push", "frame": frame(FIRST)})
        return lambda user: command("PUBLISH", f"asgi__group__user.{user}", body)


class StockCore(Stock):
    key = "daphne"
    title = "stock Channels, Daphne, core layer"
    layer = "channels_redis.core.RedisChannelLayer"
    window = 64  # it throws away what is above 100

    def command(self, place: Place) -> list[str]:
        return [sys.executable, "-m", "daphne", "-p", str(place.port), "--ping-interval", NEVER, "--verbosity", "0", self.app]

    def template(self, place: Place, client: redis.Redis) -> Callable[[int], bytes]:
        def encode(user: int) -> bytes:
            # What its `group_send` asks Redis to do once it has read the group's members. It orders by
            # score, which is the number here; twelve bytes go before a message, to make it unique.
            channels = [name.decode() for name in client.zrange(f"asgi:group:user.{user}", 0, -1)]
            key = "asgi" + channels[0].partition("!")[0] + "!"
            body = bytes(12) + msgpack.packb({"type": "push", "frame": frame(FIRST), "__asgi_channel__": channels})
            return command("EVAL", STORE, "1", key, str(FIRST), body)

        return encode


STORE = """
if redis.call('ZCOUNT', KEYS[1], '-inf', '+inf') >= 100 then return 0 end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], 60)
return 1
"""


class SocketIO(Contestant):
    key = "socketio"
    title = "Socket.IO on Node, Redis adapter"
    path = "/socket.io/?EIO=4&transport=websocket&token={token}"
    steps = (Step(b"0", b"40"), Step(b"40"), Step(b'42["connected"'))

    def missing(self) -> str:
        if not shutil.which("node"):
            return "Node is not installed"
        return "" if (HERE / "node_modules" / "socket.io").exists() else "its packages are not installed: npm ci --prefix bench"

    def command(self, place: Place) -> list[str]:
        return ["node", str(HERE / "rivals" / "socketio.mjs")]

    def env(self, place: Place) -> dict[str, str]:
        return {"BENCH_REDIS": place.redis_path, "BENCH_SECRET": place.secret, "PORT": str(place.port), "NODE_ENV": "production"}

    def template(self, place: Place, client: redis.Redis) -> Callable[[int], bytes]:
        def encode(user: int) -> bytes:
            packet = {"type": 2, "data": ["notification", json.loads(frame(FIRST))], "nsp": "/"}
            return command("PUBLISH", f"socket.io#/#user.{user}#", msgpack.packb(["bench", packet, {"rooms": [f"user.{user}"], "except": [], "flags": {}}]))

        return encode

    def wire(self, text: str) -> str:
        return f'42["notification",{text}]'


class Nchan(Contestant):
    key = "nchan"
    title = "nchan in nginx, told over HTTP"
    path = "/listen?user={user}"
    steps = ()

    def missing(self) -> str:
        return nchan.missing()

    def command(self, place: Place) -> list[str]:
        return nchan.command(place.folder, place.port)

    def env(self, place: Place) -> dict[str, str]:
        return {}

    def publisher(self, place: Place) -> Publisher:
        return nchan.HttpPublisher(place.port)

    def template(self, place: Place, client: redis.Redis) -> Callable[[int], bytes]:
        return nchan.template


class Ours(Contestant):
    key = "ours"
    title = "Switchboard"
    path = "/api/v1/ws?token={token}"

    def command(self, place: Place) -> list[str]:
        return [sys.executable, "manage.py", "serve", "--port", str(place.port), "--workers", str(place.workers)]

    def env(self, place: Place) -> dict[str, str]:
        return {**surroundings(secret=place.secret, redis_url=place.redis_url, database_url=place.database_url, folder=place.folder), **place.options}

    def template(self, place: Place, client: redis.Redis) -> Callable[[int], bytes]:
        body = bytes.fromhex(place.ours["body"])
        return lambda user: command("PUBLISH", place.ours["channel"] % user, body)


class OursOnPostgres(Ours):
    key = "ours-pg"
    title = "Switchboard on PostgreSQL"


class OursSeen(Ours):
    key = "seen"
    title = "Switchboard in a browser"

    def missing(self) -> str:
        return browser.missing()


class Keys(Contestant):
    """No server: how presence is kept by hand. See `bench.rivals.keys`."""

    key = "keys"
    title = "by hand: a key per connection, renewed, counted by SCAN"


class Raw(Contestant):
    """No contestant: what the machine does with one `send` for every push and nothing else."""

    key = "raw"
    title = "(raw: one write per push and no more)"
    batch = 1

    def command(self, place: Place) -> list[str]:
        return [sys.executable, "-m", "bench.rivals.raw", str(place.port), place.redis_path, str(self.batch)]


class RawBatches(Raw):
    """What the generator and Redis can do at most: a server that writes eight frames at once costs next to nothing."""

    key = "generator"
    title = "(the generator's own limit)"
    batch = 8
    window = 16_000
    punctual = False


def surroundings(*, secret: str, redis_url: str, database_url: str, folder: Path) -> dict[str, str]:
    """Switchboard as in production, but for the limits and signs of life that would mix with what is counted."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": secret,
        "ALLOWED_HOSTS": "127.0.0.1",
        "WS_ALLOWED_ORIGINS": "http://shop.example",
        "VAR_DIR": str(folder),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RATE_HANDSHAKE": "0/m",
        "WS_HEARTBEAT_INTERVAL": NEVER,
        "WS_MAX_TABS_PER_USER": "0",
        "PRESENCE_GRACE": NEVER,  # who comes is told, as ever; but who went a moment ago is not told while frames are counted
    }


ROWS = (Ours(), Bare(), Straight(), SocketIO(), Manager(), StockPubSub(), StockCore(), Nchan(), Raw(), RawBatches())
"""Those to which frames are pushed."""
CONTESTANTS: Mapping[str, Contestant] = {each.key: each for each in (*ROWS, OursOnPostgres(), OursSeen(), Keys(), Desk(), DeskOnPostgres())}
