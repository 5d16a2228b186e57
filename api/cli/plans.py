"""`tidemark plan`: contingency funding plans proposed, decided on and executed, as the actor of the token.

The rules are the server's. What a plan looks like at the terminal is in `plan_tables.py`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import typer

from api.cli.client import Api
from api.cli.contracts import iso_day
from api.cli.options import DataDir, load_settings, taking
from api.cli.output import Json, print_json
from api.cli.plan_tables import print_plan, print_plans, print_preview
from engines.primitives.errors import InvalidInput

plan = typer.Typer(help="Contingency funding plans: propose, approve by another person, execute, close; and drills.")

PlanNo = Annotated[str, typer.Argument(metavar="PLAN", help="Number of the plan.")]
Comment = Annotated[str, typer.Option("--comment", help="Why, stored with the decision.")]
Reason = Annotated[str, typer.Option("--reason", help="Kept in the envelope of the event.")]
CmdId = Annotated[str | None, typer.Option("--cmd-id", help="Idempotency key; the same one again changes nothing.")]
Version = Annotated[
    int | None, typer.Option("--expected-version", min=1, help="Refuse if the plan is not at this version any more.")
]
Input = Annotated[
    Path | None,
    typer.Option("--input", "-i", metavar="FILE", help="JSON object of the proposal.", show_default="stdin"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What every command on a plan takes besides its own."""

    expected_version: Version = None
    reason: Reason = ""
    cmd_id: CmdId = None
    data_dir: DataDir = None
    as_json: Json = False

    def send(self, plan_no: str, name: str, payload: dict[str, Any], *, valid_on: str | None = None) -> None:
        body: dict[str, Any] = {"cmd_id": self.cmd_id or str(uuid4()), "payload": payload, "reason": self.reason}
        if self.expected_version is not None:
            body["expected_version"] = self.expected_version
        if valid_on is not None:
            body["valid_on"] = valid_on
        with Api(load_settings(data_dir=self.data_dir)) as api:
            answer = api.post(f"/plans/{quote(plan_no, safe='')}/{name}", body)
        _show_answer(answer, self.as_json)


