"""Every call does what the OpenAPI document says of it, whoever makes it, rightly or wrongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from accounts import tokens
from accounts.models import User
from tests import cast
from tests.contract.described import UNLIMITED, Outcome, ask_everything
from tests.servers.fleet import Servers

LONG: Final = 20 * 60
"""Seconds of the long form, for all roles together."""

PEOPLE: Final[Mapping[str, Callable[[], User]]] = {"customer": cast.customer, "agent": cast.agent, "member": cast.member, "staff": cast.staff}

# Who makes which calls with each value at its bounds, in the short form.
THOROUGH: Final[Mapping[str, tuple[str, ...]]] = {
    "nobody": ("public", "token"),
    "customer": ("customers", "support"),
    "agent": ("sessions",),
    "member": ("direct", "tasks", "online", "status"),
    "staff": ("notifications",),
    "service": ("users",),
}


@pytest.mark.timeout(LONG + 600)
def test_every_call_is_answered_as_it_is_described_whoever_makes_it(
    request: pytest.FixtureRequest, servers: Servers, service_key: Callable[..., str], tmp_path: Path
) -> None:
    seconds = LONG // len(THOROUGH) if request.config.getoption("--long-schema") else 0
    credentials = {role: [tokens.issue(person())[0] for _ in range(2)] for role, person in PEOPLE.items()}
    credentials |= {"nobody": ["", ""], "service": [service_key("notifications", "tasks", "users")] * 2}

    with servers.serve(workers=1, env=UNLIMITED) as site:

        def ask(role: str) -> Outcome:
            token, spare = credentials[role]
            return ask_everything(site.url, tmp_path / role, token=token, spare=spare, thorough=THOROUGH[role], seconds=seconds)

        with ThreadPoolExecutor(1 if seconds else 2) as pool:
            outcomes = dict(zip(THOROUGH, pool.map(ask, THOROUGH), strict=True))
        errors = [line for line in site.log.splitlines() if "Internal Server Error" in line or "code=500" in line or "code=503" in line]
    print({role: outcome.cases for role, outcome in outcomes.items()}, "server errors:", len(errors))
    found = "\n\n".join(f"As {role}:\n{outcome.found}" for role, outcome in outcomes.items() if outcome.found)
    assert not found, found
    assert errors == []
    assert all(outcome.cases > 50 for outcome in outcomes.values())
