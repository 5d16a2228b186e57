"""Contracts of the simulated bank: loans, deposits, bonds, interbank deals, commitments, with maturities in
every bucket.

A contract's terms follow from (seed, serial) alone, so that any day can amend or close any contract without
a book being carried from day to day. Not for flows: those are the gap's to derive.
"""

from datetime import date, timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from engines.primitives.money import to_text
from streams.feeds.actus_contracts import ActusType, floating, with_principal
from streams.feeds.event import add_months
from streams.feeds.world import BANK, CORPORATE, RETAIL, SME, World, minor_of_cny
from streams.schemas import Amortisation, Contract, DayCount, Side

#: Remaining days of a contract, drawn from one of these ranges: the buckets of the gap, undated apart (Q12).
TENORS_DAYS = (
    (1, 1),
    (2, 7),
    (8, 30),
    (31, 90),
    (91, 180),
    (181, 365),
    (366, 730),
    (731, 1_095),
    (1_096, 1_825),
    (1_826, 7_300),
)


class _Product(NamedTuple):
    product: str
    side: Side
    share: float
    classes: tuple[int, ...]
    amort: Amortisation
    months: int  # between payments; 0: all at maturity
    first_tenor: int  # tenors are drawn from TENORS_DAYS[first:last]
    last_tenor: int
    rate_bp: tuple[int, int]
    day_count: DayCount
    median_cny: float
    sigma: float
    undated: bool = False
    actus: ActusType | None = None  # said in raw ACTUS terms
    spread_bp: int = 0


PRODUCTS = (
    _Product("MORTGAGE", "asset", 0.14, (RETAIL,), "annuity", 1, 6, 10, (310, 420), "30/360", 900_000, 0.5),
    _Product(
        "CONSUMER-LOAN",
        "asset",
        0.16,
        (RETAIL,),
        "equal_principal",
        1,
        4,
        8,
        (480, 980),
        "30/360",
        60_000,
        0.8,
    ),
    _Product("SME-LOAN", "asset", 0.10, (SME,), "annuity", 1, 4, 8, (380, 560), "ACT/360", 1_500_000, 0.9),
    _Product("CORPORATE-LOAN", "asset", 0.08, (CORPORATE,), "bullet", 3, 3, 9, (320, 450), "ACT/360", 4e7, 1.0),
    _Product(
        "TERM-DEPOSIT",
        "liability",
        0.24,
        (RETAIL, SME, CORPORATE),
        "bullet",
        0,
        0,
        9,
        (110, 260),
        "ACT/365",
        2e5,
        1.4,
    ),
    _Product(
        "DEMAND-DEPOSIT",
        "liability",
        0.08,
        (SME, CORPORATE),
        "bullet",
        0,
        0,
        1,
        (10, 25),
        "ACT/365",
        3e6,
        1.2,
        True,
    ),
    _Product("BOND-HELD", "asset", 0.04, (BANK,), "bullet", 6, 5, 10, (210, 340), "ACT/365", 2e8, 0.7),
    _Product("DISCOUNT-BILL", "asset", 0.04, (CORPORATE,), "zero", 0, 2, 6, (150, 240), "ACT/360", 1e7, 0.9),
    _Product("INTERBANK-PLACED", "asset", 0.03, (BANK,), "bullet", 0, 0, 5, (140, 230), "ACT/360", 3e8, 0.8),
    _Product("INTERBANK-TAKEN", "liability", 0.04, (BANK,), "bullet", 0, 0, 5, (150, 240), "ACT/360", 3e8, 0.8),
    _Product("BOND-ISSUED", "liability", 0.01, (BANK,), "bullet", 12, 6, 10, (250, 380), "ACT/365", 1e9, 0.5),
    _Product("COMMITMENT", "obs_out", 0.03, (SME, CORPORATE), "zero", 0, 1, 7, (0, 0), "ACT/360", 8e6, 1.0),
    _Product("LINE-RECEIVED", "obs_in", 0.01, (BANK,), "zero", 0, 2, 7, (0, 0), "ACT/360", 3e8, 0.6),
    _Product(
        "FLOATING-LOAN",
        "asset",
        0.015,
        (CORPORATE,),
        "custom",
        3,
        4,
        9,
        (330, 450),
        "ACT/360",
        3e7,
        0.8,
        actus="NAM",
        spread_bp=60,
    ),
    _Product(
        "INTEREST-RATE-SWAP",
        "obs_in",
        0.01,
        (BANK,),
        "custom",
        3,
        5,
        9,
        (180, 260),
        "ACT/365",
        2e8,
        0.5,
        actus="SWPPV",
        spread_bp=20,
    ),
)
_SHARES = np.cumsum([product.share for product in PRODUCTS])
_LOAN_CLASSES = ("NORMAL", "SPECIAL_MENTION", "SUBSTANDARD", "DOUBTFUL", "LOSS")


