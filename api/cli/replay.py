"""`tidemark audit replay`: whether what was shown is what the log gives; `tidemark past`: the page as it was."""

import json
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

import typer
from rich.console import Group as Lines
from rich.progress import Progress
from rich.text import Text

from api.cli.client import Api
from api.cli.contracts import cut_line
from api.cli.figures import alerts_table, gap_table, positions_table, withdrawals_table
from api.cli.limits import limits_table
from api.cli.moments import At, AtOffsets, moment, vector
from api.cli.options import DataDir, load_settings
from api.cli.output import FAILED, Json, err, out, print_json, table
from api.cli.ratios import ratios_table
from engines.primitives.errors import InvalidInput

CUTS_AT_ONCE = 20
ROW = ("what", "same", "cause", "reason")
TABLES = {
    "positions": positions_table,
    "gap": gap_table,
    "ratios": ratios_table,
    "withdrawals": withdrawals_table,
    "alerts": alerts_table,
    "limits": limits_table,
}


def replay(
    answer: Annotated[
        str | None, typer.Argument(metavar="FILE|URL", help="An answer of the API, as `--json` gave it; - is stdin.")
    ] = None,
    *,
    at_offsets: AtOffsets = None,
    figure: Annotated[
        str | None, typer.Option("--figure", help="With --at-offsets: positions, gap, ratios, ratios/lcr, alerts, …")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="With --figure: its dimensions, comma-separated.")] = None,
    cuts: Annotated[
        str | None, typer.Option("--cuts", metavar="FROM..TO", help="Recorded cuts by their offsets, both included.")
    ] = None,
    sample: Annotated[int | None, typer.Option("--random", min=1, help="With --cuts: so many of them.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="With --random: which ones.")] = 0,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Fold from the log's start, trusting no snapshot.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make past figures again from the log and compare; exits 1 naming the first row that differs, and why."""
    if sum(one is not None for one in (answer, at_offsets, cuts)) != 1:
        raise InvalidInput("want one of: an answer, --at-offsets with --figure, --cuts", field="answer")
    if (figure is None) != (at_offsets is None):
        raise InvalidInput("--at-offsets and --figure go together", field="--figure")
    with Api(load_settings(data_dir=data_dir)) as api:
        if cuts is not None:
            rows = _cuts(api, _chosen(cuts, sample, seed), from_start=from_start)
        elif answer is not None:
            body = {"answer": _answer(api, answer), "from_start": from_start}
            rows = [api.post("/past/replay", body, replays=True)]
        else:
            asked = {"figure": figure} | ({"by": by.split(",")} if by else {})
            wish = {"asked": asked, "at_offsets": vector(at_offsets)}
            rows = [api.post("/past/replay", wish, replays=True)]
            rows[0].pop("answer", None)
    bad = [row for row in rows if not row["same"]]
    if as_json:
        print_json({"same": not bad, "replayed": len(rows), "results": rows}, indent=2)
    else:
        out().print(_verdicts(rows, bad))
    if bad:
        raise typer.Exit(FAILED)


def past(
    *,
    at: At = None,
    at_offsets: AtOffsets = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The whole page as it was: positions, gap, ratios, withdrawals, alerts and limits of one moment."""
    asked = moment(at, at_offsets)
    if not any(asked.values()):
        raise InvalidInput("say which moment: --at TIME or --at-offsets VECTOR", field="--at")
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get("/past", entity=entity, **asked)
    if as_json:
        print_json(answer, indent=2)
        return
    shown: list[Any] = []
    for name, show in TABLES.items():
        body = answer[name]
        shown += [Text(f"\n{name.capitalize()}", style="bold"), _reason(body) or show(body)]
    out().print(Lines(*shown, cut_line(answer)))


def _reason(body: Mapping[str, Any]) -> Text | None:
    return Text(f"not computable: {body['reason']}", style="dim") if body.get("status") else None


def _cuts(api: Api, numbers: Sequence[int], *, from_start: bool) -> list[dict[str, Any]]:
    """Few at a time, so that there is something to see; a differing one does not end it."""
    rows: list[dict[str, Any]] = []
    with Progress(console=err(), transient=True) as progress:
        bar = progress.add_task("replaying cuts", total=len(numbers))
        for start in range(0, len(numbers), CUTS_AT_ONCE):
            part = list(numbers[start : start + CUTS_AT_ONCE])
            rows += api.post("/past/replay", {"cuts": part, "from_start": from_start}, replays=True)["cuts"]
            progress.advance(bar, len(part))
    return rows


def _chosen(text: str, sample: int | None, seed: int) -> list[int]:
    first, dots, last = text.partition("..")
    if not dots or not first.isdigit() or not last.isdigit() or int(first) > int(last):
        raise InvalidInput(f"{text!r} is not FROM..TO", field="--cuts")
    numbers = range(int(first), int(last) + 1)
    if sample is None or sample >= len(numbers):
        return list(numbers)
    return sorted(random.Random(seed).sample(numbers, sample))


def _answer(api: Api, place: str) -> dict[str, Any]:
    """An answer from a file, stdin, or an address of the API."""
    if place.startswith(("http://", "https://")):
        prefix = f"{api.address}/api/v1"
        if not place.startswith(prefix):
            raise InvalidInput(f"the token is for {api.address} alone: save the answer to a file", field="answer")
        path, _, query = place.removeprefix(prefix).partition("?")
        return api.get(path, **dict(parse_qsl(query)))
    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{place} cannot be read as JSON", field="answer") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{place} is no answer of the API", field="answer")
    return found


def _verdicts(rows: Sequence[Mapping[str, Any]], bad: Sequence[Mapping[str, Any]]) -> Lines:
    good = len(rows) - len(bad)
    shown: list[Any] = []
    if good:
        digest = f"; digest {rows[0]['digest']}" if len(rows) == 1 else ""
        shown.append(Text(f"reproduced: {good} of {len(rows)}{digest}", style="green"))
    if bad:
        named = [{**row, "what": row.get("figure") or f"cut {row['cut']}"} for row in bad]
        shown.append(table(named, ROW))
        shown += [_difference(row["difference"]) for row in bad[:3] if row["difference"]]
    return Lines(*shown)


def _difference(found: Mapping[str, Any]) -> Text:
    where = ", ".join(f"{name} {value}" for name, value in found["row"].items())
    if found["field"] is None:
        side = "only in the log" if found["published"] is None else "not in the log"
        return Text(f"{found['group']}: {where}: {side}", style="yellow")
    values = f"shown {found['published']}, replayed {found['replayed']}"
    return Text(f"{found['group']}: {where}: {found['field']} {values}", style="yellow")
