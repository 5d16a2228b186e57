"""What is known of the sources, shared between the thread that looks at the logs and those who ask.

Judged anew at most once a second, by the clock handed in, so that even a reader that hangs is noticed by who asks.
Not for reading Kafka: `streams.trust_reader`.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from projections import trust
from projections.trust import Ends, Letter, Sighting, TrustState
from projections.trust_judgement import FIGURES, FigureTrust, Judgement, judge
from projections.trust_policy import SourceKey, TrustPolicy
from streams.topics import (
    BUSINESS_DATE,
    CONTRACT,
    DEPOSIT,
    FX,
    FX_STATE,
    GAP,
    HOLDING,
    HOLDING_STATE,
    POSITION,
    PRICE,
    PRICE_STATE,
    RESERVATION,
    RESERVATION_TOTAL,
    RESERVE,
    RESERVE_TOTAL,
    TXN,
)
from streams.views import RiskView

JUDGE_S = 1.0
LETTERS_MAX = 2_000
CUT_AGE_S = 15.0  # answers of a cut as old as this are of the present still
#: The risk topics that carry what was folded of an input.
CARRIED = {
    TXN: (POSITION, DEPOSIT),
    CONTRACT: (GAP,),
    RESERVATION: (RESERVATION_TOTAL,),
    HOLDING: (HOLDING_STATE,),
    PRICE: (PRICE_STATE,),
    FX: (FX_STATE,),
    RESERVE: (RESERVE_TOTAL,),
    BUSINESS_DATE: (BUSINESS_DATE,),
}
#: Ratios of one currency need no exchange rate; those of an entity in all currencies, and the group's, do.
CONSOLIDATED = {"lcr": "consolidated-lcr", "nsfr": "consolidated-nsfr"}


def folded_of(view: RiskView) -> dict[str, int]:
    """{"topic/partition": next offset} that the view's figures hold; the least where several come of one input."""
    held: dict[str, int] = {}
    for risk in {risk for topics in CARRIED.values() for risk in topics}:
        for place, offset in view.offsets(risk).items():
            held[place] = min(offset, held.get(place, offset))
    return held


def expected_of(view: RiskView, policy: TrustPolicy) -> set[SourceKey]:
    """Sources that the figures themselves show to exist, whoever fed them."""
    entities = {
        TXN: {entity for entity, _ in view.positions_table.totals},
        CONTRACT: {entity for entity, _ in view.gap_table.totals},
        BUSINESS_DATE: {*view.business_dates},
    }
    return {
        policy.inputs[topic].key(entity, "-")
        for topic, names in entities.items()
        if topic in policy.inputs
        for entity in names
    }


class TrustBoard:
    """The present judgement. Thread-safe."""

    def __init__(self, policy: TrustPolicy, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.policy = policy
        self.version = 0  # grows whenever a state or its reasons changed
        self._clock = clock
        self._state = TrustState()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._judgement = judge(self._state, policy, clock())
        self._cuts: list[tuple[datetime, Ends]] = []  # what the figures held, oldest first
        self._letters: dict[str, Letter] = {}

    def note(
        self,
        sightings: Iterable[Sighting],
        letters: Iterable[Letter],
        expected: Iterable[SourceKey],
    ) -> None:
        """What one look found in the logs."""
        with self._lock:
            trust.take(self._state, sightings)
            trust.expect(self._state, {*expected, *self.policy.expected}, self._clock())
            told = list(letters)
            trust.take_letters(self._state, told)
            self._letters |= {one.id: one for one in told}
            for old in list(self._letters)[: max(0, len(self._letters) - LETTERS_MAX)]:
                del self._letters[old]

    def looked(self, ends: Ends, folded: Ends, skipped: Iterable[str] = ()) -> None:
        """All logs were looked at just now: where they end, and what the figures hold of them."""
        with self._lock:
            now = self._clock()
            trust.look(self._state, now, ends, folded, skipped)
            self._cuts.append((now, dict(folded)))
            while len(self._cuts) > 1 and (now - self._cuts[1][0]).total_seconds() > CUT_AGE_S:
                self._cuts.pop(0)
        self.refresh()

    def refresh(self) -> None:
        """Judge now, and tell the listeners if anything turned."""
        with self._lock:
            before, self._judgement = self._judgement, judge(self._state, self.policy, self._clock())
            turned = before.states() != self._judgement.states()
            self.version += turned
            listeners = tuple(self._listeners) if turned else ()
        for listener in listeners:
            listener()

    def judgement(self) -> Judgement:
        """Not older than a second by the clock."""
        if abs((self._clock() - self._judgement.at).total_seconds()) > JUDGE_S:
            self.refresh()
        return self._judgement

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Called after a change, on the thread that noticed it; returns how to stop that."""
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return stop

    def letters(self) -> list[tuple[Letter, bool]]:
        """The newest dead letters, newest first, each with whether its record was sent again."""
        with self._lock:
            return [(one, one.id in self._state.retried) for one in reversed(self._letters.values())]

    def is_present(self, offsets: Mapping[str, int]) -> bool:
        """Whether a figure of this cut is one of now: of a past cut nothing can be said here."""
        oldest = self._cuts[0][1] if self._cuts else {}
        return all(offset >= oldest.get(place, 0) for place, offset in offsets.items())

    def of(
        self, figure: str, entities: frozenset[str] | None = None, also: tuple[str, ...] = ()
    ) -> FigureTrust | None:
        """The trust in a figure by its name in the API (`gap/…` is the gap); None: not a figure of sources."""
        name = figure_name(figure)
        return None if name is None else self.judgement().of(name, entities, also)


def figure_name(asked: str) -> str | None:
    """The name in the map of figures of what an answer calls itself."""
    name = "limits" if asked in {"reports/daily", "reverse-stress"} else asked
    name = name.removeprefix("ratios/")
    name = "consolidated-lcr" if name == "ratios" else CONSOLIDATED.get(name, name)
    while name not in FIGURES and "/" in name:
        name = name.rpartition("/")[0]
    return name if name in FIGURES else None
