"""Inputs of a calculation after a stress. The rules and what they mean: infra/policies/stress_responses.toml.

The balance sheet is shocked at once: positions fall, money that leaves is paid out. Not for computing anything with
the result: the calculation itself does.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from api.calculations.fields import DIGITS_MAX
from api.calculations.texts import decimal_text, plain_text
from engines.factor_lines import ZERO
from engines.primitives.errors import InvalidInput
from engines.shock_families import Shocks
from engines.stress import Book, Stressed, deposit_run_off, second_round
from infra.stress_policies import stress_responses

DIGITS = 12  # of an amount whose decimals have no end, or too many
_CELL = re.compile(r"(?P<name>\w+)(?:\[(?P<code>[^\]]*)\])?(?:\.(?P<key>\w+))?")
PAID_OUT = (
    "retail_run_off",
    "corporate_run_off",
    "interbank_run_off",
    "rollover_loss",
    "funding_cost",
    "commitment_drawdown",
    "margin_call",
    "group_support",
)
FUNDING = ("retail_run_off", "corporate_run_off", "interbank_run_off", "rollover_loss")


@dataclass(frozen=True, slots=True)
class Response:
    """`unpaid`: what the named cells could not pay; above 0 the bank is out of money whatever the figures say."""

    inputs: dict[str, Any]
    unpaid: Fraction


@cache
def responses() -> Mapping[str, Mapping[str, Any]]:
    return stress_responses()


def response_of(name: str) -> Mapping[str, Any]:
    """Raises InvalidInput: the calculation does not respond to stress."""
    if name not in responses():
        message = f"{name!r} cannot be stressed: there are {', '.join(sorted(responses()))}"
        raise InvalidInput(message, field=f"calculations.{name}")
    return responses()[name]


def stressed_inputs(name: str, given: Mapping[str, Any], book: Book, shocks: Shocks, found: Stressed) -> Response:
    """The inputs `given` to calculation `name` as they are after the stress `found`; they were valid before.

    Raises:
        InvalidInput: the calculation does not respond to stress, or not in the shape given.
    """
    response = response_of(name)
    missing = [key for key in response["needs"] if key not in given]
    if missing:
        message = f"to be stressed, {name} must be given by {', '.join(response['needs'])}"
        raise InvalidInput(message, field=f"calculations.{name}.{missing[0]}")
    amounts, changed, unpaid = _amounts(book, found), deepcopy(dict(given)), ZERO
    kept = second_round(Fraction(1), shocks.get("security_haircut", ZERO), shocks.get("price_impact", ZERO))
    sizes = {**shocks, "deposit_run_off": deposit_run_off(book, shocks), "security_haircut": 1 - kept}
    for cell, parameter in response.get("falls", {}).items():
        for place in _places(changed, cell):
            place.put(place.value * (1 - sizes.get(parameter, ZERO)))
    for cell, names in response.get("moves", {}).items():
        by = sum((_signed(amount, amounts) for amount in names), ZERO)
        for place in _places(changed, cell):
            unpaid += max(ZERO, -(place.value + by))
            place.put(max(ZERO, place.value + by))
    if "pays" in response:
        unpaid += _pay(changed, response["pays"], amounts["cash_paid"])
    for field, amount in response.get("adds", {}).items():
        changed[field] = [*changed[field], {"name": "stress", "amount": _text(amounts[amount])}]
    for field, amount in response.get("spreads", {}).items():
        by = amounts[amount] / max(1, len(changed[field]))
        changed[field] = [_text(Fraction(str(value)) - by) for value in changed[field]]
    return Response(changed, unpaid)


@dataclass(frozen=True, slots=True)
class _Place:
    holder: dict[str, Any]
    key: str

    @property
    def value(self) -> Fraction:
        return Fraction(str(self.holder[self.key]))

    def put(self, value: Fraction) -> None:
        self.holder[self.key] = _text(value)


def _places(inputs: dict[str, Any], cell: str) -> Iterator[_Place]:
    """The places a cell names that have a value; an optional field that was not given has none."""
    match = _CELL.fullmatch(cell)
    assert match is not None, cell  # noqa: S101 - a test reads every cell of the policy
    name, code, key = match["name"], match["code"], match["key"]
    held = inputs.get(name)
    if held is None:
        return
    if code is None and key is None:
        yield _Place(inputs, name)
        return
    for row in held if isinstance(held, list) else [held]:
        if row.get(key or "amount") is not None and (not code or row.get("code", "").startswith(code)):
            yield _Place(row, key or "amount")


def _pay(inputs: dict[str, Any], cells: list[str], amount: Fraction) -> Fraction:
    rest = max(ZERO, amount)
    for cell in cells:
        payer, *totals = cell.split(" in ")
        for place in _places(inputs, payer):
            paid = min(rest, place.value)
            rest -= paid
            for whole in (place, *(found for total in totals for found in _places(inputs, total))):
                whole.put(max(ZERO, whole.value - paid))
    return rest


def _amounts(book: Book, found: Stressed) -> dict[str, Fraction]:
    need = found.need_lines
    outflow = sum((need[name] for name in PAID_OUT), ZERO)
    release = found.available_lines.get("reserve_release", ZERO)
    return {
        "outflow_paid": outflow,
        "funding_run_off": sum((need[name] for name in FUNDING), ZERO),
        "reserve_call": need["reserve_call"],
        "reserve_release": release,
        "cash_paid": outflow + need["reserve_call"] - release,
        "security_loss": book.securities - found.available_lines["securities"],
        "commitment_drawdown": need["commitment_drawdown"],
    }


def _signed(name: str, amounts: Mapping[str, Fraction]) -> Fraction:
    return -amounts[name[1:]] if name.startswith("-") else amounts[name]


def _text(value: Fraction) -> str:
    try:
        text = plain_text(value)
    except ValueError:
        return decimal_text(value, DIGITS)
    return text if len(text) <= DIGITS_MAX else decimal_text(value, DIGITS)
