"""A bank in memory that also publishes: alerts of large flows, recorded cuts, and the alerts on limits they lead to.

What the worker and the sequencer leave in Kafka, from the real folds, for whoever reads the past. `logs()` is all of
it as `streams.counterfactual_past.PastLogs`: reading functions over a copy, so that nothing is written through them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from engines.factor_tables import parse_factor_policy
from infra.policies import load_policy
from infra.snapshots import StoredSnapshot
from projections.deposit_insurance import DepositInsurance
from projections.large_flow_policy import LargeFlowPolicy
from projections.limit_policy import WatchPolicy
from streams import topics
from streams.counterfactual_past import PastLogs, Place
from streams.cut_folder import CutFolder
from streams.cut_picture import LeastGaps, take_picture
from streams.cut_sequencer import CutMaker
from streams.feeds.event import Event
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.folders import Absorbed, Folder, TransactionFolder, source_of
from streams.ratio_limits import parse_limits
from streams.ratio_policy import RatioPolicy
from streams.raw_batch import RawBatch
from streams.schemas import Source
from streams.views_wire import Record
from tests.live_bank import APPENDED_US, LOG, LiveBank, live_folders

START = datetime(2026, 3, 16, 1, tzinfo=UTC)
SECOND_US = 1_000_000
POLICIES = ("large_flow", "limits", "lcr", "nsfr", "live_liquidity")


def policies(**changed: Any) -> dict[str, dict[str, Any]]:
    """The shipped policies, whole ones replaced."""
    return {name: load_policy(name) for name in POLICIES} | changed


@cache
def simulated_day() -> "RecordedBank":
    """The first hours of a simulated day; read only."""
    source = SimulatedBank(Simulation(3, date(2026, 3, 16), 5_000, 500, treasury=True))
    return RecordedBank().play(islice(source.events(), source.opening_events + 2_600))


class _Telling(TransactionFolder):
    """Keeps the alerts of each batch for whoever publishes them."""

    def __init__(self, policy: LargeFlowPolicy, horizon_days: int, insurance: DepositInsurance) -> None:
        super().__init__(policy, horizon_days, insurance)
        self.raised: list[Any] = []

    def absorb(self, state: Any, raw: RawBatch) -> Absorbed:
        absorbed = super().absorb(state, raw)
        self.raised += absorbed.at_once
        return absorbed


@dataclass
class RecordedBank:
    """`play` feeds events in chunks, each with a tick and a cut a second after the one before."""

    data: Mapping[str, Mapping[str, Any]] = field(default_factory=policies)
    partitions: int = 2
    horizon_days: int = 40_000
    now: datetime = START

    def __post_init__(self) -> None:
        insurance = DepositInsurance.parse(self.data["live_liquidity"])
        self.telling = _Telling(LargeFlowPolicy.parse(self.data["large_flow"]), self.horizon_days, insurance)
        folders: dict[str, Folder] = live_folders(self.horizon_days) | {topics.TXN: self.telling}
        self.bank = LiveBank(self.partitions, folders=folders)
        self.watch = WatchPolicy.parse(self.data["limits"], *parse_limits(self.data["limits"]))
        tables = {name: parse_factor_policy(name, self.data[name]) for name in ("lcr", "nsfr")}
        live, limits = self.data["live_liquidity"], self.data["limits"]
        self.ratios = RatioPolicy.parse(live, tables["lcr"], tables["nsfr"], limits)
        self.maker, self.gaps = CutMaker(1, {}, quiet_interval_s=1), LeastGaps()
        self.cut_folder = CutFolder(self.watch)
        self.cut_state = self.cut_folder.empty()
        self.vectors: list[dict[Place, int]] = []  # the ends of all logs after each chunk

    def play(self, events: Iterable[Event], chunk: int = 200) -> "RecordedBank":
        waiting: list[Event] = []
        for event in events:
            waiting.append(event)
            if len(waiting) == chunk:
                self.step(waiting)
                waiting = []
        if waiting:
            self.step(waiting)
        return self

    def step(self, events: Sequence[Event] = (), seconds: float = 1) -> None:
        """Feed, tell alerts, record a cut and judge it."""
        self.now += timedelta(seconds=seconds)
        self.bank.feed(event for event in events if event.topic in (*topics.FOLDED, topics.BUSINESS_DATE))
        self._tell_alerts()
        picture = take_picture(self.bank.view, self.ratios, self.maker.alert_vector, self.gaps, self.watch)
        cut = self.maker.make(picture, self.now)
        if cut is not None:
            self.maker.written(cut, picture, self.now)
            self._log(topics.CUT, 0).append(msgspec.json.encode(cut))
            self._judge_cuts()
        self.vectors.append({place: len(log) for place, log in self.bank.logs.items()})

    def _log(self, topic: str, partition: int) -> list[bytes]:
        return self.bank.logs.setdefault((topic, partition), [])

    def _tell_alerts(self) -> None:
        raised, self.telling.raised = self.telling.raised, []
        for place, state in self.bank.states.items():
            if place[0] == topics.TXN:
                mine = [one for one in raised if self._is_of(state, one)]
                self._publish(place[1], self.telling.publish_at_once(Absorbed([], mine), self._source(state, place)))

    @staticmethod
    def _is_of(state: Any, alert: Any) -> bool:
        return any(key is alert.position_key for key in state.positions.keys)

    def _source(self, state: Any, place: Place) -> Source:
        return source_of(self.telling, state, place[1], LOG)

    def _publish(self, partition: int, found: Sequence[Any]) -> None:
        for output in found:
            self._log(topics.ALERT, partition).append(output.value)
            self.bank._publish(Record(topics.ALERT, partition, 0, output.key, output.value))
        if found:
            tick = msgspec.json.decode(found[-1].value)["source"]
            cut = {
                "source": tick, "from_offset": 0, "count": len(found), "appended_at": None,
                "business_time": None, "statistics": {},
            }  # fmt: skip
            value = msgspec.json.encode(cut)
            self._log(topics.ALERT, partition).append(value)
            self.bank._publish(Record(topics.ALERT, partition, 0, b"cut", value))

    def _judge_cuts(self) -> None:
        log = self._log(topics.CUT, 0)
        for raw in batches_of(self.bank.logs, len(log))(topics.CUT, 0, self.cut_state.next_offset, len(log)):
            absorbed = self.cut_folder.absorb(self.cut_state, raw)
            assert not absorbed.refusals
            source = Source(topic=topics.CUT, partition=0, offset=self.cut_state.next_offset, log=LOG, fold=1)
            self._publish(0, self.cut_folder.publish_at_once(absorbed, source))

    # -- the past ---------------------------------------------------------------------------------------------

    def logs(
        self, size: int = 700, snapshot: Callable[[Place, int], StoredSnapshot | None] = lambda _place, _offset: None
    ) -> PastLogs:
        held = {place: tuple(log) for place, log in self.bank.logs.items()}

        def bounds(names: Iterable[str]) -> dict[Place, tuple[int, int]]:
            wanted = set(names)
            keyed = {name: 1 if name in (*topics.SINGLE, topics.CUT, topics.BUSINESS_DATE) else self.partitions
                     for name in wanted}  # fmt: skip
            return {
                (name, number): (0, len(held.get((name, number), ())))
                for name, count in sorted(keyed.items())
                for number in range(count)
            }

        def offsets_at(places: Sequence[Place], milliseconds: int) -> dict[Place, int]:
            raise AssertionError("this log has no clock")

        return PastLogs(batches_of(held, size), bounds, offsets_at, snapshot, self.horizon_days)

    def period(self, first: int, last: int) -> tuple[dict[str, int], dict[str, int]]:
        """Offset vectors between two chunks, for a question."""
        start, end = (
            {f"{topic}/{partition}": offset for (topic, partition), offset in self.vectors[at].items()}
            for at in (first, last)
        )
        return start, end


def batches_of(
    logs: Mapping[Place, Sequence[bytes]], size: int
) -> Callable[[str, int, int, int], Iterator[RawBatch]]:
    def batches(topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
        log = logs.get((topic, partition), ())
        for low in range(start, end, size):
            high = min(low + size, end)
            offsets = np.arange(low, high, dtype=np.int64)
            times = np.full(high - low, APPENDED_US, np.int64)
            yield RawBatch.of_values(low, high, offsets, list(log[low:high]), times)

    return batches
