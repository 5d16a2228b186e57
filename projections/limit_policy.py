"""Which limits are watched, and how an alert comes and goes: `limits.toml` beyond the limits themselves (LIQ-36, 37).

Data comes in parsed; files are infra's. Not for the limit's arithmetic, which is `engines.limits`, nor for noticing
a crossing, which is `projections.limit_watch`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from engines.limit_breaches import Bands
from engines.limits import Limit
from engines.primitives.errors import InvalidInput

#: Ratios bind an entity and the group. Ratios of one currency are told for monitoring (BCBS 238 paragraph 209), and
#: a limit on them has to ask for it.
RATIOS = ("lcr", "nsfr")
AMOUNTS = ("position", "projected_eod", "available_position", "cumulative_gap_minimum")
METRICS = (*RATIOS, *AMOUNTS)
SCOPES = ("currency", "entity", "group")
_MICROSECONDS = 1_000_000


class TotalKey(NamedTuple):
    """What a total is of. `scope` is currency, entity or group; the group's entity is `-`."""

    metric: str
    scope: str
    entity: str
    currency: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A limit with what makes an alert of it. `plan`: a hard breach proposes a contingency plan."""

    limit: Limit
    scopes: frozenset[str]
    place: Mapping[str, str]  # entity, currency, where the limit names one
    bands: Bands
    clear_interval_us: int  # readings nearer than this count as one
    arming_us: int  # a figure that is beyond its limit when first seen is still loading for so long
    policy_ref: str
    owner: str
    deadline_days: int
    plan: bool
    valid_from: date
    valid_to: date

    def binds(self, key: TotalKey, as_of: date) -> bool:
        place = {"entity": key.entity, "currency": key.currency}
        return (
            self.limit.metric == key.metric
            and key.scope in self.scopes
            and self.valid_from <= as_of <= self.valid_to
            and all(place[name] == member for name, member in self.place.items())
        )


@dataclass(frozen=True, slots=True)
class LargeWithdrawal:
    """A large outflow counts as one of liquidity from this share of what the entity could raise in its currency."""

    rule_id: str
    share: Fraction
    place: Mapping[str, str]
    policy_ref: str
    owner: str
    plan: bool

    def binds(self, entity: str, currency: str) -> bool:
        place = {"entity": entity, "currency": currency}
        return all(place[name] == member for name, member in self.place.items())


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """`name` is the version that every alert and its id carry."""

    name: str
    limits: tuple[Watched, ...]
    withdrawals: tuple[LargeWithdrawal, ...]

    @classmethod
    def parse(
        cls, data: Mapping[str, Any], limits: Sequence[Limit], places: Mapping[str, Mapping[str, str]]
    ) -> "WatchPolicy":
        """From the parsed policy file and the limits already read from it, in its order.

        Raises:
            InvalidInput: `record` is the entry, as `limit[2]`: an unknown metric or scope, an amount without a
            currency, hysteresis that cannot be.
        """
        defaults = data.get("watch", {})
        watched = [
            _watched(defaults | entry, limit, places[limit.limit_id], f"limit[{at}]")
            for at, (entry, limit) in enumerate(zip(data.get("limit", ()), limits, strict=True))
            if entry.get("alert", True)
        ]
        withdrawals = [
            _withdrawal(defaults | entry, f"large_withdrawal[{at}]")
            for at, entry in enumerate(data.get("large_withdrawal", ()))
        ]
        return cls(str(data.get("name", "-")), tuple(watched), tuple(withdrawals))


def _watched(entry: Mapping[str, Any], limit: Limit, place: Mapping[str, str], record: str) -> Watched:
    is_ratio = limit.metric in RATIOS
    if limit.metric not in METRICS:
        raise _wrong(record, "metric", f"want one of {', '.join(METRICS)}")
    if not is_ratio and "currency" not in place:
        raise _wrong(record, "currency", "an amount needs a currency")
    scopes = frozenset(entry.get("scopes", ("entity", "group") if is_ratio else ("currency",)))
    if not scopes or not scopes <= set(SCOPES) or (not is_ratio and scopes != {"currency"}):
        raise _wrong(record, "scopes", "want some of currency, entity and group; for an amount currency alone")
    try:
        edges = (limit.amber_headroom, Fraction(0)) if limit.amber_headroom > 0 else (Fraction(0),)
        bands = Bands(edges, Fraction(entry.get("margin", "0")), int(entry.get("clear_readings", 3)))
        bands.check()
        return Watched(
            limit,
            scopes,
            place,
            bands,
            int(entry.get("clear_interval_s", 0)) * _MICROSECONDS,
            int(entry.get("arming_s", 0)) * _MICROSECONDS,
            str(entry.get("policy_ref", "-")),
            str(entry.get("owner", "-")),
            int(entry.get("deadline_days", 0)),
            bool(entry.get("plan", False)),
            entry.get("valid_from", date.min),
            entry.get("valid_to", date.max),
        )
    except (ValueError, TypeError) as error:
        raise _wrong(record, "margin", str(error)) from error
    except InvalidInput as error:
        raise _wrong(record, str(error.facts.get("field", "margin")), str(error)) from error


def _withdrawal(entry: Mapping[str, Any], record: str) -> LargeWithdrawal:
    try:
        rule_id, share = str(entry["rule_id"]), Fraction(entry["share"])
    except KeyError as error:
        raise _wrong(record, str(error.args[0]), "is missing") from error
    except (ValueError, TypeError) as error:
        raise _wrong(record, "share", str(error)) from error
    if share <= 0:
        raise _wrong(record, "share", "must be above zero")
    place = {name: str(entry[name]) for name in ("entity", "currency") if name in entry}
    return LargeWithdrawal(
        rule_id,
        share,
        place,
        str(entry.get("policy_ref", "-")),
        str(entry.get("owner", "-")),
        bool(entry.get("plan", False)),
    )


def _wrong(record: str, field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{record}: {field}: {message}", field=field, record=record)
