"""Whatever goes wrong at a program's address is a problem document, also where no view of ours answers."""

from __future__ import annotations

import json
import logging
import socket
import sys
from email.message import Message
from http.client import HTTPResponse
from importlib.util import find_spec
from logging.config import dictConfigClass
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from accounts.problems import form_refused
from tests import cast
from tests.servers.workers import Site

HOST = "Host: 127.0.0.1"


def asked(site: Site, *lines: str) -> tuple[int, Message, Any]:
    """Status, headers and JSON of the answer to exactly these lines, and a byte of body if they announce one."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as line:
        line.sendall("\r\n".join([*lines, "", "x" if "Content-Length: 1" in lines else ""]).encode("latin-1"))
        answer = HTTPResponse(line)
        answer.begin()
        return answer.status, answer.headers, json.loads(answer.read())


CASES = {
    "no HTTP at all": (["nonsense"], 400, "INVALID_REQUEST"),
    "a header without a colon": (["GET /api/v1/online HTTP/1.1", HOST, "nonsense"], 400, "INVALID_REQUEST"),
    "a host that is not ours": (["GET /api/v1/support/settings HTTP/1.1", "Host: evil.example"], 400, "INVALID_REQUEST"),
    "a host that is none": (["GET /api/v1/support/settings HTTP/1.1", "Host: [::1"], 400, "INVALID_REQUEST"),
    "a query that is not UTF-8": (["GET /api/v1/support/hours?tz=\xff HTTP/1.1", HOST], 400, "INVALID_REQUEST"),
    "an address that is not there": (["GET /api/v1/nowhere HTTP/1.1", HOST], 404, "NOT_FOUND"),
    "one that is not UTF-8": (["GET /api/%ff%00 HTTP/1.1", HOST], 404, "NOT_FOUND"),
    "one below /health": (["GET /health/nowhere HTTP/1.1", HOST], 404, "NOT_FOUND"),
    "another method": (["DELETE /api/v1/customers HTTP/1.1", HOST], 405, "METHOD_NOT_ALLOWED"),
    "a method that nobody knows": (["PROPFIND /api/v1/customers HTTP/1.1", HOST], 405, "METHOD_NOT_ALLOWED"),
    "a form at /health": (["POST /health/live HTTP/1.1", HOST, "Content-Length: 0"], 405, "METHOD_NOT_ALLOWED"),
    "another method at the figures": (["PUT /metrics HTTP/1.1", HOST, "Content-Length: 0"], 405, "METHOD_NOT_ALLOWED"),
    "another method at the sockets' description": (["POST /api/asyncapi.json HTTP/1.1", HOST, "Content-Length: 0"], 405, "METHOD_NOT_ALLOWED"),
    "another method at the description": (["POST /api/schema HTTP/1.1", HOST, "Content-Length: 0"], 405, "METHOD_NOT_ALLOWED"),
    "a body that is too large": (["POST /api/v1/customers HTTP/1.1", HOST, "Content-Length: 9999999"], 413, "TOO_LARGE"),
    "a body that is a form": (
        ["POST /api/v1/customers HTTP/1.1", HOST, "Content-Length: 1", "Content-Type: text/plain"],
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "plain HTTP at a socket": (["GET /api/v1/ws HTTP/1.1", HOST], 400, "INVALID_REQUEST"),
    "a stream without a credential": (["GET /api/notifications/stream HTTP/1.1", HOST], 401, "MISSING_TOKEN"),
    "a status without a credential": (["GET /api/v1/ws/status HTTP/1.1", HOST], 401, "MISSING_TOKEN"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_error_is_a_problem_document(case: str, server: Site) -> None:
    lines, status, code = CASES[case]
    got, headers, document = asked(server, *lines)
    assert (got, document["status"], document["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    assert all(document[name] for name in ("type", "title", "detail", "request_id"))
    assert "allow" in headers or status != 405


TOKEN = "/api/v1/customers/token"
BARE = {
    "a host that is not ours": ([f"POST {TOKEN}/ HTTP/1.1", "Host: evil.example"], 400),
    "a body that is too large": ([f"POST {TOKEN} HTTP/1.1", HOST, "Content-Length: 9999999"], 413),
}


@pytest.mark.parametrize("case", BARE)
def test_where_the_old_widget_asks_for_a_token_no_error_is_json_unless_that_is_named(case: str, server: Site) -> None:
    """It stops asking only when what it gets is none."""
    lines, status = BARE[case]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        line.sendall("\r\n".join([*lines, "Accept: */*", "", ""]).encode("latin-1"))
        answer = HTTPResponse(line)
        answer.begin()
        assert (answer.status, answer.headers["content-type"], answer.read()) == (status, None, b"")
    assert asked(server, *lines, "Accept: application/json")[2]["status"] == status


def test_an_error_before_the_language_is_found_out_is_in_that_language(server: Site) -> None:
    _status, _headers, document = asked(server, "GET /api/v1/online HTTP/1.1", "Host: evil.example", "Accept-Language: zh-CN")
    assert document["title"] == "请求无效"


def test_a_form_that_may_be_forged_is_refused_as_its_address_tells_errors(db: None, rf: RequestFactory) -> None:
    page = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"})
    assert (page.status_code, page["Content-Type"]) == (403, "text/plain; charset=utf-8")
    refused = form_refused(rf.post("/api/v1/something"), "no token")
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")


def test_pages_have_pages_for_errors(server: Site) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(f"GET /nowhere HTTP/1.1\r\n{HOST}\r\nConnection: close\r\n\r\n".encode())
        assert b"text/html" in line.recv(65536)


def test_a_traceback_in_a_log_does_not_show_the_values_of_variables() -> None:
    """Which the library rich would, wherever it is installed; schemathesis brings it here."""
    assert find_spec("rich")
    formatter = dictConfigClass(settings.LOGGING).configure_formatter(dict(settings.LOGGING["formatters"]["plain"]))
    try:
        _fail_with(cast.PASSWORD)
    except RuntimeError:
        record = logging.LogRecord("accounts", logging.ERROR, __file__, 1, "It broke", (), sys.exc_info())
    line = formatter.format(record)
    assert "Traceback (most recent call last)" in line
    assert cast.PASSWORD not in line


def _fail_with(password: str) -> None:
    raise RuntimeError(len(password))
