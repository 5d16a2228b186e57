"""Seeded loans at risk, and which path each of them goes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

import numpy as np

from streams.feeds.cases import collecting, foreclosing, selling, suing, writing_off
from streams.feeds.cases.acts import BUCKETS, CCY, Act, Loan, Path, Story, text

#: Paths by name, with how often each is gone, per cent.
PATHS: Mapping[str, tuple[int, Path]] = MappingProxyType(
    {
        "repaid": (13, collecting.repaid),
        "paid-in-parts": (12, collecting.paid_in_parts),
        "outsourced": (6, collecting.outsourced),
        "restructured": (6, collecting.restructured),
        "sued-and-sold": (12, suing.sued_and_sold),
        "mediated": (5, suing.mediated),
        "written-off": (10, writing_off.written_off),
        "written-off-by-committee": (6, writing_off.by_committee),
        "written-off-and-given-up": (4, writing_off.given_up),
        "reduced": (6, selling.reduced),
        "reduction-given-up": (3, selling.given_up),
        "transferred": (5, selling.transferred),
        "packaged": (3, selling.packaged),
        "securitised": (2, selling.securitised),
        "income-right": (1, selling.income_right),
        "foreclosed-and-sold": (4, foreclosing.sold),
        "foreclosed-and-used": (2, foreclosing.converted),
    }
)
PLACES = (("BANK", "3301"), ("BANK", "3302"), ("BANK", "3303"), ("LEASE", "L-01"), ("CF", "CF-01"))
CLASS_BY_DAYS = ((360, "LOSS"), (270, "DOUBTFUL"), (90, "SUBSTANDARD"), (0, "SPECIAL_MENTION"))
SPAN_DAYS = 720  # the oldest loan was taken over so long ago


@dataclass(frozen=True, slots=True)
class Case:
    """One loan and all that people do about it."""

    number: int
    path: str
    loan: Loan
    acts: tuple[Act, ...]


def cases(seed: int, count: int, today: date) -> Iterator[Case]:
    """The first `count` cases; case n is the same however many are asked for."""
    names = list(PATHS)
    weights = np.array([PATHS[name][0] for name in names], float)
    for number in range(count):
        draw = np.random.default_rng([seed, 0xCA5E, number])
        # Every path is gone before chance decides.
        name = (
            names[number] if number < len(names) else names[int(draw.choice(len(names), p=weights / weights.sum()))]
        )
        story = Story(_loan(seed, number, today, draw), today, draw)
        _admitted(story)
        PATHS[name][1](story)
        yield Case(number, name, story.loan, tuple(story.acts))


def _loan(seed: int, number: int, today: date, draw: np.random.Generator) -> Loan:
    entity, branch = PLACES[int(draw.choice(len(PLACES), p=[0.4, 0.25, 0.15, 0.1, 0.1]))]
    is_firm = bool(draw.integers(100) < 60)
    # A few large claims hold most of the money, as in any bank.
    principal = int(np.exp(draw.normal(15.5 if is_firm else 12.2, 1.1))) * 100
    admitted = today - timedelta(days=int(draw.integers(200, SPAN_DAYS)))
    overdue = int(draw.integers(30, 500))
    yearly = principal * int(draw.integers(350, 700)) // 10_000
    shares = {"interest_on": min(overdue, 90), "interest_off": max(0, overdue - 90)}
    owed = {"principal": principal} | {name: yearly * days // 360 for name, days in shares.items()}
    owed |= {"penalty": yearly * overdue // 720, "compound": yearly * overdue // 20_000}
    classification = next(name for days, name in CLASS_BY_DAYS if overdue > days)
    return Loan(
        loan_no=f"S{seed}-NPL-{number:06d}",
        customer_no=f"S{seed}-C{number // 2 if number % 7 == 0 else number:06d}",
        entity=entity,
        branch=branch,
        segment="CORPORATE" if is_firm else "RETAIL",
        classification=classification,
        overdue_since=admitted - timedelta(days=overdue),
        admitted_on=admitted,
        minor_by_bucket=owed,
    )


def _admitted(story: Story) -> None:
    loan = story.loan
    story.on_loan(
        "EX",
        "Admit",
        loan_no=loan.loan_no,
        entity_id=loan.entity,
        ccy=CCY,
        customer_no=loan.customer_no,
        branch=loan.branch,
        product="CORP_LOAN" if loan.segment == "CORPORATE" else "CONSUMER_LOAN",
        segment=loan.segment,
        classification=loan.classification,
        overdue_since=loan.overdue_since.isoformat(),
        maturity=(loan.overdue_since + timedelta(days=180)).isoformat(),
        **{bucket: text(loan.minor_by_bucket[bucket]) for bucket in BUCKETS},
    )
    if story.chance(40):
        story.on_loan("AM", "Tag", tag=story.one_of("DESIGNATED", "COLLATERAL_WEAK", "GROUP_DEBTOR"), on=True)
    story.later(20)
