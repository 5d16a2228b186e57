"""What a reader may do next with an aggregate: the commands that its table offers in its present stage to one of the
reader's roles, with the fields that each one asks for. A page draws its buttons and forms from this.

Nothing here judges by itself: each command is tried on the rules as they are and stopped before it would store
(`_Trial`), so that what is offered and what is refused cannot differ from what `/commands` does a moment later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from aggregates.assets import Assets
from aggregates.commands import Command, Work
from aggregates.envelope import Principal
from aggregates.event_view import Json, outward
from aggregates.registry import KINDS
from aggregates.steps.case import Case
from aggregates.steps.fields import FieldSpec, stored
from aggregates.steps.rows import IN_STAGE, Facts, Row
from aggregates.steps.step import Step
from api.command_values import codes_of
from engines.primitives.errors import Forbidden, InvalidInput, NotFound, Rejected, TidemarkError
from infra.decision_views import command_name

#: Names of the field kinds of `aggregates.steps.fields`, for forms.
TYPES: Mapping[str, str] = {
    "I": "id",
    "S": "text",
    "E": "code",
    "D": "day",
    "N": "integer",
    "B": "boolean",
    "M": "money",
    "G": "signed_money",
    "A": "money_by_bucket",
    "K": "money_by_name",
    "P": "percentage",
    "R": "rate",
    "V": "number",
    "L": "ids",
    "T": "texts",
    "J": "object",
    "O": "objects",
}
#: Stand-ins for what a person has yet to enter, in the same kinds; they never reach a store.
_SAMPLES: Mapping[str, Any] = {
    "I": "X-1",
    "S": "text",
    "E": "SAMPLE",
    "N": 1,
    "B": True,
    "M": 1,
    "G": 1,
    "A": {"principal": 1},
    "K": {},
    "L": ["X-1"],
    "T": ["text"],
    "J": {},
    "O": [],
}
_TRIES_MAX = 30  # fields that one command may miss


def allowed(
    assets: Assets, at: datetime, reader: Principal, aggregate: str, key: str, asset_no: str | None = None
) -> Json:
    """The commands open to `reader` on one aggregate, in the order of its table.

    An aggregate that does not exist, or that the reader may not see, offers the commands that would make it, and has
    version 0; with `asset_no` they are tried for that loan note, so that what derives from it is filled in. `others`
    names what waits for other roles. Raises InvalidInput for an unknown kind of aggregate.
    """
    if aggregate not in KINDS:
        raise InvalidInput(f"no aggregate {aggregate!r:.40}", field="aggregate")
    kind = KINDS[aggregate]
    loaded = _Loaded(assets)
    case = loaded.find(aggregate, key)
    if case is not None and not reader.may_act_for(case.entity_id):
        case = None
    offered, others = [], []
    for row in kind.ROWS:
        if not (name := command_name(kind, row)) or not _is_open(row, case):
            continue
        if role := next((role for role in row.roles if role in reader.roles), None):
            offered.append(_offer(assets, loaded, kind, row, name, key, reader, role, at, asset_no))
        else:
            others.append({"command": name, "event": row.event, "roles": list(row.roles)})
    return {
        "aggregate": aggregate,
        "key": key,
        "version": 0 if case is None else case.version,
        "state": None if case is None else case.stage,
        "commands": offered,
        "others": others,
    }


@dataclass(slots=True)
class _Loaded:
    """Aggregates read once for all trials: a trial changes none of them."""

    assets: Assets
    by_name: dict[tuple[str, str], Case | None] = field(default_factory=dict)

    def find(self, aggregate: str, key: str) -> Case | None:
        if (aggregate, key) not in self.by_name:
            self.by_name[aggregate, key] = self.assets.find(aggregate, key)
        return self.by_name[aggregate, key]

    def stream_for(self, kind: type[Case], key: str) -> UUID:
        return self.assets.stream_for(kind, key)


class _WouldStoreError(Exception):
    """A trial passed every rule."""


class _Trial(Step):
    """A step that is judged like any other and stops where it would store; partners are judged at the real one."""

    def _store(self, *_args: Any, **_more: Any) -> None:
        raise _WouldStoreError

    def also(self, *_args: Any, **_more: Any) -> None:
        pass

    def attempt(self, values: Mapping[str, Any]) -> None:
        """Judges the row with these values, in place of a payload that was read. Raises what a command would."""
        self._settle_home(values)
        self._judge_and_store(dict(values), None)


def _offer(
    assets: Assets,
    loaded: _Loaded,
    kind: type[Case],
    row: Row,
    name: str,
    key: str,
    reader: Principal,
    role: str,
    at: datetime,
    asset_no: str | None,
) -> Json:
    command = Command("-", kind.NAME, key, name, {}, reader, at, role=role, reason="-")
    model, policy, bank_day = assets.model, assets.policy, assets.bank_day
    specs = {spec.name: spec for spec in row.fields}
    about = {} if asset_no is None or not row.makes else _about(asset_no, specs)
    asked: dict[str, Any] = dict(about)
    refusal: Json | None = None
    trial = _Trial(Work(command, role, loaded, model, policy, bank_day, KINDS), kind, row, key)
    for _ in range(_TRIES_MAX):
        trial = _Trial(Work(command, role, loaded, model, policy, bank_day, KINDS), kind, row, key)
        try:
            trial.attempt(asked)
        except _WouldStoreError:
            break
        except InvalidInput as wanting:
            missed = str(wanting.facts.get("field", ""))
            if missed not in specs or missed in asked:
                break  # it does not like the stand-in: what is asked for is known as far as this
            asked[missed] = _sample(specs[missed], kind, row, at)
        except (Rejected, NotFound) as refused:
            refusal = _refusal(refused, fields_given=len(asked) > len(about))
            break
        except (TidemarkError, LookupError, TypeError, AttributeError, ValueError):
            break  # a stand-in met a rule that looks into it
    prefilled = {
        n: v for n, v in trial.fields.items() if n in specs and (n not in asked or n in about) and v is not None
    }
    needed = {
        spec.name for spec in row.fields if not spec.optional and (spec.name in about or spec.name not in prefilled)
    }
    shown = outward(stored(prefilled, row.fields) | {"ccy": trial.ccy})
    return {
        "command": name,
        "event": row.event,
        "role": role,
        "roles": list(row.roles),
        "fields": [_field(spec, kind, row, needed, shown) for spec in (*row.fields, *row.extra)],
        "guards": [
            {"guard": item.guard if "." not in item.guard else f"{kind.NAME}.{item.guard}", "text": item.text}
            for item in row.clauses
            if item.text != IN_STAGE
        ],
        "next": row.next if isinstance(row.next, str) and row.next else None,
        "refused": refusal,
    }


def _about(asset_no: str, specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
    one = {name: asset_no for name in ("asset_no", "loan_no") if name in specs}
    return one or {name: [asset_no] for name in ("asset_ids", "loan_nos") if name in specs}


def _refusal(error: TidemarkError, *, fields_given: bool) -> Json | None:
    """A refusal that no entry of a field can mend; one that a stand-in may have caused says nothing."""
    guard = str(error.facts.get("guard", "-"))
    if fields_given and not (isinstance(error, Forbidden) and guard.startswith("SD")):
        return None
    return {"code": error.code, "guard": guard, "text": str(error)}


def _field(spec: FieldSpec, kind: type[Case], row: Row, needed: set[str], shown: Facts, path: str = "") -> Json:
    found: Json = {
        "name": spec.name,
        "type": "records" if spec.items and spec.kind == "L" else TYPES[spec.kind],
        "required": spec.name in needed if not path else not spec.optional,
        "values": list(codes_of(kind.NAME, row.event, path + spec.name)),
    }
    if not path and spec.name in shown:
        found["value"] = shown[spec.name]
    if spec.items:
        found["fields"] = [_field(item, kind, row, needed, shown, f"{spec.name}.") for item in spec.items]
    return found


def _sample(spec: FieldSpec, kind: type[Case], row: Row, at: datetime, path: str = "") -> Any:
    if spec.items:
        inner = {item.name: _sample(item, kind, row, at, f"{spec.name}.") for item in spec.items if not item.optional}
        return [inner] if spec.kind == "L" else inner
    if spec.kind == "D":
        return at.date()
    if codes := codes_of(kind.NAME, row.event, path + spec.name):
        return codes[0]
    return Decimal(1) if spec.kind in ("P", "R", "V") else _SAMPLES[spec.kind]


def _is_open(row: Row, case: Case | None) -> bool:
    if row.makes:
        return case is None
    if case is None:
        return row.makes_if_absent
    return row.any_stage or case.stage_of(row) in row.stages