@plan.command()
def propose(
    *,
    plan_no: PlanNo,
    input_file: Input = None,
    drill: Annotated[bool, typer.Option("--drill", help="A drill: labelled as one, and it takes no deals.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Simulate and rank only; store nothing.")] = False,
    reason: Reason = "",
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Simulate a shortfall forward, rank the alternatives, and draw up a plan that another person approves.

    The file holds trigger, trigger_reason and funding (as `tidemark calc --schema contingency-plan`, money in `ccy`).
    """
    payload = _read(input_file)
    if drill:
        payload["mode"] = "DRILL"
    if preview:
        asked = {name: value for name, value in payload.items() if name in ("funding", "ccy", "as_of")}
        with Api(load_settings(data_dir=data_dir)) as api:
            found = api.post("/plans/preview", asked)
        _show(found, as_json, print_preview)
        return
    body = {"cmd_id": cmd_id or str(uuid4()), "plan_no": plan_no, "payload": payload, "reason": reason}
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.post("/plans", body)
    _show_answer(answer, as_json)


@plan.command("list")
def list_plans(
    *,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="As ALERT, ACTIVATED, CLOSED.")] = None,
    drill: Annotated[bool, typer.Option("--drill", help="Drills only.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The plans, newest first."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("/plans", entity=entity, stage=stage, mode="DRILL" if drill else None)
    _show(found, as_json, print_plans)


@plan.command()
def show(*, plan_no: PlanNo, data_dir: DataDir = None, as_json: Json = False) -> None:
    """One plan: its lines, what was executed, what is left, and what the alternatives were."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(f"/plans/{quote(plan_no, safe='')}")
    _show(found, as_json, print_plan)


@plan.command()
@taking(Sending)
def amend(
    sending: Sending,
    *,
    plan_no: PlanNo,
    input_file: Input = None,
) -> None:
    """Draw up a new version for what is still missing; it has to be approved again."""
    sending.send(plan_no, "amend", _read(input_file))


@plan.command()
@taking(Sending)
def approve(
    sending: Sending,
    *,
    plan_no: PlanNo,
    approval_no: Annotated[str, typer.Option("--approval-no", help="Number of the decision.")] = "-",
    conditions: Annotated[str, typer.Option("--conditions", help="Conditions of the approval.")] = "-",
) -> None:
    """Approve the present version; the maker cannot."""
    payload = {"approval_no": approval_no, "conditions": conditions}
    sending.send(plan_no, "approve", payload)


@plan.command()
@taking(Sending)
def reject(
    sending: Sending,
    *,
    plan_no: PlanNo,
    comment: Comment = "-",
) -> None:
    """Reject the plan; it is at its end."""
    sending.send(plan_no, "reject", {"comment": comment})


@plan.command()
@taking(Sending)
def activate(
    sending: Sending,
    *,
    plan_no: PlanNo,
    comment: Comment = "-",
) -> None:
    """Put the approved plan in force."""
    sending.send(plan_no, "activate", {"comment": comment})


@plan.command()
@taking(Sending)
def action(
    sending: Sending,
    *,
    plan_no: PlanNo,
    line: Annotated[str, typer.Argument(metavar="LINE", help="Line of the plan, as 1-2.")],
    amount: Annotated[str, typer.Option("--amount", help="What was raised, decimal text.")],
    counterparty: Annotated[str, typer.Option("--counterparty", help="Whom it was raised from.")],
    deal: Annotated[str | None, typer.Option("--deal", help="Number of the deal; a drill has none.")] = None,
    rate: Annotated[str | None, typer.Option("--rate", help="Agreed cost a year, a fraction.")] = None,
    valid_on: Annotated[str | None, typer.Option("--valid-on", metavar="DATE", help="Day of the deal.")] = None,
) -> None:
    """Record what was raised on a line of the plan."""
    given = {"line": line, "amount": amount, "counterparty": counterparty, "deal_ref": deal, "rate": rate}
    payload = {name: value for name, value in given.items() if value is not None}
    day = None if valid_on is None else iso_day(valid_on, "--valid-on")
    sending.send(plan_no, "action", payload, valid_on=day)


@plan.command()
@taking(Sending)
def recover(
    sending: Sending,
    *,
    plan_no: PlanNo,
    surplus: Annotated[str, typer.Option("--surplus", help="Observed surplus over the limit, not below 0.")],
    comment: Comment = "-",
) -> None:
    """The limit is kept again: begin recovery."""
    payload = {"surplus": surplus, "comment": comment}
    sending.send(plan_no, "recover", payload)


@plan.command()
@taking(Sending)
def close(
    sending: Sending,
    *,
    plan_no: PlanNo,
    outcome: Annotated[str, typer.Option("--outcome", help="What came of it and what was learnt.")],
) -> None:
    """End a plan in recovery; the maker cannot."""
    sending.send(plan_no, "close", {"outcome": outcome})


@plan.command()
@taking(Sending)
def cancel(
    sending: Sending,
    *,
    plan_no: PlanNo,
    comment: Comment = "-",
) -> None:
    """Drop a plan of which nothing was executed."""
    sending.send(plan_no, "cancel", {"comment": comment})


def _show_answer(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer, indent=2)
    else:
        print_plan(answer["state"])


def _show(found: dict[str, Any], as_json: bool, show_table: Any) -> None:
    if as_json:
        print_json(found, indent=2)
    else:
        show_table(found)


def _read(path: Path | None) -> dict[str, Any]:
    from api.calculations.registry import parse  # here, so that `tidemark --help` stays quick

    if path is None or str(path) == "-":
        return parse(sys.stdin.buffer.read())
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", field="--input") from error
