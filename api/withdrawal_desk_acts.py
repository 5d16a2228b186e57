"""What people do at the desk: announce, submit, approve, delegate, reject, amend, cancel, execute (LIQ-03, LIQ-61).

One tap is one command. What the system has to say beside it (a channel's reservation taken over, the approvals that
an amount needs, a proof of identity) goes before it as commands of its own; a repeated `cmd_id` repeats none.
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aggregates.commands import Command
from aggregates.envelope import Principal
from aggregates.payload import CODE, check_id
from aggregates.process_managers import SYSTEM
from aggregates.rendering import instant
from api.services import Services
from api.withdrawal_desk import RESERVATION, Body, announced, of_case, policy_on
from api.withdrawal_desk_proof import prove
from engines.primitives.errors import Conflict, InvalidInput, NotFound
from engines.primitives.money import to_minor
from streams.announced_reservations import Announced
from streams.schemas import Reservation

#: The last part of an address, and the command that it gives; `approve` depends on the level that is open.
ACTS = {
    "submit": "Submit",
    "approve": "",
    "reject": "Reject",
    "delegate": "Delegate",
    "amend": "Amend",
    "cancel": "Cancel",
    "execute": "Execute",
}
APPROVALS = {"SUBMITTED": "ApproveAtBranch", "BRANCH_OK": "ApproveAtTreasury"}
TAKEN = "1"  # the version of a task just after it was taken over


def draft(ours: Services, reader: Principal, number: str, wish: Mapping[str, Any], *, submit: bool) -> Body:
    """Announce a withdrawal; with `submit` send it on to those who approve. The same `cmd_id` again repeats both."""
    cmd_id = str(wish["cmd_id"])
    done = _execute(ours, reader, number, "Draft", wish, dict(wish["payload"]))
    if submit:
        done = _execute(ours, reader, number, "Submit", {**wish, "cmd_id": str(uuid5(NAMESPACE_URL, cmd_id))}, {})
    grade(ours, number)
    return done | {"task": _task(ours, reader, number)}


def act(
    ours: Services,
    reader: Principal,
    number: str,
    name: str,
    wish: Mapping[str, Any],
    *,
    token: str,
    code: str | None,
) -> Body:
    """One decision on the task as the person saw it (`wish["seen"]`).

    Raises Conflict where it has changed since, Forbidden with guard PROOF where a fresh proof is wanted, and what the
    aggregate's rules refuse.
    """
    seen = str(wish["seen"])
    payload = dict(wish["payload"]) | {"task_version": int(TAKEN if ":" in seen else seen)}
    command = _given_before(ours, str(wish["cmd_id"]))
    if command is not None and command not in ({ACTS[name]} if ACTS[name] else APPROVALS.values()):
        raise Conflict("this cmd_id belongs to another command", field="cmd_id", cmd_id=str(wish["cmd_id"]))
    if command is None:
        state = _ready(ours, reader, number, seen)
        command = ACTS[name] or APPROVALS.get(state["state"], "ApproveAtTreasury")
        if command in APPROVALS.values() and state.get("proof_needed"):
            minutes = policy_on(ours, state["entity"]).proof_minutes
            proof = prove(ours, reader, token, code, minutes)
            told = {"approver": reader.actor, "method": proof.method, "valid_until": instant(proof.valid_until)}
            system(ours, number, "Prove", told, f"{wish['cmd_id']}/proof")
    done = _execute(ours, reader, number, command, wish, payload)
    if command in ("Submit", "Amend"):
        grade(ours, number)
    return done | {"task": _task(ours, reader, number)}


def _given_before(ours: Services, cmd_id: str) -> str | None:
    """The command that was stored under this key, so that a second tap asks for the very same."""
    known = ours.assets.decisions.stored_command(cmd_id)
    if known is None:
        return None
    (event,) = ours.assets.decisions.select_recorded(start=known.first_position, stop=known.first_position)
    return str(ours.assets.decode(event).ROW.command)


def _ready(ours: Services, reader: Principal, number: str, seen: str) -> Mapping[str, Any]:
    """The case behind a task that was seen as it is, taken over from its channel if need be, and graded."""
    try:
        state = ours.assets.state(RESERVATION, number, reader=reader)
    except NotFound:
        one = announced(ours, reader, number)
        if one.seen != seen:
            raise _changed(one.seen) from None
        take_over(ours, one)
        grade(ours, number)
        return ours.assets.state(RESERVATION, number, reader=reader)
    # Whoever saw the channel's record and not the case took over finds it at its first version, or changed.
    if str(state["task_version"]) != (TAKEN if ":" in seen else seen):
        raise _changed(str(state["task_version"]))
    if not state["is_graded"]:
        grade(ours, number)
        state = ours.assets.state(RESERVATION, number, reader=reader)
    return state


def _changed(seen: str) -> Conflict:
    return Conflict("this task has changed since you read it: look again, then decide", field="seen", seen=seen)


def _execute(
    ours: Services, reader: Principal, number: str, command: str, wish: Mapping[str, Any], payload: Mapping[str, Any]
) -> Body:
    given = Command(
        cmd_id=str(wish["cmd_id"]),
        aggregate=RESERVATION,
        key=number,
        command=command,
        payload=payload,
        principal=reader,
        at=ours.clock(),
        role=wish.get("role"),
        reason=wish.get("reason") or "",
    )
    return ours.assets.execute(given).to_json()


def _task(ours: Services, reader: Principal, number: str) -> Body:
    return of_case(ours.assets.state(RESERVATION, number, reader=reader), reader)


# -- what the system says beside ---------------------------------------------------------------------------


def system(ours: Services, number: str, command: str, payload: Mapping[str, Any], name: str) -> bool:
    """A command of the system, known by `name`: given again it changes nothing, and False comes back."""
    cmd_id = str(uuid5(NAMESPACE_URL, f"/tm/{RESERVATION}/{number}/{name}"))
    if ours.assets.decisions.stored_command(cmd_id) is not None:
        return False
    ours.assets.execute(Command(cmd_id, RESERVATION, number, command, payload, SYSTEM, ours.clock()))
    return True


def grade(ours: Services, number: str) -> None:
    """Tell which approvals the present content needs, by the policy of the day."""
    state = ours.assets.state(RESERVATION, number, reader=SYSTEM)
    if state["is_graded"] or state["state"] not in ("DRAFT", "SUBMITTED", "BRANCH_OK"):
        return
    policy = policy_on(ours, state["entity"])
    level = policy.level(state["ccy"], to_minor(state["amount"], state["ccy"]))
    told = {"levels": list(level.approvals), "proof_needed": level.proof, "policy_version": policy.name}
    system(ours, number, "Grade", told, f"grade/{state['revision']}")


def take_over(ours: Services, one: Announced) -> None:
    """A channel's reservation as a case of the desk's: from now on people decide on it here."""
    payload = content_told(one.record) | {"entity_id": one.record.entity_id, "ccy": one.record.ccy}
    system(ours, one.record.res_id, "TakeOver", payload, f"take-over/{one.seen}")


def follow(ours: Services, one: Announced) -> bool:
    """What the channel told afterwards; False: the case took it up already."""
    return system(ours, one.record.res_id, "Follow", content_told(one.record), f"take-over/{one.seen}")


def content_told(record: Reservation) -> Body:
    """The fields of a channel's record as the aggregate takes them."""
    purpose = record.purpose.upper()
    return {
        "customer_no": record.customer_id,
        "account_id": record.account_id,
        "organisation": record.org_id,
        "line_id": record.line_id,
        "product_id": record.product_id,
        "amount": record.amount,
        "value_date": record.value_date,
        "purpose": purpose if CODE.fullmatch(purpose) else "OTHER",  # a channel's own words may name a person
        "channel": _id_or(record.channel, "CHANNEL"),
        "status": record.status.upper(),
        "executed": record.executed_amount,
    }


def _id_or(text: str, other: str) -> str:
    try:
        return check_id(text, "channel")
    except InvalidInput:
        return other
