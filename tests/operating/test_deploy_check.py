"""`manage.py check --deploy`: it has nothing to say about a production setup, and names what is wrong with a bad one."""

from __future__ import annotations

import os
import re
import secrets
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis as redis_py
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from config.options import Options
from realtime.checks.configuration import check_configuration
from realtime.checks.database import pooling
from realtime.checks.deployment import check_deployment
from realtime.checks.redis_server import Facts, check_layer, check_redis, judge
from realtime.checks.serving import check_mail, check_workers
from tests.servers.postgres import empty_database, running_postgres
from tests.servers.production import Production
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site

pytestmark = pytest.mark.timeout(400)  # an installation takes its time to begin, on a busy machine minutes
KEY = secrets.token_urlsafe(48)
OTHER = secrets.token_urlsafe(48)
GOOD: dict[str, Any] = {
    "debug": False,
    "secret_key": KEY,
    "jwt_signing_key": OTHER,
    "identity_secret": "",
    "allowed_hosts": ("shop.example",),
    "ws_allowed_origins": ("https://shop.example",),
    "trusted_proxies": ("10.0.0.1/32", "::1/128"),
    "https": True,
}
MIB = 1024 * 1024


def ids(messages: list[CheckMessage]) -> list[str]:
    for each in messages:
        assert each.hint, f"{each.id} does not say what to do"
    return [str(each.id).removeprefix("switchboard.") for each in messages]


def named(output: str) -> set[str]:
    return set(re.findall(r"\((?:switchboard|security)\.(\w+)\)", output))


# A good one


def test_a_production_setup_has_nothing_said_against_it(installed: Production) -> None:
    ended = installed.manage("check", "--deploy", "--fail-level", "DEBUG")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("System check identified no issues")


def test_browsers_are_told_to_keep_to_https_and_so_do_the_cookies(installed: Production) -> None:
    with httpx.Client(base_url=installed.url, verify=ssl.create_default_context(cafile=installed.certificate), timeout=30) as client:
        page = client.get("/admin/login/")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] == f"max-age={365 * 86400}"
    assert "Secure" in page.headers["Set-Cookie"]
    assert "Path=/admin/" in page.headers["Set-Cookie"]
    beside = httpx.get(f"{installed.site.url}/health/live", headers={"Host": "localhost"}, timeout=30)
    assert beside.status_code == 200, "who asks a worker itself needs no TLS"
    assert "Strict-Transport-Security" not in beside.headers


# Bad ones: options


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ({}, []),
        ({"debug": True}, ["E001"]),
        ({"secret_key": ""}, ["E002"]),
        ({"secret_key": "django-insecure-" + KEY}, ["E003"]),
        ({"jwt_signing_key": "ab" * 32}, ["E003"]),
        ({"identity_secret": OTHER}, ["E004"]),
        ({"jwt_jwk_url": "http://login.example/keys"}, ["E011"]),
        ({"jwt_jwk_url": "https://login.example/keys"}, []),
        ({"jwt_jwk_url": "http://127.0.0.1:9000/keys"}, []),
        ({"allowed_hosts": ()}, ["E005"]),
        ({"ws_allowed_origins": ("https://shop.example", "http://shop.example")}, ["E007"]),
        ({"ws_allowed_origins": ("http://localhost:3000",)}, ["E007"]),
        ({"https": False, "trusted_proxies": ()}, ["W008"]),
        ({"trusted_proxies": ()}, ["E009"]),
        ({"trusted_proxies": ("0.0.0.0/0",)}, ["E010"]),
        ({"trusted_proxies": ("10.0.0.1/32", "::/0")}, ["E010"]),
    ],
)
def test_what_is_wrong_with_the_options_is_named(options: Callable[..., None], settings: Any, bad: dict[str, Any], expected: list[str]) -> None:
    options(**{**GOOD, **bad})
    settings.ALLOWED_HOSTS = list(settings.SWITCHBOARD.allowed_hosts)
    assert ids(check_configuration()) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DEBUG", True, ["E001"]),
        ("ALLOWED_HOSTS", ["*"], ["E005"]),
        ("CORS_ALLOW_ALL_ORIGINS", True, ["E006"]),
        ("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"), ["E010"]),
    ],
)
def test_so_is_what_settings_of_ones_own_have_changed(options: Callable[..., None], settings: Any, name: str, value: Any, expected: list[str]) -> None:
    options(**GOOD)
    settings.ALLOWED_HOSTS = ["shop.example"]
    setattr(settings, name, value)
    assert ids(check_configuration()) == expected


