"""What an alert on a limit leads to by itself: the breach's case, a contingency plan proposed (LIQ-36, 40).

A pure reading of the alert; ids of commands derive from the alert's, so that whoever follows an alert again stores
nothing twice. A person explains, waives, approves and closes: the system opens, restores and proposes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any
from uuid import UUID, uuid5

from aggregates.process_managers.wanted import Wanted
from projections.limit_cuts import WITHDRAWAL, as_fraction
from projections.limit_policy import RATIOS
from streams.limit_funding import FundingPolicy
from streams.schemas import Alert, LimitFacts

BREACH, PLAN = "LimitBreach", "ContingencyPlan"
NOBODY = "-"
_VALUE_DIGITS = 12  # of a number that is stored with an event


@dataclass(frozen=True, slots=True)
class Response:
    """One command and the key under which it is given once."""

    cmd_id: str
    wanted: Wanted


def responses(
    alert: Alert, funding: FundingPolicy, today: date, *, is_open: bool, is_planned: bool
) -> Iterator[Response]:
    """The commands that follow from one alert; none from an alert that no limit raised.

    Args:
        today: in bank time; a business date ahead of it is not yet true, so the case counts from today.
        is_open: the incident's case is there already, restored: a worse value opens it again.
        is_planned: so is its plan, which people amend.
    """
    facts = alert.limit
    if facts is None:
        return
    day = min(date.fromisoformat(facts.as_of), today)
    if facts.metric != WITHDRAWAL:
        yield from _case(alert, facts, day, is_open)
    if facts.plan and not is_planned and alert.entity != NOBODY:  # sources belong to an entity
        shortfall = shortfall_of(facts)
        if shortfall > 0:
            yield _answer(alert, "plan", _plan(alert, facts, funding, shortfall, day))


def breach_no(facts: LimitFacts) -> str:
    """One case an incident, however often its light turns."""
    return f"LB-{facts.limit_id[:40]}-{_short(facts.incident)}"


def plan_no(facts: LimitFacts) -> str:
    return f"CFP-{facts.limit_id[:40]}-{_short(facts.incident)}"


def shortfall_of(facts: LimitFacts) -> Fraction:
    """The money, in units of the currency, that would bring the figure to its limit; of a withdrawal, all of it.

    Of a ratio it is numerator that lacks at this denominator, exact; borrowed within the horizon it would move the
    denominator too, which is why such sources do not serve a ratio.
    """
    if facts.metric == WITHDRAWAL:
        return Fraction(facts.value)
    if facts.minimum is None:
        return Fraction(0)
    if facts.metric in RATIOS:
        return Fraction(facts.minimum) * as_fraction(facts.denominator) - as_fraction(facts.numerator)
    return Fraction(facts.minimum) - Fraction(facts.value)


def _case(alert: Alert, facts: LimitFacts, day: date, is_open: bool) -> Iterator[Response]:
    is_above = facts.maximum is not None and Fraction(facts.value) > Fraction(facts.maximum)
    key, value = breach_no(facts), _number(facts.value, down=not is_above)
    if alert.kind == "raised" and facts.light == "red":
        # The same key for both: read again, the alert is known by it, whatever became of the case since.
        if is_open:
            yield _answer(alert, "breach", Wanted(BREACH, key, "Observe", {"value": value}, valid_on=day))
            return
        edges = {"minimum": facts.minimum, "maximum": facts.maximum}
        payload: dict[str, Any] = {
            "entity_id": alert.entity,
            "ccy": alert.currency,
            "limit_id": facts.limit_id,
            "metric": facts.metric,
            "value": value,
            "policy_ref": _id(facts.policy_ref),
            "owner": _id(facts.owner),
            "deadline": (day + timedelta(days=facts.deadline_days)).isoformat(),
        } | {name: _number(edge, down=True) for name, edge in edges.items() if edge is not None}
        yield _answer(alert, "breach", Wanted(BREACH, key, "Open", payload, valid_on=day))
    elif alert.kind in ("eased", "cleared") and facts.light_before == "red":
        yield _answer(alert, "restore", Wanted(BREACH, key, "Restore", {"value": value}, valid_on=day))


def _plan(alert: Alert, facts: LimitFacts, funding: FundingPolicy, shortfall: Fraction, day: date) -> Wanted:
    figures: Mapping[str, Any] = {
        "alert_id": alert.alert_id,
        "limit_id": facts.limit_id,
        "metric": facts.metric,
        "value": facts.value,
        "numerator": facts.numerator or "-",
        "denominator": facts.denominator or "-",
        "cut": facts.cut,
        "offsets": facts.offsets,
        "funding_policy": funding.name,
    }
    payload = {
        "entity_id": alert.entity,
        "ccy": alert.currency,
        "trigger": "LARGE_OUTFLOW" if facts.metric == WITHDRAWAL else "LIMIT_BREACH",
        "trigger_reason": alert.reason,
        "trigger_figures": figures,
        "as_of": day.isoformat(),
        "funding": funding.funding(facts.metric, alert.entity, alert.currency, shortfall, facts.assets),
    }
    return Wanted(PLAN, plan_no(facts), "Propose", payload, valid_on=day)


def _answer(alert: Alert, name: str, wanted: Wanted) -> Response:
    return Response(str(uuid5(UUID(alert.alert_id), name)), wanted)


def _short(incident: str) -> str:
    return incident.replace("-", "")[:12]


def _id(text: str) -> str:
    """A reference as a business id, which holds neither blanks nor slashes."""
    return "".join("_" if character.isspace() or character == "/" else character for character in text)[:64] or "-"


def _number(text: str, *, down: bool) -> str:
    """Twelve decimals, rounded towards the breach: what breaks a limit by less than that still breaks it."""
    value = Fraction(text)
    scaled = value * 10**_VALUE_DIGITS
    whole = floor(scaled) if down else ceil(scaled)
    sign, digits = ("-" if whole < 0 else ""), str(abs(whole)).rjust(_VALUE_DIGITS + 1, "0")
    shown = f"{sign}{digits[:-_VALUE_DIGITS]}.{digits[-_VALUE_DIGITS:]}"
    return shown.rstrip("0").rstrip(".")
