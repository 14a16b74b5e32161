"""JavaScript is told what goes over the wire as the server declares it."""

from config import wire_page
from realtime.refusals import REASONS, reconnects
from tests.servers.workers import CHECKOUT


def test_the_javascript_of_the_wire_is_up_to_date() -> None:
    written = (CHECKOUT / "realtime/static/realtime/wire.js").read_text()
    assert written == wire_page.page(), "run `python -m config.wire_page > realtime/static/realtime/wire.js`"


def test_every_range_of_close_codes_says_whether_to_come_back() -> None:
    assert [code for code in (1000, 1003, 1009, 4400, 4499) if reconnects(code)] == []
    assert all(reconnects(code) for code in (1001, 1002, 1005, 1006, 1007, 1011, 1012, 1013, 4000, 4099, 4100, 4199, 4200, 4299))
    assert {code for code, reason in REASONS.items() if not reconnects(reason.close)} == {
        "MISSING_TOKEN",
        "INVALID_REQUEST",
        "FORBIDDEN",
        "NOT_FOUND",
        "REPLACED",
        "SESSION_REVOKED",
        "MESSAGE_TOO_BIG",
    }
