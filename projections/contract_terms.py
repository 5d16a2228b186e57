"""The checked terms of one contract, and how the gap's state keeps them: whole numbers in columns, the rest as text.

Not for flows: those are `projections.contract_flows`. Not for reading records: that is `streams.contract_rows`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.primitives.money import exponent
from projections.dictionary import Key
from projections.latest_terms import LatestTerms

Integers = NDArray[np.int64]
Table = dict[str, Integers]  # the columns of COLUMNS, one element a contract

SIDES = ("asset", "liability", "obs_in", "obs_out")
AMORTISATIONS = ("bullet", "equal_principal", "annuity", "zero", "custom")
DAY_COUNTS = ("ACT/360", "ACT/365", "30/360")
#: DAY_COUNTS in ACTUS. 30/360: a whole month is 30 days, also one that ends on the last of February.
ACTUS_DAY_COUNTS = ("A360", "A365", "30E360ISDA")

COLUMNS: Mapping[str, Any] = {
    "cell": np.int32,
    "side": np.int8,
    "amortisation": np.int8,
    "day_count": np.int8,
    "months": np.int16,
    "open": np.int8,
    "dated": np.int8,
    "on_demand": np.int8,
    "exponent": np.int8,  # of the currency
    "principal_minor": np.int64,
    "rate_units": np.int64,
    "start_day": np.int32,
    "maturity_day": np.int32,  # the start, where there is none
}


class ContractTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The present state of one contract, checked: as `streams.contract_rows` makes it of a record.

    Attributes:
        maturity_day: None: none is given; days count from 1970-01-01.
        rate_units: 1e-9 a year.
        months: between payments; 0: everything at maturity.
        schedule: what is repaid when, of amortisation `custom`: (day, minor units), days rising; the rest at
            maturity.
        actus: raw ACTUS terms that govern the flows in place of all others, or nothing.
        fixings: market data that `actus` reads, by market object code, held from now on.
        liquidity_tag: what its line in a liquidity ratio depends on (`projections.liquidity_tag`).
    """

    contract_id: str
    entity: str
    organisation: str
    business_line: str
    product: str
    currency: str
    side: str
    amortisation: str
    day_count: str
    months: int
    principal_minor: int
    rate_units: int
    start_day: int
    maturity_day: int | None
    on_demand: bool
    closed: bool
    schedule: tuple[tuple[int, int], ...] = ()
    actus: dict[str, Any] = {}
    fixings: dict[str, float] = {}
    liquidity_tag: str = "-"

    @property
    def cell(self) -> Key:
        """The currency stands last: the flows of one contract may have others."""
        return self.entity, self.organisation, self.business_line, self.product, self.liquidity_tag, self.currency


def cycle(months: int) -> str:
    """The ACTUS cycle of a payment every so many months; a last, broken period stands on its own."""
    return f"P{months}ML1"


class _More(msgspec.Struct, omit_defaults=True):
    """Terms that are no whole numbers, as they are kept: JSON, the names in order."""

    schedule: tuple[tuple[int, int], ...] = ()
    actus: dict[str, Any] = {}
    fixings: dict[str, float] = {}


_read_more = msgspec.json.Decoder(_More).decode


def more_text(terms: ContractTerms) -> str:
    """The terms that have no column, the same text for the same terms; empty where there are none."""
    if not terms.schedule and not terms.actus:
        return ""
    more = _More(terms.schedule, terms.actus, terms.fixings)
    return msgspec.json.encode(more, order="deterministic").decode()


def values_of(terms: ContractTerms, cell: int) -> tuple[int, ...]:
    """One row of COLUMNS; `cell`: the code of the contract's cell."""
    return (
        cell,
        SIDES.index(terms.side),
        AMORTISATIONS.index(terms.amortisation),
        DAY_COUNTS.index(terms.day_count),
        terms.months,
        not terms.closed,
        terms.maturity_day is not None,
        terms.on_demand,
        exponent(terms.currency),
        terms.principal_minor,
        terms.rate_units,
        terms.start_day,
        terms.start_day if terms.maturity_day is None else terms.maturity_day,
    )


def terms_of(key: Key, cell: Key, values: Mapping[str, int], more: str) -> ContractTerms:
    """The terms that `values_of` and `more_text` were made from; `key`: entity and contract id."""
    rest = _read_more(more) if more else _More()
    _, organisation, business_line, product, liquidity_tag, currency = cell
    return ContractTerms(
        contract_id=key[1],
        entity=key[0],
        organisation=organisation,
        business_line=business_line,
        product=product,
        currency=currency,
        side=SIDES[values["side"]],
        amortisation=AMORTISATIONS[values["amortisation"]],
        day_count=DAY_COUNTS[values["day_count"]],
        months=values["months"],
        principal_minor=values["principal_minor"],
        rate_units=values["rate_units"],
        start_day=values["start_day"],
        maturity_day=values["maturity_day"] if values["dated"] else None,
        on_demand=bool(values["on_demand"]),
        closed=not values["open"],
        schedule=rest.schedule,
        actus=rest.actus,
        fixings=rest.fixings,
        liquidity_tag=liquidity_tag,
    )


class LatestContracts(LatestTerms):
    """The latest terms of each contract: columns, and for the few that need it a text."""

    def __init__(self) -> None:
        super().__init__(**COLUMNS)
        self._more: dict[int, str] = {}  # by the code of the contract

    def codes(self, keys: Sequence[Key]) -> Integers:
        before = len(self.keys)
        codes = np.array(self.keys.codes(keys), np.int64)
        self._columns.grow(len(self.keys) - before)
        return codes

    def more(self, codes: Integers) -> dict[int, str]:
        """The texts of contracts that have one, by place in `codes`."""
        if not self._more:
            return {}
        return {place: text for place, code in enumerate(codes.tolist()) if (text := self._more.get(code))}

    def with_more(self) -> Integers:
        """The codes of contracts that have a text, rising."""
        return np.array(sorted(self._more), np.int64)

    def put_more(self, codes: Integers, texts: Mapping[int, str]) -> None:
        """Put the texts, by place in `codes`, of contracts whose columns are `put` at the same time."""
        if self._more:
            for code in codes.tolist():
                self._more.pop(code, None)
        self._more.update((int(codes[place]), text) for place, text in texts.items())

    def column(self, name: str) -> NDArray[Any]:
        """One column of all contracts, by code; valid until the next contract comes."""
        return self._columns[name]

    def dump(self, whole: bool) -> dict[str, Any]:
        told = list(self._more) if whole else [code for code in self._unsaved if code in self._more]
        return super().dump(whole) | {"more": [(code, self._more[code]) for code in sorted(told)]}

    def apply(self, dump: dict[str, Any]) -> None:
        super().apply(dump)
        for code in np.frombuffer(dump["codes"], np.int64).tolist():
            self._more.pop(code, None)
        self._more.update((code, text) for code, text in dump["more"])

    def rows(self) -> list[tuple[Key, tuple[Any, ...]]]:
        """Every key with its values and its text, sorted by key."""
        codes = {key: code for code, key in enumerate(self.keys.tail())}
        return [(key, (*values, self._more.get(codes[key], ""))) for key, values in super().rows()]