def test_a_short_key_and_any_origin_are_refused_before_that() -> None:
    for bad in ({"SECRET_KEY": "short"}, {"IDENTITY_SECRET": "short"}, {"WS_ALLOWED_ORIGINS": "*"}, {"ALLOWED_HOSTS": ""}):
        with pytest.raises(ImproperlyConfigured, match=next(iter(bad))):
            Options.from_env({"SECRET_KEY": KEY, "ALLOWED_HOSTS": "shop.example", **bad})


# Bad ones: Redis, asked by this process


@pytest.fixture
def client(redis: PrivateRedis) -> Iterator[redis_py.Redis]:
    """The Redis of the tests, whose configuration is put back."""
    with redis_py.Redis.from_url(redis.url) as client:
        yield client
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("client-output-buffer-limit", f"pubsub {32 * MIB} {8 * MIB} 60")


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("maxmemory-policy", "noeviction", []),
        ("maxmemory-policy", "allkeys-lru", ["E023"]),
        ("client-output-buffer-limit", f"pubsub {MIB} {MIB} 60", ["E024"]),
        ("client-output-buffer-limit", f"pubsub 0 {MIB} 1", ["E024"]),
        ("client-output-buffer-limit", "pubsub 0 0 0", []),
    ],
)
def test_what_is_wrong_with_redis_is_named(options: Callable[..., None], client: redis_py.Redis, setting: str, value: str, expected: list[str]) -> None:
    options(redis_url="unix:///run/redis.sock")
    client.config_set(setting, value)
    assert ids(check_redis()) == expected


def test_hosts_that_carry_pushes_are_asked_for_their_buffers_and_named_without_their_passwords(
    options: Callable[..., None], redis: PrivateRedis, client: redis_py.Redis
) -> None:
    options(redis_url="unix:///run/redis.sock", layer_redis_urls=(redis.url, "redis://:hunter2@127.0.0.1:1"))
    client.config_set("client-output-buffer-limit", f"pubsub {MIB} {MIB} 60")
    found = [*check_layer()]
    assert ids(found) == ["E024", "E021"]
    assert "Host 1 of LAYER_REDIS_URLS" in found[0].msg
    assert "hunter2" not in found[1].msg


def test_more_sockets_need_a_larger_buffer_and_an_old_redis_is_too_old() -> None:
    good = Facts(version="6.2.14", policy="noeviction", buffer=f"normal 0 0 0 pubsub {32 * MIB} {8 * MIB} 60")
    assert ids([*judge(good, sockets=10_000)]) == []
    assert ids([*judge(good, sockets=50_000)]) == ["E024"]
    assert ids([*judge(Facts("6.0.16", "noeviction", good.buffer), sockets=0)]) == ["E022"]
    assert ids([*judge(Facts("7.4.1", "noeviction", None), sockets=0)]) == ["I025"]


def test_a_private_redis_and_one_that_asks_for_no_password_are_named(options: Callable[..., None], redis: PrivateRedis) -> None:
    for url, expected in (("", ["E020"]), ("redis://cache.internal:6379", ["W026"]), ("redis://:pw@cache.internal:6379", []), ("redis://127.0.0.1", [])):
        options(redis_url=url)
        assert ids(check_redis()) == expected


# Bad ones: who works


def test_that_nobody_serves_is_said_until_somebody_does(flush: Callable[[], None], server: Site) -> None:
    flush()
    assert ids(check_workers()) in (["W050"], [])  # whose next sign of life comes within a tenth of a second
    until(lambda: not check_workers(), what="the workers give a sign of life")


