"""Every option: what it is by default, what it understands, and how loud it is on nonsense."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import options_page
from config.options import Options

CHECKOUT = Path(__file__).resolve().parent.parent
SECRET = "a-secret-of-more-than-thirty-two-characters"
ENOUGH = {"SECRET_KEY": SECRET, "ALLOWED_HOSTS": "shop.example"}
BESIDE = {"EMAIL_URL": {"EMAIL_FROM": "support@shop.example"}, "LAYER_REDIS_URLS": {"REDIS_URL": "redis://a"}}  # what else an option needs
WHOLE = ["", "1.5", "many", "1e3", "0x10", "9" * 5000]
SECONDS = ["soon", "nan", "inf", "-1", "10s", "1e99"]
RATE = ["20", "20/w", "/m", "many/m", "-1/m", "1.5/m", "20 per minute"]
SENTINELS = "sentinels://:hunter2@a:26379,[::1]/shop/1?sentinel_password=hunter2"
NO_SENTINELS = [
    "sentinel://a",
    "sentinel://a/",
    "sentinel:///shop",
    "sentinel://a,,b/shop",
    "sentinel://a:port/shop",
    "sentinel://a:0/shop",
    "sentinel://a/shop/db",
]
URL = ["example.com/0", "http://", "mysql://app:hunter2@db/shop"]

# Variable: (its default, a good text, what that means, texts that make no sense)
KNOBS: dict[str, tuple[Any, str, Any, list[str]]] = {
    "DEBUG": (False, "1", True, ["maybe", "2", "debug"]),
    "SECRET_KEY": ("", SECRET + "!", SECRET + "!", ["too-short-to-be-a-secret"]),
    "VAR_DIR": (str(CHECKOUT / "var"), "/srv/switchboard", "/srv/switchboard", []),
    "ALLOWED_HOSTS": ((), "shop.example, .Shop.example [::1]", ("shop.example", ".shop.example", "[::1]"), ["https://shop.example", "a.example:8000", "a/b"]),
    "WS_ALLOWED_ORIGINS": (
        (),
        "https://shop.example http://[::1]:8000,https://B.example:444",
        ("https://shop.example", "http://[::1]:8000", "https://b.example:444"),
        ["shop.example", "ftp://shop.example", "https://shop.example/", "http://[::1", "https://a:port", "https://me@shop.example", "https://*?x", "*"],
    ),
    "TRUSTED_PROXIES": ((), "10.0.0.0/8, ::1", ("10.0.0.0/8", "::1/128"), ["10.0.0.0/33", "proxy", "10.0.0"]),
    "HTTPS": (True, "0", False, ["http", "maybe"]),
    "DEFAULT_LANGUAGE": ("en", "zh-hans", "zh-hans", ["de", "zh", "English"]),
    "LOG_FORMAT": ("console", "json", "json", ["xml", "JSON lines"]),
    "METRICS_TOKEN": ("", SECRET + "#", SECRET + "#", ["hunter2"]),
    "DATABASE_URL": ("", "postgres://app:hunter2@db:5432/shop", "postgres://app:hunter2@db:5432/shop", URL),
    "DATABASE_POOL": (20, "7", 7, [*WHOLE, "0", "1001"]),
    "DATABASE_TIMEOUT": (30.0, "0.5", 0.5, [*SECONDS, "0", "86401"]),
    "REDIS_URL": ("", SENTINELS, SENTINELS, [*URL, "redis://", "redis://cache:port", *NO_SENTINELS]),
    "LAYER_REDIS_URLS": (
        (),
        f"{SENTINELS}, rediss://b/1 unix:///run/c",
        (SENTINELS, "rediss://b/1", "unix:///run/c"),
        [*URL, "redis://a,b", "redis://a redis://a"],
    ),
    "REDIS_TIMEOUT": (1.0, "0.25", 0.25, [*SECONDS, "0", "31"]),
    "EXECUTOR_THREADS": (8, "2", 2, [*WHOLE, "0", "101"]),
    "HTTP_REQUESTS": (10, "3", 3, [*WHOLE, "0", "501"]),
    "REQUEST_WAIT": (30.0, "5", 5.0, [*SECONDS, "0", "3601"]),
    "TOKEN_LIFETIME": (28_800.0, "600", 600.0, [*SECONDS, "0"]),
    "CUSTOMER_TOKEN_LIFETIME": (86_400.0, "600", 600.0, [*SECONDS, "0"]),
    "REFRESH_TOKEN_LIFETIME": (86_400.0, "600", 600.0, [*SECONDS, "0"]),
    "TICKET_LIFETIME": (30.0, "5", 5.0, [*SECONDS, "0", "601"]),
    "JWT_SIGNING_KEY": ("", SECRET + "?", SECRET + "?", ["hunter2"]),
    "JWT_JWK_URL": ("", "https://shop.example/keys", "https://shop.example/keys", ["shop.example/keys", "file:///etc/passwd", "https://"]),
    "JWT_JWK_TIMEOUT": (3.0, "0.5", 0.5, [*SECONDS, "0", "31"]),
    "JWT_ISSUER": ("", "https://shop.example", "https://shop.example", []),
    "JWT_AUDIENCE": ("", "switchboard", "switchboard", []),
    "JWT_USER_ID_CLAIM": ("user_id", "sub", "sub", []),
    "IDENTITY_SECRET": ("", SECRET + "*", SECRET + "*", ["hunter2"]),
    "IDENTITY_REQUIRED": (False, "no", False, ["sometimes"]),
    "LOGIN_FAILURES": (5, "3", 3, [*WHOLE, "0", "1001"]),
    "LOGIN_LOCK": (900.0, "60", 60.0, [*SECONDS, "0", "86401"]),
    "RATE_LOGIN": ((30, 60.0), "5/s", (5, 1.0), RATE),
    "RATE_CUSTOMERS": ((30, 60.0), "5/h", (5, 3600.0), RATE),
    "RATE_CUSTOMER_TOKEN_WRONG": ((10, 60.0), "5/d", (5, 86_400.0), RATE),
    "RATE_CUSTOMER_TOKEN": ((20, 60.0), "0/m", (0, 60.0), RATE),
    "RATE_TICKET": ((60, 60.0), "5/m", (5, 60.0), RATE),
    "RATE_HANDSHAKE": ((60, 60.0), "5/m", (5, 60.0), RATE),
    "RATE_NOTIFY": ((6000, 60.0), "5/m", (5, 60.0), RATE),
    "RATE_DIRECT": ((1200, 60.0), "5/m", (5, 60.0), RATE),
    "WS_HEARTBEAT_INTERVAL": (30.0, "3", 3.0, [*SECONDS, "0", "601"]),
    "KEEPER_INTERVAL": (1.0, "0.1", 0.1, [*SECONDS, "0", "11"]),
    "TOKEN_WARNING": (60.0, "0", 0.0, [*SECONDS, "3601"]),
    "WS_MAX_SOCKETS": (10_000, "0", 0, [*WHOLE, "-1", "1000001"]),
    "WS_MAX_CONNECTIONS_PER_USER": (3, "0", 0, [*WHOLE, "-1", "1001"]),
    "WS_MAX_TABS_PER_USER": (20, "0", 0, [*WHOLE, "-1", "1001"]),
    "WS_PROBE_WAIT": (3.0, "0.3", 0.3, [*SECONDS, "0", "61"]),
    "WS_FRAME_LIMIT": (65_536, "1024", 1024, [*WHOLE, "1023", "1048577"]),
    "WS_FRAME_RATE": (20, "0", 0, [*WHOLE, "-1", "20/s", "100001"]),
    "WS_FRAME_BURST": (60, "1", 1, [*WHOLE, "0", "100001"]),
    "WS_FRAME_PATIENCE": (10.0, "0", 0.0, [*SECONDS, "601"]),
    "WS_REPLAY_LIMIT": (1000, "10", 10, [*WHOLE, "0", "100001"]),
    "WS_BACKLOG_FRAMES": (1000, "10", 10, [*WHOLE, "9", "100001"]),
    "WS_BACKLOG_BYTES": (262_144, "4096", 4096, [*WHOLE, "4095", "67108865"]),
    "DRAIN_SPREAD": (4.0, "0", 0.0, [*SECONDS, "16"]),
    "PRESENCE_LEASE": (5.0, "2", 2.0, [*SECONDS, "0.1", "301"]),
    "PRESENCE_GRACE": (10.0, "0", 0.0, [*SECONDS, "601"]),
    "PRESENCE_QUIET": (1.0, "0", 0.0, [*SECONDS, "61"]),
    "PRESENCE_BROADCAST_LIMIT": (500, "1000", 1000, [*WHOLE, "-1", "1000001"]),
    "PRESENCE_BROADCAST_AGAIN": (400, "0", 0, [*WHOLE, "-1", "1000001"]),
    "PRESENCE_CHOICE_LIFE": (2_592_000.0, "60", 60.0, [*SECONDS, "0"]),
    "PRESENCE_SEEN_INTERVAL": (60.0, "0", 0.0, [*SECONDS, "86401"]),
    "SHOP_NAME": ("Support", "花店 Flora & Söhne", "花店 Flora & Söhne", ["x" * 101, "Flora\nSöhne"]),
    "WIDGET_ASK_NAME": (False, "1", True, ["ask"]),
    "SUPPORT_WAIT_WARN": (120.0, "60", 60.0, [*SECONDS, "0", "86401"]),
    "SUPPORT_WAIT_BAD": (300.0, "600", 600.0, [*SECONDS, "0", "86401"]),
    "SUPPORT_GRACE": (60.0, "0", 0.0, [*SECONDS, "86401"]),
    "SUPPORT_REOPEN": (86400.0, "0", 0.0, [*SECONDS, "31536001"]),
    "RATE_SUPPORT": ((1200, 60.0), "5/s", (5, 1.0), RATE),
    "EMAIL_URL": (
        "",
        "smtp+tls://me%40shop.example:hunter2@mail.shop.example:587",
        "smtp+tls://me%40shop.example:hunter2@mail.shop.example:587",
        ["http://mail.shop.example", "mail.shop.example:25", "smtp://", "smtp:///mail", "smtps://mail:port", "Console"],
    ),
    "EMAIL_FROM": (
        "",
        "Shop <support@shop.example>",
        "Shop <support@shop.example>",
        ["support", "@shop.example", "Shop <support>", "support@shop.example\nBcc: eve@shop.example"],
    ),
    "SUPPORT_MAIL_AFTER": (600.0, "60", 60.0, [*SECONDS, "0", "2592001"]),
    "SUPPORT_URL": ("", "https://shop.example/help", "https://shop.example/help", ["shop.example/help", "ftp://shop.example", "https://"]),
    "TASK_TIMEOUT": (60.0, "0.5", 0.5, [*SECONDS, "0.4", "86401"]),
    "TASK_MAX_OWN": (100, "0", 0, [*WHOLE, "-1", "100001"]),
    "RATE_TASKS": ((6000, 60.0), "5/s", (5, 1.0), RATE),
    "RETENTION": (2_592_000.0, "60", 60.0, [*SECONDS, "0"]),
    "INBOX_STRICT": (False, "on", True, ["very"]),
    "ANNOUNCEMENT_CHUNK": (1000, "10", 10, [*WHOLE, "0", "10001"]),
}
NONSENSE = [(name, text) for name, (_, _, _, texts) in KNOBS.items() for text in texts if text]


def test_every_option_is_in_the_table_above() -> None:
    assert [field.name.upper() for field in fields(Options)] == list(KNOBS)


@pytest.mark.parametrize("name", KNOBS)
def test_an_option_that_is_not_set_or_empty_has_its_default(name: str) -> None:
    default = KNOBS[name][0]
    enough = {key: text for key, text in {**ENOUGH, "DEBUG": "1"}.items() if key != name}
    if name == "DEBUG":
        enough |= ENOUGH
    for env in (enough, {**enough, name: ""}, {**enough, name: "  "}):
        assert getattr(Options.from_env(env), name.lower()) == default


@pytest.mark.parametrize("name", KNOBS)
def test_an_option_takes_what_makes_sense(name: str) -> None:
    _, good, meaning, _ = KNOBS[name]
    assert getattr(Options.from_env({**ENOUGH, **BESIDE.get(name, {}), name: f" {good} "}), name.lower()) == meaning


@pytest.mark.parametrize(("name", "text"), NONSENSE, ids=lambda value: str(value)[:30])
def test_nonsense_stops_the_start_and_names_the_variable_and_what_it_should_look_like(name: str, text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as stopped:
        Options.from_env({**ENOUGH, name: text})
    message = str(stopped.value)
    assert message.startswith(f"{name}: ")
    assert "it should be " in message
    assert len(message) < 300
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SECRET_KEY", "hunter2-hunter2"),
        ("JWT_SIGNING_KEY", "hunter2"),
        ("IDENTITY_SECRET", "hunter2"),
        ("DATABASE_URL", "mysql://app:hunter2@db/shop"),
        ("REDIS_URL", "http://:hunter2@cache"),
        ("EMAIL_URL", "http://:hunter2@mail.shop.example"),
        ("JWT_JWK_URL", "ftp://me:hunter2@shop.example/keys"),
    ],
)
def test_a_secret_that_is_wrong_is_not_shown(name: str, text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as stopped:
        Options.from_env({**ENOUGH, name: text})
    assert "hunter2" not in str(stopped.value)
    assert stopped.value.__suppress_context__, "the traceback would show the error that led to it"


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"ALLOWED_HOSTS": "shop.example"}, "SECRET_KEY"),
        ({"SECRET_KEY": SECRET}, "ALLOWED_HOSTS"),
        ({**ENOUGH, "LAYER_REDIS_URLS": "redis://a,redis://b"}, "REDIS_URL"),
        ({**ENOUGH, "PRESENCE_LEASE": "1.5"}, "PRESENCE_LEASE .* KEEPER_INTERVAL"),
        ({**ENOUGH, "PRESENCE_BROADCAST_LIMIT": "399"}, "PRESENCE_BROADCAST_AGAIN .* PRESENCE_BROADCAST_LIMIT"),
        ({**ENOUGH, "JWT_SIGNING_KEY": SECRET + "2", "JWT_JWK_URL": "https://shop.example/keys"}, "JWT_JWK_URL"),
        ({**ENOUGH, "JWT_SIGNING_KEY": SECRET}, "JWT_SIGNING_KEY"),
        ({**ENOUGH, "IDENTITY_SECRET": SECRET}, "IDENTITY_SECRET"),
        ({**ENOUGH, "IDENTITY_REQUIRED": "1"}, "IDENTITY_SECRET"),
        ({**ENOUGH, "SUPPORT_WAIT_WARN": "300"}, "SUPPORT_WAIT_BAD .* SUPPORT_WAIT_WARN"),
        ({**ENOUGH, "EMAIL_URL": "console"}, "EMAIL_FROM"),
        ({**ENOUGH, "DATABASE_URL": "postgresql://db/shop", "DATABASE_POOL": "17"}, r"DATABASE_POOL .* EXECUTOR_THREADS \+ HTTP_REQUESTS \(8 \+ 10\)"),
        ({**ENOUGH, "DATABASE_URL": "postgres://db/shop", "HTTP_REQUESTS": "13"}, "DATABASE_POOL"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(env: dict[str, str], named: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=named) as stopped:
        Options.from_env(env)
    assert SECRET not in str(stopped.value)


def test_the_secret_key_that_debug_makes_up_is_kept_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="VAR_DIR must be a folder"):
        Options.from_env({"DEBUG": "1", "VAR_DIR": str(tmp_path / "file")}).made_secret()
    options = Options.from_env({"DEBUG": "1", "VAR_DIR": str(tmp_path / "var")})
    made = options.made_secret()
    assert len(made) >= 32
    assert options.made_secret() == made
    assert (tmp_path / "var/secret_key").stat().st_mode & 0o077 == 0


def test_processes_that_start_for_the_first_time_at_once_make_up_one_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as starts:
        for number in range(100):
            options = Options.from_env({"DEBUG": "1", "VAR_DIR": str(tmp_path / str(number))})
            made = set(starts.map(lambda _, options=options: options.made_secret(), range(8)))
            assert len(made) == 1
            assert len(made.pop()) >= 32


def test_a_start_that_was_broken_off_before_it_wrote_the_secret_key_leaves_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    options = Options.from_env({"DEBUG": "1", "VAR_DIR": str(tmp_path)})
    made = options.made_secret()
    assert len(made) >= 32
    assert options.made_secret() == made


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["runserver", "127.0.0.1:0"], ["migrate"]])
@pytest.mark.parametrize(("name", "text"), [("WS_HEARTBEAT_INTERVAL", "often"), ("SECRET_KEY", "hunter2"), ("SECRET_KEY", "")])
def test_a_process_that_is_started_with_nonsense_says_so_in_one_line(name: str, text: str, command: list[str]) -> None:
    env = {key: value for key, value in os.environ.items() if key not in KNOBS} | ENOUGH | {name: text, "DJANGO_SETTINGS_MODULE": "config.settings"}
    ended = subprocess.run([sys.executable, "manage.py", *command], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert ended.stderr.startswith(name)
    assert "hunter2" not in ended.stderr


def test_the_page_about_the_options_is_up_to_date() -> None:
    written = (CHECKOUT / "docs/options.md").read_text()
    assert written == options_page.page(), "run `python -m config.options_page > docs/options.md`"


def test_every_option_says_on_the_page_what_it_means() -> None:
    entries = list(options_page.entries())
    assert [entry.name for entry in entries] == list(KNOBS)
    assert [entry.name for entry in entries if len(entry.meaning) < 15 or len(entry.section) < 5] == []
