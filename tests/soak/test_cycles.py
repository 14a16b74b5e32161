"""A socket or an event stream that has come and gone leaves nothing behind."""

import asyncio
import statistics

import psutil
import pytest
import redis as redis_py
from websockets.asyncio.client import connect

from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.streams import PATH

AT_ONCE = 8
LAPS = 10
SPARE = (30, 10, 0)
"""Files, clients and channels that may be held more than at the beginning; a leak would hold one for each of hundreds."""


@pytest.fixture
def cycles(request):
    return 10_000 if request.config.getoption("--long-soak") else 500


async def speak(site, bearer):
    """Open a socket, be greeted, speak, and leave."""
    async with connect(f"{site.ws_url}/api/v1/ws?token={bearer}", compression=None, proxy=None) as socket:
        await socket.recv()  # connected
        await socket.send('{"type":"ping","timestamp":1}')
        while '"pong"' not in await socket.recv():  # a heartbeat, perhaps
            pass


async def listen(site, bearer):
    """Ask for a stream, be greeted, and hang up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"GET {PATH}?token={bearer} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readuntil(b"event: connected\n")
    writer.close()
    await writer.wait_closed()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("come", [speak, listen])
async def test_connecting_speaking_and_leaving_costs_no_memory_files_or_clients_of_redis(servers, mia, token, tmp_path, cycles, come):
    env = {"WS_HEARTBEAT_INTERVAL": "30", "WS_MAX_CONNECTIONS_PER_USER": "0"}
    with PrivateRedis(tmp_path) as redis, servers.serve(env={**env, "REDIS_URL": redis.url}) as site:
        worker = psutil.Process(site.workers()[0])
        bearer = token(mia)

        async def lap(count):
            turns = asyncio.Semaphore(AT_ONCE)

            async def cycle():
                async with turns:
                    await come(site, bearer)

            await asyncio.gather(*(cycle() for _ in range(count)))

        def held():
            with redis_py.Redis.from_url(redis.url) as client:
                return worker.num_fds(), len(client.client_list()) - 1, len(client.pubsub_channels())

        await lap(cycles // LAPS)  # whatever is made once is made now
        before = held()
        memory = [worker.memory_full_info().uss]
        for _ in range(LAPS):
            await lap(cycles // LAPS)
            memory.append(worker.memory_full_info().uss)
        # Threads keep their connections to SQLite for a while, and a pool grows to what was needed at once.
        until(lambda: all(now <= then + more for now, then, more in zip(held(), before, SPARE, strict=True)), what=f"about {before} are held again")
        after = held()

    slope = statistics.linear_regression(range(len(memory)), memory).slope / (cycles // LAPS)
    print(f"\n{cycles} cycles: {slope:.0f} bytes a cycle, {memory[0] / 2**20:.1f} → {memory[-1] / 2**20:.1f} MiB; files, clients, channels {before} → {after}")
    # An open socket has 20,000 bytes of its own. Short runs show less than long ones, because caches still fill.
    assert slope < (500 if cycles == 10_000 else 10_000)
