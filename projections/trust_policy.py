"""Which inputs there are, how often each is heard from, and which figure stands on which: `trust.toml` and a map.

A source is one feed of one input: the entries of one entity from one core system, say. Its rhythm is how long it may
be silent while it is open. Data comes in parsed; files are infra's. Not for judging: `projections.trust_judgement`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engines.primitives.errors import InvalidInput
from engines.work_calendar import WorkCalendar

GREENWICH = ZoneInfo("UTC")
DAYS_MAX = 400  # a silence longer than that is as long as it gets
ENTITY, SYSTEM = "entity", "system"


class SourceKey(NamedTuple):
    """`entity` and `system` are `-` where the input is not told apart by them, or where they are not known yet."""

    name: str
    entity: str = "-"
    system: str = "-"

    @property
    def text(self) -> str:
        return "/".join(part for part in self if part != "-")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long a source may be silent, in seconds of its open hours; None: it comes when it comes."""

    late_s: float | None = None
    silent_s: float | None = None
    opens: time = time(0)
    closes: time = time(0)  # equal to `opens`: open all day
    zone: ZoneInfo = GREENWICH
    only_workdays: bool = False

    def open_seconds(self, since: datetime, until: datetime, calendar: WorkCalendar) -> float:
        """Seconds between two aware instants in which the source is open; 0 where `until` is not later."""
        # In UTC: a difference between two instants of one zone would be of wall clocks, and miss summer time.
        since, until = since.astimezone(UTC), until.astimezone(UTC)
        whole_day = self.opens == self.closes
        if until <= since:
            return 0.0
        if whole_day and not self.only_workdays:
            return (until - since).total_seconds()
        since = max(since, until - timedelta(days=DAYS_MAX))
        day, last, total = since.astimezone(self.zone).date(), until.astimezone(self.zone).date(), 0.0
        while day <= last:
            if not self.only_workdays or calendar.is_workday(day):
                closes_on = day + timedelta(days=1) if whole_day else day
                opened = datetime.combine(day, self.opens, self.zone).astimezone(UTC)
                closed = datetime.combine(closes_on, self.closes, self.zone).astimezone(UTC)
                total += max(0.0, (min(until, closed) - max(since, opened)).total_seconds())
            day += timedelta(days=1)
        return total


@dataclass(frozen=True, slots=True)
class Input:
    """One topic as a kind of source."""

    name: str
    topic: str
    per: tuple[str, ...]  # what tells its sources apart: of entity, system
    rhythm: Rhythm
    exceptions: tuple[tuple[str, str, Rhythm], ...]  # (entity, system, rhythm), `-` for any; the first that fits
    numbered: frozenset[str]  # systems whose `source_seq` rises by one with each record

    def rhythm_of(self, key: SourceKey) -> Rhythm:
        for entity, system, rhythm in self.exceptions:
            if entity in ("-", key.entity) and system in ("-", key.system):
                return rhythm
        return self.rhythm

    def key(self, entity: str, system: str) -> SourceKey:
        return SourceKey(self.name, entity if ENTITY in self.per else "-", system if SYSTEM in self.per else "-")


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    version: int
    look_s: float  # how often the logs are looked at
    sample_records: int  # of one partition in one look, the newest
    blind_after_s: float  # without a look for so long nothing can be said
    fold_late_s: float  # a record may wait so long until the figures hold it
    fold_silent_s: float
    letters_kept_s: float  # so long a dead letter marks its source
    patience_s: float  # so long a missing number may still come
    inputs: Mapping[str, Input]  # by topic
    expected: frozenset[SourceKey]  # sources that are to come even if none of theirs was ever heard
    calendar: WorkCalendar

    @classmethod
    def parse(cls, data: Mapping[str, Any], calendar: WorkCalendar) -> "TrustPolicy":
        """The policy in a parsed `trust.toml`. Raises InvalidInput naming what is wrong."""
        try:
            inputs = [_input(one) for one in data["source"]]
            by_name = {one.name: one for one in inputs}
            expected = frozenset(
                by_name[one["source"]].key(one.get("entity", "-"), one.get("system", "-"))
                for one in data.get("expected", ())
            )
            reader = data["reader"]
            found = cls(
                version=int(data["version"]),
                look_s=float(reader["look_s"]),
                sample_records=int(reader["sample_records"]),
                blind_after_s=float(reader["blind_after_s"]),
                fold_late_s=float(reader["fold_late_s"]),
                fold_silent_s=float(reader["fold_silent_s"]),
                letters_kept_s=float(reader["dead_letters_kept_hours"]) * 3_600,
                patience_s=float(reader["missing_number_patience_s"]),
                inputs=MappingProxyType({one.topic: one for one in inputs}),
                expected=expected,
                calendar=calendar,
            )
        except (KeyError, TypeError, ValueError, ZoneInfoNotFoundError) as error:
            raise InvalidInput(f"trust policy: {error!r}", policy="trust") from error
        if min(found.look_s, found.blind_after_s, found.sample_records) <= 0 or len(by_name) != len(inputs):
            raise InvalidInput("trust policy: spans are positive, names of sources differ", policy="trust")
        if found.fold_late_s > found.fold_silent_s:
            raise InvalidInput("trust policy: late comes before silent", policy="trust", field="fold_late_s")
        return found


def _input(data: Mapping[str, Any]) -> Input:
    per = tuple(data.get("per", ()))
    if not {*per} <= {ENTITY, SYSTEM}:
        raise ValueError(f"{data['name']}: per is of entity and system, not {per}")
    exceptions = tuple(
        (one.get(ENTITY, "-"), one.get(SYSTEM, "-"), _rhythm({**data, **one})) for one in data.get("for", ())
    )
    numbered = frozenset(data.get("numbered", ()))
    return Input(data["name"], data["topic"], per, _rhythm(data), exceptions, numbered)


def _rhythm(data: Mapping[str, Any]) -> Rhythm:
    late, silent = data.get("late_s"), data.get("silent_s")
    if (late is None) != (silent is None) or (late is not None and not 0 < late <= silent):
        raise ValueError(f"{data['name']}: late_s and silent_s stand together, late first")
    opens, _, closes = str(data.get("hours", "00:00-00:00")).partition("-")
    days = data.get("days", "all")
    if days not in {"all", "working"}:
        raise ValueError(f"{data['name']}: days are all or working, not {days}")
    began, ended = time.fromisoformat(opens), time.fromisoformat(closes)
    if ended < began:
        raise ValueError(f"{data['name']}: hours that run over midnight are two sources' or none's")
    zone = ZoneInfo(str(data.get("time_zone", "UTC")))
    return Rhythm(late, silent, began, ended, zone, days == "working")
