"""A client follows only when it has had all there is: what arrives as it is about to follow is not passed over."""

import asyncio
from collections.abc import Callable

from api.metrics import Metrics
from api.sse import Hub
from api.stream_client import events
from api.stream_direct import Direct
from streams.topics import ALERT, POSITION
from tests.api_doubles import services
from tests.risk_records import alert, cut, position

WITHIN_S = 20.0


class Written(Direct):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        self.is_lost, self.on_lost = False, None
        self.chunks: list[bytes] = []

    @property
    def is_open(self) -> bool:
        return True

    def write(self, chunk: bytes) -> None:
        self.chunks.append(chunk)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(int(WITHIN_S / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


async def arrives_before_it_follows() -> tuple[str, str]:
    """Name and id of what the client gets of an alert that comes between its last look and its decision to follow."""
    ours = services(positions_interval_s=0.001)
    hub, direct = Hub(ours, Metrics(ours.live)), Written()
    hub.start()
    try:
        await until(lambda: hub.ring.vector is not None)
        client = events(hub, None, None, None, direct)
        assert (await anext(client)).name == "state"
        for offset in (9, 11):
            # It is woken for a row, and stands at it: the second one it meets after a rest, so nothing wakes it more.
            version = hub.board.version
            ours.live.feed([position(offset, 20_000 + offset), cut(POSITION, offset)])
            await until(lambda before=version: hub.board.version > before and hub.fan.rows_out.is_set())  # type: ignore[misc]
            assert (await anext(client)).name == "positions"
        ours.live.feed([alert(12, 4), cut(ALERT, 12)])
        count = hub.ring.count
        await asyncio.sleep(0)  # the hub has noted it, and nobody was told yet
        assert hub.ring.count == count + 1
        got = await anext(client)
        assert direct.chunks == []
        return got.name, got.id
    finally:
        await hub.close()


def test_an_alert_that_comes_as_a_client_is_about_to_follow_is_not_lost() -> None:
    assert asyncio.run(asyncio.wait_for(arrives_before_it_follows(), WITHIN_S)) == ("alert", "0:4,1:0")
