"""What a filter of a subscription or the matcher of a silence may say about an alert, and how severe an alert is.

An alert is a record of `tm.risk.alert.v1` as a JSON object. Every fact is always there: what an alert has not is
an empty text, zero or false, so that no filter fails for want of one. Customers are no facts: filters are stored.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from engines.primitives.errors import InvalidInput
from engines.primitives.money import EXPONENT_BY_CURRENCY, exponent, to_minor
from projections.alert_severity import Severity, unsaid_severity
from projections.expressions import Expression, Fact, FactType, Vocabulary, expression

AlertRecord = Mapping[str, Any]


VOCABULARY = Vocabulary(
    "alerts",
    {
        "rule": FactType.TEXT,
        "kind": FactType.TEXT,
        "severity": FactType.TEXT,
        "severity_rank": FactType.INT,  # 0 INFO, 1 WARNING, 2 CRITICAL
        "entity": FactType.TEXT,
        "organisation": FactType.TEXT,
        "currency": FactType.TEXT,
        "amount": FactType.MONEY,
        "threshold": FactType.MONEY,
        "rolling": FactType.MONEY,
        "customer_class": FactType.TEXT,
        "late": FactType.BOOL,
        "rule_id": FactType.TEXT,  # of a rule that people wrote
        "limit_id": FactType.TEXT,
        "metric": FactType.TEXT,
        "scope": FactType.TEXT,
        "light": FactType.TEXT,
        "light_before": FactType.TEXT,
        "incident": FactType.TEXT,
        "reason": FactType.TEXT,
    },
)
_INT64 = 2**63 - 1


@lru_cache(maxsize=1_024)
def alert_expression(text: str) -> Expression:
    """A checked filter or matcher. Raises InvalidInput naming the place."""
    return expression(text, VOCABULARY)


def severity_of(alert: AlertRecord) -> Severity:
    """What the record says, else what follows from its light."""
    if (told := alert.get("severity")) in Severity.__members__:
        return Severity(str(told))
    limit = alert.get("limit") or {}
    return unsaid_severity(str(alert.get("kind", "")), limit.get("light"), limit.get("light_before"))


def incident_of(alert: AlertRecord) -> str:
    """The alert that opened the incident it belongs to; empty: an alert of its own."""
    for holder in (alert, alert.get("limit") or {}, alert.get("rule_facts") or {}):
        if holder.get("incident"):
            return str(holder["incident"])
    return ""


def is_clearing(alert: AlertRecord) -> bool:
    return bool(alert["kind"] == "cleared")


def facts_of(alert: AlertRecord) -> dict[str, Fact]:
    """The facts by name; amounts in minor units of the alert's currency."""
    limit, severity = alert.get("limit") or {}, severity_of(alert)
    rule = alert.get("rule_facts") or {}
    texts = ("rule", "kind", "entity", "organisation", "currency", "customer_class", "reason")
    of_limit = ("limit_id", "light", "light_before")
    return {
        **{name: str(alert.get(name) or "") for name in texts},
        **{name: str(limit.get(name) or "") for name in of_limit},
        **{name: str(limit.get(name) or rule.get(name) or "") for name in ("metric", "scope")},
        "rule_id": str(rule.get("rule_id") or ""),
        **{name: _minor(alert, name) for name in ("amount", "threshold", "rolling")},
        "severity": str(severity),
        "severity_rank": severity.rank,
        "incident": incident_of(alert),
        "late": bool(alert.get("late", False)),
    }


def _minor(alert: AlertRecord, name: str) -> int:
    """A sum may be longer than an amount: what no 64-bit number holds is the largest one, which is as far beyond any
    threshold."""
    text, currency = str(alert.get(name) or ""), str(alert["currency"])
    if not text or currency not in EXPONENT_BY_CURRENCY:
        return 0
    try:
        return to_minor(text, currency)
    except InvalidInput:
        pass
    try:
        found = int(Decimal(text).scaleb(exponent(currency)))
    except (ArithmeticError, ValueError):
        return 0
    return max(-_INT64, min(_INT64, found))


def holds(matcher: Expression, alert: AlertRecord, facts: Mapping[str, Fact]) -> bool | None:
    """Whether it matches; None: that cannot be said, as with an amount of more digits than the currency has."""
    try:
        return matcher.holds(facts, str(alert["currency"]))
    except InvalidInput:
        return None


def raised_at(alert: AlertRecord) -> datetime:
    """When it became true, as far as the alert says: when Kafka took what raised it, else the time of the event."""
    return datetime.fromisoformat(alert.get("appended_at") or alert["event_time"])
