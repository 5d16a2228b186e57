"""`tidemark calc`: one engine on one JSON object, without a server. All errors are JSON (decision Q5)."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import exit_code, out, print_json, table
from engines.primitives.errors import InvalidInput, TidemarkError

if TYPE_CHECKING:
    from api.calculations.registry import Calculation, Result


def calc(
    *,
    engine: Annotated[str | None, typer.Argument(metavar="ENGINE", help="Name of the calculation.")] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", "-i", metavar="FILE", help="JSON object.", show_default="stdin")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Name all calculations.")] = False,
    schema_of: Annotated[
        str | None, typer.Option("--schema", metavar="ENGINE", help="Print the JSON Schema of its input.")
    ] = None,
    as_table: Annotated[
        bool, typer.Option("--table", help="Print tables to read, where the engine has them.")
    ] = False,
) -> None:
    """Compute: a JSON object in, a JSON object out.

    Amounts are decimal text, rates are fractions. Wrong input: exit code 2, and on stderr one JSON object
    {code, message, field, record}.
    """
    try:
        _calc(engine, input_file, schema_of, listed=listed, as_table=as_table)
    except TidemarkError as error:
        body: dict[str, str | int | None] = {"code": error.code, "message": str(error)}
        body |= {name: error.facts.get(name) for name in ("field", "record")}
        print(json.dumps(body, ensure_ascii=False), file=sys.stderr, flush=True)
        raise typer.Exit(exit_code(error)) from error


def _calc(
    engine: str | None, input_file: Path | None, schema_of: str | None, *, listed: bool, as_table: bool
) -> None:
    from api.calculations import registry  # here, so that `tidemark --help` stays quick

    if listed:
        widest = max(map(len, registry.names()))
        for name in registry.names():
            print(f"{name:{widest}}  {registry.find(name).description}")
    elif schema_of is not None:
        print_json(registry.find(schema_of).schema(), indent=2)
    elif engine is None:
        raise InvalidInput("name a calculation; `tidemark calc --list` names them all", field="engine")
    else:
        calculation = registry.find(engine)
        result = calculation.compute(registry.parse(_content(input_file)))
        if as_table:
            _print_sheets(calculation, result)
        else:
            print_json(result, indent=2)


def _content(path: Path | None) -> bytes:
    if path is None or str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", field="input") from error


def _print_sheets(calculation: "Calculation", result: "Result") -> None:
    from api.calculations import generic_sheets  # here, so that `tidemark --help` stays quick

    console = out()
    for sheet in (calculation.sheets or generic_sheets.sheets)(result):
        console.print(table(sheet.rows, sheet.columns, amounts=sheet.amounts, title=sheet.title))
        console.print()
