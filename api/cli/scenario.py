"""`tidemark scenario run`: plays a file of commands on a private server, shows what each line did (E18)."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.output import FAILED, Json, out, print_json, table
from engines.primitives.errors import InvalidInput

scenario = typer.Typer(help="Play files of commands: for training, acceptance and regression.", no_args_is_help=True)

REQUEST_S = 60.0
FIGURES = ("principal", "interest_on", "interest_off", "penalty", "compound", "costs")


@scenario.callback()
def _group() -> None:
    """Keeps `run` a command of its own; a Typer of one command would take its place."""


@scenario.command()
def run(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON object a line.")],
    auto: Annotated[
        bool, typer.Option("--auto", help="Let process managers and timers run between the lines.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Play a scenario over HTTP on a private server with an empty store.

    Exit code 0 if every line met what it expects and all money identities hold, else 1; 2 for a malformed file.
    """
    import httpx

    from aggregates.scenario import meets
    from api.scenario_server import scenario_server

    lines = list(_lines(file))
    failed = 0
    with scenario_server(auto=auto) as address, httpx.Client(base_url=address, timeout=REQUEST_S) as http:
        for number, line in lines:
            answer = http.post(f"/scenario/lines/{number}", params={"name": file.name}, json=line)
            answer.raise_for_status()
            played = answer.json()
            met = meets(line, played) and all(identity["holds"] for identity in played["identities"])
            failed += not met
            if as_json:
                print_json(played)
            else:
                _show(line, played, met=met)
    if failed:
        if not as_json:
            out().print(f"{failed} of {len(lines)} lines did not do what they should.")
        raise typer.Exit(FAILED)


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Numbered lines of a file; empty ones and those that begin with # are left out.

    Raises:
        InvalidInput: the file cannot be read, or a line is no JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}", field="FILE", record=str(path)) from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise InvalidInput(
                f"line {number} is not JSON: {error}", field="FILE", record=f"{path}:{number}"
            ) from error
        if not isinstance(found, dict):
            raise InvalidInput(f"line {number} is no JSON object", field="FILE", record=f"{path}:{number}")
        if ("command" in found) == ("given" in found):
            message = f"line {number} wants either `command` or `given`"
            raise InvalidInput(message, field="command", record=f"{path}:{number}")
        yield number, found


def _show(line: Mapping[str, Any], played: Mapping[str, Any], *, met: bool) -> None:
    """One line for a person: what was asked, what was stored or refused, where the claim stands."""
    asked = line.get("command", line.get("given"))
    told = ", ".join(event["type"] for event in played["events"]) if played["ok"] else _refusal(played["error"])
    mark = "" if met else "   <-- not as expected"
    out().print(
        f"{played['line']:>4}  {line.get('aggregate')}/{line.get('key')}  {asked}: {told}{mark}", markup=False
    )
    rows = [
        {"asset": name.partition("/")[2], "lifecycle": state["lifecycle"], "class": state["classification"]}
        | {figure: state[figure] for figure in FIGURES}
        | {figure: state[figure] for figure in ("rec_cash", "rec_kind", "waived", "written_off", "income", "loss")}
        for name, state in played["state"].items()
        if name.startswith("RiskAsset/") and played["ok"]
    ]
    if rows:
        out().print(table(rows, tuple(rows[0])))
    for identity in played["identities"]:
        if not identity["holds"]:
            out().print(f"      {identity['id']} of {identity['of']}: {identity['left']} is not {identity['right']}")


def _refusal(error: Mapping[str, Any]) -> str:
    return f"refused by {error['guard']}: {error['message']}"
