"""What every answer has browsers refuse, at every address that there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from uuid import UUID

import httpx
import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver, path

from accounts.models import User
from accounts.problems import bad_request, page_not_found, permission_denied, server_error
from config.asgi import application
from realtime.headers import UNLESS_SET
from tests.cast import PASSWORD
from tests.servers.workers import Site

NOT_ASKED = re.compile(r"^/admin/.*/(add|delete)/$|^/admin/autocomplete/")
"""What an administrator may not do everywhere, which Django logs with a traceback."""
SAMPLES = {"int": "1", r"\d+": "1", "[0-9]+": "1", "uuid": str(UUID(int=1)), "path": "1/2", "str": "1", "slug": "1"}


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("this is the test")


handler400, handler403, handler404, handler500 = bad_request, permission_denied, page_not_found, server_error
urlpatterns = [path("fail", fail), path("api/fail", fail)]


def addresses(patterns: Iterable[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    """One address of each pattern."""
    for pattern in patterns:
        found = prefix + re.sub(r"^\^|/?\??\$$|/\?\\Z$|\\Z$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, found)
        else:
            found = re.sub(r"\(\?P<\w+>([^()]*)\)", lambda part: SAMPLES.get(part[1], "1"), found)
            yield re.sub(r"<(?:(\w+):)?\w+>", lambda part: SAMPLES.get(part[1] or "str", "1"), found)


def directives(policy: str) -> Mapping[str, str]:
    return dict((each.strip() + " ").split(" ", 1) for each in policy.split(";"))


def wrong(answer: httpx.Response) -> Iterator[str]:
    """What this answer lets browsers do that it should not."""
    where = f"{answer.request.method} {answer.request.url.path} ({answer.status_code})"
    yield from (f"{where} has no {name}" for name in UNLESS_SET if name not in answer.headers)
    policy = directives(answer.headers.get("Content-Security-Policy", ""))
    if policy.get("default-src", "").strip() != "'none'" or "frame-ancestors" not in policy or "base-uri" not in policy:
        yield f"{where} is not closed: {policy}"
    scripts = policy.get("script-src", "'none'").split()
    if {"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:"} & set(scripts):
        yield f"{where} runs scripts of {scripts}"
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        yield f"{where} may be taken for something else"
    kept = answer.headers.get("Cache-Control", "")
    if "no-store" not in kept and "public" not in kept and answer.request.url.path != "/widget":  # whose page is the same for everybody
        yield f"{where} is kept: {kept}"
    if "<html" in answer.text and (inline := re.findall(r"<script(?![^>]*(?:\ssrc=|application/json))[^>]*>|<style|\sstyle=|\son[a-z]+=\"", answer.text)):
        yield f"{where} holds {inline}, which its policy does not let through"


@pytest.fixture
def staff(server: Site, admin: User) -> Iterator[httpx.Client]:
    """Somebody who is logged in to the admin."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        form = {"username": admin.username, "password": PASSWORD, "csrfmiddlewaretoken": client.get("/admin/login/").cookies["switchboard_csrf"]}
        assert client.post("/admin/login/", data=form).status_code == 302
        yield client


def test_every_address_answers_with_them(server: Site, staff: httpx.Client) -> None:
    found = sorted(set(addresses(get_resolver().url_patterns)))
    found = [each for each in found if not NOT_ASKED.search(each)]
    assert len(found) > 90
    answers = [staff.get(each) for each in found]
    with httpx.Client(base_url=server.url, timeout=30) as nobody:
        outside = [each for each in found if not each.startswith("/admin/")]
        answers += [nobody.request(method, each) for each in outside for method in ("GET", "POST", "OPTIONS")]
        answers += [nobody.get("/admin/"), nobody.get("/nothing/at/all"), nobody.get("/favicon.ico"), nobody.post("/admin/login/", data={})]
        answers += [nobody.post("/api/v1/token", content=b"x" * (2 << 20))]
        public = {answer.request.url.path for answer in answers if "public" in answer.headers["Cache-Control"]}
        assert [each for each in public if nobody.get(each).status_code != 200] == [], "what everybody may keep, everybody may have"
    found = [each for answer in answers for each in wrong(answer)]
    assert not found, "\n".join(found)
    assert {answer.status_code for answer in answers} >= {200, 201, 302, 400, 401, 403, 404, 405, 413} - {201}
    assert sum(answer.status_code == 200 and "<html" in answer.text for answer in answers) > 20, "pages, and not only refusals"


def test_a_stream_has_them_too(server: Site, mia: User, token: Callable[[User], str]) -> None:
    address = f"{server.url}/api/notifications/stream"
    with httpx.stream("GET", address, headers={"Authorization": f"Bearer {token(mia)}"}, timeout=30) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"] == UNLESS_SET["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store, no-transform"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("address", ["/fail", "/api/fail", "/nothing", "/api/nothing"])
async def test_an_error_of_ours_has_them_too(settings, address: str) -> None:
    settings.ROOT_URLCONF = __name__
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application, raise_app_exceptions=False), base_url="http://testserver", timeout=30) as client:
        answer = await client.get(address)
    assert answer.status_code == (500 if "fail" in address else 404)
    assert list(wrong(answer)) == []


def test_what_lacks_them_is_found() -> None:
    request = httpx.Request("GET", "http://testserver/admin/")
    good = {**UNLESS_SET, "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'self'"}
    page = "<html></html>"
    assert list(wrong(httpx.Response(200, headers=good, text=page, request=request))) == []
    bad = [
        {**good, "Content-Security-Policy": good["Content-Security-Policy"] + " 'unsafe-inline'"},
        {**good, "Content-Security-Policy": "default-src 'self'"},
        {**good, "Cache-Control": "private, max-age=60"},
        {**good, "X-Content-Type-Options": "sniff"},
        {name: value for name, value in good.items() if name != "Referrer-Policy"},
    ]
    assert [len(list(wrong(httpx.Response(200, headers=headers, text=page, request=request)))) for headers in bad] == [1] * len(bad)
    assert len(list(wrong(httpx.Response(200, headers=good, text="<html><script>alert(1)</script></html>", request=request)))) == 1
