"""The plan of one simulated business day: which entry comes when, on which account, for how much.

A day has exactly the asked number of events (card spend fills what the rest leaves), so that event number n
is found without walking the days before it. Everything follows from seed, date and number of the day. Not for
turning rows into records: that is `streams/feeds/simulated.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from engines.primitives.errors import InvalidInput
from streams.feeds.sheet import (
    BUSINESS_DATE,
    CARD,
    CASH_IN,
    CASH_OUT,
    COMMAND,
    CONTRACT,
    DAY_US,
    ENTRY_KINDS,
    FEE,
    INTERBANK,
    LARGE,
    MINUTE_US,
    ON_US,
    ONLINE,
    PAYROLL,
    PENDING,
    RECEIPT,
    REJECTED,
    REMIT_IN,
    REMIT_OUT,
    REPAYMENT,
    RESERVATION,
    REVERSAL,
    SALARY,
    SETTLED,
    SUPPLIER,
    TAX,
    TREASURY,
    CommandStep,
    ContractStep,
    ReservationStatus,
    ReservationStep,
    Rows,
    Sheet,
)
from streams.feeds.treasury import TreasuryStep
from streams.feeds.world import BANK, CORPORATE, CURRENCIES, ENTITIES, RETAIL, SME, Indices, World

EVENTS_PER_DAY_MIN = 5_000
EVENTS_PER_DAY_MAX = 2_000_000  # a plan takes some 150 bytes an event


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Rows in the order in which they are told. `position[r]` is where row number r stands in it."""

    rows: Rows
    position: Indices
    numbers: Indices
    reservations: list[ReservationStep]
    contracts: list[ContractStep]
    commands: Sequence[CommandStep]
    treasury: Sequence[TreasuryStep]


def check_events_per_day(events: int) -> None:
    """Raises InvalidInput where a day of so many events cannot be planned."""
    if not EVENTS_PER_DAY_MIN <= events <= EVENTS_PER_DAY_MAX:
        raise InvalidInput(
            f"a simulated day has {EVENTS_PER_DAY_MIN} to {EVENTS_PER_DAY_MAX} events", field="events_per_day"
        )