def contract(world: World, serial: int, opened_on: date, event_time: str, *, seasoned: bool = False) -> Contract:
    """Contract number `serial`, as opened: its terms depend on the seed, the serial and the day only.

    Args:
        opened_on: first day of a new contract; of a `seasoned` one, which began earlier, the day it is told
            of.
        event_time: RFC 3339 instant of the record.
    """
    rng = np.random.default_rng([world.seed, 0xC0, serial])
    terms = PRODUCTS[min(int(np.searchsorted(_SHARES, rng.random() * _SHARES[-1])), len(PRODUCTS) - 1)]
    pool = world.accounts_by_class[terms.classes[int(rng.integers(len(terms.classes)))]]
    account = int(pool[int(rng.integers(len(pool)))])
    low, high = TENORS_DAYS[int(rng.integers(terms.first_tenor, terms.last_tenor))]
    days_left = int(rng.integers(low, high + 1))
    principal_cny = np.array([min(terms.median_cny * float(np.exp(terms.sigma * rng.standard_normal())), 5e10)])
    principal = int(minor_of_cny(principal_cny, world.currency_code[account : account + 1])[0])
    rate_bp = int(rng.integers(terms.rate_bp[0], terms.rate_bp[1] + 1))
    bad = float(rng.random())
    loan_class = 0 if bad < 0.955 else min(4, 1 + int((bad - 0.955) / 0.018))
    age = float(rng.random())

    maturity: date | None
    if terms.undated:
        start, maturity = opened_on, None
    elif terms.months:
        # Whole periods between start and maturity, on a day that every month has: no stub, no clipped dates.
        day = opened_on.replace(day=min(opened_on.day, 28))
        periods_left = max(1, -(-days_left // (terms.months * 30)))
        periods_gone = int(age * 12 // terms.months) if seasoned else 0
        start = add_months(day, -periods_gone * terms.months)
        maturity = add_months(day, periods_left * terms.months)
    else:
        start = opened_on - timedelta(days=int(age * 60) if seasoned else 0)
        maturity = opened_on + timedelta(days=days_left)
    is_loan = terms.product.endswith(("LOAN", "MORTGAGE"))
    record = Contract(
        contract_id=f"S{world.seed}-C{serial:07d}",
        event_time=event_time,
        entity_id=world.entity[account],
        side=terms.side,
        ccy=world.currency[account],
        principal=to_text(principal, world.currency[account]),
        start_date=start.isoformat(),
        maturity_date=maturity.isoformat() if maturity else None,
        rate=f"{rate_bp // 10_000}.{rate_bp % 10_000:04d}",
        amort=terms.amort,
        pay_freq="-" if not terms.months else ("1Y" if terms.months == 12 else f"{terms.months}M"),
        day_count=terms.day_count,
        on_demand=terms.undated,
        customer_id=world.customer[account],
        account_id=world.account_id[account],
        org_id=world.org[account],
        line_id=world.line[account],
        product_id=terms.product,
        cpty_type=world.customer_class[account],
        loan_class=_LOAN_CLASSES[loan_class] if is_loan else "-",
        overdue_days=(0, 45, 120, 300, 400)[loan_class] if is_loan else 0,
        source_system="core",
    )
    return record if terms.actus is None else floating(record, terms.actus, terms.spread_bp)


def amended(record: Contract, principal_factor_bp: int, event_time: str) -> Contract:
    """`record` after a part of the principal was paid early; the rest of the terms stand."""
    whole, _, fraction = record.principal.partition(".")
    minor = max(int(whole + fraction) * principal_factor_bp // 10_000, 1)
    principal = to_text(minor, record.ccy)
    actus = with_principal(record, principal)
    return msgspec.structs.replace(record, principal=principal, actus=actus, event_time=event_time)


def closed(record: Contract, event_time: str) -> Contract:
    """`record` after its end: it has no flows any more."""
    return msgspec.structs.replace(record, closed=True, event_time=event_time)
