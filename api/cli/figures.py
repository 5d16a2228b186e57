"""`tidemark positions|gap|withdrawals|alerts`: the API's figures, as a table or JSON, once or live."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import Group as Lines
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from api.cli.changes import Explain, print_changes
from api.cli.client import Api
from api.cli.contracts import iso_day, print_contracts
from api.cli.moments import At, moment
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, err, grouped, out, print_json, table
from api.cli.sse import follow as follow_stream
from engines.primitives.errors import InvalidInput, TidemarkError, Unavailable

DIMENSIONS = ("entity", "organisation", "business_line", "product", "currency", "customer", "account")
POSITION_AMOUNTS = ("position", "pending_in", "pending_out", "reserved", "projected_eod")
ALWAYS_SHOWN = ("position", "projected_eod")  # the others only where one is not nought: a terminal is narrow
GAP_AMOUNTS = ("inflow", "outflow", "gap", "cumulative")
ALERT_ADDRESS = "/alerts"
REFRESH_S = 0.5  # a person reads no faster, and the API need not answer faster

By = Annotated[str | None, typer.Option("--by", help=f"Comma-separated dimensions: {', '.join(DIMENSIONS)}.")]
Entity = Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Business date, YYYY-MM-DD.", metavar="DATE")]
AtOffsets = Annotated[
    str | None,
    typer.Option("--at-offsets", help='Figures at a past cut: the JSON object "offsets" of an earlier answer.'),
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on live until Ctrl-C.")]


def positions(
    *,
    by: By = None,
    entity: Entity = None,
    organisation: Annotated[str | None, typer.Option("--organisation", help="Only this organisation.")] = None,
    business_line: Annotated[str | None, typer.Option("--business-line", help="Only this business line.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="Only this product.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Only this currency, ISO 4217.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Only this account.")] = None,
    as_of: AsOf = None,
    at: At = None,
    at_offsets: AtOffsets = None,
    explain: Explain = None,
    follow: Follow = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Position and projected end of day, per entity, organisation and currency unless --by says otherwise."""
    chosen = {
        "entity": entity,
        "organisation": organisation,
        "business_line": business_line,
        "product": product,
        "currency": currency,
        "customer": customer,
        "account": account,
    }
    if explain is not None:
        refused = {"--by": by, "--as-of": as_of, "--at": at, "--at-offsets": at_offsets, "--follow": follow}
        print_changes("/positions/changes", explain, chosen, data_dir=data_dir, as_json=as_json, refused=refused)
        return
    parameters = chosen | {
        "by": _dimensions(by),
        "as_of": _day(as_of),
        "at": moment(at, at_offsets, follow=follow)["at"],
        "at_offsets": _offsets(at_offsets, by=by, as_of=as_of, follow=follow),
    }
    with Api(load_settings(data_dir=data_dir)) as api:
        _figures(api, "/positions", parameters, "positions", follow=follow, as_json=as_json, show=positions_table)


