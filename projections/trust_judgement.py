"""Which figures can be trusted now: each source judged by its rhythm, each figure by the worst of its sources.

Pure: what is known, the policy and the moment in, states out. With nothing new, time only worsens a state within
open hours; one more source, letter or missing number never betters one. Not for knowing (`projections.trust`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from projections.trust import SourceState, TrustState
from projections.trust_policy import SourceKey, TrustPolicy


class State(IntEnum):
    """From best to worst. UNKNOWN is the worst: the others are at least known."""

    FRESH = 0
    LATE = 1
    DAMAGED = 2  # dead letters, or numbers that are missing: the figure lacks something for good
    SILENT = 3  # blind: the world may have moved, and nobody told us
    UNKNOWN = 4


_ENTRIES = ("entries", "business-dates")
_POSITIONS = (*_ENTRIES, "reservations")
_GAP = ("contracts", "business-dates")
_RATIOS = ("entries", "contracts", "holdings", "prices", "reserves", "business-dates")
_LEDGERS = ("decisions",)

#: The inputs that each figure stands on. `lcr` and `nsfr` are of one currency; consolidated ones add exchange rates.
FIGURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "positions": _POSITIONS,
        "positions-by-date": ("entries",),
        "withdrawals": (*dict.fromkeys((*_POSITIONS, *_RATIOS, "rates")),),
        "gap": _GAP,
        "lcr": _RATIOS,
        "nsfr": _RATIOS,
        "consolidated-lcr": (*_RATIOS, "rates"),
        "consolidated-nsfr": (*_RATIOS, "rates"),
        "liquid-assets": ("holdings", "prices", "reserves", "entries", "business-dates"),
        "limits": (*dict.fromkeys((*_POSITIONS, *_GAP, *_RATIOS, "rates", "cuts")),),
        "alerts": ("entries", "cuts"),
        "recoveries": ("decisions", "business-dates"),
        "ledgers": _LEDGERS,
    }
)


class Verdict(NamedTuple):
    """`reasons` are codes: silent, late, not-folded, dead-letters, missing-numbers, never-heard, blind."""

    key: SourceKey
    state: State
    reasons: tuple[str, ...]
    silence_s: float  # in open hours
    late_s: float | None
    silent_s: float | None
    newest_event: str | None
    newest_append: datetime | None
    lag_records: int
    waiting_s: float  # how long the oldest record has waited to be folded
    dead_letters: int
    missing_numbers: int


class FigureTrust(NamedTuple):
    """`sources`: those that are not fresh, worst first."""

    figure: str
    entity: str
    state: State
    sources: tuple[SourceKey, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    at: datetime
    verdicts: Mapping[SourceKey, Verdict]
    topics: Mapping[str, str]  # input name -> topic

    def of(self, figure: str, entities: frozenset[str] | None = None, also: tuple[str, ...] = ()) -> FigureTrust:
        """The trust in `figure` over these entities (None: all); one that stands on no known source is UNKNOWN.
        `also`: inputs that one answer stands on besides, as the rates that it is converted at."""
        inputs = (*FIGURES[figure], *also)
        on = [v for v in self.verdicts.values() if v.key.name in inputs and _touches(v.key, entities)]
        worst = max((v.state for v in on), default=State.UNKNOWN)
        doubtful = sorted((v for v in on if v.state > State.FRESH), key=lambda v: (-v.state, v.key))
        entity = next(iter(entities)) if entities is not None and len(entities) == 1 else "-"
        return FigureTrust(figure, entity, worst, tuple(v.key for v in doubtful))

    def entities(self) -> list[str]:
        return sorted({key.entity for key in self.verdicts} - {"-"})

    def states(self) -> dict[SourceKey, tuple[State, tuple[str, ...]]]:
        """What a reader is told anew when it differs."""
        return {key: (verdict.state, verdict.reasons) for key, verdict in self.verdicts.items()}


def _touches(key: SourceKey, entities: frozenset[str] | None) -> bool:
    return entities is None or key.entity == "-" or key.entity in entities


def judge(state: TrustState, policy: TrustPolicy, now: datetime) -> Judgement:
    """Every source as it stands at `now`."""
    blind = state.looked_at is None or (now - state.looked_at).total_seconds() > policy.blind_after_s
    topics = {one.name: topic for topic, one in policy.inputs.items()}
    verdicts = {}
    for key, source in sorted(state.sources.items()):
        if key.name in topics:
            waits = _waiting(state, topics[key.name], now)
            verdicts[key] = _verdict(key, source, policy, now, blind, waits, state.retried)
    return Judgement(now, MappingProxyType(verdicts), MappingProxyType(topics))


def _verdict(
    key: SourceKey,
    source: SourceState,
    policy: TrustPolicy,
    now: datetime,
    blind: bool,
    waits: tuple[int, float],
    retried: Iterable[str],
) -> Verdict:
    rhythm = next(one for one in policy.inputs.values() if one.name == key.name).rhythm_of(key)
    last = source.newest_append or source.watched_since
    silence_s = rhythm.open_seconds(last, now, policy.calendar)
    kept_since = now - timedelta(seconds=policy.letters_kept_s)
    letters = sum(at > kept_since for name, at in source.letters.items() if name not in retried)
    missing = source.numbers.missing_since(now - timedelta(seconds=policy.patience_s))
    lag_records, waiting_s = waits
    found: dict[str, State] = {}
    if rhythm.late_s is not None and rhythm.silent_s is not None and silence_s > rhythm.late_s:
        is_silent = silence_s > rhythm.silent_s
        found["silent" if is_silent else "late"] = State.SILENT if is_silent else State.LATE
    if waiting_s > policy.fold_late_s:
        found["not-folded"] = State.SILENT if waiting_s > policy.fold_silent_s else State.LATE
    if letters:
        found["dead-letters"] = State.DAMAGED
    if missing:
        found["missing-numbers"] = State.DAMAGED
    if source.newest_append is None and rhythm.silent_s is not None:
        found["never-heard"] = State.UNKNOWN
    if blind:
        found["blind"] = State.UNKNOWN
    return Verdict(
        key=key,
        state=max(found.values(), default=State.FRESH),
        reasons=tuple(found),
        silence_s=silence_s,
        late_s=rhythm.late_s,
        silent_s=rhythm.silent_s,
        newest_event=source.newest_event,
        newest_append=source.newest_append,
        lag_records=lag_records,
        waiting_s=waiting_s,
        dead_letters=letters,
        missing_numbers=missing,
    )


def _waiting(state: TrustState, topic: str, now: datetime) -> tuple[int, float]:
    """(records not folded yet, seconds the oldest has waited) over the partitions of a topic."""
    places = [place for place in state.folding if place.rpartition("/")[0] == topic]
    since = [at for place in places if (at := state.folding[place].waiting_since) is not None]
    lag_records = sum(state.lag_records.get(place, 0) for place in places)
    return lag_records, max(0.0, (now - min(since)).total_seconds()) if since else 0.0
