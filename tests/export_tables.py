"""Hand-made ledger tables for the tests of queries and exports."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from projections.ledgers.table import Cell, Column, Kind, LedgerTable

KNOWN_AT = datetime(2026, 11, 20, 6, 30, 15, 250_001, UTC)
AS_OF = date(2026, 11, 20)
COLUMNS = (
    Column("loan_no", "Loan note", "借据号"),
    Column("org", "Organisation", "机构", Kind.CODE),
    Column("customer_no", "Customer", "客户号"),
    Column("customer_name", "Name", "客户名称", personal=True),
    Column("ccy", "Currency", "币种", Kind.CODE),
    Column("classification", "Class", "五级分类", Kind.CODE),
    Column("principal", "Principal", "本金", Kind.MONEY, summed=True),
    Column("costs", "Costs", "垫付费用", Kind.MONEY, summed=True),
    Column("rate", "Rate", "利率", Kind.PER_CENT),
    Column("days_overdue", "Days overdue", "逾期天数", Kind.NUMBER),
    Column("admitted_on", "Admitted", "纳入日期", Kind.DATE),
    Column("known_from", "Known from", "记录时间", Kind.INSTANT),
    Column("is_held", "Held", "是否冻结", Kind.YES_NO),
)
NAMES = ("华东机械制造（集团）股份有限公司", "=cmd|' /C calc'!A0", "Zhang San <b>& Sons</b>, Ltd.", "某某商贸")


def table(
    rows: Sequence[tuple[Cell, ...]], columns: Sequence[Column] = COLUMNS, name: str = "risk_asset"
) -> LedgerTable:
    """The rows with their totals by currency."""
    totals: dict[str, dict[str, Decimal]] = {}
    names = [column.name for column in columns]
    for row in rows:
        ccy = str(row[names.index("ccy")]) if "ccy" in names else "-"
        for at, column in enumerate(columns):
            cell = row[at]
            if column.summed and isinstance(cell, Decimal):
                sums = totals.setdefault(ccy, {})
                sums[column.name] = sums.get(column.name, Decimal(0)) + cell
    return LedgerTable(
        name, "Risk assets", "风险资产台账", tuple(columns), rows, totals, len(rows), AS_OF, KNOWN_AT, 4_711
    )


def loans(count: int) -> list[tuple[Cell, ...]]:
    """Rows that differ: two currencies, missing cells, long names, a formula, an amount beyond a double."""
    return [
        (
            f"LN-{number:06d}",
            f"B{number % 3:02d}",
            f"C{number % 7:04d}",
            NAMES[number % 4],
            "USD" if number % 5 == 4 else "CNY",
            ("SUBSTANDARD", "DOUBTFUL", "LOSS")[number % 3],
            Decimal("12345678901234567.89") if number == 2 else Decimal(number * 1_234_567 - 50_000_000).scaleb(-2),
            None if number % 6 == 5 else Decimal(number).scaleb(-2),
            Decimal("4.3500"),
            number % 400,
            date(2020 + number % 6, 1 + number % 12, 1 + number % 28),
            datetime(2026, 1, 1 + number % 28, 1, 2, 3, tzinfo=UTC),
            number % 2 == 0,
        )
        for number in range(count)
    ]
