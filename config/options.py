"""Every knob of Switchboard: one typed, documented place, read once, loud on nonsense.

An option is an environment variable with the upper-case name of its field. A value that makes no
sense stops the process at start with the variable's name and what it should look like.
Durations are in seconds unless the field says otherwise; fractions are allowed, so that tests can
run the same rules at a tenth of the time.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from config.knobs import RATE, REDIS, REDIS_HOSTS, SECRET, hosts, knob, label, language, mail_server, networks, origins, read, seconds, sender, url, whole

BASE_DIR: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an operator can set. `Options.from_env(os.environ)` builds the only instance."""

    # The process
    debug: bool = knob(False)
    """Tracebacks in pages, any localhost origin, a secret key made up: for trying things out only."""
    secret_key: str = knob("", **SECRET)
    """Signs tokens, tickets and sessions. Needed unless DEBUG, where one is made and kept in VAR_DIR."""
    var_dir: str = knob(str(BASE_DIR / "var"))
    """Where SQLite, the private Redis and a made-up secret live when nothing else is given."""
    allowed_hosts: tuple[str, ...] = knob((), hosts, "host names such as shop.example, separated by commas, without a scheme or a port")
    """Names this deployment answers to. In DEBUG any localhost is added."""
    ws_allowed_origins: tuple[str, ...] = knob((), origins, "origins such as https://shop.example, separated by commas, without a path")
    """Origins whose pages may open sockets and call REST from a browser. In DEBUG any localhost is added."""
    trusted_proxies: tuple[str, ...] = knob((), networks, "addresses or networks such as 10.0.0.0/8, separated by commas")
    """Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Everybody else's are ignored."""
    https: bool = knob(True)
    """Browsers come over https, as a proxy has it: the admin's cookies are sent over nothing else, and browsers remember that. DEBUG goes without."""
    default_language: str = knob("en", language, "en or zh-hans")
    """Language of texts for somebody whose language is not known."""
    log_format: str = knob("console", lambda text: {"console": "console", "json": "json"}[text], "console or json")
    """How log lines look."""

    metrics_token: str = knob("", **SECRET)
    """What Prometheus has to send as its bearer token to read `/metrics`. Empty: it has to ask on this machine, and not through a proxy."""

    # Where things are kept
    database_url: str = knob("", url("postgres", "postgresql", "sqlite"), "postgres://user:password@host:5432/name, or sqlite:///path")
    """PostgreSQL for production. Empty: SQLite in VAR_DIR."""
    database_pool: int = knob(20, **whole(1, 1000))
    """Connections to PostgreSQL a process holds at most. Where fewer are allowed, `serve` makes this, EXECUTOR_THREADS and
    HTTP_REQUESTS smaller for its workers, unless one of the three is set."""
    database_timeout: float = knob(30.0, **seconds(0.1, 86400))
    """How long one statement may take in PostgreSQL before it is broken off. `migrate` takes the time it needs."""
    redis_url: str = knob("", **REDIS)
    """Redis, or the Sentinels that know which one is the master. Empty: a private one, started by `serve`, `runserver` and the tests."""
    layer_redis_urls: tuple[str, ...] = knob((), **REDIS_HOSTS)
    """Redis hosts that share the pushes among them. All processes need the same in the same order. Empty: those go through REDIS_URL, as all else does."""
    redis_timeout: float = knob(1.0, **seconds(0.05, 30))
    """How long a process waits for Redis; after a failure it leaves Redis alone for as long again."""
    executor_threads: int = knob(8, **whole(1, 100))
    """Threads a worker uses for the database work of its sockets."""
    http_requests: int = knob(10, **whole(1, 500))
    """HTTP requests a worker works on at once; more wait."""
    request_wait: float = knob(30.0, **seconds(0.1, 3600))
    """How long a connection may take to send a request whole: its first one from when it is open, a later one from its first byte."""

    # Who is who
    token_lifetime: float = knob(8 * 3600.0, **seconds(1, 30 * 86400))
    """Life of a member's or an agent's token."""
    customer_token_lifetime: float = knob(24 * 3600.0, **seconds(1, 365 * 86400))
    """Life of a customer's token."""
    refresh_token_lifetime: float = knob(86400.0, **seconds(1, 90 * 86400))
    """Life of a REST consumer's refresh token."""
    ticket_lifetime: float = knob(30.0, **seconds(1, 600))
    """How long a ticket for one connection may wait to be used."""
    jwt_signing_key: str = knob("", **SECRET)
    """The shared (HMAC) key under which the host's own login signs its tokens. Empty: not used."""
    jwt_jwk_url: str = knob("", url("http", "https"), "the https address of a JWK set")
    """Where the host's own login publishes its public keys. Empty: not used."""
    jwt_jwk_timeout: float = knob(3.0, **seconds(0.1, 30))
    """How long to wait for that address."""
    jwt_issuer: str = knob("")
    """The `iss` that the host's tokens must carry. Empty: any."""
    jwt_audience: str = knob("")
    """The `aud` that the host's tokens must carry. Empty: any."""
    jwt_user_id_claim: str = knob("user_id")
    """The claim of the host's tokens that holds our user's number."""
    identity_secret: str = knob("", **SECRET)
    """Shared with the host site: proves a customer's `externalId`. Empty: nobody can be verified."""
    identity_required: bool = knob(False)
    """Refuse anonymous customers."""

    # How often
    login_failures: int = knob(5, **whole(1, 1000))
    """Wrong passwords for one name from one address before it is locked."""
    login_lock: float = knob(900.0, **seconds(1, 86400))
    """How long such a lock lasts."""
    rate_login: tuple[int, float] = knob((30, 60.0), **RATE)
    """Logins tried per address."""
    rate_customers: tuple[int, float] = knob((30, 60.0), **RATE)
    """Customers made per address."""
    rate_customer_token_wrong: tuple[int, float] = knob((10, 60.0), **RATE)
    """Token requests per address that named no customer."""
    rate_customer_token: tuple[int, float] = knob((20, 60.0), **RATE)
    """Tokens per customer."""
    rate_ticket: tuple[int, float] = knob((60, 60.0), **RATE)
    """Tickets for sockets, per user."""
    rate_handshake: tuple[int, float] = knob((60, 60.0), **RATE)
    """Refused socket handshakes per address."""
    rate_notify: tuple[int, float] = knob((6000, 60.0), **RATE)
    """Calls that send notifications, per sender."""
    rate_direct: tuple[int, float] = knob((1200, 60.0), **RATE)
    """Direct messages per sender, over sockets and REST together."""

    # Sockets
    ws_heartbeat_interval: float = knob(30.0, **seconds(0.1, 600))
    """Every socket gets a heartbeat this often."""
    keeper_interval: float = knob(1.0, **seconds(0.02, 10))
    """How often a worker looks for what is due: revocations, credentials that end, peers fallen silent."""
    token_warning: float = knob(60.0, **seconds(0, 3600))
    """How long before its credential ends a socket is told so."""
    ws_max_sockets: int = knob(10_000, **whole(0, 1_000_000))
    """Sockets and event streams that a worker holds at most; more are refused with OVERLOADED. 0: as many as it may have files open."""
    ws_max_connections_per_user: int = knob(3, **whole(0, 1000))
    """Sockets of one user at one of the paths below `/api/ws/`, or its event streams, over all workers; 0 means no limit. Above it an old client's new
    socket is refused with CONNECTION_LIMIT, and a new client's takes the place of the oldest."""
    ws_max_tabs_per_user: int = knob(20, **whole(0, 1000))
    """The same at each of the other paths, where the newest always takes the place of the oldest."""
    ws_probe_wait: float = knob(3.0, **seconds(0.05, 60))
    """How long a socket that may keep another one out has to answer a ping."""
    ws_frame_limit: int = knob(64 * 1024, **whole(1024, 1024 * 1024))
    """Bytes of one frame from a client; more is MESSAGE_TOO_BIG."""
    ws_frame_rate: int = knob(20, **whole(0, 100_000))
    """Frames a second that a client may send for long; 0 means no limit. Who sends more is read more slowly."""
    ws_frame_burst: int = knob(60, **whole(1, 100_000))
    """Frames that a client may send at once."""
    ws_frame_patience: float = knob(10.0, **seconds(0, 600))
    """How long a client that sends more is read more slowly, before its frames are refused and then its socket is closed with RATE_LIMITED."""
    ws_replay_limit: int = knob(1000, **whole(1, 100_000))
    """Frames a resume sends at most; further behind, the client reloads."""
    ws_backlog_frames: int = knob(1000, **whole(10, 100_000))
    """Frames that may wait for a socket whose peer reads slowly; more ends it with SLOW_CONSUMER."""
    ws_backlog_bytes: int = knob(256 * 1024, **whole(4096, 64 * 1024 * 1024))
    """The same in bytes."""
    drain_spread: float = knob(4.0, **seconds(0, 15))
    """Over how many seconds a worker that is told to stop spreads its goodbyes."""

    # Presence
    presence_lease: float = knob(5.0, **seconds(0.2, 300))
    """For how long a worker's connections count after its last sign of life, which it gives every KEEPER_INTERVAL."""
    presence_grace: float = knob(10.0, **seconds(0, 600))
    """How long somebody whose last connection has gone is still online: a page that is loaded again is no coming and going."""
    presence_quiet: float = knob(1.0, **seconds(0, 60))
    """The least time between two frames about one user."""
    presence_broadcast_limit: int = knob(500, **whole(0, 1_000_000))
    """From so many people online on only those who `watch` somebody are told of it; below, everybody is."""
    presence_broadcast_again: int = knob(400, **whole(0, 1_000_000))
    """Below so many everybody is told again."""
    presence_choice_life: float = knob(30 * 86400.0, **seconds(1, 3650 * 86400))
    """How long a chosen status is remembered."""
    presence_seen_interval: float = knob(60.0, **seconds(0, 86400))
    """When somebody was seen last is written at most this often."""

    # Support
    shop_name: str = knob("Support", label, "up to 100 characters")
    """Who answers, as customers read it while no agent has."""
    widget_ask_name: bool = knob(False)
    """Whether the widget asks for a name before the first message."""
    support_wait_warn: float = knob(120.0, **seconds(1, 86400))
    """From when on a customer who waits is shown to agents as waiting long."""
    support_wait_bad: float = knob(300.0, **seconds(1, 86400))
    """And from when on as waiting too long."""
    support_grace: float = knob(60.0, **seconds(0, 86400))
    """How long an agent may be without a connection before what its customers wait for is given to another."""
    support_reopen: float = knob(86400.0, **seconds(0, 365 * 86400))
    """For how long after a session was closed its customer's next message opens it again, instead of a new one."""
    rate_support: tuple[int, float] = knob((1200, 60.0), **RATE)
    """Messages in support sessions per sender, over sockets and REST together; calls that change a session count, too."""
    email_url: str = knob("", mail_server, "smtp://user:password@host:25, smtp+tls://…:587 (STARTTLS), smtps://…:465, or console")
    """The server that takes our mails; `console` prints them. Empty: no mails. Special characters of user and password are percent-encoded."""
    email_from: str = knob("", sender, "an address such as Shop <support@shop.example>")
    """Whom mails come from. Needed where mails are sent."""
    support_mail_after: float = knob(600.0, **seconds(1, 30 * 86400))
    """How long an agent's message must be unread before a customer who has left an e-mail address and is not connected gets it by mail."""
    support_url: str = knob("", url("http", "https"), "the https address of a page with the chat")
    """Where such a mail says that the conversation goes on. Empty: it does not say."""

    # Tasks
    task_timeout: float = knob(60.0, **seconds(0.5, 86400))
    """How long nothing may be heard of a task before it has failed, unless it was begun with another timeout."""
    task_max_own: int = knob(100, **whole(0, 100_000))
    """Tasks that somebody may have running at once that it reports itself, over REST; 0 means no limit."""
    rate_tasks: tuple[int, float] = knob((6000, 60.0), **RATE)
    """Calls that begin tasks or report of them, per user or service key."""

    # Notifications
    retention: float = knob(30 * 86400.0, **seconds(1, 3650 * 86400))
    """How long a user's stream reaches back."""
    inbox_strict: bool = knob(False)
    """Make a second `inbox.send` in one transaction, which could deadlock, an error. The tests do."""
    announcement_chunk: int = knob(1000, **whole(1, 10_000))
    """Recipients told per transaction."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Options:
        """Read all options from `env`. An empty variable is one that is not set.

        Raises ImproperlyConfigured, naming the variable and what it should look like.
        """
        hints = typing.get_type_hints(cls)
        values = {}
        for option in fields(cls):
            name = option.name.upper()
            text = env.get(name, "").strip()
            if text:
                values[option.name] = read(name, text, hints[option.name], option.metadata)
        options = cls(**values)
        options._check_together()
        return options

    def _check_together(self) -> None:
        if not self.debug:
            if not self.secret_key:
                raise ImproperlyConfigured("SECRET_KEY is missing: set it to at least 32 random characters, or DEBUG=1 to try things out.")
            if not self.allowed_hosts:
                raise ImproperlyConfigured("ALLOWED_HOSTS is missing: set it to the host names you serve, or DEBUG=1 to try things out.")
        if self.database_url.startswith("postgres") and self.database_pool < self.executor_threads + self.http_requests:
            raise ImproperlyConfigured(
                "DATABASE_POOL must be at least EXECUTOR_THREADS + HTTP_REQUESTS "
                f"({self.executor_threads} + {self.http_requests}), or requests that hang would leave the sockets no connection."
            )
        if self.layer_redis_urls and not self.redis_url:
            raise ImproperlyConfigured("LAYER_REDIS_URLS needs REDIS_URL: who is here, and all else but the pushes, is kept there.")
        if self.presence_lease < 2 * self.keeper_interval:
            raise ImproperlyConfigured("PRESENCE_LEASE must be at least twice KEEPER_INTERVAL, or a worker that is well would count as dead.")
        if self.presence_broadcast_again > self.presence_broadcast_limit:
            raise ImproperlyConfigured("PRESENCE_BROADCAST_AGAIN must not be above PRESENCE_BROADCAST_LIMIT.")
        if self.jwt_signing_key and self.jwt_jwk_url:
            raise ImproperlyConfigured("JWT_SIGNING_KEY and JWT_JWK_URL are both set: the host's login signs with one of them, unset the other.")
        if self.jwt_signing_key and self.jwt_signing_key == self.secret_key:
            raise ImproperlyConfigured("JWT_SIGNING_KEY must differ from SECRET_KEY, or the host could sign tokens as us.")
        if self.identity_secret and self.identity_secret == self.secret_key:
            raise ImproperlyConfigured("IDENTITY_SECRET must differ from SECRET_KEY, or the host could sign tokens as us.")
        if self.email_url and not self.email_from:
            raise ImproperlyConfigured("EMAIL_URL needs EMAIL_FROM: whom the mails come from, such as Shop <support@shop.example>.")
        if self.support_wait_bad <= self.support_wait_warn:
            raise ImproperlyConfigured("SUPPORT_WAIT_BAD must be above SUPPORT_WAIT_WARN.")
        if self.identity_required and not self.identity_secret:
            raise ImproperlyConfigured("IDENTITY_REQUIRED needs IDENTITY_SECRET: at least 32 characters, shared with the host site.")

    def made_secret(self) -> str:
        """The secret key, made and kept in VAR_DIR when DEBUG goes without one."""
        if self.secret_key:
            return self.secret_key
        path = Path(self.var_dir) / "secret_key"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(f"VAR_DIR must be a folder that may be made and written, such as /srv/switchboard: {error}") from error
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # of two first starts, the second waits until the first has written
            made = file.read()
            if not made:
                made = secrets.token_urlsafe(48)
                file.write(made)
        return made
