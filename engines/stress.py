"""What a bank can raise against what it must pay under shocks, over a horizon (LIQ-33). Exact.

One linear picture of a balance sheet serves the six standard runs, scenarios and reverse stress. The deck knows
cash, securities, deposits, interbank funding, loans due and other flows; the other amounts are for the shock families
of LIQ-32 and are 0 unless given. Not for the days inside the horizon: that is `engines.survival_horizon`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction

from engines.factor_lines import ZERO
from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput
from engines.shock_families import PARAMETERS, Severity, Shocks, check_shocks

DAYS_OF_YEAR = 360


@dataclass(frozen=True, slots=True)
class Book:
    """Amounts of one unit, all >= 0; flows are those due within the horizon."""

    cash_and_excess: Fraction  # cash, and reserves above the requirement
    securities: Fraction  # market value of what is unencumbered
    retail_deposits: Fraction = ZERO
    corporate_deposits: Fraction = ZERO
    interbank: Fraction = ZERO  # deposits taken from banks and borrowings
    loans_due: Fraction = ZERO
    other_inflows: Fraction = ZERO
    other_outflows: Fraction = ZERO
    counterparty_claims_due: Fraction = ZERO  # from banks and main counterparties
    foreign_currency_inflows: Fraction = ZERO  # usable once converted
    facilities: Fraction = ZERO  # committed lines from others, undrawn
    central_bank_facilities: Fraction = ZERO
    maturing_funding: Fraction = ZERO  # rolled over in full unless shocked
    undrawn_commitments: Fraction = ZERO  # given to customers
    margined_exposure: Fraction = ZERO  # what margin calls are measured on
    group_commitments: Fraction = ZERO  # to parent, subsidiaries and branches, implicit ones included
    incoming_payments_per_hour: Fraction = ZERO  # late while a system is down
    recoveries: Fraction = ZERO  # expected of disposals, probability and severity applied already

    @property
    def deposits(self) -> Fraction:
        return self.retail_deposits + self.corporate_deposits


@dataclass(frozen=True, slots=True)
class StressRun:
    """A row of the table of runs: what is shocked over which horizon."""

    run_id: str
    horizon_days: int
    severity: Severity
    shocks: Shocks


@dataclass(frozen=True, slots=True)
class ReserveRelease:
    """Deposits that leave free their required reserve; counted only where the bank chose to."""

    reserve_ratio: Fraction  # 0..1


@dataclass(frozen=True, slots=True)
class Stressed:
    """Both sides line by line, in the order of `Book` as far as there is one."""

    available_lines: Mapping[str, Fraction]
    need_lines: Mapping[str, Fraction]

    @property
    def available(self) -> Fraction:
        return sum(self.available_lines.values(), ZERO)

    @property
    def need(self) -> Fraction:
        return sum(self.need_lines.values(), ZERO)

    @property
    def net(self) -> Fraction:
        return self.available - self.need

    @property
    def cover(self) -> Ratio:
        return Ratio(self.available, self.need)

    @property
    def passes(self) -> bool:
        """A net of exactly 0 passes."""
        return self.net >= 0


def stress(book: Book, shocks: Shocks, *, horizon_days: int, release: ReserveRelease | None = None) -> Stressed:
    """Available money and needed money after the shocks.

    `available = cash + MV (1-s) (1-impact) + loans due (1-q) + ...`,
    `need = other outflows + D d + IB b + rise D (1-d) + ...`: a rise of the reserve ratio is paid on what stays.

    Args:
        shocks: by parameter of `engines.shock_families`; a missing one is no shock.
        horizon_days: >= 1; dearer funding is paid for it on what was rolled over, ACT/360.
    Raises:
        InvalidInput: an amount is negative, a shock wrong, the horizon below 1, the reserve ratio outside 0..1.
    Source: LIQ-33; the extended lines LIQ-32, families 4 to 14.
    """
    check_book(book)
    check_shocks(shocks)
    if horizon_days < 1:
        raise InvalidInput("want a horizon of at least 1 day", field="horizon_days")
    if release is not None and not 0 <= release.reserve_ratio <= 1:
        raise InvalidInput("want a share from 0 to 1", field="reserve_ratio")
    size = {name: Fraction(shocks.get(name, 0)) for name in PARAMETERS}
    retail, corporate = (
        book.retail_deposits * size["retail_run_off"],
        book.corporate_deposits * size["corporate_run_off"],
    )
    rolled_over = book.maturing_funding * (1 - size["rollover_loss"])
    available = {
        "cash_and_excess": book.cash_and_excess,
        "securities": second_round(book.securities, size["security_haircut"], size["price_impact"]),
        "loans_due": book.loans_due * (1 - size["loan_default"]),
        "other_inflows": book.other_inflows,
        "counterparty_claims_due": book.counterparty_claims_due * (1 - size["counterparty_default"]),
        "foreign_currency_inflows": book.foreign_currency_inflows * (1 - size["foreign_currency_loss"]),
        "facilities": book.facilities * (1 - size["line_loss"]),
        "central_bank_facilities": book.central_bank_facilities * (1 - size["central_bank_line_loss"]),
        "recoveries": book.recoveries,
    }
    if release is not None:
        available["reserve_release"] = release.reserve_ratio * (retail + corporate)
    need = {
        "other_outflows": book.other_outflows,
        "retail_run_off": retail,
        "corporate_run_off": corporate,
        "interbank_run_off": book.interbank * size["interbank_run_off"],
        "reserve_call": size["reserve_ratio_rise"] * (book.deposits - retail - corporate),
        "rollover_loss": book.maturing_funding - rolled_over,
        "funding_cost": rolled_over * size["funding_spread_bp"] / 10_000 * horizon_days / DAYS_OF_YEAR,
        "commitment_drawdown": book.undrawn_commitments * size["commitment_drawdown"],
        "margin_call": book.margined_exposure * size["margin_call"],
        "group_support": book.group_commitments * size["group_support"],
        "late_payments": book.incoming_payments_per_hour * size["outage_hours"],
    }
    return Stressed(available, need)


def second_round(market_value: Fraction, price_fall: Fraction, price_impact: Fraction) -> Fraction:
    """What securities bring when own sales press the fallen price once more: `MV (1-s) (1-impact)`.

    Source: LIQ-34.
    """
    return market_value * (1 - price_fall) * (1 - price_impact)


def deposit_run_off(book: Book, shocks: Shocks) -> Fraction:
    """The run-off of all deposits together, weighed by balance; 0 where there are none."""
    left = book.retail_deposits * shocks.get("retail_run_off", ZERO)
    left += book.corporate_deposits * shocks.get("corporate_run_off", ZERO)
    return Fraction(left / book.deposits) if book.deposits else ZERO


def check_book(book: Book) -> None:
    """Raises InvalidInput: an amount is negative."""
    for named in fields(book):
        if getattr(book, named.name) < 0:
            raise InvalidInput("may not be negative", field=named.name)
