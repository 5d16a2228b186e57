"""Civil-calendar arithmetic of deadlines: months and years end on the same-numbered day, else on the month's last.

Source: Civil Code art. 200-203, as in spec/risk-assets.md section 5.
"""

from calendar import monthrange
from datetime import date


def add_months(day: date, months: int) -> date:
    """`add_months(date(2023, 8, 31), 6) == date(2024, 2, 29)`."""
    total = day.year * 12 + day.month - 1 + months
    year, month = total // 12, total % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def add_years(day: date, years: int) -> date:
    return add_months(day, 12 * years)
