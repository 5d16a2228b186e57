"""Alerts on limits in wire form: `tm.risk.alert.v1`, beside those of large flows (LIQ-36, S16).

The amounts are money whatever the metric: of a ratio, what there is and what the limit asks for. Not for deciding
whether there is an alert.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import floor
from typing import Literal

import msgspec

from engines.limits import Light
from engines.primitives.money import exponent, to_text
from projections.limit_cuts import LIMIT, LimitAlert, as_fraction
from projections.limit_policy import RATIOS
from streams import topics
from streams.cut_records import exact_text
from streams.instants import instant_text
from streams.outputs import Output, encode
from streams.schemas import Alert, LimitFacts, Source

_WORDS: dict[Light, Literal["green", "amber", "red"]] = {
    Light.GREEN: "green",
    Light.AMBER: "amber",
    Light.RED: "red",
}
NAMES = {
    "lcr": "The liquidity coverage ratio",
    "nsfr": "The net stable funding ratio",
    "position": "The position",
    "projected_eod": "The position expected at the end of the day",
    "available_position": "The available position",
    "cumulative_gap_minimum": "The least cumulative gap",
}


def limit_alerts(alerts: Iterable[LimitAlert], source: Source) -> Iterator[Output]:
    for one in alerts:
        key, cut = one.key, one.cut
        amount, threshold = _amounts(one)
        offsets = cut.offsets if key.metric in (*RATIOS, "cumulative_gap_minimum") else cut.position_offsets
        record = Alert(
            alert_id=one.alert_id,
            kind=one.kind,  # type: ignore[arg-type]  # raised, eased, cleared
            rule="limit" if one.rule == LIMIT else "large-withdrawal",
            rule_version=one.rule_version,
            sequence=one.sequence,
            entity=key.entity,
            organisation="-",
            customer="-",
            customer_class="-",
            account="-",
            currency=key.currency,
            amount=money_text(amount, key.currency),
            threshold=money_text(threshold, key.currency),
            event_time=cut.event_time or cut.taken_at,
            txn_id="-" if one.flow is None else one.flow.txn_id,
            reason=_reason(one, amount, threshold),
            # Of the alert's own cut, not of the batch it was found in: equal at every re-emission.
            source=msgspec.structs.replace(source, offset=cut.offset + 1),
            appended_at=instant_text(cut.appended_us),
            limit=LimitFacts(
                limit_id=one.rule_id,
                metric=key.metric,
                scope=key.scope,  # type: ignore[arg-type]  # one of three, by construction
                as_of=one.total.as_of,
                value=exact_text(one.value),
                light=_word(one.light),
                light_before=_word(one.light_before),
                incident=one.incident,
                cut=cut.offset,
                offsets=dict(offsets),
                numerator=one.total.numerator,
                denominator=one.total.denominator,
                minimum=None if one.minimum is None else exact_text(one.minimum),
                maximum=None if one.maximum is None else exact_text(one.maximum),
                headroom=None if one.room is None else exact_text(one.room.value),
                policy_ref=one.policy_ref,
                owner=one.owner,
                deadline_days=one.deadline_days,
                plan=one.plan and one.kind == "raised" and one.light is Light.RED,
                cause=None if one.flow is None else one.flow.alert_id,
                assets=list(one.assets),
            ),
            severity="CRITICAL" if Light.RED in (one.light, one.light_before) else "WARNING",
        )
        yield Output(topics.ALERT, f"{key.entity}|-".encode(), encode(record))


def edge_of(one: LimitAlert) -> Fraction:
    """The edge that the value is nearer to, or beyond."""
    edge = one.maximum if one.room is None or one.room.side == "maximum" else one.minimum
    return edge or Fraction(0)


def _amounts(one: LimitAlert) -> tuple[Fraction, Fraction]:
    """What there is and what the limit asks for, in units of the currency."""
    if one.key.metric in RATIOS:
        return as_fraction(one.total.numerator), edge_of(one) * as_fraction(one.total.denominator)
    return one.value, edge_of(one)


def _reason(one: LimitAlert, amount: Fraction, threshold: Fraction) -> str:
    key = one.key
    whom = "the group" if key.scope == "group" else key.entity
    if one.rule != LIMIT:
        available = as_fraction(one.total.denominator)
        return (
            f"One outflow of {_grouped(amount, key.currency)} {key.currency} from {whom} is "
            f"{_percent(amount / available) if available else 'more than all'} of the liquidity there is."
        )
    if key.metric in RATIOS:
        value, edge, unit = _percent(one.value), _percent(edge_of(one)), ""
    else:
        value, edge = _grouped(one.value, key.currency), _grouped(threshold, key.currency)
        unit = f" {key.currency}"
    what = f"{NAMES[key.metric]} of {whom} is {value}{unit}"
    if one.light is Light.RED:
        side = "above" if one.room is not None and one.room.side == "maximum" else "below"
        return f"{what}, {side} the limit of {edge} ({one.rule_id})."
    if one.light is Light.AMBER:
        before = "near" if one.light_before is Light.GREEN else "within, but near,"
        return f"{what}, {before} the limit of {edge} ({one.rule_id})."
    return f"{what} and keeps the limit of {edge} again ({one.rule_id})."


def money_text(amount: Fraction, currency: str) -> str:
    """Rounded down to whole minor units: what there is never looks more than it is."""
    return to_text(floor(amount * 10 ** exponent(currency)), currency)


def _percent(value: Fraction) -> str:
    """Two decimals, rounded down: a ratio that breaks its limit never looks as if it kept it."""
    hundredths = floor(value * 10_000)
    sign, size = ("-" if hundredths < 0 else ""), abs(hundredths)
    return f"{sign}{size // 100:,}.{size % 100:02d}%"


def _grouped(amount: Fraction, currency: str) -> str:
    whole, point, fraction = money_text(amount, currency).partition(".")
    return f"{int(whole):,}{point}{fraction}" if whole != "-0" else f"-0{point}{fraction}"


def _word(light: Light) -> Literal["green", "amber", "red"]:
    return _WORDS[light]
