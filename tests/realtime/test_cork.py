"""What is written within one turn leaves at its end, together, in order, and before a close."""

import asyncio

import pytest

from realtime.cork import MOST, Cork


class Transport:
    """Keeps what it is asked."""

    def __init__(self):
        self.done = []
        self.closing = False

    def write(self, data):
        self.done.append(data)

    def write_eof(self):
        self.done.append("eof")

    def close(self):
        self.closing = True
        self.done.append("close")

    def is_closing(self):
        return self.closing

    def get_extra_info(self, name, default=None):
        return f"the {name}"


@pytest.fixture
def transport():
    return Transport()


@pytest.fixture
async def cork(transport):
    return Cork(transport)


async def turn():
    await asyncio.sleep(0)


async def test_what_is_written_in_one_turn_leaves_at_its_end_in_one_piece(cork, transport):
    cork.write(b"one ")
    cork.write(b"two")
    assert transport.done == []
    await turn()
    assert transport.done == [b"one two"]
    cork.write(b"three")
    await turn()
    assert transport.done == [b"one two", b"three"]


async def test_sockets_do_not_mix_and_leave_in_the_order_in_which_they_began(transport):
    other = Transport()
    first, second = Cork(transport), Cork(other)
    first.write(b"1")
    second.write(b"2")
    first.write(b"3")
    await turn()
    assert (transport.done, other.done) == ([b"13"], [b"2"])


@pytest.mark.parametrize(("how", "said"), [("close", "close"), ("write_eof", "eof")])
async def test_an_end_comes_after_what_was_written_before_it(cork, transport, how, said):
    cork.write(b"last words")
    getattr(cork, how)()
    await turn()
    assert transport.done == [b"last words", said]


async def test_a_long_repair_is_not_held_back(cork, transport):
    cork.write(b"x" * MOST)
    assert transport.done == []
    cork.write(b"y")
    assert transport.done == [b"x" * MOST + b"y"]
    await turn()
    assert len(transport.done) == 1


async def test_nothing_is_written_to_a_transport_that_closed_meanwhile(cork, transport):
    cork.write(b"too late")
    transport.close()
    await turn()
    assert transport.done == ["close"]


async def test_all_else_is_the_transports_own(cork):
    assert cork.get_extra_info("peername") == "the peername"
