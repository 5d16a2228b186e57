"""`tidemark calc repricing_gap`: repricing gap and the change of net interest income over a year (LIQ-15)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import polars as pl

from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import exact_text, not_computable, percent_text, plain_text
from engines.primitives.errors import InvalidInput
from engines.primitives.money import AMOUNT_MINOR_MAX, exponent, to_text
from engines.repricing import cumulative_gap_within_year, net_interest_income_change, repricing_gap_table
from engines.repricing_buckets import REPRICING_BUCKETS


class Gap(Inputs):
    """The gap of one bucket (assets less liabilities); its own `rate_change` wins over the common one."""

    midpoint_years: NonNegative
    gap: Exact
    rate_change: Exact | None = None


class Gaps(Inputs):
    gaps: list[Gap]
    rate_change: Exact | None = None


class Bucket(Inputs):
    midpoint_years: NonNegative
    assets: NonNegative
    liabilities: NonNegative
    rate_change: Exact | None = None


class Buckets(Inputs):
    """Rate-sensitive assets and liabilities by bucket."""

    buckets: list[Bucket]
    rate_change: Exact | None = None


class Contract(Inputs):
    """A balance that reprices on `reprice_date`, without one at `maturity_date`."""

    side: Literal["asset", "liability", "obs_in", "obs_out"]
    principal: NonNegative
    currency: Name
    reprice_date: Day | None = None
    maturity_date: Day | None = None


class Contracts(Inputs):
    """Contracts, slotted into the 19 buckets of BCBS 368 for each currency."""

    as_of: Day
    contracts: list[Contract]
    rate_change: Exact | None = None


def _of_gaps(inputs: Gaps) -> Result:
    midpoints = [bucket.midpoint_years for bucket in inputs.gaps]
    changes = _changes([bucket.rate_change for bucket in inputs.gaps], inputs.rate_change, "gaps")
    return _figures([bucket.gap for bucket in inputs.gaps], midpoints, changes)


def _of_buckets(inputs: Buckets) -> Result:
    midpoints = [bucket.midpoint_years for bucket in inputs.buckets]
    gaps = [bucket.assets - bucket.liabilities for bucket in inputs.buckets]
    changes = _changes([bucket.rate_change for bucket in inputs.buckets], inputs.rate_change, "buckets")
    assets = sum((bucket.assets for bucket in inputs.buckets if bucket.midpoint_years < 1), Fraction(0))
    liabilities = sum((bucket.liabilities for bucket in inputs.buckets if bucket.midpoint_years < 1), Fraction(0))
    return (
        {"gaps": [plain_text(gap) for gap in gaps]} | _figures(gaps, midpoints, changes) | _ratio(assets, liabilities)
    )


def _of_contracts(inputs: Contracts) -> Result:
    as_of_day = _day_number(inputs.as_of)
    rows = [
        (
            contract.currency,
            contract.side,
            _minor(contract.principal, contract.currency, f"contracts[{at}]"),
            _day_number(contract.reprice_date),
            _day_number(contract.maturity_date),
        )
        for at, contract in enumerate(inputs.contracts)
    ]
    frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    table = repricing_gap_table(frame, as_of_day=as_of_day)
    currencies = []
    for (currency,), buckets in table.group_by("currency", maintain_order=True):
        currencies.append({"currency": str(currency), **_currency(buckets, str(currency), inputs.rate_change)})
    return {"as_of": inputs.as_of.isoformat(), "currencies": currencies}


def _currency(buckets: pl.DataFrame, currency: str, rate_change: Fraction | None) -> dict[str, Any]:
    unit = 10 ** exponent(currency)
    slots = buckets.filter(pl.col("bucket_no") > 0)
    gaps = [Fraction(minor, unit) for minor in slots["gap_minor"].to_list()]
    midpoints = [bucket.midpoint_years for bucket in REPRICING_BUCKETS]
    within = [at for at, midpoint in enumerate(midpoints) if midpoint < 1]
    assets, liabilities = (
        sum(slots[name].gather(within).to_list()) for name in ("assets_minor", "liabilities_minor")
    )
    lines = []
    for row in buckets.iter_rows(named=True):
        label = "UNSLOTTED" if row["bucket_no"] == 0 else REPRICING_BUCKETS[row["bucket_no"] - 1].label
        amounts = {
            name: None if row[f"{name}_minor"] is None else to_text(row[f"{name}_minor"], currency)
            for name in ("assets", "liabilities", "gap", "cumulative")
        }
        lines.append({"bucket_no": row["bucket_no"], "up_to": label, **amounts})
    changes = None if rate_change is None else [rate_change] * len(gaps)
    ratio = _ratio(Fraction(assets), Fraction(liabilities))
    return {"buckets": lines, **_figures(gaps, midpoints, changes), **ratio}


def _figures(gaps: Sequence[Fraction], midpoints: Sequence[Fraction], changes: Sequence[Fraction] | None) -> Result:
    running = [sum(gaps[: at + 1], Fraction(0)) for at in range(len(gaps))]
    shown: Result = {
        "cumulative": [plain_text(gap) for gap in running],
        "cumulative_gap_1_year": plain_text(cumulative_gap_within_year(gaps, midpoints)),
    }
    if changes is not None:
        parts = zip(gaps, midpoints, changes, strict=True)
        shown["per_bucket"] = [plain_text(net_interest_income_change([g], [m], [c])) for g, m, c in parts]
        shown["net_interest_income_change"] = plain_text(net_interest_income_change(gaps, midpoints, changes))
    return shown


def _ratio(assets: Fraction, liabilities: Fraction) -> dict[str, Any]:
    """Rate-sensitive assets / rate-sensitive liabilities within a year."""
    ratio = assets / liabilities if liabilities else None
    reasons = [] if liabilities else ["no liabilities reprice within a year"]
    name = "assets_to_liabilities_1_year"
    return {f"{name}_pct": percent_text(ratio), f"{name}_exact": exact_text(ratio)} | not_computable(reasons)


def _changes(own: Sequence[Fraction | None], common: Fraction | None, field: str) -> list[Fraction] | None:
    """The rate change of each bucket; None if none is given at all."""
    if common is None and all(change is None for change in own):
        return None
    found = [common if change is None else change for change in own]
    for at, change in enumerate(found):
        if change is None:
            message = "some buckets have a rate change, this one has none"
            raise InvalidInput(message, field=f"{field}[{at}].rate_change", record=f"{field}[{at}]")
    return [change for change in found if change is not None]


_SCHEMA = {
    "currency": pl.String,
    "side": pl.String,
    "principal_minor": pl.Int64,
    "reprice_day": pl.Int64,
    "maturity_day": pl.Int64,
}


def _minor(amount: Fraction, currency: str, record: str) -> int:
    try:
        digits = exponent(currency)
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"{record}.currency", record=record) from error
    minor = amount * 10**digits
    if minor.denominator != 1 or minor > AMOUNT_MINOR_MAX:
        message = f"want at most {digits} decimals and {AMOUNT_MINOR_MAX} minor units"
        raise InvalidInput(message, field=f"{record}.principal", record=record)
    return int(minor)


def _day_number(day: Any) -> Any:
    return None if day is None else int(np.datetime64(day, "D").astype(np.int64))


CALCULATION = Calculation(
    "repricing_gap",
    "Repricing gap by bucket and the change of net interest income over a year (LIQ-15).",
    (
        Variant("gaps", Gaps, _of_gaps),
        Variant("buckets", Buckets, _of_buckets),
        Variant("contracts", Contracts, _of_contracts),
    ),
)
