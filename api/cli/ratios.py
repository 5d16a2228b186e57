"""`tidemark ratios [lcr|nsfr]`: the API's live liquidity ratios, as a table or JSON, and why one of them moved."""

import json
from typing import Annotated, Any

import typer
from rich.console import Group as Lines
from rich.text import Text

from api.cli.client import Api
from api.cli.contracts import cut_line, iso_day
from api.cli.moments import At, moment
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from engines.primitives.errors import InvalidInput

FIGURES = ("lcr", "nsfr")
SUMMARY = ("figure", "scope", "entity", "currency", "ratio_pct", "numerator", "denominator", "minimum_pct", "light")
AMOUNTS = ("numerator", "denominator", "unmapped", "amount", "weighted")
LINES = ("entity", "currency", "code", "name", "amount", "factor", "weighted")
SIDES = tuple(f"{name}{side}" for side in ("numerator", "denominator") for name in ("", "caps_on_"))
TOGETHER = ("figure", "entity", "currency", "ratio_pct", *SIDES)
SCOPES = ("currency", "entity", "group", "organisation", "business_line")
CHANGES = ("entity", "currency", "cause", "line", "entry", "amount", "ratio_share_pct")

Figure = Annotated[str | None, typer.Argument(help="lcr or nsfr, line by line; without it all ratios.")]
Offsets = Annotated[
    str | None,
    typer.Option("--at-offsets", help='Figures at a past cut: the JSON object "offsets" of an earlier answer.'),
]


def ratios(
    figure: Figure = None,
    *,
    by: Annotated[str | None, typer.Option("--by", help=f"Only scopes of this kind: {', '.join(SCOPES)}.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Only this currency, ISO 4217.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Business date, YYYY-MM-DD.", metavar="DATE")] = None,
    at: At = None,
    at_offsets: Offsets = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", help='Why it moved since a cut: the JSON object "offsets" of an earlier answer.'),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Liquidity coverage and net stable funding, live: by currency, entity, organisation, business line, group."""
    if figure is not None and figure not in FIGURES:
        raise InvalidInput(f"unknown ratio {figure!r}; one of {', '.join(FIGURES)}", field="figure")
    if explain is not None and figure is None:
        raise InvalidInput("--explain is of one ratio: say lcr or nsfr", field="--explain")
    if by is not None and by.replace("-", "_") not in SCOPES:
        raise InvalidInput(f"no figures by {by!r}; one of {', '.join(SCOPES)}", field="--by")
    parameters = {
        "by": by and by.replace("-", "_"),
        "entity": entity,
        "currency": currency,
        "as_of": iso_day(as_of, "--as-of"),
        "at_offsets": _cut(at_offsets, "--at-offsets"),
    }
    if explain is not None and at is not None:
        raise InvalidInput("--explain is of two vectors: leave out --at", field="--at")
    if at is not None:
        parameters |= {"at": moment(at, at_offsets)["at"]}
    with Api(load_settings(data_dir=data_dir)) as api:
        if explain is not None:
            asked = {"entity": entity, "currency": currency, "from_offsets": _cut(explain, "--explain")}
            answer = api.get(f"/ratios/{figure}/changes", **asked, to_offsets=parameters["at_offsets"])
            print_json(answer, indent=2) if as_json else out().print(changes_table(answer))
            return
        answer = api.get("/ratios" if figure is None else f"/ratios/{figure}", **parameters)
        print_json(answer, indent=2) if as_json else out().print(ratios_table(answer))


def ratios_table(answer: dict[str, Any]) -> Lines:
    rows = [row | {"light": worst_light(row), "ratio_pct": _per_cent(row)} for row in answer["rows"]]
    is_member = any("member" in row for row in rows)
    columns = (*SUMMARY[:3], "member", *SUMMARY[3:]) if is_member else SUMMARY
    shown: list[Any] = [table(rows, columns, amounts=AMOUNTS)]
    if "together" in answer:
        whole = [row | {"ratio_pct": _shown(row.get("ratio_pct"))} for row in answer["together"]]
        shown += [Text("\nThe entities as a whole, and what the caps do to the sum of the above:")]
        shown += [table(whole, TOGETHER, amounts=SIDES)]
    # Where all scopes are shown the lines of the currencies are enough: the others add them up.
    shown_lines = [row for row in rows if row["scope"] == "currency" or rows[0]["scope"] != "currency"]
    lines = [
        line | {name: row.get(name) for name in ("entity", "currency", "member")}
        for row in shown_lines
        for group in row.get("lines", {}).values()
        for line in group
    ]
    if lines:
        shown += [Text(), table(lines, (*LINES[:1], "member", *LINES[1:]) if is_member else LINES, amounts=AMOUNTS)]
    shown += [Text(f"{_named(row)}: {row['reason']}", style="dim") for row in rows if _why(row)]
    unmapped = [row for row in rows if any(digit in "123456789" for digit in row["unmapped"])]
    shown += [
        Text(f"{row['figure']} {_named(row)}: {row['unmapped']} in no line", style="yellow") for row in unmapped
    ]
    return Lines(*shown, cut_line(answer))


def changes_table(answer: dict[str, Any]) -> Lines:
    rows = [
        part | {"entity": row["entity"], "currency": row["currency"]}
        for row in answer["rows"]
        for part in row["parts"]
    ]
    moves = [
        Text(f"{row['entity']} {row['currency']}: {_shown(row['before_pct'])} -> {_shown(row['after_pct'])}")
        for row in answer["rows"]
    ]
    return Lines(*moves, Text(), table(rows, CHANGES, amounts=("amount",)), cut_line(answer))


def _shown(percent: str | None) -> str:
    return "not computable" if percent is None else f"{percent}%"


def _named(row: dict[str, Any]) -> str:
    return " ".join(row[name] for name in ("entity", "member", "currency") if name in row)


def _per_cent(row: dict[str, Any]) -> str:
    return _shown(row["ratio_pct"])


def _why(row: dict[str, Any]) -> bool:
    return bool(row.get("reason"))


def worst_light(row: dict[str, Any]) -> str:
    """The worst of the limits that bind the figure."""
    order = ("green", "amber", "red")
    known = [limit["light"] for limit in row["limits"] if limit["light"] is not None]
    return max(known, key=order.index, default="")


def _cut(text: str | None, option: str) -> str | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput('want a JSON object {"topic/partition": offset}', field=option) from error
    if not isinstance(value, dict) or not value:
        raise InvalidInput('want a JSON object {"topic/partition": offset}', field=option)
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
