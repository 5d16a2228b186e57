"""`tidemark counterfactual`: a past period under other rules, beside what really happened."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group as Lines
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, err, out, print_json, table
from engines.primitives.errors import InvalidInput, NotFound, Rejected, Unavailable

POLL_S = 0.3
SIDES = {"both": "both", "only_real": "reality only", "only_branch": "branch only"}
ALERT_COLUMNS = (
    "where",
    "at",
    "rule",
    "kind",
    "entity",
    "customer",
    "currency",
    "real",
    "branch",
    "threshold",
    "decision",
    "differs",
)
LIMIT_COLUMNS = ("where", "cut", "at", "limit_id", "scope", "entity", "kind", "real", "branch", "differs")
INCIDENT_COLUMNS = ("where", "limit_id", "scope", "entity", "currency", "opened", "red", "ended", "worst")
ACTION_COLUMNS = ("where", "at", "aggregate", "command", "limit_id", "entity", "currency", "shortfall")
PATH_COLUMNS = ("metric", "scope", "entity", "currency", "changes", "differs_from", "real", "branch")


def counterfactual(
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="An instant (2026-10-01T00:00Z), a date, or an offset vector.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="As --from; a date is included.", show_default="now")
    ] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="As large_flow.BERKA.CZK.rolling=500000.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="[NAME=]FILE", help="A whole policy, TOML, in its own form."),
    ] = None,
    what: Annotated[
        list[str] | None,
        typer.Option("--what", help="alerts, limits or ratios.", show_default="what the change is about"),
    ] = None,
    step: Annotated[int, typer.Option("--step", min=1, help="Of ratios: every so many recorded cuts.")] = 1,
    from_snapshot: Annotated[
        bool, typer.Option("--from-snapshot", help="Of alerts: begin at the newest stored state before the period.")
    ] = False,
    rows: Annotated[int, typer.Option("--rows", min=0, max=100_000, help="How many rows of each list.")] = 100,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """What would have happened under other rules, limits, thresholds or factors. Changes nothing, stores nothing."""
    asked = {
        "from": end_of(start),
        "to": end_of(end),
        "set": dict(_value(one) for one in values or ()),
        "policies": dict(_file(one) for one in policy or ()),
        "what": [name for one in what or () for name in one.split(",")],
        "step": step,
        "from_snapshot": from_snapshot,
    }
    with Api(load_settings(data_dir=data_dir)) as api:
        job = awaited(api, f"/counterfactuals/{api.post('/counterfactuals', asked)['id']}", rows)
    if as_json:
        print_json(job["answer"], indent=2)
    else:
        out().print(comparison(job["answer"]))


def awaited(api: Api, path: str, rows: int) -> dict[str, Any]:
    """The job at `path` once it is over. Raises what ended it; Ctrl-C cancels it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=err(), transient=True, disable=not sys.stderr.isatty()) as progress:
            bar = progress.add_task("waiting", total=None)
            while True:
                job = api.get(path, rows_max=rows)
                if job["state"] not in ("waiting", "running"):
                    break
                told = job["progress"]
                name = told["phase"] or job["state"]
                progress.update(bar, description=name, completed=told["done"], total=told["whole"] or None)
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        api.post(f"{path}/cancel", {})
        raise
    if job["state"] == "done":
        return job
    error = job["error"] or {"code": "rejected", "message": "it was cancelled", "facts": {}}
    kinds = {kind.code: kind for kind in (InvalidInput, NotFound, Rejected)}
    raise kinds.get(error["code"], Unavailable)(error["message"] or "the branch failed", **error["facts"])


def comparison(answer: Mapping[str, Any]) -> Lines:
    """Everything of one answer, for people."""
    past, parts = answer["period"], []
    changed = ", ".join(answer["rules"]["changed"]) or "nothing: a null test"
    parts.append(Text(f"changed: {changed}; {past['entries']:,} entries and {past['cuts']:,} recorded cuts"))
    if answer["alerts"] is not None:
        parts += _alerts(answer["alerts"])
    if answer["ratios"] is not None:
        parts += _ratios(answer["ratios"])
    if answer["limits"] is not None:
        parts += _limits(answer["limits"])
    return Lines(*parts, Text(), Text(f"digest {answer['digest']}", style="dim"))


def _alerts(part: Mapping[str, Any]) -> list[Any]:
    rows = [
        row
        | {
            "where": SIDES[row["where"]],
            "real": _figure(row["real"]),
            "branch": _figure(row["branch"]),
            "threshold": (row["branch"] or row["real"])["threshold"],
            "decision": _two(row, "decision"),
            "differs": " ".join(row["differs"]),
        }
        for row in map(_with_actions, part["rows"])
    ]
    return [*_head("Large flows", part), table(rows, ALERT_COLUMNS, amounts=("real", "branch", "threshold"))]


