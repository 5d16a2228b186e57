"""`tidemark reverse-stress`: for each live limit the fewest depositors whose leaving breaks it."""

from typing import Annotated, Any

import typer
from rich.console import Group as Lines
from rich.text import Text

from api.cli.client import Api
from api.cli.contracts import cut_line
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table

COLUMNS = ("limit_id", "scope", "entity", "currency", "value", "minimum", "breaks_by", "amount", "share_pct")
WHO = ("limit_id", "scope", "currency", "entity", "customer", "amount")
STATUS = {"broken": "broken already", "unbreakable": "nobody", "not_computable": "not computable"}


def reverse_stress(
    *,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Only this currency, ISO 4217.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, max=1_000, help="Depositors by name for each limit.")] = 5,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Who can break us now: the fewest depositors whose leaving breaks LCR, NSFR or the available position."""
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get("/reverse-stress", entity=entity, currency=currency, limit=limit)
        print_json(answer, indent=2) if as_json else out().print(breaking_table(answer))


def breaking_table(answer: dict[str, Any]) -> Lines:
    rows = [row | {"breaks_by": STATUS.get(row["status"]) or _people(row["count"])} for row in answer["rows"]]
    who = [
        depositor | {name: row[name] for name in ("limit_id", "scope", "currency")}
        for row in rows
        for depositor in row["depositors"]
    ]
    shown: list[Any] = [table(rows, COLUMNS, amounts=("amount",))]
    if who:
        shown += [Text(), table(who, WHO, amounts=("amount",))]
    shown += [
        Text(f"{row['limit_id']} {row['entity']} {row['currency']}: {row['reason']}", style="dim")
        for row in rows
        if row["reason"]
    ]
    return Lines(*shown, cut_line(answer))


def _people(count: int) -> str:
    return f"{count:,} depositor{'s' * (count != 1)}"
