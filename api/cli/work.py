"""`tidemark work`: what waits, what runs out, totals, plan, rankings, search, tags, one customer, one loan note.

All of it as the actor of the token may see it, at one position of the decision log. What an answer looks like is in
`work_tables.py`.
"""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import typer

from api.cli import work_tables as tables
from api.cli.client import Api
from api.cli.contracts import iso_day
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, print_json

work = typer.Typer(help="Work lists: to-dos, deadlines, messages, totals, plan, rankings, search, customers.")

Entity = Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")]
Org = Annotated[str | None, typer.Option("--org", help="This organisation and those below it.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Count days from here.", show_default="today")
]
Start = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="First day.", show_default="1 January of this year")
]
End = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day.", show_default="today")]
#: Lists that are read to their end, and what their rows are called; of the others the first page is shown.
WHOLE = {"worklists/plan": "rows", "worklists/rankings": "customers", "worklists/tags": "rows"}


@work.command()
def home(
    *, entity: Entity = None, org: Org = None, start: Start = None, end: End = None,
    data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """The start page: to-dos, deadlines, messages, totals, plan and rankings at one position."""
    _show("worklists/home", tables.print_home, data_dir, as_json, entity=entity, org=org, **_period(start, end))


@work.command()
def todos(
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="As DECIDE, REQUEST_POSTING, VOTE.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Leave out what is assigned to others.")] = False,
    everyone: Annotated[bool, typer.Option("--everyone", help="What waits for whatever role.")] = False,
    entity: Entity = None,
    org: Org = None,
    as_of: AsOf = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """What waits for you, most urgent first."""
    asked = {"kind": kind, "mine": _flag(mine), "everyone": _flag(everyone)}
    _show(
        "worklists/todos",
        tables.print_todos,
        data_dir,
        as_json,
        entity=entity,
        org=org,
        as_of=iso_day(as_of, "--as-of"),
        **asked,
    )