def _limits(part: Mapping[str, Any]) -> list[Any]:
    rows = [
        row
        | {
            "where": SIDES[row["where"]],
            "cut": row["offset"],
            "real": _light(row["real"]),
            "branch": _light(row["branch"]),
            "differs": " ".join(row["differs"]),
        }
        for row in part["rows"]
    ]
    incidents = [
        row
        | {"where": SIDES[row["where"]]}
        | {name: _two(row, f"{name}_at") for name in ("opened", "red", "ended")}
        | {"worst": _two(row, "worst_value")}
        for row in part["incidents"]
    ]
    actions = [
        row | {"where": SIDES[row["where"]], "shortfall": (row["branch"] or row["real"])["shortfall"]}
        for row in part["actions"]
    ]
    found: list[Any] = [*_head("Limits", part), table(rows, LIMIT_COLUMNS)]
    if incidents:
        found += [Text(), table(incidents, INCIDENT_COLUMNS, title="Incidents: reality | branch")]
    if actions:
        found += [Text(), table(actions, ACTION_COLUMNS, title="Cases and plans that follow")]
    return found


def _ratios(part: Mapping[str, Any]) -> list[Any]:
    rows = [row | {name: _range(row["points"], name) for name in ("real", "branch")} for row in part["paths"]]
    control = part["control"]
    proof = "gives every published figure again" if control["reproduces"] else f"MISSES {control['differing']:,}"
    words = f"Ratios at {part['worked_out']:,} of {part['cuts']:,} cuts; the control {proof}"
    return [Text(), Text(words, style="bold"), table(rows, PATH_COLUMNS, title="lowest to highest")]


def _head(name: str, part: Mapping[str, Any]) -> list[Text]:
    counts, control, first = part["summary"], part["control"], part["first_difference"]
    proof = "gives the published alerts again" if control["reproduces"] else f"MISSES {control['differing']:,}"
    words = (
        f"{name}: {counts['both']:,} in both ({counts['changed']:,} with other figures), "
        f"{counts['only_real']:,} in reality only, {counts['only_branch']:,} in the branch only; the control {proof}"
    )
    lines = [Text(), Text(words, style="bold")]
    if first is not None:
        lines.append(Text(f"first difference at {first['at']}, {first['place']} offset {first['offset']}"))
    if part["left_off"]:
        lines.append(Text(f"{part['left_off']:,} rows left off: see --rows", style="dim"))
    return lines


def _figure(side: Mapping[str, Any] | None) -> str | None:
    return None if side is None else side["rolling"] or side["amount"]


def _with_actions(row: dict[str, Any]) -> dict[str, Any]:
    """What was decided on each side, in a word or two; nothing for what needs no decision."""
    sides = {
        name: None if row[name] is None else row[name] | {"decision": "+".join(_actions(row[name]))}
        for name in ("real", "branch")
    }
    return row | sides


def _actions(side: Mapping[str, Any]) -> list[str]:
    return list((side.get("decision") or {}).get("actions", ()))


def _light(side: Mapping[str, Any] | None) -> str:
    return "" if side is None else f"{side['value']} {side['light_before']} > {side['light']}"


def _two(row: Mapping[str, Any], name: str) -> str:
    """Both sides in one cell; once where they agree."""
    sides = ["-" if row[side] is None else row[side][name] or "-" for side in ("real", "branch")]
    return sides[0] if sides[0] == sides[1] else " | ".join(sides)


def _range(points: list[dict[str, Any]], side: str) -> str:
    from fractions import Fraction

    known = [Fraction(point[side]) for point in points if point[side] is not None]
    return f"{_percent(min(known))} to {_percent(max(known))}" if known else "-"


def _percent(value: Any) -> str:
    """Rounded down: a ratio that breaks its limit never looks as if it kept it."""
    hundredths = value * 10_000 // 1
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


def end_of(text: str | None) -> Any:
    if text is None or not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput('want an offset vector as {"topic/partition": next offset}', field="--from") from error


def _value(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"{text!r}: want PATH=VALUE", field="--set")
    return path, value


def _file(text: str) -> tuple[str, str]:
    """The policy's name is the file's, unless it is said."""
    name, equals, path = text.partition("=")
    file = Path(path if equals else text)
    try:
        return name if equals else file.stem, file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}", field="--policy") from error
