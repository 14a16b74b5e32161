"""What may stand in no log is found in each."""

import json
import logging

import pytest

from tests import discretion
from tests.discretion import Discretion, Listener
from tests.servers.waiting import until
from tests.servers.workers import Site

TEXT = "My parcel 4711 is broken, and my card is 12"
CHATTY = """
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
print("answers at http://127.0.0.1:%d" % server.server_port, flush=True)
print("2026-01-01 message stored: My parcel 4711 is broken, and my card is 12", flush=True)
server.serve_forever()
"""


@pytest.mark.parametrize(
    "line",
    [
        f"2026-11-22T05:44:42 stored: {TEXT}",
        f"stored: {TEXT.replace('4711', '4712')}",  # numbers are blanked
        json.dumps({"event": f"stored: {TEXT}"}),
        f"ValueError: {TEXT!r}",
    ],
)
def test_a_text_that_somebody_wrote_is_found_in_a_log(line):
    tests = Discretion()
    tests.overhear("a log", ["before", line, "after"])  # lines come while texts are still being written
    tests.remember({"type": "message", "data": {"list": [{"content": TEXT}]}})
    [leak] = tests.leaks()
    assert leak == f"a log holds what somebody wrote: {TEXT!r}"


def test_a_text_in_another_alphabet_is_found_behind_the_escapes_of_json():
    tests = Discretion()
    text = "我的包裹在哪里？已经三天没有消息了"
    tests.remember(text)
    tests.overhear("a log", [json.dumps({"event": text})])
    assert len(tests.leaks()) == 1


@pytest.mark.parametrize("harmless", ["notification", "Hello", "2026-11-22T05:44:42", "https://shop.example/orders/1", "3f0c9d3e-8c11-4f5e-9a44-0c7d6f1f5b1e"])
def test_what_is_no_sentence_of_somebody_s_may_be_logged(harmless):
    tests = Discretion()
    tests.remember({"text": harmless})
    tests.overhear("a log", [f"event {harmless}"])
    assert tests.leaks() == []


def test_a_credential_is_found_at_once():
    tests = Discretion()
    tests.overhear("a log", ["GET /ws/chat?ticket=abc"])
    assert tests.leaks() == ["a log holds a credential: GET /ws/chat?ticket=abc"]


def test_what_a_server_has_logged_is_looked_through_when_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(discretion, "everywhere", Discretion())
    discretion.everywhere.remember(TEXT)
    with Site("-c", CHATTY, log=tmp_path / "log") as site:
        until(lambda: TEXT in site.log, what="it is logged")
        assert discretion.everywhere.leaks() == []
    [leak] = discretion.everywhere.leaks()
    assert leak.startswith("the log of -c")


def test_what_this_process_logs_is_heard_with_its_tracebacks():
    tests = Discretion()
    tests.remember(TEXT)
    logger = logging.getLogger("tests.discretion")
    logger.propagate = False
    logger.addHandler(Listener(tests))
    logger.info("nothing")
    assert tests.leaks() == []
    try:
        raise ValueError(TEXT)
    except ValueError:
        logger.exception("It failed")
    assert len(tests.leaks()) == 1


def test_much_costs_little():
    tests = Discretion()
    for number in range(5_000):
        tests.remember(f"A text of somebody's, {number} and {chr(97 + number % 26) * (number % 40)}")
    tests.overhear("a log", (f"request_finished code=200 request=/api/{number} id={number:032x}" for number in range(50_000)))
    assert tests.leaks() == []
    assert len(tests._lines) == 1