def contracts_per_day(events: int) -> int:
    """How many contracts are opened on a day of so many events."""
    return max(events // 1_000, 4)


def contracts_closed_per_day(events: int) -> int:
    """How many contracts are closed on such a day, the oldest first."""
    return contracts_per_day(events) // 2


def plan_day(
    world: World,
    day: date,
    day_number: int,
    events: int,
    book: int,
    commands: Sequence[CommandStep] = (),
    treasury: Sequence[TreasuryStep] = (),
) -> DayPlan:
    """The plan of one day with exactly `events` rows.

    Args:
        day: the business date; the 10th and 15th pay salaries, the 15th also taxes.
        day_number: 0 for the first day; later days begin with the business date, day 0's stands before its
            openings.
        book: how many contracts there were before day 0.
        commands, treasury: rows of their own among the others, in the place of card spend.
    Raises:
        InvalidInput: too few or too many events for one day.
    """
    check_events_per_day(events)
    sheet = Sheet(world, np.random.default_rng([world.seed, 0xDA, day.toordinal(), day_number]))
    if day_number > 0:
        dates = sheet.blank(np.zeros(len(ENTITIES), np.int64), np.zeros(len(ENTITIES), np.int64), BUSINESS_DATE)
        dates["extra"] = np.arange(len(ENTITIES))
        sheet.add(dates)
    _people(sheet, events, day)
    _firms(sheet, events, day)
    reservations = _reservations(sheet, max(events // 2_000, 24))
    contracts = _contracts(sheet, events, day_number, book)
    for steps, kind in ((commands, COMMAND), (treasury, TREASURY)):
        if steps:
            part = sheet.blank(np.array([step.at for step in steps]), np.zeros(len(steps), np.int64), kind)
            part["extra"] = np.arange(len(steps))
            sheet.add(part)
    _resolve_pending(sheet)
    late, repeats, reversals = events // 250, events // 200, max(events // 400, 2)
    filler = events - sheet.rows - repeats - reversals
    if filler < repeats + reversals + late:
        raise AssertionError(f"a day of {events} events has no room for its {sheet.rows} planned ones")
    retail = world.accounts_by_class[RETAIL]
    cards = sheet.entries(filler, CARD, retail, "card", (68.0, 1.1, 50_000.0), out=True)
    _make_late(sheet, cards, late, day_number)
    _reverse(sheet, cards, reversals)
    _repeat(sheet, repeats)
    rows = np.concatenate(sheet.parts)
    numbers = np.argsort(rows["at"], kind="stable")
    position = np.empty(len(rows), np.int64)
    position[numbers] = np.arange(len(rows))
    return DayPlan(rows[numbers], position, numbers, reservations, contracts, commands, treasury)


def _people(sheet: Sheet, events: int, day: date) -> None:
    world, rng = sheet.world, sheet.rng
    retail = world.accounts_by_class[RETAIL]
    sheet.entries(events * 9 // 100, ONLINE, retail, "people", (110.0, 1.2, 100_000.0), out=True)
    sheet.entries(events * 7 // 100, REMIT_IN, retail, "people", (900.0, 1.5, 2e7), out=False, external=True)
    remit = sheet.entries(events * 7 // 100, REMIT_OUT, retail, "people", (700.0, 1.5, 2e7), out=True, external=True)
    remit["status"] = np.where(rng.random(len(remit)) < 0.08, PENDING, SETTLED)
    remit["value_day"] = np.where(rng.random(len(remit)) < 0.01, 1, 0)
    cash_out = sheet.entries(events * 4 // 100, CASH_OUT, retail, "people", (1_500.0, 0.8, 50_000.0), out=True)
    cash_out["amount"] += -cash_out["amount"] % 100  # a cash dispenser gives whole units
    sheet.entries(events * 3 // 100, CASH_IN, retail, "people", (2_500.0, 1.2, 2e7), out=False)
    sheet.entries(events // 100, FEE, retail, "evening", (8.0, 0.9, 500.0), out=True)
    sheet.entries(
        events // 100,
        REPAYMENT,
        world.cny_accounts_by_class[RETAIL],
        "morning",
        (2_400.0, 0.8, 2e7),
        out=True,
    )

    pairs = events * 6 // 100
    pool = world.on_us_accounts
    payer, payee = sheet.pick(pool, pairs), sheet.pick(pool, pairs, 1.0)
    other = np.where(payer == pool[0], pool[1], pool[0])
    payee = np.where(payee == payer, other, payee)  # nobody pays oneself
    at, amount = sheet.times(pairs, "people"), sheet.amounts(payer, 400.0, 1.6, 2e7)
    reference = sheet.new_references(pairs)
    for account, out in ((payer, True), (payee, False)):
        leg = sheet.blank(at, account, ON_US)
        leg["out"], leg["amount"], leg["reference"], leg["intragroup"] = out, amount, reference, True
        sheet.add(leg)

    # Salaries come from payrolls: one debit of a firm, its people's credits a minute later.
    share = {10: 12, 15: 14}.get(day.day, 1)
    salaries, payrolls = events * share // 100, max(events * share // 10_000, 2)
    firm = sheet.pick(
        np.concatenate([world.cny_accounts_by_class[SME], world.cny_accounts_by_class[CORPORATE]]), payrolls
    )
    reference = sheet.new_references(payrolls)
    payroll = sheet.blank(sheet.times(payrolls, "morning"), firm, PAYROLL)
    batch = rng.integers(0, payrolls, size=salaries)
    staff = sheet.pick(world.cny_accounts_by_class[RETAIL], salaries, 1.0)
    pay = sheet.amounts(staff, 7_800.0, 0.6, 200_000.0)
    payroll["out"], payroll["reference"] = True, reference
    np.add.at(payroll["amount"], batch, pay)
    payroll["amount"] = np.maximum(payroll["amount"], 1)
    sheet.add(payroll)
    salary = sheet.blank(payroll["at"][batch] + MINUTE_US + rng.integers(0, 5 * MINUTE_US, salaries), staff, SALARY)
    salary["amount"], salary["reference"] = pay, reference[batch]
    sheet.add(salary)


def _firms(sheet: Sheet, events: int, day: date) -> None:
    world, rng = sheet.world, sheet.rng
    firms = np.concatenate([world.accounts_by_class[SME], world.accounts_by_class[CORPORATE]])
    corporates = world.cny_accounts_by_class[CORPORATE]
    pay = sheet.entries(
        events * 5 // 100, SUPPLIER, firms, "firms", (16_000.0, 1.5, 2e7), out=True, external=True, skew=1.1
    )
    pay["status"] = np.where(rng.random(len(pay)) < 0.10, PENDING, SETTLED)
    sheet.entries(
        events * 5 // 100, RECEIPT, firms, "firms", (17_000.0, 1.5, 2e7), out=False, external=True, skew=1.1
    )
    if day.day == 15:
        sheet.entries(events * 2 // 100, TAX, firms, "tax", (24_000.0, 1.3, 2e7), out=True)
    # Medium of 8 million, a few in a hundred above the single threshold of 30 million.
    large = sheet.entries(
        max(events // 3_000, 8),
        LARGE,
        corporates,
        "firms",
        (8e6, 0.7, 4e8),
        out=True,
        external=True,
        skew=1.0,
    )
    large["status"] = np.where(rng.random(len(large)) < 0.15, PENDING, SETTLED)
    sheet.entries(
        max(events // 4_000, 6),
        RECEIPT,
        corporates,
        "firms",
        (9e6, 0.7, 4e8),
        out=False,
        external=True,
        skew=1.0,
    )
    # Structuring: 10 to 20 million at a time, each below the single threshold, above 50 million in the hour.
    bursts = 4
    payer = rng.choice(corporates, size=bursts, replace=False)
    begins = np.sort(rng.integers(9 * 60, 17 * 60, size=bursts)) * MINUTE_US
    for account, begin in zip(payer, begins, strict=True):
        count = int(rng.integers(4, 7))
        amount = rng.integers(1_000_000_000, 2_000_000_000, size=count)  # fen
        amount[:4] = np.maximum(amount[:4], 1_300_000_000)  # four of 13 million pass 50 together
        burst = sheet.blank(
            np.sort(begin + rng.integers(1, 55 * MINUTE_US, size=count)), np.full(count, account), LARGE
        )
        burst["out"], burst["amount"] = True, amount
        burst["bank"] = rng.integers(0, len(world.bank_names), size=count)
        sheet.add(burst)
    # Settlement with other banks over our own accounts: mostly yuan, both ways.
    weights = np.array([0.7 if i == 0 else 0.3 / (len(CURRENCIES) - 1) for i in range(len(CURRENCIES))])
    weights = weights[world.currency_code[world.own_accounts]]
    count = max(events // 250, 20)
    own = rng.choice(world.own_accounts, size=count, p=weights / weights.sum())
    settlement = sheet.blank(sheet.times(count, "clearing"), own, INTERBANK)
    settlement["amount"] = sheet.amounts(own, 3e6, 1.2, 2e9)
    settlement["out"] = rng.random(count) < 0.5
    settlement["bank"] = rng.integers(0, len(world.bank_names), size=count)
    sheet.add(settlement)
    vostro = world.accounts_by_class[BANK]
    sheet.entries(max(events // 500, 10), INTERBANK, vostro, "clearing", (6e5, 1.3, 2e7), out=False, external=True)
    sheet.entries(max(events // 500, 10), INTERBANK, vostro, "clearing", (6e5, 1.3, 2e7), out=True, external=True)


def _reservations(sheet: Sheet, count: int) -> list[ReservationStep]:
    """Announced cash withdrawals: submitted, decided upon, and if due today executed, as an entry of its
    own.
    """
    world, rng = sheet.world, sheet.rng
    pools = [
        world.cny_accounts_by_class[RETAIL],
        world.cny_accounts_by_class[SME],
        world.cny_accounts_by_class[CORPORATE],
    ]
    account = np.where(
        rng.random(count) < 0.5, sheet.pick(pools[0], count), sheet.pick(np.concatenate(pools[1:]), count)
    )
    amount = sheet.amounts(account, 180_000.0, 0.8, 8e6) // 10_000 * 10_000 + 1_000_000  # whole hundreds of yuan
    submitted = sheet.times(count, "morning") + 2 * 60 * MINUTE_US
    fate = rng.permutation((np.arange(count) + 0.5) / count)  # spread evenly: each ending occurs every day
    value_day = np.where(rng.random(count) < 0.6, 0, rng.integers(1, 4, size=count))
    reference = sheet.new_references(count)
    steps: list[ReservationStep] = []
    at: list[int] = []
    cash: list[int] = []
    cash_at: list[int] = []
    for i in range(count):
        base = (int(reference[i]), int(account[i]), int(amount[i]))
        moment = int(submitted[i])
        told: list[tuple[ReservationStatus, int]] = [("submitted", 0)]
        if fate[i] < 0.08:
            told.append(("rejected", 0))
        else:
            told.append(("approved", 0))
            if fate[i] < 0.14:
                told.append(("cancelled", 0))
            elif value_day[i] == 0 and fate[i] < 0.18:
                told.append(("expired", 0))
            elif value_day[i] == 0:
                part = fate[i] < 0.26
                told.append(("partial", base[2] // 2) if part else ("executed", base[2]))
        for status, executed in told:
            steps.append(ReservationStep(*base, executed, int(value_day[i]), status))
            at.append(moment)
            if executed:
                cash.append(len(steps) - 1)
                cash_at.append(moment)
            moment = min(moment + int(rng.integers(5 * MINUTE_US, 90 * MINUTE_US)), DAY_US - 1)
    part = sheet.blank(np.array(at), np.array([step.account for step in steps]), RESERVATION)
    part["extra"] = np.arange(len(steps))
    sheet.add(part)
    paid = sheet.blank(np.array(cash_at, np.int64), np.array([steps[i].account for i in cash], np.int64), CASH_OUT)
    paid["out"] = True
    paid["amount"] = [steps[i].executed_minor for i in cash]
    paid["reference"] = [steps[i].reference for i in cash]
    sheet.add(paid)
    return steps


def _contracts(sheet: Sheet, events: int, day_number: int, book: int) -> list[ContractStep]:
    """New contracts, half as many closed (the oldest first), half as many amended (none that is closed)."""
    rng = sheet.rng
    count, closing = contracts_per_day(events), contracts_closed_per_day(events)
    first_new = book + day_number * count
    first_open = (day_number + 1) * closing  # serials below are closed by tonight
    steps = [ContractStep(first_new + i, "opened") for i in range(count)]
    steps += [ContractStep(day_number * closing + i, "closed") for i in range(closing)]
    amended = first_open + rng.choice(
        max(first_new - first_open, 1), size=min(closing, first_new - first_open), replace=False
    )
    steps += [ContractStep(int(s), "amended", int(rng.integers(8_000, 9_900))) for s in np.sort(amended)]
    part = sheet.blank(sheet.times(len(steps), "firms"), np.zeros(len(steps), np.int64), CONTRACT)
    part["extra"] = np.arange(len(steps))
    sheet.add(part)
    return steps


def _resolve_pending(sheet: Sheet) -> None:
    """Each pending entry settles, or is rejected, 1 to 20 minutes later: the same entry with another
    status.
    """
    rows = np.concatenate(sheet.parts)
    later: Rows = rows[rows["status"] == PENDING].copy()
    later["at"] = np.minimum(later["at"] + sheet.rng.integers(MINUTE_US, 20 * MINUTE_US, len(later)), DAY_US - 1)
    later["status"] = np.where(sheet.rng.random(len(later)) < 0.08, REJECTED, SETTLED)
    sheet.add(later)


def _make_late(sheet: Sheet, cards: Rows, count: int, day_number: int) -> None:
    """Some card payments reach us minutes to hours after they happened, a third of them for yesterday's
    books.
    """
    chosen = sheet.rng.choice(len(cards), size=count, replace=False)
    cards["late"][chosen] = sheet.rng.integers(5 * MINUTE_US, 180 * MINUTE_US, size=count)
    if day_number > 0:
        cards["value_day"][chosen[: count // 3]] = -1


def _reverse(sheet: Sheet, cards: Rows, count: int) -> None:
    """An equal entry the other way, which names what it takes back, 5 to 120 minutes later."""
    original = cards[np.sort(sheet.rng.choice(len(cards), size=count, replace=False))]
    at = np.minimum(original["at"] + sheet.rng.integers(5 * MINUTE_US, 120 * MINUTE_US, count), DAY_US - 1)
    part = sheet.blank(at, original["account"], REVERSAL)
    part["out"], part["amount"], part["reverses"] = ~original["out"], original["amount"], original["origin"]
    sheet.add(part)


def _repeat(sheet: Sheet, count: int) -> None:
    """Entries that core banking delivers twice, seconds later: the same id, the same body."""
    rows = np.concatenate(sheet.parts)
    entries = np.flatnonzero((rows["kind"] < len(ENTRY_KINDS)) & (rows["status"] != PENDING))
    again: Rows = rows[np.sort(sheet.rng.choice(entries, size=count, replace=False))].copy()
    again["at"] = np.minimum(again["at"] + sheet.rng.integers(1_000_000, 30_000_000, count), DAY_US - 1)
    sheet.add(again)
