"""A locked login over real servers: under ASGI, axes calls us in another way than the test client makes it do."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from accounts.models import User
from tests import cast
from tests.servers.fleet import Servers
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


def test_the_admins_login_is_locked_likewise_for_that_address_alone(servers: Servers, admin: User) -> None:
    # Tests come from 127.0.0.1, which is the proxy here that says from where.
    with servers.serve(env={"LOGIN_FAILURES": "2", "TRUSTED_PROXIES": "127.0.0.1"}) as behind, httpx.Client(base_url=behind.url, timeout=20) as client:

        def log_in(password: str, address: str) -> httpx.Response:
            client.cookies.clear()
            form = {"username": admin.username, "csrfmiddlewaretoken": client.get("/admin/login/").cookies["switchboard_csrf"]}
            return client.post("/admin/login/", data={**form, "password": password}, headers={"X-Forwarded-For": address})

        answers = [log_in(password, "192.0.2.1") for password in ("wrong", "wrong", cast.PASSWORD)]
        assert [answer.status_code for answer in answers] == [200, 429, 429]
        locked = answers[-1]
        assert 800 < int(locked.headers["Retry-After"]) <= 900
        assert locked.headers["Content-Type"].startswith("text/html")
        assert "Too many failed logins for this name from here. Try again in 15 minutes." in locked.text
        assert "no-store" in locked.headers["Cache-Control"]
        assert admin.username not in locked.text
        elsewhere = log_in(cast.PASSWORD, "192.0.2.2")
        assert elsewhere.status_code == 302, "nobody can lock the administrator out who works elsewhere"
        session, [csrf] = elsewhere.headers["set-cookie"], [each for each in client.cookies.jar if each.name == "switchboard_csrf"]
        assert "switchboard_session" in session
        assert "HttpOnly" in session
        assert "SameSite=Lax" in session
        assert csrf.path == "/admin/"


def test_a_form_that_another_page_sends_is_refused_in_words(site: Site, admin: User) -> None:
    with httpx.Client(base_url=site.url, timeout=20) as client:
        form = {"username": admin.username, "csrfmiddlewaretoken": client.get("/admin/login/").cookies["switchboard_csrf"], "password": cast.PASSWORD}
        answer = client.post("/admin/login/", data=form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert answer.text.startswith("This form was not sent from a page of ours")
