"""`tidemark actus check`: reference files of the ACTUS foundation against the engine of this installation."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import FAILED, Json, err, print_json, table
from engines.primitives.errors import InvalidInput

if TYPE_CHECKING:
    from engines.actus.cases import CaseResult

actus = typer.Typer(help="The ACTUS standard: cash flows that anyone can check.", no_args_is_help=True)


@actus.callback()
def _group() -> None:
    """Keeps `check` a command of its own; a Typer of one command would take its place."""


@actus.command()
def check(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Reference files: {identifier: case}.")],
    as_json: Json = False,
) -> None:
    """Run reference cases; prints passed/total of each contract type. Exit code 1 if a case fails."""
    results = [_checked(case) for path in files for case in _cases(path)]
    if not results:
        raise InvalidInput("there is no case in these files", field="FILE")
    types: dict[str, dict[str, int]] = {}
    for result in results:
        counted = types.setdefault(result.contract_type, {"passed": 0, "total": 0})
        counted["passed"] += result.passed
        counted["total"] += 1
    failed = [result for result in results if not result.passed]
    if as_json:
        shown = [
            {"id": result.identifier, "passed": result.passed, "difference": result.difference or None}
            for result in results
        ]
        print_json({"types": dict(sorted(types.items())), "cases": shown}, indent=2)
    else:
        for name, counted in sorted(types.items()):
            print(f"{name:5}  {counted['passed']}/{counted['total']}")
        if failed:
            rows = [{"case": result.identifier, "difference": result.difference} for result in failed]
            err().print(table(rows, ("case", "difference")))
    if failed:
        raise typer.Exit(FAILED)


def _checked(case: Mapping[str, Any]) -> "CaseResult":
    from engines.actus.cases import CaseResult, check_case  # here, so that `tidemark --help` stays quick

    try:
        return check_case(case)
    except Exception as error:  # a crash is a failed case, and the others are still to be run
        difference = f"crashed: {type(error).__name__}: {error}"
        return CaseResult(str(case["identifier"]), str(case["terms"].get("contractType", "")), difference)


def _cases(path: Path) -> Iterator[Mapping[str, Any]]:
    """The cases of a file, each with its identifier.

    Raises:
        InvalidInput: the file cannot be read, is not JSON, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", field="FILE", record=str(path)) from error
    except ValueError as error:
        raise InvalidInput(f"{path} is not JSON: {error}", field="FILE", record=str(path)) from error
    if isinstance(found, list):  # without names of their own: the cases bring them
        found = {str(place): case for place, case in enumerate(found)}
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} holds no cases", field="FILE", record=str(path))
    for name, case in found.items():
        shape = (
            isinstance(case, dict) and isinstance(case.get("terms"), dict) and isinstance(case.get("results"), list)
        )
        if not shape:
            raise InvalidInput(f"{path}: {name} has no terms or no results", field=name, record=str(path))
        yield {"identifier": name, **case}
