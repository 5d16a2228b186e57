"""Writes the tables of docs/ledgers.md from the ledgers' own: `python -m tests.ledger_tables`."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from projections.ledgers.definition import Field, Ledger, Rule
from projections.ledgers.registry import LEDGERS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ledgers.md"
MARK = "<!-- Written by `python -m tests.ledger_tables` from here on. -->\n"


def tables() -> str:
    """Every ledger with its columns, and what each event does to them."""
    return "".join(_ledger(ledger) for ledger in LEDGERS.values())


def _ledger(ledger: Ledger) -> str:
    number = "" if ledger.id == "-" else f"{ledger.id} "
    fields = [one for one in ledger.fields if not one.name.startswith("own_")]
    shown = f"\n### {number}{ledger.title} {ledger.title_zh} (`{ledger.name}`)\n"
    shown += f"Key `{' | '.join(ledger.key)}`; sorted by `{ledger.sort}`. Fed by {ledger.fed_by}.\n\n"
    shown += f"Columns: {', '.join(_field(one) for one in fields)}.\n"
    if ledger.where is not None:
        shown += f"\nOnly rows where `{ledger.where[0]}` is `{ledger.where[1]}`; the rules are those of LG-17.\n"
    elif ledger.rules:
        shown += "\n| event | rows | does |\n|---|---|---|\n"
        shown += _rows(ledger.rules)
    return shown


def _field(one: Field) -> str:
    how = f" (= {one.derived})" if one.derived else f" (of `{one.joined}`)" if one.joined else ""
    return f"`{one.name}` {one.column.title_zh}{how}"


def _rows(rules: Iterable[Rule]) -> str:
    """One line for events of one aggregate that do the same."""
    lines = ""
    for (aggregate, rows, does), found in groupby(rules, lambda rule: (rule.aggregate, rule.rows, _does(rule))):
        cells = (f"{aggregate}: {', '.join(rule.event for rule in found)}", f"`{rows}`", does)
        lines += f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
    return lines


def _does(rule: Rule) -> str:
    does = [f"`{action.text}`" for action in rule.actions]
    if rule.special is not None:
        does.append(f"*{' '.join((rule.special.__doc__ or '').split()).rstrip('.')}*")
    if rule.makes:
        does.insert(0, "**the row is there**")
    if rule.when is not None:
        does.append(f"(where `{rule.when[0]}` is {str(rule.when[1]).lower()})")
    if rule.corrects:
        does.append(f"(a CORRECTION on `{rule.corrects}`)")
    return ", ".join(does)


def page() -> str:
    """The whole page as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    return text[: text.index(MARK) + len(MARK)] + tables()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
