"""The frame of dated cash flows that views and behaviour models read: its columns, its checks, its limits.

One row a flow. Sign: inflow to the bank positive, outflow negative (spec/liquidity.md section 1). A column that is
not listed here is a dimension (organisation, business_line, product, customer, counterparty ...), and stays with
its flow. Not for making flows out of contracts: that is `engines.actus`, whose flows, booked in minor units
(`FlowColumns`), `frame_of` puts into the frame.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput

Integers = NDArray[np.int64]

PRINCIPAL, INTEREST = "principal", "interest"  # kinds of flow
KINDS = (INTEREST, PRINCIPAL)  # by their code in FlowColumns

DEMAND_DAY = -(1 << 31)  # payable at call: overnight in the contractual view
UNDATED_DAY = (1 << 31) - 1

RATE_SCALE = 10**9  # an annual rate of 1 (100%) is this many rate units

#: day: days since 1970-01-01, or DEMAND_DAY (payable at call), or UNDATED_DAY. rule: the behaviour rule that moved
#: the flow, "" for a contractual one.
NOT_DIMENSIONS = ("contract", "day", "kind", "amount_minor", "rule")
_REQUIRED = ("contract", "day", "kind", "amount_minor", "currency", "intragroup")
_EXACT_TYPES = {"day": pl.Int64, "amount_minor": pl.Int64, "intragroup": pl.Boolean}

_INWARD, _OUTWARD = ("asset", "obs_in"), ("liability", "obs_out")

_PART = 1 << 20

SUM_MINOR_MAX = 1 << 62  # polars and numpy wrap round silently above 2**63

OWN = -1  # a flow in the currency of its contract


@dataclass(frozen=True, slots=True)
class FlowColumns:
    """Booked flows of contracts, one element a flow; flows of one contract stand together, in order of days.

    Attributes:
        contract_row: which contract, counted from 0.
        flow_day: days since 1970-01-01, or DEMAND_DAY, or UNDATED_DAY.
        kind: places in KINDS.
        amount_minor: positive: money to the holder of the contract's side; never 0.
        currency: place in `currencies`, or OWN.
    """

    contract_row: Integers
    flow_day: Integers
    kind: Integers
    amount_minor: Integers
    currency: Integers
    currencies: tuple[str, ...] = ()


def check_flows(flows: pl.DataFrame, columns: Iterable[str] = ()) -> pl.DataFrame:
    """`flows` with a `rule` column, checked for the columns above and for `columns`.

    Raises:
        InvalidInput: a column is missing, of another type or has a null (`field` names it); the sizes of all
            flows add up to 2**62 or more, so that some sum could wrap round.
    """
    for name in (*_REQUIRED, *columns):
        if name not in flows.columns:
            raise InvalidInput(f"flows have no column {name!r}", field=name)
        if flows[name].null_count():
            row = int(flows[name].is_null().arg_max() or 0)
            raise InvalidInput(f"column {name!r} has an empty value", field=name, record=row)
    for name, wanted in _EXACT_TYPES.items():
        if flows.schema[name] != wanted:
            raise InvalidInput(f"column {name!r} is {flows.schema[name]}, not {wanted}", field=name)
    check_size(flows["amount_minor"])
    return flows if "rule" in flows.columns else flows.with_columns(rule=pl.lit(""))


def check_size(amounts: pl.Series) -> None:
    """Raises InvalidInput if the sizes of `amounts` (minor units) add up to 2**62 or more."""
    low, high = amounts.min(), amounts.max()
    if not isinstance(low, int) or not isinstance(high, int):  # no rows
        return
    if max(-low, high) * len(amounts) < SUM_MINOR_MAX:
        return
    # In parts: a whole bank's flows need not exist as 128-bit integers at once.
    starts = range(0, len(amounts), _PART)
    total = sum(amounts.slice(start, _PART).cast(pl.Int128).abs().sum() for start in starts)
    if total >= SUM_MINOR_MAX:
        raise InvalidInput("the flows add up to more than 2**62 minor units", field="amount_minor")


def dimensions(flows: pl.DataFrame) -> list[str]:
    """Columns of `flows` that are dimensions, in their order there."""
    return [name for name in flows.columns if name not in NOT_DIMENSIONS]


def is_dated() -> pl.Expr:
    """True for flows that fall on a day: neither on demand nor undated."""
    return (pl.col("day") != DEMAND_DAY) & (pl.col("day") != UNDATED_DAY)


def pooled(flows: pl.DataFrame, by: Iterable[str] = ()) -> pl.DataFrame:
    """Flows added up by currency, intragroup, `by`, kind, rule and day; the pool stands in place of the contracts.

    A model that treats every contract of a pool alike gives the pool the sum of what it gives the contracts, but for
    rounding, and at a fraction of the cost. Inflows and outflows are pooled apart.
    """
    checked = check_flows(flows, by)
    keys = list(dict.fromkeys(("currency", "intragroup", *by)))
    outward = pl.col("amount_minor") < 0
    return (
        checked.group_by(*keys, "kind", "rule", "day", outward.alias("outward"))
        .agg(pl.col("amount_minor").sum())
        .with_columns(contract=pl.when("outward").then(pl.lit("POOL OUT")).otherwise(pl.lit("POOL IN")))
        .select("contract", "day", "kind", "amount_minor", *keys, "rule")
        .sort(*keys, "contract", "kind", "rule", "day")
    )


def frame_of(flows: FlowColumns, contracts: pl.DataFrame) -> pl.DataFrame:
    """Booked flows with the dimensions of their contracts, signed as money of the bank.

    Args:
        flows: `contract_row` counts the rows of `contracts`.
        contracts: contract, side (asset and obs_in pay the bank, liability and obs_out are paid by it), currency,
            intragroup and any dimensions.
    Raises:
        InvalidInput: a side is none of the four; a column is missing (as in `check_flows`).
    """
    if "side" not in contracts.columns:
        raise InvalidInput("contracts have no column 'side'", field="side")
    sides = contracts["side"].cast(pl.String)
    unknown = ~sides.is_in([*_INWARD, *_OUTWARD]).fill_null(False)
    if unknown.any():
        raise InvalidInput("a side is none of the four", field="side", record=int(unknown.arg_max() or 0))
    sign = np.where(sides.is_in(_INWARD).to_numpy(), 1, -1)
    rows = contracts.drop("side")[flows.contract_row.astype(np.uint32)]
    place = np.where(flows.currency == OWN, len(flows.currencies), flows.currency)
    foreign = pl.Series([*flows.currencies, None], dtype=pl.String).gather(place)
    signed = rows.with_columns(
        day=pl.Series(flows.flow_day, dtype=pl.Int64),
        kind=pl.Series(np.array(KINDS)[flows.kind]),
        amount_minor=pl.Series(flows.amount_minor * sign[flows.contract_row], dtype=pl.Int64),
        currency=foreign.fill_null(rows["currency"]) if "currency" in rows.columns else foreign,
    )
    return check_flows(signed)
