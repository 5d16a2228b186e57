"""Flows for tests: rows as tuples into the frame that the engines read, and a strategy for books of them."""

from datetime import date

import polars as pl
from hypothesis import strategies as st

from engines.flow_frame import DEMAND_DAY, UNDATED_DAY

AS_OF = date(2026, 1, 31).toordinal() - date(1970, 1, 1).toordinal()

SCHEMA = {
    "contract": pl.String,
    "day": pl.Int64,
    "kind": pl.String,
    "amount_minor": pl.Int64,
    "currency": pl.String,
    "organisation": pl.String,
    "product": pl.String,
    "intragroup": pl.Boolean,
    "rate_units": pl.Int64,
}
Row = tuple[str, int, str, int, str, str, str, bool, int]


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def row(  # a principal flow of an ordinary contract unless told otherwise
    day: int,
    amount_minor: int,
    *,
    contract: str = "C1",
    kind: str = "principal",
    currency: str = "CNY",
    organisation: str = "B1",
    product: str = "LOAN",
    intragroup: bool = False,
    rate_units: int = 0,
) -> Row:
    return contract, day, kind, amount_minor, currency, organisation, product, intragroup, rate_units


def day_of(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


days = st.one_of(
    st.integers(AS_OF - 40, AS_OF + 4_000),
    st.integers(AS_OF - 2, AS_OF + 40),
    st.sampled_from([DEMAND_DAY, UNDATED_DAY]),
)
rows = st.builds(
    row,
    days,
    st.integers(-(10**13), 10**13),
    contract=st.sampled_from(["C1", "C2", "C3", "C4"]),
    kind=st.sampled_from(["principal", "principal", "interest"]),
    currency=st.sampled_from(["CNY", "USD", "JPY"]),
    organisation=st.sampled_from(["B1", "B2"]),
    product=st.sampled_from(["LOAN", "DEPOSIT"]),
    intragroup=st.booleans(),
    rate_units=st.sampled_from([0, 10**7, 5 * 10**7]),
)
books = st.lists(rows, max_size=25)
