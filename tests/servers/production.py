"""A whole installation as in production: PostgreSQL, Redis, a mail server, two workers, and a proxy before them that ends TLS."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.postgres import empty_database, running_postgres
from tests.servers.redis import PrivateRedis
from tests.servers.smtp import Smtp
from tests.servers.tls_proxy import TlsProxy
from tests.servers.workers import CHECKOUT, Site, serving


@dataclass(frozen=True)
class Production:
    """Where it is, and the environment of its operator. `url` is the public one."""

    url: str
    site: Site
    redis: PrivateRedis
    certificate: Path
    env: Mapping[str, str]

    def manage(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """What an operator sees of a command."""
        return manage(*command, env={**self.env, **env})


def manage(*command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`manage.py …` in that environment, which is all that it has."""
    merged = {name: value for name, value in {**os.environ, **env}.items() if value}
    merged["PYTHONFAULTHANDLER"] = "1"
    with subprocess.Popen(
        [sys.executable, "manage.py", *command], cwd=CHECKOUT, env=merged, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            stdout, stderr = running.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGABRT)  # it says where it stands
            stdout, stderr = running.communicate()
    return subprocess.CompletedProcess(command, running.returncode, stdout, stderr)


@contextmanager
def production(folder: Path) -> Iterator[Production]:
    """All of it, running inside the block. Its options have their defaults where an operator need not choose."""
    (folder / "redis").mkdir()
    with running_postgres() as cluster, empty_database(cluster) as database, PrivateRedis(folder / "redis") as redis, Smtp() as smtp:
        env = {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DEBUG": "",
            "HTTPS": "",
            "VAR_DIR": str(folder / "var"),
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SIGNING_KEY": secrets.token_urlsafe(48),
            "IDENTITY_SECRET": secrets.token_urlsafe(48),
            "ALLOWED_HOSTS": "localhost",
            "WS_ALLOWED_ORIGINS": "https://shop.example",
            "TRUSTED_PROXIES": "127.0.0.1",
            "LOG_FORMAT": "json",
            "DATABASE_URL": database,
            "REDIS_URL": redis.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
            "EMAIL_FROM": "Shop <support@shop.example>",
            "SUPPORT_URL": "https://shop.example/help",
        }
        migrated = manage("migrate", "--verbosity", "0", env=env)
        assert migrated.returncode == 0, migrated.stderr
        with serving(workers=2, log=folder / "log", env=env) as site, TlsProxy(folder, site.port) as proxy:
            yield Production(proxy.url, site, redis, proxy.certificate, {**env, "SSL_CERT_FILE": str(proxy.certificate)})