@pytest.mark.parametrize(
    ("url", "host", "password", "expected"),
    [
        ("", "", "", ["I060"]),
        ("console", "", "", ["W061"]),
        ("smtp://me:hunter2@127.0.0.1:1", "127.0.0.1", "hunter2", ["W063", "E062"]),
        ("smtps://me:hunter2@127.0.0.1:1", "127.0.0.1", "hunter2", ["E062"]),
    ],
)
def test_what_is_wrong_with_mails_is_named(options: Callable[..., None], settings: Any, url: str, host: str, password: str, expected: list[str]) -> None:
    options(email_url=url)
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", host, 1
    settings.EMAIL_HOST_PASSWORD = password
    found = check_mail()
    assert ids(found) == expected
    assert not any("hunter2" in each.msg for each in found)


# Bad ones: the database, and everything at once


def test_connections_that_are_kept_otherwise_are_named() -> None:
    assert ids([*pooling({"CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"max_size": 20}}})]) == []
    for bad in ({"CONN_MAX_AGE": 600, "OPTIONS": {"pool": True}}, {"CONN_MAX_AGE": 0, "OPTIONS": {}}):
        assert ids([*pooling(bad)]) == ["E043"]


HURRIED = """
import sys, time
right = time.time
time.time = lambda: right() + 5
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check", "--deploy"])
"""
"""The command on a machine whose clock is five seconds fast."""


def surrounded(folder: Path, **env: str) -> dict[str, str]:
    base = {
        "SECRET_KEY": KEY,
        "ALLOWED_HOSTS": "shop.example",
        "HTTPS": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "0",
        "WS_ALLOWED_ORIGINS": "",
    }
    return {**os.environ, **base, "VAR_DIR": str(folder), **env}


def test_a_database_without_tables_or_connections_and_a_wrong_clock_are_named(tmp_path: Path, redis: PrivateRedis) -> None:
    knobs = {"DATABASE_POOL": "1000", "TRUSTED_PROXIES": "127.0.0.1", "REDIS_URL": redis.url}
    with running_postgres() as cluster, empty_database(cluster) as url:
        env = surrounded(tmp_path, DATABASE_URL=url, **knobs)
        ended = subprocess.run([sys.executable, "-c", HURRIED], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 1
    assert named(ended.stderr) - {"W050"} == {"E030", "E031", "E042", "E044", "I060"}, ended.stderr
    assert "5.0 s apart" in ended.stderr
    assert "DATABASE_POOL=1000 may take" in ended.stderr


def test_what_cannot_be_asked_is_said_soon(tmp_path: Path) -> None:
    env = surrounded(tmp_path, DATABASE_URL="postgres://app:hunter2@127.0.0.1:1/shop", REDIS_URL="redis://:hunter2@127.0.0.1:1", EMAIL_FROM="a@b.example")
    ended = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=CHECKOUT,
        env={**env, "EMAIL_URL": "smtps://127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 1
    assert named(ended.stderr) == {"E009", "E021", "E041", "E062"}, ended.stderr
    assert "hunter2" not in ended.stderr
    assert ended.stderr.count("could not be asked") == 3


def test_sqlite_is_for_trials(tmp_path: Path, options: Callable[..., None]) -> None:
    env = surrounded(tmp_path, TRUSTED_PROXIES="127.0.0.1", DATABASE_URL="", REDIS_URL="unix:///nowhere/redis.sock")
    ended = subprocess.run([sys.executable, "manage.py", "check", "--deploy"], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=300)
    assert named(ended.stderr) == {"E021", "E040", "I060"}, ended.stderr


def test_each_check_stands_in_the_document_and_is_tried_here() -> None:
    made = {found for file in (CHECKOUT / "realtime/checks").glob("*.py") for found in re.findall(r'"switchboard\.(\w+)"', file.read_text())}
    operations = (CHECKOUT / "docs/operations.md").read_text()
    assert sorted(made - set(re.findall(r"`(\w\d{3})`", operations))) == []
    tried = Path(__file__).read_text()
    assert sorted(each for each in made if f'"{each}"' not in tried) == []
    assert sorted(set(re.findall(r"`([EWI]\d{3})`", operations)) - made) == []


def test_without_deploy_nobody_is_asked() -> None:
    env = surrounded(Path("/nonexistent"), DATABASE_URL="postgres://127.0.0.1:1/shop", REDIS_URL="redis://127.0.0.1:1")
    ended = subprocess.run([sys.executable, "manage.py", "check"], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    assert check_deployment.__doc__
