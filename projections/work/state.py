"""The state behind work lists, search, totals and rankings: rows of every aggregate, claims, movements, who did what.

`fold` is the only thing that changes it. Events come in the order of the decision log; one that is in the state
already is skipped, so that however the log is cut into batches, and whatever comes twice, the end is the same.
"""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from projections.work import claims, movements
from projections.work.cases import CaseRow, Event, Key, absorb, opened, remember
from projections.work.claims import ClaimRow
from projections.work.movements import Movement, Origin
from projections.work.search import text_of
from projections.work.stages import StageTable, advance

DONE_MAX = 200  # newest deeds of a person that are kept


class Deed(NamedTuple):
    """One event as a line of a list."""

    position: int
    recorded_at: str
    valid_on: str
    aggregate: str
    key: str
    version: int
    type: str
    actor: str
    role: str
    org: str


_DEED = itemgetter(*Deed._fields)


@dataclass(slots=True)
class WorkState:
    """`position`: of the newest event that it holds; every figure read from it stands at that place of the log."""

    table: StageTable
    position: int = 0
    recorded_at: str = ""
    cases: dict[Key, CaseRow] = field(default_factory=dict)
    by_kind: dict[str, dict[str, CaseRow]] = field(default_factory=dict)
    claims: dict[str, ClaimRow] = field(default_factory=dict)
    loans_by_customer: dict[str, list[str]] = field(default_factory=dict)
    cases_by_asset: dict[str, dict[Key, None]] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)
    applied: dict[str, dict[str, None]] = field(default_factory=dict)  # flow/split that a claim or a case took
    deeds: dict[Key, list[Deed]] = field(default_factory=dict)
    done: dict[str, deque[Deed]] = field(default_factory=dict)
    duties: dict[Key, tuple[int, tuple[Any, ...]]] = field(default_factory=dict)  # of a case at a version
    texts: dict[Key, tuple[int, str]] = field(default_factory=dict)  # version and text, made when searched

    def of_kind(self, aggregate: str) -> Iterable[CaseRow]:
        """Oldest first."""
        return self.by_kind.get(aggregate, {}).values()

    def case(self, aggregate: str, key: str) -> CaseRow | None:
        return self.cases.get((aggregate, key))

    def cases_of(self, loan_no: str) -> list[CaseRow]:
        """The cases about a loan note, in the order in which they came to it."""
        return [self.cases[key] for key in self.cases_by_asset.get(loan_no, ())]

    def text(self, case: CaseRow) -> str:
        """What a case is found by."""
        key = (case.aggregate, case.key)
        version, text = self.texts.get(key, (0, ""))
        if version != case.version:
            text = text_of(case)
            self.texts[key] = (case.version, text)
        return text

    def is_open(self, case: CaseRow) -> bool:
        return case.stage not in self.table.end_stages

    def canonical_bytes(self) -> bytes:
        """The state's meaning: equal for equal logs, however they came."""
        shown = {
            "position": self.position,
            "cases": [asdict(case) for _, case in sorted(self.cases.items())],
            "claims": [_claim(claim) for _, claim in sorted(self.claims.items())],
            "movements": [asdict(one) for one in self.movements],
            "loans": self.loans_by_customer,
            "about": {loan_no: list(keys) for loan_no, keys in self.cases_by_asset.items()},
            "applied": {name: list(flows) for name, flows in self.applied.items()},
            "done": {actor: [deed._asdict() for deed in deeds] for actor, deeds in self.done.items()},
            "deeds": [[deed._asdict() for deed in deeds] for _, deeds in sorted(self.deeds.items())],
        }
        return json.dumps(shown, sort_keys=True, ensure_ascii=False).encode()


def fold(state: WorkState, events: Iterable[Event]) -> WorkState:
    """The state after events of the log, rendered, in the log's order."""
    for event in events:
        if event["position"] > state.position:
            _fold_one(state, event)
            state.position, state.recorded_at = event["position"], event["recorded_at"]
    return state


def _fold_one(state: WorkState, event: Event) -> None:
    key = (event["aggregate"], event["key"])
    case = state.cases.get(key)
    if case is None:
        case = state.cases[key] = opened(event)
        state.by_kind.setdefault(case.aggregate, {})[case.key] = case
    absorb(case, event)
    try:
        advance(state.table, case, event)
        remember(case, event)
        _fold_money(state, case, event)
    except KeyError:
        if not event["payload"].get("fixture"):  # a scenario's fixture may lack fields (decision E18)
            raise
    _place(state, case, key)
    deed = Deed(*_DEED(event))
    state.deeds.setdefault(key, []).append(deed)
    state.done.setdefault(deed.actor, deque(maxlen=DONE_MAX)).append(deed)


def _fold_money(state: WorkState, case: CaseRow, event: Event) -> None:
    if case.aggregate == "RiskAsset":
        if (claim := state.claims.get(case.key)) is None:
            claim = state.claims[case.key] = claims.admitted(event)
            state.loans_by_customer.setdefault(claim.customer_no, []).append(case.key)
        else:
            claims.fold(claim, event)
        if (moved := movements.of_claim(claim, case.branch, event, state.origins)) is not None:
            state.movements.append(moved)
    elif case.aggregate == "ForeclosedAsset":
        if (moved := movements.of_foreclosed(case, event, state.origins)) is not None:
            state.movements.append(moved)
    elif event["type"] == "ObservationPassed":
        state.movements.extend(movements.of_observation(case, event, state.claims, lambda no: _branch(state, no)))
    if flow_id := event["payload"].get("flow_id"):
        split = f"{flow_id}/{event['payload'].get('split_no', '*')}"
        if "Reversed" in event["type"]:
            state.applied.get(flow_id, {}).pop(split, None)
        else:
            state.applied.setdefault(flow_id, {})[split] = None


def _place(state: WorkState, case: CaseRow, key: Key) -> None:
    if case.aggregate == "RiskAsset":
        return
    for loan_no in case.asset_nos:
        state.cases_by_asset.setdefault(loan_no, {})[key] = None


def _branch(state: WorkState, loan_no: str) -> str:
    asset = state.case("RiskAsset", loan_no)
    return "-" if asset is None else asset.branch


def _claim(claim: ClaimRow) -> dict[str, Any]:
    shown = {name: getattr(claim, name) for name in claim.__slots__ if name not in ("places", "memo_places")}
    for name in ("places", "memo_places"):
        found = {"/".join(key): minor for key, minor in getattr(claim, name).items() if minor}
        shown[name] = found
    return shown
