"""Mid rates between currencies at one cut: a pair as quoted, or its inverse; no cross rates are made up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.money import exponent
from streams.views_wire import FxState


@dataclass(frozen=True, slots=True)
class FxRates:
    mids: Mapping[tuple[str, str], Fraction]  # (base, quote) -> units of quote for one of base

    @classmethod
    def of(cls, rows: Iterable[FxState]) -> "FxRates":
        return cls({(row.base_currency, row.quote_currency): Fraction(row.mid) for row in rows})

    def rate(self, base: str, quote: str) -> Fraction | None:
        """Units of `quote` for one of `base`; None: no rate came."""
        if base == quote:
            return Fraction(1)
        found = self.mids.get((base, quote))
        if found is None and (quote, base) in self.mids:
            found = 1 / self.mids[quote, base]
        return found

    def minor_factor(self, base: str, quote: str) -> Fraction | None:
        """By what minor units of `base` are multiplied to become minor units of `quote`."""
        found = self.rate(base, quote)
        return None if found is None else found * Fraction(10) ** (exponent(quote) - exponent(base))
