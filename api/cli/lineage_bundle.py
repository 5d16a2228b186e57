"""`tidemark audit bundle`: a figure with its entries and their proofs, for somebody who trusts nothing of ours."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json
from engines.primitives.errors import InvalidInput


def bundle(
    figure: Annotated[str, typer.Argument(metavar="positions|alert|ledger", help="What is to be proved.")],
    out_dir: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where bundle.json and the verifier go.")],
    account: Annotated[str | None, typer.Option("--account", help="positions: of an account.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="positions: of a customer.")] = None,
    organisation: Annotated[str | None, typer.Option("--organisation", help="positions: of an organisation.")] = None,
    at_offsets: Annotated[
        str | None, typer.Option("--at-offsets", metavar="JSON", help='The cut, as "offsets" of an answer.')
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Else the business date there.")
    ] = None,
    alert: Annotated[str | None, typer.Option("--alert", metavar="ID", help="alert: which one.")] = None,
    cell: Annotated[
        str | None, typer.Option("--cell", metavar="LEDGER/KEY/COLUMN", help="ledger: which amount.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", metavar="TIME|DATE", help="ledger: as far as it was known then.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole-partition", help="Also that nothing under the same keys was left out.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write a directory that proves a figure offline: raw records, Merkle paths, signed head, verifier."""
    from api.figures import offset_vector  # here, so that `tidemark --help` stays quick
    from api.lineage_bundles import Bundler, ledger_cell, write_bundle
    from streams.views_wire import Alert

    scope = {
        name: value
        for name, value in (("account", account), ("customer", customer), ("organisation", organisation))
        if value is not None
    }
    given = {"positions": bool(scope), "alert": alert is not None, "ledger": cell is not None}
    if given != {name: name == figure for name in given}:
        wanted = "positions want an account, a customer or an organisation; alert wants --alert, ledger wants --cell"
        raise InvalidInput(wanted, field="figure")
    settings = load_settings(data_dir=data_dir)
    if cell is not None:
        found, vkey = ledger_cell(settings, _cell(cell), _day(as_of), _moment(known_at))
    else:
        bundler = Bundler(settings)
        vkey = bundler.signer.vkey
        if alert is not None:
            with Api(settings) as api:
                found = bundler.alert(msgspec.convert(api.get(f"/alerts/{alert}"), Alert), whole=whole)
        else:
            offsets = offset_vector(at_offsets) or _now(settings)
            found = bundler.positions(scope, offsets, _day(as_of), whole=whole)
    _tell(found, write_bundle(found, out_dir, vkey), vkey, as_json=as_json)


def _now(settings: Any) -> dict[str, int]:
    with Api(settings) as api:
        return dict(api.get("/positions")["offsets"])


def _tell(found: dict[str, Any], path: Path, vkey: str, *, as_json: bool) -> None:
    records = sum(len(log["records"]) for log in found["logs"]) or len(found["proof"]["items"])
    told = {"file": str(path), "vkey": vkey, "figure": found["figure"], "records": records}
    if as_json:
        print_json(told, indent=2)
        return
    of = f"records in {len(found['logs'])} logs" if found["logs"] else "events"
    out().print(f"{path}: {records:,} {of}", soft_wrap=True)
    if "column" in found["figure"]:
        out().print(f"{found['figure']['column']} {found['figure']['amount']} {found['figure']['ccy']}")
    for one in found["figure"].get("amounts", ()):
        out().print(f"{one['entity_id']} {one['ccy']} {one['amount']} as of {one['as_of']}")
    out().print(f"python tidemark_verify.py bundle.json --key '{vkey}'", soft_wrap=True, highlight=False)


def _cell(text: str) -> tuple[str, str, str]:
    ledger, _, rest = text.partition("/")
    key, _, column = rest.rpartition("/")
    if not (ledger and key and column):
        raise InvalidInput(f"{text!r:.80} is not LEDGER/KEY/COLUMN", field="--cell")
    return ledger, key, column


def _moment(text: str | None) -> datetime | date | None:
    if text is None or len(text) <= len("YYYY-MM-DD"):
        return _day(text, "--known-at")
    try:
        found = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no instant, as 2026-03-16T09:00Z", field="--known-at") from error
    if found.tzinfo is None:
        raise InvalidInput(f"{text!r} needs its offset from UTC, as Z", field="--known-at")
    return found


def _day(text: str | None, option: str = "--as-of") -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a date, want YYYY-MM-DD", field=option) from error
