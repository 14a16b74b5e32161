"""Where mails go, as the options say it and Django does it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.servers.workers import CHECKOUT


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "dummy - 25 - - False False"),
        ("console", "console - 25 - - False False"),
        ("smtp://mail.shop.example", "smtp mail.shop.example 25 - - False False"),
        ("smtp+tls://me%40shop.example:p%2Fw@mail.shop.example", "smtp mail.shop.example 587 me@shop.example p/w False True"),
        ("smtps://me:pw@mail.shop.example:4465", "smtp mail.shop.example 4465 me pw True False"),
    ],
)
def test_the_option_says_where_mails_go(url: str, expected: str) -> None:
    script = (
        "from django.conf import settings as s; print(s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_HOST or '-', s.EMAIL_PORT,"
        " s.EMAIL_HOST_USER or '-', s.EMAIL_HOST_PASSWORD or '-', s.EMAIL_USE_SSL, s.EMAIL_USE_TLS)"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "EMAIL_URL": url, "EMAIL_FROM": "support@shop.example"}
    ended = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == expected, ended.stderr
