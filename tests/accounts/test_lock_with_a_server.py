"""A locked login over real servers: under ASGI, axes calls us in another way than the test client makes it do."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from accounts.models import User
from tests import cast
from tests.conftest import Servers
from tests.servers.workers import Site


@pytest.fixture(scope="module")
def site(servers: Servers) -> Iterator[Site]:
    with servers.serve(env={"LOGIN_FAILURES": "2"}) as running:
        yield running


def test_who_is_locked_is_told_so_as_a_problem_and_for_how_long(site: Site, mia: User) -> None:
    answers = [
        httpx.post(f"{site.url}/api/v1/public/login", json={"username": mia.username, "password": password}, timeout=20)
        for password in ("wrong", "wrong", cast.PASSWORD)
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (401, "INVALID_CREDENTIALS"),
        (429, "LOGIN_LOCKED"),
        (429, "LOGIN_LOCKED"),
    ]
    assert 800 < int(answers[-1].headers["Retry-After"]) <= 900


def test_the_admins_login_is_locked_likewise(site: Site, admin: User) -> None:
    with httpx.Client(base_url=site.url, timeout=20) as client:
        form = {"username": admin.username, "csrfmiddlewaretoken": client.get("/admin/login/").cookies["switchboard_csrf"]}
        answers = [client.post("/admin/login/", data={**form, "password": password}) for password in ("wrong", "wrong", cast.PASSWORD)]
    assert [answer.status_code for answer in answers] == [200, 429, 429]
    assert 800 < int(answers[-1].headers["Retry-After"]) <= 900
    assert answers[-1].text.startswith("Too many failed logins")
