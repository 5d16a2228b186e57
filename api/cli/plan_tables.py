"""A contingency funding plan as a person reads it: heading, lines, alternatives. A drill says so in red."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from api.cli.output import out, table

DRILL_LABEL = "[bold red]DRILL[/] "
LINES = ("line", "action", "source", "gate", "order_by", "needed_on", "rate", "owner", "planned", "executed")
ACTIONS = ("line", "valid_on", "executed", "rate", "annual_cost", "counterparty", "deal_ref", "actor")
RANKING = ("rank", "strategy", "uncovered", "cost_in_horizon")
PREVIEW = ("step", "action", "source", "gate", "order_by_day", "needed_on_day", "rate_pct", "amount", "covered")
PATH = ("day", "before", "drawn", "repaid", "after")
LISTED = ("plan_no", "mode", "state", "trigger", "as_of", "ccy", "need", "executed", "residual", "restored_on")


def print_plan(plan: Mapping[str, Any]) -> None:
    console, label = out(), DRILL_LABEL if plan["mode"] == "DRILL" else ""
    title = f"{plan['plan_no']} {plan['state']}, revision {plan['revision']}, version {plan['version']}"
    console.print(f"{label}[bold]{escape(title)}[/]: {escape(plan['trigger'])}, {escape(plan['trigger_reason'])}")
    money = f"need {plan['need']}, executed {plan['executed']}, residual {plan['residual']} {plan['ccy']}"
    restored = plan["restored_on"] or "never within the horizon"
    console.print(f"{money}; the limit is kept from {restored}")
    console.print(table(plan["lines"], LINES, amounts=("planned", "executed")))
    if plan["actions"]:
        console.print(table(plan["actions"], ACTIONS, amounts=("executed", "annual_cost"), title="Actions"))
    console.print(table(plan["ranking"], RANKING, amounts=("uncovered", "cost_in_horizon"), title="Alternatives"))


def print_plans(found: Mapping[str, Any]) -> None:
    out().print(table(found["rows"], LISTED, amounts=("need", "executed", "residual")))


def print_preview(found: Mapping[str, Any]) -> None:
    console = out()
    console.print(f"[bold]{found['strategy']}[/]: need {found['need']}, residual {found['residual']} {found['ccy']}")
    console.print(table(found["lines"], PREVIEW, amounts=("amount", "covered")))
    console.print(table(found["path"], PATH, amounts=PATH[1:], title="Surplus over the limit"))
    ranking = [row | {"reasons": "; ".join(row["reasons"])} for row in found["ranking"]]
    columns = (*RANKING, "days_below", "reasons")
    console.print(table(ranking, columns, amounts=("uncovered", "cost_in_horizon"), title="Alternatives"))
