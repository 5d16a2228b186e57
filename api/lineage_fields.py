"""Figure bundles of ledgers: an amount, the events that it is the sum of, and their proofs (rule `sum-of-fields`).

Each term names a field of a stored event by its path; a verifier reads it out of the proved bytes and adds up. A
column whose values are worked out, and stand in no field, has no bundle: then the events alone can be proved.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aggregates.assets import Assets
from aggregates.envelope import Principal
from aggregates.ports import Recorded
from api.ledgers import Ledgers
from api.moments import Moment
from engines.primitives.errors import InvalidInput, NotFound
from engines.primitives.money import to_minor
from projections.ledgers.registry import ledger_of
from projections.ledgers.table import Kind
from streams.lineage_bundle import FORMAT, KIND, Signer, statement_lines

MINOR = "_minor"
Json = dict[str, Any]
#: A proof of stored events, each with its readable form, about a subject: `infra.event_store_proofs.event_proof`.
Prove = Callable[[Sequence[Recorded], Sequence[Mapping[str, Any]], Mapping[str, Any]], Json]


def ledger_bundle(
    assets: Assets,
    ledgers: Ledgers,
    prove: Prove,
    sign: Signer,
    cell: tuple[str, str, str],
    moments: tuple[Moment, Moment],
    reader: Principal,
) -> Json:
    """The bundle of one cell: ledger, key of the row, column.

    Raises:
        InvalidInput: no column of money, or one whose changes stand in no field of their events.
        NotFound: no such ledger or row.
    """
    name, key, column = cell
    ledger = ledger_of(name)
    field = ledger.field_of(column)
    if field is None or field.column.kind is not Kind.MONEY:
        raise InvalidInput(f"{name} has no amount of money {column!r:.40}", field="column")
    told = ledgers.explain(name, key, *moments, reader=reader)
    currency = told["row"]["ccy"]
    changes = [
        (event["position"], change)
        for event in told["events"]
        for change in event["changes"]
        if change["column"] == column
    ]
    if not changes:
        raise NotFound("no event moved this cell", field="column")
    positions = sorted({position for position, _ in changes})
    recorded = [assets.decisions.select_recorded(start=at, stop=at)[0] for at in positions]
    item = {position: number for number, position in enumerate(positions)}
    terms, total = list[Json](), 0
    for position, change in changes:
        minor = to_minor(change["value"] or "0", currency)
        total = minor if change["how"] == "set" else total + minor
        path, sign_of = _field_of(recorded[item[position]], minor, column)
        terms.append(
            {
                "item": item[position],
                "counts_on": change["counts_on"],
                "how": change["how"],
                "sign": sign_of,
                "path": path,
            }
        )
    if to_minor(told["row"][column], currency) != total:
        raise InvalidInput("this cell is more than what its events set and add", field="column")
    subject = {"ledger": name, "key": key}
    shown = [assets.view(one).to_json() for one in recorded]
    figure = {
        "name": "ledger",
        "scope": subject,
        "column": column,
        "as_of": told["as_of"],
        "known_at": told["known_at"],
        "ccy": currency,
        "amount": told["row"][column],
        "amount_minor": total,
        "terms": terms,
    }
    bundle: Json = {
        "kind": KIND,
        "format": FORMAT,
        "rule": "sum-of-fields",
        "keys": [sign.vkey],
        "figure": figure,
        "logs": [],
        "proof": prove(recorded, shown, subject),
    }
    return bundle | {"statement": sign.statement(statement_lines(bundle))}


def _field_of(recorded: Recorded, minor: int, column: str) -> tuple[list[str | int], int]:
    """Path and sign of the field of money that holds an amount; one named as the column comes first."""
    if minor == 0:
        return [], 1
    found = [
        (path, 1 if value == minor else -1)
        for path, value in _amounts(json.loads(recorded.state), [])
        if abs(value) == abs(minor)
    ]
    named = [one for one in found if column in (one[0][-1], str(one[0][-1]).removesuffix(MINOR))]
    if not found:
        message = f"position {recorded.position} has no field of this amount: prove its events with `audit proof`"
        raise InvalidInput(message, field="column", position=recorded.position)
    return (named or found)[0]


def _amounts(value: Any, path: list[str | int]) -> Iterator[tuple[list[str | int], int]]:
    """Every amount of a stored state: integers at or below a name with `_minor`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _amounts(inner, [*path, name])
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _amounts(inner, [*path, at])
    elif isinstance(value, int) and not isinstance(value, bool) and any(str(name).endswith(MINOR) for name in path):
        yield path, value
