"""What a document template may use of an aggregate: flat names, values as text, lists of records. Pure.

A value that is missing, empty or the house's placeholder `-` gets no name at all, so that a template which wants it
is refused instead of printing a gap.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from aggregates.event_view import plain
from aggregates.past_cases import PastCase
from aggregates.payload import check_id, check_text, wrong
from aggregates.rendering import state_of
from engines.primitives.money import to_minor, to_text

Values = dict[str, Any]

#: Set by the document itself; neither state nor person may say otherwise.
OWN_NAMES = ("document_no", "document_on", "template_name", "template_version")
ENTERED_MAX = 100
CLAIM_PARTS = ("costs", "principal", "interest_on", "interest_off", "penalty", "compound")
NOTE_FACTS = ("collateral_ids", "guarantor_nos")  # which the state of a loan note does not show
INTEREST_PARTS = ("interest_on", "interest_off", "penalty", "compound")


def document_fields(subject: PastCase, assets: Sequence[PastCase] = (), linked: PastCase | None = None) -> Values:
    """Names and values of one aggregate for a template.

    Every field of its state by its own name; `assets`: the states of its loan notes, each with `claim` (the sum) and
    `interest`, and `asset_<field>` for those of the first one; `on_<Event>` and `by_<Event>`: business day and actor
    of the newest event of a name, `<Event>_<field>` what it says; `linked_<field>`: the case it belongs to. Money is
    decimal text in `ccy`, days are ISO text.
    """
    values = _state(subject)
    notes = [_state(asset) for asset in assets]
    if notes:
        values["assets"] = notes
        values |= {f"asset_{name}": value for name, value in notes[0].items()}
    if linked is not None:
        values |= {f"linked_{name}": value for name, value in _state(linked).items()}
    for event in subject.events:
        values[f"on_{event.type}"] = event.envelope.valid_on.isoformat()
        values[f"by_{event.type}"] = event.envelope.actor
        values |= {f"{event.type}_{name}": value for name, value in event.payload.items()}
    return dict(_without_blanks(values))


def entered_fields(entered: Mapping[str, object], known: Mapping[str, Any]) -> Values:
    """What a person entered beside the state; it fills what the state does not say and never contradicts it.

    Raises InvalidInput naming the field: not text, too long, not a name, or the state says otherwise.
    """
    if len(entered) > ENTERED_MAX:
        raise wrong("fields", f"want at most {ENTERED_MAX} fields")
    values: Values = {}
    for name, value in entered.items():
        check_id(name, "fields")
        if not name.isidentifier() or name in OWN_NAMES:
            raise wrong(f"fields.{name}", "cannot be entered")
        text = check_text(value, f"fields.{name}").strip()
        if name in known and known[name] != text:
            raise wrong(f"fields.{name}", "differs from what is recorded, which stands")
        if _is_said(text):
            values[name] = text
    return values


def own_fields(document_no: str, document_on: date, template: str, version: int) -> Values:
    return {
        "document_no": document_no,
        "document_on": document_on.isoformat(),
        "template_name": template,
        "template_version": version,
    }


def _state(past: PastCase) -> Values:
    values = state_of(past.case)
    if past.case.NAME == "RiskAsset":
        ccy = past.case.ccy
        values["claim"] = _sum(values, CLAIM_PARTS, ccy)
        values["interest"] = _sum(values, INTEREST_PARTS, ccy)
        values |= {name: past.case.facts.get(name) for name in NOTE_FACTS}
    if past.case.NAME == "CommitteeMeeting":
        values["agenda"] = _agenda(past)
        values["absent"] = sorted(set(values.get("members") or ()) - set(values.get("present") or ()))
    return values


def _agenda(past: PastCase) -> list[Values]:
    """Items of a meeting with their last resolution; ballots stay what they are, only counts are told."""
    items: dict[int, Values] = {}
    for event in past.events:
        payload = dict(event.payload)
        number = payload.get("item_no")
        if event.type == "AgendaItemAdded":
            items[number] = payload  # type: ignore[index]
        elif event.type == "AgendaItemRemoved":
            items.pop(number, None)  # type: ignore[arg-type]
        elif event.type in ("ResolutionAdopted", "ItemVetoed", "ItemDeferred") and number in items:
            results = {"ItemVetoed": {"result": "REJECTED"}, "ItemDeferred": {"result": "DEFERRED"}}
            items[number] |= payload | results.get(event.type, {})
    return [items[number] for number in sorted(items)]


def _sum(values: Mapping[str, Any], names: Sequence[str], ccy: str) -> str:
    return to_text(sum(to_minor(values[name], ccy) for name in names), ccy)


def _is_said(value: Any) -> bool:
    return value is not None and value not in ("", "-", [], {})


def _without_blanks(value: Any) -> Any:
    if isinstance(value, Mapping):
        inner = {str(name): _without_blanks(item) for name, item in value.items()}
        return {name: item for name, item in inner.items() if _is_said(item)}
    if isinstance(value, list | tuple):
        return [item for item in (_without_blanks(item) for item in value) if _is_said(item)]
    return plain(value) if isinstance(value, date | datetime) else value
