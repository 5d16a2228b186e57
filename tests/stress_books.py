"""Balance sheets and shocks for property tests of stress: cheap to draw, exact, every field and parameter used."""

from dataclasses import fields
from fractions import Fraction

from hypothesis import strategies as st

from engines.shock_families import PARAMETERS
from engines.stress import Book

#: The test balance sheet of LIQ-33, its 30-day flows.
DECK = Book(*map(Fraction, (500, 1200, 5000, 3000, 1000, 600, 250, 400)))
FIELDS = [field.name for field in fields(Book)]

hundredths = st.integers(0, 100).map(lambda number: Fraction(number, 100))
books = st.lists(st.integers(0, 10_000), min_size=len(FIELDS), max_size=len(FIELDS)).map(
    lambda amounts: Book(*(Fraction(amount, 4) for amount in amounts))
)
_UNIT = {"funding_spread_bp": 500, "outage_hours": 48}
_few = st.dictionaries(st.sampled_from(PARAMETERS), hundredths, max_size=7)
_all = st.lists(hundredths, min_size=len(PARAMETERS), max_size=len(PARAMETERS)).map(
    lambda sizes: dict(zip(PARAMETERS, sizes, strict=True))
)
#: Additions are drawn up to 1 as shares are, then stretched to basis points and hours.
shocks = st.one_of(_few, _all).map(lambda sizes: {name: size * _UNIT.get(name, 1) for name, size in sizes.items()})