def gap(
    *,
    by: By = None,
    entity: Entity = None,
    organisation: Annotated[str | None, typer.Option("--organisation", help="Only this organisation.")] = None,
    business_line: Annotated[str | None, typer.Option("--business-line", help="Only this business line.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="Only this product.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Only this currency, ISO 4217.")] = None,
    as_of: AsOf = None,
    at: At = None,
    at_offsets: AtOffsets = None,
    view: Annotated[
        str | None, typer.Option("--view", help="contractual, behavioural or stressed: with expected recoveries.")
    ] = None,
    severity: Annotated[
        str | None, typer.Option("--severity", help="Of the stressed view: mild, moderate, severe.")
    ] = None,
    explain: Explain = None,
    cumulative: Annotated[
        bool, typer.Option("--cumulative", help="With --explain and --bucket: all up to that bucket.")
    ] = False,
    behind: Annotated[
        bool, typer.Option("--contracts", help="The contracts behind the figure, the largest first.")
    ] = False,
    bucket: Annotated[str | None, typer.Option("--bucket", help="With --contracts or --explain: as D2_7.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="With --contracts: first flow date.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="With --contracts: last flow date.")] = None,
    start: Annotated[int, typer.Option("--start", min=0, help="With --contracts: rows to pass over.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="With --contracts: rows at most.")] = 50,
    follow: Follow = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Liquidity gap by time bucket: contractual inflows, outflows and their difference; or who is behind it."""
    chosen_cells = {
        "entity": entity,
        "organisation": organisation,
        "business_line": business_line,
        "product": product,
        "currency": currency,
    }
    if explain is not None:
        refused = {
            "--by": by,
            "--as-of": as_of,
            "--at": at,
            "--at-offsets": at_offsets,
            "--follow": follow,
            "--contracts": behind,
        }
        refused |= {"--from": first, "--to": last, "--view": view, "--severity": severity}
        asked = chosen_cells | {"bucket": bucket, "cumulative": "true" if cumulative else None}
        print_changes("/gap/changes", explain, asked, data_dir=data_dir, as_json=as_json, refused=refused)
        return
    if cumulative:
        raise InvalidInput("--cumulative is of --explain: the gap shows both", field="--cumulative")
    if behind and at is not None:
        raise InvalidInput("--contracts is read at a vector: see --at-offsets", field="--at")
    if behind and (follow or by is not None):
        raise InvalidInput("--contracts is one answer, contract by contract", field="--follow" if follow else "--by")
    if not behind and (bucket, first, last) != (None, None, None):
        raise InvalidInput("this chooses contracts: add --contracts", field="--bucket" if bucket else "--from")
    if follow and view not in {None, "contractual"}:
        raise InvalidInput("--follow shows the contractual gap: decisions are no part of the stream", field="--view")
    if behind and view not in {None, "contractual"}:
        raise InvalidInput("--contracts is of the contractual view; see tidemark recoveries", field="--view")
    parameters = chosen_cells | {
        "by": _dimensions(by),
        "as_of": _day(as_of),
        "at_offsets": _offsets(at_offsets, by=by, as_of=as_of, follow=follow),
    }
    instant = moment(at, at_offsets, follow=follow)["at"]
    with Api(load_settings(data_dir=data_dir)) as api:
        if behind:
            chosen = {"bucket": bucket, "from": iso_day(first, "--from"), "to": iso_day(last, "--to")}
            paged = {"start": start or None, "limit": limit, "flows": None if as_json else "false"}
            print_contracts(api, parameters | chosen | paged, as_json=as_json)
            return
        parameters |= {"view": view, "severity": severity, "at": instant}
        _figures(api, "/gap", parameters, "gap", follow=follow, as_json=as_json, show=gap_table)


def withdrawals(
    *,
    entity: Entity = None,
    at: At = None,
    at_offsets: AtOffsets = None,
    follow: Follow = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Customers whose outflows came near or above the rolling threshold."""
    with Api(load_settings(data_dir=data_dir)) as api:
        # The stream has no event of withdrawals: positions move whenever one of them does.
        _figures(
            api,
            "/withdrawals",
            {"entity": entity, **moment(at, at_offsets, follow=follow)},
            "positions",
            follow=follow,
            as_json=as_json,
            show=withdrawals_table,
        )


def alerts(
    *,
    entity: Entity = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most this many, newest first.")] = 50,
    at: At = None,
    at_offsets: AtOffsets = None,
    follow: Follow = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Large-flow alerts, newest first; with --follow each new one as it is raised, one JSON object a line."""
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get(ALERT_ADDRESS, entity=entity, limit=limit, **moment(at, at_offsets, follow=follow))
        if not follow:
            print_json(answer, indent=2) if as_json else out().print(alerts_table(answer))
            return
        for alert in reversed(answer["alerts"]):
            _print_alert(alert, as_json=as_json)
        shown = {alert["alert_id"] for alert in answer["alerts"]}
        with _until_interrupted():
            for event in follow_stream(api, on_break=_tell_break):
                for alert in _new_alerts(event.name, event.data):
                    if alert["alert_id"] not in shown and entity in {None, alert["entity"]}:
                        shown.add(alert["alert_id"])
                        _print_alert(alert, as_json=as_json)


def _new_alerts(name: str, data: dict[str, Any]) -> list[dict[str, Any]]:
    if name == "alert":
        return [data]
    # The first state repeats what was just queried, and holds what was raised between the two.
    return list(reversed(data.get("alerts", []))) if name == "state" else []


def _figures(
    api: Api,
    path: str,
    parameters: dict[str, str | None],
    event_name: str,
    *,
    follow: bool,
    as_json: bool,
    show: Callable[[dict[str, Any]], Any],
) -> None:
    """One answer, or an answer after every change: the stream says when, the query says what.

    Asking again, instead of patching rows from the stream, keeps every --by and --as-of right: the stream
    only carries rows by entity and currency.
    """
    answer = api.get(path, **parameters)
    if not follow:
        print_json(answer, indent=2) if as_json else out().print(show(answer))
        return
    with _until_interrupted():
        if as_json:
            print_json(answer)
            for fresh in _changes(api, path, parameters, event_name, answer):
                print_json(fresh)
            return
        with Live(show(answer), console=out(), auto_refresh=False) as live:
            for fresh in _changes(api, path, parameters, event_name, answer):
                live.update(show(fresh), refresh=True)


def _changes(
    api: Api, path: str, parameters: dict[str, str | None], event_name: str, last: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    # A thread drains the stream: reading it at the pace of our queries would pile up what the API sends.
    changed, failure = threading.Event(), list[TidemarkError]()

    def watch() -> None:
        try:
            for event in follow_stream(api, on_break=_tell_break):
                if event.name in {event_name, "state"}:
                    changed.set()
        except TidemarkError as error:
            failure.append(error)
            changed.set()

    threading.Thread(target=watch, daemon=True).start()
    while True:
        changed.wait()
        changed.clear()
        if failure:
            raise failure[0]
        try:
            answer = api.get(path, **parameters)
        except Unavailable as error:
            _tell_break(error)
            changed.set()
        else:
            if answer != last:
                last = answer
                yield answer
        time.sleep(REFRESH_S)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        return


def _tell_break(error: TidemarkError) -> None:
    err().print(f"[yellow]{escape(str(error))} Trying again…[/]")


def _dimensions(by: str | None) -> str | None:
    if by is None:
        return None
    names = [name.strip().replace("-", "_") for name in by.split(",") if name.strip()]
    for name in names:
        if name not in DIMENSIONS:
            raise InvalidInput(f"unknown dimension {name!r}; one of {', '.join(DIMENSIONS)}", field="--by")
    return ",".join(dict.fromkeys(names)) or None


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a date, want YYYY-MM-DD", field="--as-of") from error


def _offsets(text: str | None, *, by: str | None, as_of: str | None, follow: bool) -> str | None:
    if text is None:
        return None
    if follow:
        raise InvalidInput("a past cut does not move: leave out --follow", field="--at-offsets")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput('want a JSON object {"topic/partition": offset}', field="--at-offsets") from error
    if not isinstance(value, dict) or not value:
        raise InvalidInput('want a JSON object {"topic/partition": offset}', field="--at-offsets")
    for place, offset in value.items():
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise InvalidInput("an offset is a whole number >= 0", field="--at-offsets", record=place)
        if not place.rpartition("/")[0] or not place.rpartition("/")[2].isdigit():
            raise InvalidInput("want topic/partition", field="--at-offsets", record=place)
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _footer(answer: dict[str, Any]) -> Text:
    offsets = answer.get("offsets") or {}
    parts = [f"as of {answer['as_of']}"] if answer.get("as_of") else []
    parts.append(f"{sum(offsets.values()):,} records of {len(offsets)} partitions")
    if answer.get("last_event_time"):
        parts.append(f"last event {answer['last_event_time']}")
    if answer.get("lag_records"):
        parts.append(f"{answer['lag_records']:,} records behind")
    return Text("\n" + ", ".join(parts), style="dim")


def positions_table(answer: dict[str, Any]) -> Lines:
    rows = answer["rows"]
    held = [name for name in POSITION_AMOUNTS if any(_is_shown(row, name) for row in rows)] or ["position"]
    columns = [name for name in DIMENSIONS if any(name in row for row in rows)] or ["entity", "currency"]
    return Lines(table(rows, [*columns, *held], amounts=held), _footer(answer))


def _is_shown(row: dict[str, Any], name: str) -> bool:
    amount = row.get(name)
    return amount is not None and (name in ALWAYS_SHOWN or any(digit in "123456789" for digit in amount))


def gap_table(answer: dict[str, Any]) -> Lines:
    rows = answer["rows"]
    columns = [name for name in DIMENSIONS if any(name in row for row in rows)] or ["entity", "currency"]
    amounts = list(GAP_AMOUNTS)
    if any("recoveries" in row for row in rows):
        amounts.insert(1, "recoveries")
    return Lines(table(rows, [*columns, "bucket", *amounts, "contracts"], amounts=amounts), _footer(answer))


def withdrawals_table(answer: dict[str, Any]) -> Lines:
    numbers = ("available", "post", "floor", "shortfall")
    decision = ("decision", "reason", *numbers)
    rows = [row | {"above": "above" if row.get("above") else "near"} | _told(row) for row in answer["rows"]]
    columns = ["entity", "organisation", "customer", "currency", "rolling", "threshold", "above", "event_time"]
    shown: list[Any] = [table(rows, [*columns, *decision], amounts=("rolling", "threshold", *numbers))]
    if reserved := answer.get("reservations"):
        rows = [row | _told(row) for row in reserved]
        columns = ["entity", "organisation", "currency", "amount"]
        title = "Approved reservations up to the business date"
        shown += [Text(), table(rows, [*columns, *decision], amounts=("amount", *numbers), title=title)]
    return Lines(*shown, _footer(answer))


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """What is to be done, in words of LIQ-02: RELEASE + DISPATCH; and why."""
    return {
        "decision": " + ".join(row.get("actions") or ()) or row.get("decision"),
        "reason": row.get("decision_reason"),
    }


def alerts_table(answer: dict[str, Any]) -> Lines:
    columns = ("event_time", "severity", "entity", "customer", "currency", "amount", "rule", "reason")
    return Lines(table(answer["alerts"], columns, amounts=("amount",)), _footer(answer))


def _print_alert(alert: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(alert)
        return
    colour = {"CRITICAL": "red", "WARNING": "yellow"}.get(alert["severity"], "cyan")
    amount = grouped(alert["amount"])
    out().print(
        f"[dim]{alert['event_time']}[/] [bold {colour}]{alert['severity']} {amount} {alert['currency']}[/] "
        f"{escape(alert['entity'])} {escape(alert['customer'])}: {escape(alert['reason'])}"
    )
