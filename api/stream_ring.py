"""The newest alerts as the hub heard of them, each with the resume vector after it and its bytes.

One reader of the view for thousands of clients: a client asks the view itself only when it is behind the ring. The
order is that in which the view applied them; inside a lane that is the order of sequences, so that every vector is
true. An alert that fills a hole late is no news to anyone who is past it, here as in `AlertBook.after`.
"""

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from api.stream_events import Choice, Event, Frame, frame_of
from streams.views_alerts import Vector, vector_text
from streams.views_wire import Alert

RING_ALERTS = 4_096


class Raised:
    """One alert in the ring."""

    __slots__ = ("_raw", "alert", "number", "vector")

    def __init__(self, alert: Alert, number: int, vector: Vector) -> None:
        self.alert, self.number, self.vector = alert, number, vector
        self._raw = b""

    @property
    def raw(self) -> bytes:
        """As JSON; made when the first client wants it: a view that catches up has many that nobody does."""
        if not self._raw:
            self._raw = msgspec.json.encode(self.alert)
        return self._raw

    def event(self, vector: Vector) -> Event:
        return Event("alert", self.alert, vector_text(vector), self.raw)


class Ring:
    """On the event loop only. `vector` None: it does not know yet where it begins."""

    def __init__(self, size: int = RING_ALERTS) -> None:
        self._kept: deque[Raised] = deque()
        self._size = size
        self._start: Vector = {}  # before the oldest kept
        self.vector: Vector | None = None  # after the newest
        self.count = 0  # of all ever added: the number of the newest

    def begin(self, vector: Mapping[int, int]) -> None:
        self._kept.clear()
        self._start = self.vector = dict(vector)

    def forget(self) -> None:
        """The view was replaced: what it holds now is not known."""
        self._kept.clear()
        self.vector = None

    def add(self, alerts: Iterable[Alert]) -> list[Raised]:
        """Those that are new, in their order."""
        added: list[Raised] = []
        assert self.vector is not None  # noqa: S101 - the hub waits until it has begun
        for alert in alerts:
            if alert.sequence <= self.vector.get(alert.lane, -1):
                continue
            self.vector = self.vector | {alert.lane: alert.sequence}
            self.count += 1
            added.append(Raised(alert, self.count, self.vector))
        self._kept.extend(added)
        while len(self._kept) > self._size:
            self._start = self._kept.popleft().vector
        return added

    def after(self, cursor: Mapping[int, int]) -> list[Raised] | None:
        """What a client at `cursor` lacks; None: it lacks what the ring no longer has."""
        if self.vector is None or any(newest > cursor.get(lane, -1) for lane, newest in self._start.items()):
            return None
        if all(cursor.get(lane, -1) >= newest for lane, newest in self.vector.items()):
            return []
        return [one for one in self._kept if one.alert.sequence > cursor.get(one.alert.lane, -1)]

    def is_at_end(self, cursor: Mapping[int, int]) -> bool:
        return self.vector == {lane: sequence for lane, sequence in cursor.items() if sequence >= 0}


class Chunk:
    """New alerts on their way to all clients that had all before them."""

    __slots__ = ("_frames", "last", "raised", "vector")

    def __init__(self, raised: list[Raised]) -> None:
        self.raised, self.last, self.vector = raised, raised[-1].number, raised[-1].vector
        self._frames: dict[tuple[Choice, int], Frame | None] = {}

    def frame(self, choice: Choice, at: int) -> Frame | None:
        """For a client that has had all up to number `at`; None: it wants none of the others."""
        key = (choice, max(at, self.raised[0].number - 1))
        if key not in self._frames:
            wanted = [one.event(one.vector) for one in self.raised if one.number > at and choice.wants(one.alert)]
            self._frames[key] = frame_of(wanted) if wanted else None
        return self._frames[key]
