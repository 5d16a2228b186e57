"""Liquidity ratios from the raw records of a log, as plainly as can be: one record at a time, lines told by hand.

Shares with the code only the record's own terms, the one-contract cash-flow path and the ratio engines: no fold, no
view, no mapping file. Which product is which line is written out here a second time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import msgspec

from engines.factor_lines import Line, Ratio
from engines.factor_tables import FactorTable, parse_factor_policy
from engines.flow_frame import KINDS
from engines.lcr import Leg, SecuredDeal, liquidity_coverage
from engines.nsfr import stable_funding
from infra.policies import load_policy
from projections.irregular_flows import irregular_flows, raw_terms
from streams.contract_rows import contract_terms
from streams.schemas import Contract
from tests.projections.test_gap import paid

Amounts = dict[str, Fraction]  # by code of a factor table
PRINCIPAL = KINDS.index("principal")
EPOCH = date(1970, 1, 1)
CENTS = {"CNY": 2, "USD": 2, "EUR": 2, "HKD": 2, "JPY": 0, "CZK": 2}
INSURED_UP_TO = {("CNY", kind): 50_000_000 for kind in ("RETAIL", "SME", "CORPORATE")}

#: By class: insured in full, insured part, uninsured.
DEPOSIT_LCR = {
    "RETAIL": ("LCR.OF.RET.02", "LCR.OF.RET.02", "LCR.OF.RET.03"),
    "SME": ("LCR.OF.SME.01", "LCR.OF.SME.01", "LCR.OF.SME.02"),
    "CORPORATE": ("LCR.OF.NFC.02", "LCR.OF.NFC.01", "LCR.OF.NFC.01"),
    "BANK": ("LCR.OF.OLE.01",) * 3,
}
DEPOSIT_NSFR = {
    "RETAIL": ("NSFR.ASF.95.01", "NSFR.ASF.95.01", "NSFR.ASF.90.01"),
    "SME": ("NSFR.ASF.95.01", "NSFR.ASF.95.01", "NSFR.ASF.90.01"),
    "CORPORATE": ("NSFR.ASF.50.01",) * 3,
    "BANK": ("NSFR.ASF.0.01",) * 3,
}
OVERDRAFT_NSFR = {kind: "NSFR.RSF.50.05" for kind in ("RETAIL", "SME", "CORPORATE")} | {"BANK": "NSFR.RSF.15.02"}
#: Loans of banks, and funding by banks: demand and under six months, under a year, a year and more, undated.
BANK_LOAN = ("NSFR.RSF.15.02", "NSFR.RSF.50.03", "NSFR.RSF.100.04", "NSFR.RSF.100.03")
BANK_FUNDING = ("NSFR.ASF.0.01", "NSFR.ASF.50.04", "NSFR.ASF.100.03", "NSFR.ASF.0.02")
LOAN = ("NSFR.RSF.50.05", "NSFR.RSF.50.05", "NSFR.RSF.85.02", "NSFR.RSF.100.03")
HOLDING_LCR = {
    ("1", "sovereign"): "LCR.HQ1.03",
    ("1", "central_bank"): "LCR.HQ1.03",
    ("2A", "policy_bank"): "LCR.HQ2A.01",
    ("2A", "corporate"): "LCR.HQ2A.02",
    ("2B", "corporate"): "LCR.HQ2B.02",
}
HOLDING_NSFR = {"1": "NSFR.RSF.5.01", "2A": "NSFR.RSF.15.01", "2B": "NSFR.RSF.50.01"}
FACTOR_OF_PLEDGE = {"6m-<1y": (Fraction(1, 2), "NSFR.RSF.50.02"), ">=1y": (Fraction(1), "NSFR.RSF.100.01")}


class Book:
    """Amounts by figure, entity and currency, in minor units; `add` is all there is to it."""

    def __init__(self, day: date) -> None:
        self.day = day
        self.amounts: dict[tuple[str, str, str], Amounts] = defaultdict(lambda: defaultdict(Fraction))
        self.deals: dict[tuple[str, str], list[SecuredDeal]] = defaultdict(list)

    def add(self, figure: str, entity: str, currency: str, code: str | None, amount: Fraction | int) -> None:
        if code is not None and amount:
            self.amounts[figure, entity, currency][code] += amount


def ratios(logs: Mapping[str, Iterable[Iterable[bytes]]], day: date) -> dict[tuple[str, str, str], Ratio]:
    """(figure, entity, currency) -> ratio, on one business date of all entities.

    Args:
        logs: by topic the records of each partition, in order.
    """
    book = Book(day)
    own: dict[tuple[str, str], int] = defaultdict(int)
    for partition in logs.get("tm.in.core.txn.v1", ()):
        _deposits(book, own, list(partition))
    reserves = _latest(logs, "tm.in.treasury.reserve.v1", ("entity_id", "ccy"))
    _cash(book, own, reserves)
    prices = _latest(logs, "tm.in.market.price.v1", ("security_id",))
    for holding in _latest(logs, "tm.in.treasury.holding.v1", ("entity_id", "security_id", "portfolio_id")).values():
        _holding(book, holding, Fraction(prices[holding["security_id"],]["dirty_price"]) / 100)
    latest: dict[tuple[str, str], Contract] = {}
    for partition in logs.get("tm.in.core.contract.v1", ()):
        for value in partition:
            record = msgspec.json.decode(value, type=Contract)
            latest[record.entity_id, record.contract_id] = record
    swaps: dict[tuple[str, str], int] = defaultdict(int)
    for record in latest.values():
        if not record.closed and record.product_id != "STANDING-ORDER":  # paid from deposits that run off already
            _contract(book, swaps, record)
    for (entity, currency), net in swaps.items():
        book.add("lcr", entity, currency, "LCR.IF.DER.01" if net > 0 else "LCR.OF.ADD.01", abs(net))
    return {key: ratio_of(key[0], amounts, day, book.deals[key[1:]]) for key, amounts in book.amounts.items()}


def ratio_of(figure: str, amounts: Mapping[str, Fraction], day: date, deals: Sequence[SecuredDeal] = ()) -> Ratio:
    policy = parse_factor_policy(figure, load_policy(figure))
    table: FactorTable = policy.in_force(max(day, policy.versions[0].effective_from))
    lines: dict[str, list[Line]] = defaultdict(list)
    for code, amount in sorted(amounts.items()):
        lines[table.item(code).category].append(Line(code, amount))
    if figure == "lcr":
        hqla = [line for category, found in lines.items() if category.startswith("HQLA") for line in found]
        minimum = policy.minimum(day)
        return liquidity_coverage(hqla, lines["outflow"], lines["inflow"], table, deals=deals, minimum=minimum).ratio
    required = lines["RSF"] + lines["RSF off balance sheet"]
    return stable_funding(lines["ASF"], required, table, minimum=policy.minimum(day)).ratio


def _latest(
    logs: Mapping[str, Iterable[Iterable[bytes]]], topic: str, key: tuple[str, ...]
) -> dict[tuple[str, ...], dict[str, Any]]:
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for partition in logs.get(topic, ()):
        for value in partition:
            record = msgspec.json.decode(value)
            found[tuple(record.get(name, "-") for name in key)] = record
    return found


def _deposits(book: Book, own: dict[tuple[str, str], int], values: list[bytes]) -> None:
    settled: set[tuple[str, str, str]] = set()
    rejected: set[tuple[str, str, str]] = set()
    balances: dict[tuple[str, str, str], dict[tuple[str, ...], int]] = defaultdict(dict)
    for value in values:
        record = msgspec.json.decode(value)
        entity, currency, customer = record["entity_id"], record["ccy"], record.get("customer_id", "-")
        identity = (entity, record["source_system"], record["txn_id"])
        held = balances[entity, currency, record["account_id"] if customer == "-" else customer]
        kind = (
            str("-own-" if customer == "-" else record["customer_class"]),
            str(record.get("product_id", "-")),
            str(record.get("org_id", "-")),
            str(record.get("line_id", "-")),
        )
        minor = _minor(record["amount"], currency) * (1 if record["direction"] == "in" else -1)
        status = record.get("status", "settled")
        counts = status == "settled" and identity not in settled | rejected
        held[kind] = held.get(kind, 0) + (minor if counts else 0)
        if status == "settled" and identity not in rejected:
            settled.add(identity)
        if status == "rejected" and identity not in settled:
            rejected.add(identity)
    for (entity, currency, _), held in balances.items():
        (first, *_), *_ = held
        left = INSURED_UP_TO.get((currency, first), 0)
        is_whole = sum(max(minor, 0) for minor in held.values()) <= left
        for (holder, *_), minor in held.items():
            if holder == "-own-":
                assert minor >= 0
                own[entity, currency] += minor
                continue
            insured = min(max(minor, 0), left)
            left -= insured
            for figure, codes in (("lcr", DEPOSIT_LCR[holder]), ("nsfr", DEPOSIT_NSFR[holder])):
                book.add(figure, entity, currency, codes[0 if is_whole else 1], insured)
                book.add(figure, entity, currency, codes[2], max(minor, 0) - insured)
            book.add("nsfr", entity, currency, OVERDRAFT_NSFR[holder], max(-minor, 0))


def _cash(book: Book, own: Mapping[tuple[str, str], int], reserves: Mapping[tuple[str, ...], dict[str, Any]]) -> None:
    for (entity, currency), balance in own.items():
        if currency == "CNY":
            assert (entity, currency) in reserves
            required = _minor(reserves[entity, currency]["required"], currency)
            book.add("lcr", entity, currency, "LCR.HQ1.02", max(0, balance - required))
            book.add("nsfr", entity, currency, "NSFR.RSF.0.02", balance)
        else:
            book.add("lcr", entity, currency, "LCR.IF.OPD.01", balance)
            book.add("nsfr", entity, currency, "NSFR.RSF.50.04", balance)
    for (entity, currency), record in reserves.items():
        vault = _minor(record.get("vault_cash", "0"), currency)
        book.add("lcr", entity, currency, "LCR.HQ1.01", vault)
        book.add("nsfr", entity, currency, "NSFR.RSF.0.01", vault)


def _holding(book: Book, record: Mapping[str, Any], price: Fraction) -> None:
    entity, currency, level = record["entity_id"], record["ccy"], record.get("hqla_level", "none")
    face, pledged = _minor(record["face"], currency), _minor(record.get("encumbered_face", "0"), currency)
    free, encumbered = (face - pledged) * price, pledged * price
    days = (date.fromisoformat(record["maturity_date"]) - book.day).days
    if level != "none":
        book.add("lcr", entity, currency, HOLDING_LCR[level, record["issuer_type"]], free)
        code = HOLDING_NSFR[level]
    else:
        assert days >= 0
        book.add("lcr", entity, currency, "LCR.IF.CPT.04" if days <= 30 else None, free)
        code = "NSFR.RSF.50.05" if _term(book.day, days) < 2 else "NSFR.RSF.85.03"
    book.add("nsfr", entity, currency, code, free)
    own_factor = Fraction({"5": 5, "15": 15, "50": 50, "85": 85}[code.split(".")[2]], 100)
    factor, heavier = FACTOR_OF_PLEDGE.get(record.get("encumbrance", "-"), (Fraction(0), code))
    book.add("nsfr", entity, currency, heavier if factor > own_factor else code, encumbered)
    for deal in record.get("deals", ()):
        if level != "none" and 0 <= (date.fromisoformat(deal["maturity_date"]) - book.day).days <= 30:
            pays = {"1": Fraction(1), "2A": Fraction(85, 100), "2B": Fraction(1, 2)}[level]
            moved = Leg(level, _minor(deal["face"], currency) * price, pays)
            cash = Leg("1", _minor(deal["cash"], currency))
            legs = (cash, moved) if deal["direction"] == "given" else (moved, cash)
            book.deals[entity, currency].append(SecuredDeal(*legs, 0))


def _contract(book: Book, swaps: dict[tuple[str, str], int], record: Contract) -> None:
    terms = contract_terms(record)
    due = 0
    by_term = [0, 0, 0, 0]  # principal: demand and under six months, under a year, from a year, undated
    if record.product_id == "CAPITAL":
        book.add("nsfr", record.entity_id, record.ccy, "NSFR.ASF.100.01", terms.principal_minor)
        return
    if terms.on_demand:
        flows: list[tuple[int | None, int, bool]] = [(None, terms.principal_minor, True)]
    elif terms.actus:
        flows = [
            (day, minor, kind == PRINCIPAL)
            for day, kind, minor, currency in irregular_flows(terms, raw_terms(terms))
            if not currency
        ]
    else:
        flows = [(_day(text), minor, principal) for text, minor, principal in paid(terms)]
    for day, minor, is_principal in flows:
        left = None if day is None else (EPOCH + timedelta(days=day) - book.day).days
        if left is not None and left < 0:
            continue
        if left is None or left <= 30:
            due += minor
        by_term[0 if left is None else _term(book.day, left)] += minor * is_principal
    _place(book, swaps, record, due, by_term)


def _place(book: Book, swaps: dict[tuple[str, str], int], record: Contract, due: int, by_term: list[int]) -> None:
    entity, currency, product, kind = record.entity_id, record.ccy, record.product_id, record.cpty_type
    is_bad = record.loan_class in ("SUBSTANDARD", "DOUBTFUL", "LOSS") or record.overdue_days > 90
    is_fine = not is_bad and record.loan_class != "SPECIAL_MENTION" and not record.overdue_days
    total = sum(by_term)
    funding: tuple[str, ...] | None = None
    code: str | None = None
    if product == "INTEREST-RATE-SWAP":
        swaps[entity, currency] += due
        return
    if product == "LINE-RECEIVED":
        book.add("lcr", entity, currency, "LCR.IF.COM.01", total)
        return
    if product == "COMMITMENT":
        book.add("lcr", entity, currency, "LCR.OF.FAC.01" if kind == "SME" else "LCR.OF.FAC.02", total)
        book.add("nsfr", entity, currency, "NSFR.OBS.01", total)
        return
    if product == "REPO":
        code, funding = {"1": "LCR.OF.SEC.01", "2A": "LCR.OF.SEC.02"}[record.secured_by], BANK_FUNDING
    elif product == "REVERSE-REPO":
        code, funding = {"2B": "LCR.IF.SEC.04"}[record.secured_by], BANK_LOAN
    elif product in ("INTERBANK-TAKEN", "BOND-ISSUED"):
        code, funding = ("LCR.OF.OLE.01" if product == "INTERBANK-TAKEN" else "LCR.OF.OLE.02"), BANK_FUNDING
    elif product in ("TERM-DEPOSIT", "DEMAND-DEPOSIT"):
        code = {"RETAIL": "LCR.OF.RET.03", "SME": "LCR.OF.SME.02", "CORPORATE": "LCR.OF.NFC.01"}[kind]
        short = "NSFR.ASF.50.01" if kind == "CORPORATE" else "NSFR.ASF.90.01"
        funding = (short, short, "NSFR.ASF.100.04" if kind == "RETAIL" else "NSFR.ASF.100.03", short)
    elif is_bad:
        funding = ("NSFR.RSF.100.04",) * 4
    elif product == "BOND-HELD":
        code, funding = "LCR.IF.CPT.04", ("NSFR.RSF.50.05", "NSFR.RSF.50.05", "NSFR.RSF.85.03", "NSFR.RSF.85.03")
    elif product == "INTERBANK-PLACED":
        code, funding = "LCR.IF.CPT.03", BANK_LOAN
    else:
        code = None if not is_fine else "LCR.IF.CPT.02" if kind == "CORPORATE" else "LCR.IF.CPT.01"
        funding = LOAN
        if product == "MORTGAGE" and is_fine:
            funding = ("NSFR.RSF.50.05", "NSFR.RSF.50.05", "NSFR.RSF.65.01", "NSFR.RSF.100.03")
    book.add("lcr", entity, currency, code, due)
    for one, amount in zip(funding, by_term, strict=True):
        book.add("nsfr", entity, currency, one, amount)


def _term(day: date, left: int) -> int:
    """0 below six calendar months, 1 below twelve, 2 from there on."""
    then = day + timedelta(days=left)
    return (then >= _months_later(day, 6)) + (then >= _months_later(day, 12))


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(day.year + year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError


def _minor(text: str, currency: str) -> int:
    value = Fraction(text) * 10 ** CENTS[currency]
    assert value.denominator == 1
    return int(value)


def _day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days
