"""What several tests about live delivery need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
import uvloop

from accounts import groups
from realtime.layer import LoopLayer, here
from tests.servers.redis import PrivateRedis

Loops = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

# `serve` runs uvloop and `runserver` Python's own loop. They differ in what is done here to a connection's transport.
BOTH_LOOPS: Loops = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
ONE_LOOP: Loops = {"asyncio": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Loops:
    """The layer's tests run in both loops, unless one says `@pytest.mark.asyncio(loop_factories=["uvloop"])`."""
    return BOTH_LOOPS if item.path.stem in {"test_layer", "test_layer_interface", "test_layer_hosts", "test_shard"} else ONE_LOOP


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRedis]:
    """A Redis in which nobody else listens, as the workers of other tests do in the usual one."""
    with PrivateRedis(str(tmp_path_factory.mktemp("alone"))) as running:
        yield running


@pytest.fixture
async def layer(redis: PrivateRedis, configured: Callable[..., LoopLayer]) -> LoopLayer:
    """The layer as the product configures it, with this test's Redis."""
    return configured(hosts=[redis.url])


@pytest.fixture
async def returned(layer: LoopLayer) -> asyncio.Event:
    """Is set when the layer says that all is heard again."""
    event = asyncio.Event()
    layer.on_return(event.set)
    return event


@pytest.fixture
async def configured(settings: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., LoopLayer]]:
    """`configured(hosts=[…])`: the layer with another configuration, for this loop and for plain code."""
    made: list[LoopLayer] = []

    def configure(**config: Any) -> LoopLayer:
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": "realtime.layer.Layer", "CONFIG": {"prefix": "switchboard", **config}}}
        monkeypatch.setattr(groups, "_known", {})
        made.append(here())
        return made[-1]

    yield configure
    for hosts in groups._known.values():
        for host in hosts:
            host.client.close()
    for layer in made:
        await layer.flush()
