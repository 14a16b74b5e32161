"""Messages that vanish between Redis and a worker are made up for by the next one, or by a heartbeat."""

import pytest

from tests.faults.town import Town
from tests.servers.waiting import until

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("told", [600, pytest.param(6000, marks=[pytest.mark.long_fault, pytest.mark.timeout(300)])])
def test_nothing_is_lost_when_one_message_in_a_hundred_vanishes(leaky_town: Town, told: int) -> None:
    proxy = leaky_town.proxy
    assert proxy is not None
    with leaky_town.ordeal(f"1 % of pushes lost, {told} told") as ordeal:
        before, proxy.loss = proxy.dropped, 0.01
        try:
            ordeal.write(told)
            until(lambda: proxy.dropped - before >= 3, what="some have vanished")
        finally:
            proxy.loss = 0.0
        assert ordeal.stayed == ordeal.crowd.clients
