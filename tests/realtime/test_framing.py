"""Our frames are the ones that the websockets library makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from realtime.framing import framed


def by_the_library(text):
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


@given(text=st.text())
def test_a_text_is_framed_as_the_library_does_it(text):
    assert framed(text) == by_the_library(text)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 70000])
def test_every_form_of_length_is_right(size):
    assert framed("x" * size) == by_the_library("x" * size)
    assert framed("é" * size) == by_the_library("é" * size)


def test_a_text_that_follows_another_is_not_taken_for_it():
    first, second = "one", "two"
    assert [framed(text) for text in (first, first, second, first)] == [by_the_library(text) for text in (first, first, second, first)]