@work.command()
def done(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """What you did, newest first."""
    _show("worklists/done", tables.print_done, data_dir, as_json)


@work.command()
def deadlines(
    *,
    colour: Annotated[str | None, typer.Option("--colour", help="GREEN, AMBER, RED, LAPSED or PAUSED.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="As TL01.")] = None,
    entity: Entity = None,
    org: Org = None,
    as_of: AsOf = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Open terms with days left and a colour; lapsed ones stay until they are settled."""
    asked = {"colour": colour, "rule": rule, "entity": entity, "org": org, "as_of": iso_day(as_of, "--as-of")}
    _show("worklists/deadlines", tables.print_deadlines, data_dir, as_json, **asked)


@work.command()
def messages(
    *,
    everyone: Annotated[bool, typer.Option("--everyone", help="Also those to others.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Reminders sent to you or your roles, and the notices in force."""
    _show("worklists/messages", tables.print_messages, data_dir, as_json, everyone=_flag(everyone))


@work.command()
def totals(
    *,
    by: Annotated[
        str, typer.Option("--by", metavar="DIM,…", help="Dimensions of the stock.")
    ] = "classification,lifecycle",
    moved_by: Annotated[str, typer.Option("--moved-by", metavar="DIM,…", help="Dimensions of the period.")] = "mode",
    start: Start = None,
    end: End = None,
    entity: Entity = None,
    org: Org = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The stock of risk assets, and what was recovered, reduced and written off in a period."""
    asked = {"by": by, "moved_by": moved_by, "entity": entity, "org": org, **_period(start, end)}
    _show("worklists/totals", tables.print_totals, data_dir, as_json, **asked)


@work.command()
def plan(
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="RECOVERY or REDUCTION.")] = None,
    entity: Entity = None,
    org: Org = None,
    as_of: AsOf = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Targets with what counts for them, completion against time, and rank."""
    asked = {"kind": kind, "entity": entity, "org": org, "as_of": iso_day(as_of, "--as-of")}
    _show("worklists/plan", tables.print_plan, data_dir, as_json, **asked)


@work.command()
def rankings(
    *,
    kind: Annotated[str, typer.Option("--kind", help="RECOVERY or REDUCTION.")] = "RECOVERY",
    with_memo: Annotated[bool, typer.Option("--with-memo", help="Customers: count written-off claims too.")] = False,
    start: Start = None,
    end: End = None,
    entity: Entity = None,
    org: Org = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Branches by completed amount, customers by their claims."""
    asked = {"kind": kind, "with_memo": _flag(with_memo), "entity": entity, "org": org, **_period(start, end)}
    _show("worklists/rankings", tables.print_rankings, data_dir, as_json, **asked)


@work.command()
def search(
    *,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Words that all occur, in any part of the row.")] = "",
    aggregate: Annotated[str | None, typer.Option("--aggregate", help="Only this kind, as RiskAsset.")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="As ACTIVE, SUBMITTED.")] = None,
    classification: Annotated[str | None, typer.Option("--classification", help="As LOSS.")] = None,
    customer_no: Annotated[str | None, typer.Option("--customer", help="About this customer.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Carrying this tag.")] = None,
    still_open: Annotated[bool, typer.Option("--open", help="Only what is not finished.")] = False,
    cursor: Annotated[int | None, typer.Option("--cursor", min=1, help="Of the page before.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="Rows of a page.")] = 50,
    entity: Entity = None,
    org: Org = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Find anything by number, text (Chinese too) and tags; newest first, page by page."""
    asked: dict[str, str | int | None] = {
        "q": text,
        "aggregate": aggregate,
        "stage": stage,
        "classification": classification,
        "customer_no": customer_no,
        "tag": tag,
        "open": _flag(still_open),
        "cursor": cursor,
        "limit": limit,
        "entity": entity,
        "org": org,
    }
    _show("worklists/search", tables.print_search, data_dir, as_json, **asked)


@work.command()
def tags(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """The tags in use."""
    _show("worklists/tags", tables.print_tags, data_dir, as_json)


@work.command("tag")
def tag_one(
    *,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Loan number, or customer number with --customer.")],
    tag: Annotated[str, typer.Argument(metavar="TAG", help="As DESIGNATED.")],
    off: Annotated[bool, typer.Option("--off", help="Take it away.")] = False,
    is_customer: Annotated[bool, typer.Option("--customer", help="The key is a customer's.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Kept with the event.")] = "",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Tag a loan note or a customer: a command like any other, kept as an event."""
    names = ("RemoveTag", "AddTag") if is_customer else ("Untag", "Tag")
    body: dict[str, Any] = {
        "cmd_id": str(uuid4()),
        "aggregate": "RiskCustomer" if is_customer else "RiskAsset",
        "key": key,
        "command": names[0] if off else names[1],
        "payload": {"tag": tag},
        "reason": reason,
    }
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.post("/commands", body)
    if as_json:
        print_json(answer, indent=2)
    else:
        tables.print_tagged(answer)


@work.command()
def customer(
    *, customer_no: Annotated[str, typer.Argument(metavar="CUSTOMER")], as_of: AsOf = None,
    data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """One customer on one body: claims, cases, files, guarantors, external facts, what happened."""
    path = f"worklists/customers/{quote(customer_no, safe='')}"
    _show(path, tables.print_customer, data_dir, as_json, as_of=iso_day(as_of, "--as-of"))


@work.command()
def asset(
    *, loan_no: Annotated[str, typer.Argument(metavar="LOAN")], as_of: AsOf = None,
    data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """One loan note: the place of every yuan, its cases, its deadlines."""
    _show(
        f"worklists/assets/{quote(loan_no, safe='')}",
        tables.print_asset,
        data_dir,
        as_json,
        as_of=iso_day(as_of, "--as-of"),
    )


@work.command()
def allowed(
    *,
    aggregate: Annotated[str, typer.Argument(help="Kind of aggregate, as WriteOff.")],
    key: Annotated[str, typer.Argument(help="Its business key.")],
    asset_no: Annotated[str | None, typer.Option("--asset", help="The loan note of a case yet to be made.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """What you may do next with an aggregate, and what each command asks for."""
    path = f"/aggregates/{quote(aggregate, safe='')}/{quote(key, safe='')}/allowed"
    _show(path, tables.print_allowed, data_dir, as_json, asset_no=asset_no)


def _show(path: str, show: Callable[[Any], None], data_dir: Any, as_json: bool, **asked: str | int | None) -> None:
    whole = WHOLE.get(path)
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(path, **asked) if whole is None else api.get_all(path, whole, **asked)
    if as_json:
        print_json(found, indent=2)
    else:
        show(found)


def _period(start: str | None, end: str | None) -> dict[str, str | None]:
    return {"start": iso_day(start, "--from"), "end": iso_day(end, "--to")}


def _flag(value: bool) -> str | None:
    return "true" if value else None
