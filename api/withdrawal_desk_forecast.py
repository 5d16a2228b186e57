"""Large withdrawals of the days ahead: live reservations, and large outflows that nobody had announced (LIQ-03).

The recorded history is that of the alerts on single large outflows; how far back it goes is told. The formula is
`engines.withdrawal_forecast`'s.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple, cast

from engines.exact_ratio import half_up
from engines.primitives.money import to_minor, to_text
from engines.withdrawal_forecast import Reservation, Status, hit_rate, same_weekdays, withdrawal_forecast
from infra.withdrawal_policies import WithdrawalPolicy
from streams.views import RiskView
from streams.withdrawal_decision import NOBODY

Body = dict[str, Any]
SINGLE = "large-flow-single"
ZERO = Fraction(0)


class Large(NamedTuple):
    """One large outflow of a customer that has left. `txn_id` names the entry."""

    entity: str
    organisation: str
    currency: str
    customer: str
    account: str
    amount_minor: int
    day: date
    txn_id: str
    place: tuple[str, int, int]  # topic, partition, offset of the entry


def large_outflows(view: RiskView, entities: frozenset[str] | None) -> list[Large]:
    """Those that alerts tell of, without what was reversed and without the bank's own payments."""
    alerts = [one for one in view.alert_book.by_id.values() if one.rule == SINGLE]
    undone = {one.corrects for one in alerts if one.kind == "corrected"}
    return [
        Large(
            one.entity,
            one.organisation,
            one.currency,
            one.customer,
            one.account,
            to_minor(one.amount, one.currency),
            date.fromisoformat(one.event_time[:10]),
            one.txn_id,
            (one.source.topic, one.source.partition, one.source.offset - 1),
        )
        for one in alerts
        if one.kind == "raised"
        and one.alert_id not in undone
        and one.customer != NOBODY
        and (entities is None or one.entity in entities)
    ]


def unannounced(large: Iterable[Large], tasks: Iterable[Mapping[str, Any]]) -> list[Large]:
    """Those that executed no reservation: by the entry's name, else by customer, amount and day."""
    executed = [row for row in tasks if row["status"] in ("executed", "partial")]
    names = {leg for row in executed for leg in row.get("legs", ())}
    alike = {
        (row["entity"], row["customer_no"], to_minor(row["executed"], row["ccy"]), row["value_date"])
        for row in executed
    }
    return [
        one
        for one in large
        if one.txn_id not in names and (one.entity, one.customer, one.amount_minor, one.day.isoformat()) not in alike
    ]


def forecast(
    tasks: Sequence[Mapping[str, Any]], large: Sequence[Large], as_of: date, policy: WithdrawalPolicy
) -> Body:
    """Rows by day, currency and organisation, and for all organisations together; hit rates by currency.

    `as_of`: the last day that counts as history. Amounts stay in their currency.
    """
    days = [as_of + timedelta(days=ahead) for ahead in range(1, policy.forecast_days + 1)]
    history = [one for one in unannounced(large, tasks) if one.day <= as_of]
    first = min((one.day for one in history), default=as_of)
    rows = []
    for currency in sorted({row["ccy"] for row in tasks if row["is_open"]} | {one.currency for one in history}):
        named = {row["organisation"] for row in tasks if row["ccy"] == currency and row["is_open"]}
        named |= {one.organisation for one in history if one.currency == currency}
        for day in days:
            weekdays = same_weekdays(day, as_of, first, policy.history_weeks)
            for organisation in (None, *sorted(named)):
                found = _cell(tasks, history, day, weekdays, currency, organisation)
                if organisation is None or found["worst"] != to_text(0, currency):
                    rows.append({"date": day.isoformat(), "ccy": currency, "organisation": organisation} | found)
    return {
        "as_of": as_of.isoformat(),
        "history_from": first.isoformat() if history else None,
        "days": rows,
        "hit_rates": _hit_rates(tasks, history),
    }


def _cell(
    tasks: Iterable[Mapping[str, Any]],
    history: Iterable[Large],
    day: date,
    weekdays: Sequence[date],
    currency: str,
    organisation: str | None,
) -> Body:
    lines = [
        Reservation(
            cast("Status", row["status"]),
            Fraction(to_minor(row["amount"], currency)),
            Fraction(to_minor(row["executed"], currency)),
        )
        for row in tasks
        if row["ccy"] == currency
        and row["value_date"] == day.isoformat()
        and organisation in (None, row["organisation"])
    ]
    by_day: dict[date, Fraction] = defaultdict(Fraction)
    for one in history:
        if one.currency == currency and organisation in (None, one.organisation):
            by_day[one.day] += one.amount_minor
    found = withdrawal_forecast(lines, [by_day[weekday] for weekday in weekdays])
    return {
        "base": _text(found.usual, currency),
        "reserved_expected": _text(found.reserved_expected, currency),
        "expected": _text(found.expected, currency),
        "reserved_open": _text(found.reserved_open, currency),
        "worst": _text(found.worst, currency),
        "weeks_of_history": found.weeks,
    }


def _hit_rates(tasks: Iterable[Mapping[str, Any]], history: Sequence[Large]) -> list[Body]:
    rows = [row for row in tasks if row["status"] in ("executed", "partial")]
    found = []
    for currency in sorted({row["ccy"] for row in rows} | {one.currency for one in history}):
        reserved = [Fraction(to_minor(row["executed"], currency)) for row in rows if row["ccy"] == currency]
        others = [Fraction(one.amount_minor) for one in history if one.currency == currency]
        rate = hit_rate(reserved, others)
        if not rate.by_amount.denominator:
            continue
        share = rate.by_amount.numerator / rate.by_amount.denominator * 10_000
        pct = half_up(share.numerator, share.denominator)
        found.append(
            {
                "ccy": currency,
                "hit_rate_pct": f"{pct // 100}.{pct % 100:02d}",
                "announced": _text(sum(reserved, ZERO), currency),
                "unannounced": _text(sum(others, ZERO), currency),
            }
        )
    return found


def _text(minor: Fraction, currency: str) -> str:
    return to_text(half_up(minor.numerator, minor.denominator), currency)
