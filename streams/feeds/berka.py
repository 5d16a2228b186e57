"""The Berka bank as a feed: its accounts' entries, standing orders and loans, in date order, exact to the
haler.

What the files leave open is assumed here, marked in the records and told in docs/feeds.md. The events up to
a date do not depend on `until`: a later run with a later `until` goes on where the earlier one ended
(decision S28). Not for reading the files: that is `streams/feeds/berka_files.py`.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from engines.primitives.money import to_text
from streams import topics
from streams.feeds.berka_files import CURRENCY, Account, BerkaFiles, Loan, Order, Transaction, read_berka
from streams.feeds.event import Event, add_months, instant_text
from streams.schemas import BusinessDate, Contract, Txn, WorkflowCommand

ENTITY = "BERKA"
SOURCE_SYSTEM = "berka"
LINE = "RETAIL-BANKING"
CUSTOMER_CLASS = "RETAIL"
#: The bank's data end here; a loan that runs on has the status of this day.
DATA_END = date(1998, 12, 31)

#: A standing order is told for so many months ahead, and again each year: always a year or more of it is
#: known.
ORDER_HORIZON_MONTHS = 24
ORDER_RENEWAL_MONTHS = 12
ORDER_ASSUMPTION = "the file has no due day: monthly on the account's opening day, for 24 months, renewed yearly"
LOAN_ASSUMPTION = "the file has no interest: amount = duration x payment, equal payments, first after a month"

_TYPE_BY_K_SYMBOL = {
    "UROK": "INTEREST_CREDIT",
    "SANKC. UROK": "PENALTY_INTEREST",
    "SLUZBY": "FEE",
    "SIPO": "HOUSEHOLD_PAYMENT",
    "UVER": "LOAN_PAYMENT",
    "DUCHOD": "PENSION",
    "POJISTNE": "INSURANCE",
    "LEASING": "LEASING",
}
_TYPE_BY_OPERATION = {
    "VKLAD": "CASH_DEPOSIT",
    "VYBER": "CASH_WITHDRAWAL",
    "VYBER KARTOU": "CARD_WITHDRAWAL",
    "PREVOD NA UCET": "REMITTANCE_OUT",
    "PREVOD Z UCTU": "REMITTANCE_IN",
    "": "OTHER",
}
_CHANNEL_BY_OPERATION = {
    "VKLAD": "CASH",
    "VYBER": "CASH",
    "VYBER KARTOU": "CARD",
    "PREVOD NA UCET": "CLEARING",
    "PREVOD Z UCTU": "CLEARING",
    "": "INTERNAL",
}


def berka_bank(directory: Path, until: date | None, token: str) -> Iterator[Event]:
    """All events of the files in `directory` up to and including `until` (None: everything), in date order.

    Args:
        token: signed token of the actor who admits risk assets, put into each workflow command.
    Raises as `read_berka`, before the first event.
    """
    return berka_events(read_berka(directory), until, token)


def last_transaction_date(files: BerkaFiles) -> date:
    """The date up to which `tidemark feed berka` goes unless told otherwise."""
    return files.transactions[-1].booked_on if files.transactions else DATA_END


def berka_count(files: BerkaFiles, until: date | None) -> int:
    """How many events `berka_events` yields, for a progress bar."""
    return sum(1 for _ in berka_events(files, until, ""))


def berka_events(files: BerkaFiles, until: date | None, token: str) -> Iterator[Event]:
    """As `berka_bank`, from rows. Each date begins with its business date, then come orders, loans granted,
    entries in the order of the file, and last the loans whose status is reached."""
    end = DATA_END if until is None else until
    orders = _order_dates(files, end)
    granted: dict[date, list[Loan]] = defaultdict(list)
    reached: dict[date, list[Loan]] = defaultdict(list)
    for loan in files.loans:
        granted[loan.granted_on].append(loan)
        reached[_status_date(loan)].append(loan)
    booked: dict[date, list[Transaction]] = defaultdict(list)
    for transaction in files.transactions:
        booked[transaction.booked_on].append(transaction)

    for day in sorted(orders.keys() | granted.keys() | reached.keys() | booked.keys()):
        if until is not None and day > until:
            return
        yield _business_date(day)
        opening = _Clock(day, hour=8)
        for order in orders.get(day, ()):
            yield _order(order, files.accounts[order.account_id], day, opening.tick())
        for loan in granted.get(day, ()):
            yield _contract(loan, files.accounts[loan.account_id], opening.tick())
        noon = _Clock(day, hour=12)
        for transaction in booked.get(day, ()):
            yield _entry(transaction, files.accounts[transaction.account_id], noon.tick())
        evening = _Clock(day, hour=20)
        for loan in reached.get(day, ()):
            yield from _status(loan, files.accounts[loan.account_id], day, evening.tick(), token)


class _Clock:
    """Instants of one day, a microsecond apart: the order of the records is in their event times."""

    def __init__(self, day: date, hour: int) -> None:
        self._next = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)

    def tick(self) -> str:
        now = self._next
        self._next += timedelta(microseconds=1)
        return instant_text(now)


def _business_date(day: date) -> Event:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    record = BusinessDate(
        entity_id=ENTITY,
        business_date=day.isoformat(),
        event_time=instant_text(midnight),
        cut_off=instant_text(midnight + timedelta(days=1)),
    )
    return Event(topics.BUSINESS_DATE, ENTITY.encode(), record)


def _entry(transaction: Transaction, account: Account, at: str) -> Event:
    record = Txn(
        txn_id=transaction.trans_id,
        source_system=SOURCE_SYSTEM,
        event_time=at,
        value_date=transaction.booked_on.isoformat(),
        entity_id=ENTITY,
        account_id=account.account_id,
        ccy=CURRENCY,
        direction="in" if transaction.incoming else "out",
        amount=to_text(transaction.amount_minor, CURRENCY),
        customer_id=account.owner_client_id,
        org_id=account.district_id,
        line_id=LINE,
        product_id="CURRENT",
        customer_class=CUSTOMER_CLASS,
        txn_type=_TYPE_BY_K_SYMBOL.get(transaction.k_symbol) or _TYPE_BY_OPERATION[transaction.operation],
        channel=_CHANNEL_BY_OPERATION[transaction.operation],
        cpty_bank_id=transaction.bank,
    )
    return Event(topics.TXN, _key(account), record)


def _order_dates(files: BerkaFiles, end: date) -> dict[date, list[Order]]:
    """When each order is told: when its account opens, and each year after, up to `end`."""
    dates: dict[date, list[Order]] = defaultdict(list)
    for order in files.orders:
        opened_on = files.accounts[order.account_id].opened_on
        day, years = opened_on, 0
        while day <= end:
            dates[day].append(order)
            years += 1
            day = add_months(opened_on, years * ORDER_RENEWAL_MONTHS)
    return dates


def _order(order: Order, account: Account, day: date, at: str) -> Event:
    record = Contract(
        contract_id=f"BERKA-ORDER-{order.order_id}",
        event_time=at,
        entity_id=ENTITY,
        side="obs_out",
        ccy=CURRENCY,
        principal=to_text(order.amount_minor * ORDER_HORIZON_MONTHS, CURRENCY),
        start_date=day.isoformat(),
        maturity_date=add_months(day, ORDER_HORIZON_MONTHS).isoformat(),
        rate="0",
        amort="equal_principal",
        pay_freq="1M",
        customer_id=account.owner_client_id,
        account_id=account.account_id,
        org_id=account.district_id,
        line_id=LINE,
        product_id="STANDING-ORDER",
        cpty_type="BANK",
        assumption=ORDER_ASSUMPTION,
        source_system=SOURCE_SYSTEM,
    )
    return Event(topics.CONTRACT, _key(account), record)


def _status_date(loan: Loan) -> date:
    return min(add_months(loan.granted_on, loan.payments), DATA_END)


def _contract(
    loan: Loan,
    account: Account,
    at: str,
    *,
    closed: bool = False,
    loan_class: str = "NORMAL",
    overdue_days: int = 0,
) -> Event:
    record = Contract(
        contract_id=f"BERKA-{loan.loan_id}",
        event_time=at,
        entity_id=ENTITY,
        side="asset",
        ccy=CURRENCY,
        principal=to_text(loan.amount_minor, CURRENCY),
        start_date=loan.granted_on.isoformat(),
        maturity_date=add_months(loan.granted_on, loan.payments).isoformat(),
        rate="0",
        amort="equal_principal",
        pay_freq="1M",
        closed=closed,
        customer_id=account.owner_client_id,
        account_id=account.account_id,
        org_id=account.district_id,
        line_id=LINE,
        product_id="LOAN",
        cpty_type=CUSTOMER_CLASS,
        loan_class=loan_class,
        overdue_days=overdue_days,
        assumption=LOAN_ASSUMPTION,
        source_system=SOURCE_SYSTEM,
    )
    return Event(topics.CONTRACT, _key(account), record)


def _status(loan: Loan, account: Account, day: date, at: str, token: str) -> Iterator[Event]:
    """A: over, paid. B: over, not paid. C: runs, in order. D: runs, in debt. B and D become risk assets."""
    over = loan.status in ("A", "B")
    if loan.status in ("A", "C"):
        yield _contract(loan, account, at, closed=over)
        return
    overdue_since, principal_minor = _debt(loan, day)
    overdue_days = (day - overdue_since).days
    loan_class = classify(overdue_days)
    yield _contract(loan, account, at, closed=over, loan_class=loan_class, overdue_days=overdue_days)
    loan_no = f"BERKA-{loan.loan_id}"
    none = to_text(0, CURRENCY)
    command = WorkflowCommand(
        cmd_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"/tm/feed/berka/Admit/{loan_no}")),
        aggregate="RiskAsset",
        key=loan_no,
        command="Admit",
        payload={
            "loan_no": loan_no,
            "entity_id": ENTITY,
            "ccy": CURRENCY,
            "customer_no": account.owner_client_id,
            "branch": account.district_id,
            "product": "LOAN",
            "segment": "RETAIL",
            "principal": to_text(principal_minor, CURRENCY),
            "interest_on": none,
            "interest_off": none,
            "penalty": none,
            "compound": none,
            "costs": none,
            "classification": loan_class,
            "overdue_since": overdue_since.isoformat(),
            "maturity": add_months(loan.granted_on, loan.payments).isoformat(),
            "rate_terms": {},
            "collateral_ids": [],
            "guarantor_nos": [],
        },
        token=token,
        valid_on=day.isoformat(),
        reason=f"Berka loan status {loan.status}",
    )
    yield Event(topics.COMMAND, f"RiskAsset/{loan_no}".encode(), command)


def _debt(loan: Loan, day: date) -> tuple[date, int]:
    """Since when what is owed: B owes everything since the first payment, D what is to come and the last one
    due.

    The files say only "not paid" and "in debt"; these are the plainest readings of both.
    """
    if loan.status == "B":
        return add_months(loan.granted_on, 1), loan.amount_minor
    due = sum(1 for k in range(1, loan.payments + 1) if add_months(loan.granted_on, k) <= day)
    last_due = add_months(loan.granted_on, max(due, 1))
    return min(last_due, day), (loan.payments - max(due - 1, 0)) * loan.payment_minor


def classify(overdue_days: int) -> str:
    """Five grades by days overdue: China's rules on risk classification of 2023 (over 90, 270 and 360
    days).
    """
    if overdue_days > 360:
        return "LOSS"
    if overdue_days > 270:
        return "DOUBTFUL"
    return "SUBSTANDARD" if overdue_days > 90 else "SPECIAL_MENTION"


def _key(account: Account) -> bytes:
    return topics.record_key(ENTITY, account.owner_client_id, account.account_id)
