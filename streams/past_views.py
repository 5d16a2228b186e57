"""The whole view as it was: at an offset vector, or at an instant, folded again by the worker's own folds.

An instant stands for the records that the logs had taken before it, by the broker's clock (decision S4). What the
page showed then may have lagged behind by a tick; the cut recorded nearest below says where it stood. Not for what
figures mean: whoever asks reads the view as if it were live.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from engines.primitives.errors import InvalidInput, NotFound
from infra.snapshots import LocalSnapshotStore, LogPartition
from projections.transactions import TransactionState
from streams import topics
from streams.change_reader import OffsetsAt, Place
from streams.folders import Folder
from streams.past_alerts import ALERTED, show_folded_alerts, show_told_alerts
from streams.past_figures import (
    Accounts,
    AccountSums,
    KnownLogs,
    States,
    account_rows,
    parse_place,
    show_dates,
    show_decisions,
    show_state,
)
from streams.views import SOURCE_TOPIC, AsOf, Filters, RiskView

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR_FUTURE_MS = 2**52
SINGLE_PLACES = ((topics.BUSINESS_DATE, 0), (topics.AUDIT, 0), (topics.CUT, 0))
#: How alerts come into a past view: as the alert topic tells them, or raised again by the folds from the log's start.
AlertsFrom = Literal["nowhere", "topic", "folds"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A cut of all logs: {"topic/partition": next offset}.

    `of_topic`: offsets of single risk topics where these stood apart from the others of their source. `days`: dates
    of entities for whom no business date is told in the logs at this cut.
    """

    offsets: Mapping[str, int]
    of_topic: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    days: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PastReader:
    """Views of past moments. `unaided` folds from the log's start, whatever snapshots there are; `flowless` judges no
    large flows, which takes less time."""

    replay: States
    logs: KnownLogs
    offsets_at: OffsetsAt
    unaided: States | None = None
    flowless: States | None = None
    folders: Mapping[str, Folder] = field(default_factory=dict)

    def vector_at(self, instant: datetime, sources: Sequence[str]) -> dict[str, int]:
        """What the logs of these source topics held before `instant`.

        Raises InvalidInput: an instant without its offset from UTC. Unavailable: Kafka does not answer.
        """
        if instant.tzinfo is None:
            raise InvalidInput("an instant needs its offset from UTC, as Z", field="at")
        places = [place for place in (*sorted(self.logs.all()), *SINGLE_PLACES) if place[0] in sources]
        # Kafka keeps whole milliseconds: a record of a millisecond counts once that has passed.
        found = self.offsets_at(places, -((_EPOCH - instant) // timedelta(milliseconds=1)))
        return {f"{topic}/{partition}": offset for (topic, partition), offset in sorted(found.items())}

    def view(
        self,
        moment: Moment,
        *,
        alerts: AlertsFrom = "nowhere",
        from_start: bool = False,
        wanted: Collection[str] | None = None,
    ) -> tuple[RiskView, Accounts]:
        """`wanted`: the risk topics that are asked for; states that publish none of them are left alone.

        Raises InvalidInput, NotFound: the vector does not fit the logs.
        """
        replay, outputs = self.replay, frozenset(SOURCE_TOPIC if wanted is None else wanted)
        if from_start and self.unaided is not None:
            replay = self.unaided
        elif topics.WITHDRAWAL not in outputs and self.flowless is not None:
            replay = self.flowless
        view, transactions = RiskView(), list[TransactionState]()
        ends = {parse_place(place): offset for place, offset in moment.offsets.items()}
        known = {place for place in ends if place[0] == topics.CUT}
        for topic, show in ((topics.BUSINESS_DATE, show_dates), (topics.AUDIT, show_decisions)):
            for place in [one for one in ends if one[0] == topic]:
                show(view, replay, ends[place])
                known.add(place)
        idle = {source for topic, source in SOURCE_TOPIC.items() if topic not in outputs}
        idle -= {source for topic, source in SOURCE_TOPIC.items() if topic in outputs}
        folded = {place: end for place, end in ends.items() if place not in known and place[0] not in idle}
        for named, risk_topics in _by_offset(folded, moment.of_topic, outputs):
            for folder, where, state in replay.states(self.logs.all(), named):
                show_state(view, folder, where, state, risk_topics)
                if folder.topic == topics.TXN and topics.POSITION in risk_topics:
                    transactions.append(state)
        for place, end in sorted(ends.items()):
            if place[0] in ALERTED and alerts != "nowhere":
                self._show_alerts(view, replay, place, end, alerts)
        view.business_dates = {**moment.days, **view.business_dates}
        if view.undecodable:
            raise NotFound(f"a past record cannot be read: {view.undecodable_last}", field="at_offsets")

        def accounts(as_of: AsOf, filters: Filters) -> tuple[Mapping[str, int], Sequence[AccountSums]]:
            mine = {place: end for place, end in moment.offsets.items() if parse_place(place)[0] == topics.TXN}
            return mine, [row for state in transactions for row in account_rows(state, as_of, filters)]

        return view, accounts

    def _show_alerts(self, view: RiskView, replay: States, place: Place, end: int, alerts: AlertsFrom) -> None:
        if alerts == "topic":
            told = (topics.ALERT, place[1])
            newest = self.offsets_at([told], FAR_FUTURE_MS)[told]
            show_told_alerts(view, replay.raw(*told, newest), place, end)
            return
        folder, where = self.folders.get(place[0]), self.logs.all().get(place)
        if folder is None:
            raise NotFound(f"{place[0]} raises no alerts here", field="at_offsets")
        log = "" if where is None else f"{where.cluster_id}/{where.topic_id}"
        show_folded_alerts(view, folder, replay.raw(*place, end), place, log, end)


class NoSnapshots(LocalSnapshotStore):
    """A store in which nothing is found: a replay from the log's start trusts no snapshot."""

    def __init__(self) -> None:
        super().__init__(Path("no-snapshots"))

    def newest(self, log: LogPartition, state: str) -> None:
        return None

    def newest_at_or_below(self, log: LogPartition, state: str, offset: int) -> None:
        return None


def _by_offset(
    folded: Mapping[Place, int], of_topic: Mapping[str, Mapping[str, int]], outputs: frozenset[str]
) -> list[tuple[dict[Place, int], frozenset[str]]]:
    """Offset vectors with the risk topics to take from each: one vector, and one more for each place apart."""
    apart = {
        (topic, parse_place(place)): offset
        for topic, places in sorted(of_topic.items())
        for place, offset in sorted(places.items())
        if parse_place(place) in folded
    }
    found: list[tuple[dict[Place, int], frozenset[str]]] = []
    moved = {place for _, place in apart}
    found.append(({place: end for place, end in folded.items() if place not in moved}, outputs))
    for place in sorted(moved):
        own = {topic: offset for (topic, where), offset in apart.items() if where == place}
        found.append(({place: folded[place]}, outputs - own.keys()))
        found += [({place: offset}, frozenset({topic})) for topic, offset in own.items()]
    return found
