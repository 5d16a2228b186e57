"""Alerts of people's rules in wire form: `tm.risk.alert.v1`, beside those of limits, in their sequence (S16, S18).

Money is decimal text of the alert's currency; of a ratio `amount` is what there is. Not for deciding whether there is
an alert: `projections.rule_watch`.
"""

from collections.abc import Iterable, Iterator

import msgspec

from engines.primitives.money import to_text
from projections.expressions import Fact, FactType
from projections.limit_cuts import as_fraction
from projections.limit_policy import RATIOS
from projections.rule_cut_watch import CutAlert
from projections.rule_incidents import RuleAlert
from projections.rule_vocabulary import VOCABULARIES
from streams import topics
from streams.cut_alerts import NAMES, limit_alerts, money_text
from streams.instants import instant_text
from streams.outputs import Output, encode
from streams.schemas import Alert, RuleFacts, Source

ENDED = {
    "readings": "it clears again",
    "settled": "it is settled",
    "disabled": "the rule is no longer in force",
    "unbound": "the rule no longer looks at it",
}


def cut_alerts(alerts: Iterable[CutAlert], source: Source) -> Iterator[Output]:
    """Alerts of cuts in their order, those on limits by their own writer."""
    for one in alerts:
        if isinstance(one, RuleAlert):
            yield Output(topics.ALERT, f"{one.entity}|-".encode(), encode(rule_alert(one, source)))
        else:
            yield from limit_alerts((one,), source)


def rule_alert(one: RuleAlert, source: Source) -> Alert:
    rule, cut, flow = one.rule, one.cut, one.flow
    facts = {name: _shown(one, name, value) for name, value in one.facts.items()}
    figure = one.key if rule.about == "totals" else None
    is_position = rule.about == "reservation" or (
        figure is not None and figure.metric not in (*RATIOS, "cumulative_gap_minimum")
    )
    return Alert(
        alert_id=one.alert_id,
        kind="raised" if one.kind == "raised" else "cleared",
        rule="rule",
        rule_version=str(rule.version),
        sequence=one.sequence,
        entity=one.entity,
        organisation=flow.organisation if flow is not None else _organisation(one),
        customer="-",
        customer_class="-" if flow is None else flow.customer_class,
        account="-" if flow is None else flow.account,
        currency=one.currency,
        amount=_amount(one),
        threshold=to_text(0, one.currency),  # an expression has none
        event_time=cut.event_time or cut.taken_at,
        txn_id="-" if flow is None else flow.txn_id,
        reason=_reason(one, facts),
        # Of the alert's own cut, not of the batch it was found in: equal at every re-emission.
        source=msgspec.structs.replace(source, offset=cut.offset + 1),
        appended_at=instant_text(cut.appended_us),
        severity=rule.severity,
        rule_facts=RuleFacts(
            rule_id=rule.rule_id,
            version=rule.version,
            name=rule.name,
            name_zh=rule.name_zh,
            about=rule.about,
            subject=one.subject,
            expression=rule.expression,
            facts=facts,
            incident=one.incident,
            opened_at=instant_text(one.opened_us),
            cut=cut.offset,
            offsets=dict(cut.position_offsets if is_position else cut.offsets),
            direction=one.direction,
            metric="-" if figure is None else figure.metric,
            scope="-" if figure is None else figure.scope,
            as_of="" if one.total is None else one.total.as_of,
            value=None if one.total is None else one.total.value,
            numerator=None if one.total is None else one.total.numerator,
            denominator=None if one.total is None else one.total.denominator,
            cause=one.subject if one.happens_once else None,
            ended_by=one.ended_by,
            owner=rule.owner,
        ),
    )


def _amount(one: RuleAlert) -> str:
    if one.key is not None and one.total is not None:
        text = one.total.numerator if one.key.metric in RATIOS else one.total.value
        return money_text(as_fraction(text), one.currency)
    told = one.flow or one.decision or one.due
    return money_text(as_fraction(None if told is None else told.amount), one.currency)


def _organisation(one: RuleAlert) -> str:
    return one.key.scope if one.key is not None and one.rule.about == "reservation" else "-"


def _shown(one: RuleAlert, name: str, value: Fact) -> bool | int | float | str:
    if VOCABULARIES[one.rule.about].facts[name] is FactType.MONEY and isinstance(value, int):
        return to_text(value, one.currency)
    assert not isinstance(value, list)  # noqa: S101 - no fact of a cut is a list
    return value


def _reason(one: RuleAlert, facts: dict[str, bool | int | float | str]) -> str:
    """The rule's name, whom it is about, and what it speaks of."""
    whom = "the group" if one.entity == "-" else one.entity
    if one.key is not None and one.rule.about == "reservation":
        about = f"Reservations of {one.key.scope} in {whom} past their date, {one.currency}"
    elif one.key is not None and one.rule.about == "deadline":
        about = f"The term of {one.key.scope.replace('/', ' ')} of {whom}"
    elif one.key is not None:
        about = f"{NAMES[one.key.metric]} of {whom} in {one.currency}"
    elif one.decision is not None:
        about = f"{one.decision.type} on {one.decision.aggregate} {one.decision.key} of {whom}"
    else:
        about = f"A large flow of {_amount(one)} {one.currency} from {whom}"
    if one.kind == "cleared":
        return f"{one.rule.name}: {about}: {ENDED[one.ended_by]}."
    told = ", ".join(f"{name} {_brief(value)}" for name, value in sorted(facts.items()))
    return f"{one.rule.name}: {about}{f' ({told})' if told else ''}."


def _brief(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)
