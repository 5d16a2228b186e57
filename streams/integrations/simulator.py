"""Neighbour systems that are not there: each answers what we ask, and behaves badly on demand (`manners`).

For `tidemark up`, demonstrations and tests; in production the real ones answer on the same topics. Answers derive
from the request alone, so that the same request has the same answer, record number and all. The workflow system
decides nothing unless it is told to (`workflow:approve`): people do. Core banking is in `streams.core_simulator`.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from streams.integrations import inbound_schemas as answers
from streams.integrations import names
from streams.integrations.manners import Manner
from streams.integrations.registry import INTEGRATIONS

GARBAGE = b'{"record_id": 7,'
APPROVER = "simulated-approver"


@dataclass(frozen=True, slots=True)
class Reply:
    topic: str
    key: bytes
    value: bytes


@dataclass(slots=True)
class Neighbours:
    """All of them, without Kafka."""

    manners: tuple[Manner, ...] = ()
    asked: dict[tuple[str, str], int] = field(default_factory=dict)
    waiting: list[tuple[float, int, Reply]] = field(default_factory=list)
    overtaken: list[Reply] = field(default_factory=list)
    count: int = 0

    def answer(self, topic: str, value: bytes, now_s: float) -> list[Reply]:
        """What is answered at once to one of our records; the rest comes from `due`."""
        row = INTEGRATIONS[topic]
        request: Any = msgspec.json.decode(value, type=row.struct)
        place = (topic, f"{request.event_id}/{getattr(request, row.key)}")
        self.asked[place] = self.asked.get(place, 0) + 1
        manner = next((one for one in self.manners if one.is_of(row.sender, self.asked[place])), None)
        act = "" if manner is None else manner.act
        given = [] if act == "silent" else [_reply(*told) for told in ANSWERS[topic](request, act)]
        if act == "garbage":
            given = [Reply(one.topic, one.key, GARBAGE) for one in given]
        elif act == "reorder":
            self.overtaken += reversed(given)
            return []
        elif manner is not None and act == "late":
            for one in given:
                self.count += 1
                heapq.heappush(self.waiting, (now_s + manner.delay_s, self.count, one))
            return []
        before, self.overtaken = self.overtaken, []
        return given * (2 if act == "twice" else 1) + before

    def due(self, now_s: float) -> list[Reply]:
        """The late answers whose time has come."""
        found = []
        while self.waiting and self.waiting[0][0] <= now_s:
            found.append(heapq.heappop(self.waiting)[2])
        return found


Told = Iterator[tuple[str, msgspec.Struct]]


def _reply(topic: str, record: msgspec.Struct) -> Reply:
    key = str(getattr(record, INTEGRATIONS[topic].key)).encode()
    return Reply(topic, key, msgspec.json.encode(record))


def _common(request: Any, step: str) -> dict[str, Any]:
    """The number of an answer derives from the request's, so that it is the same at every asking."""
    number = sha256(f"{request.event_id}/{step}".encode()).hexdigest()[:24]
    return {"record_id": f"SIM-{number}", "entity_id": request.entity_id, "occurred_at": request.occurred_at}


def _day(request: Any) -> str:
    return str(request.occurred_at[:10])


def _graph(request: Any, act: str) -> Told:
    refused: dict[str, Any] = {"error_code": "BUSY"} if act == "refuse" else {}
    parties = [] if refused else [answers.GraphEdge(source=request.customer_no, target="SIM-P1", relation="OWNER")]
    yield (
        names.GRAPH,
        answers.RelationGraph(
            **_common(request, f"graph {act == 'refuse'}"),
            query_id=request.query_id,
            customer_no=request.customer_no,
            as_of=_day(request),
            nodes=[] if refused else [request.customer_no, "SIM-P1"],
            edges=parties,
            **refused,
        ),
    )


def _collection(request: Any, act: str) -> Told:
    if request.step != "START":
        return
    steps = ("REFUSED",) if act == "refuse" else ("ACCEPTED", "ACTION")
    for step in steps:
        action = {"action_no": f"SIM-{request.task_no}-1"[:64], "outcome": "CALLED"} if step == "ACTION" else {}
        common = _common(request, step)
        told = answers.CollectionAction(**common, task_no=request.task_no, step=step, ext_no="SIM-EXT", **action)  # type: ignore[arg-type]
        yield names.COLLECTION_ACTION, told


def _file(request: Any, act: str) -> Told:
    kept: dict[str, Any] = {"ecm_ref": f"SIM/{request.doc_id}/{request.version}"}
    told: dict[str, Any] = {"error_code": "QUOTA"} if act == "refuse" else kept
    same = {name: getattr(request, name) for name in ("doc_id", "customer_no", "version", "sha256")}
    yield names.FILE_STORED, answers.FileStored(**_common(request, f"file {act == 'refuse'}"), **same, **told)


def _decision(request: Any, act: str) -> Told:
    if act not in ("approve", "refuse"):
        return
    same = {name: getattr(request, name) for name in ("wf_no", "case_kind", "noun", "case_no", "snapshot_hash")}
    yield (
        names.DECISION,
        answers.WorkflowDecision(
            **_common(request, "decision"),
            **same,
            outcome="APPROVED" if act == "approve" else "REJECTED",
            approver=APPROVER,
            decided_on=_day(request),
            approval_no=f"SIM-{request.case_no}"[:64],
        ),
    )


def _receipt(request: Any, act: str) -> Told:
    common = _common(request, f"receipt {act == 'refuse'}")
    failed: dict[str, Any] = {"outcome": "FAILED", "error_code": "NO_ROUTE"}
    outcome: dict[str, Any] = failed if act == "refuse" else {"outcome": "DELIVERED"}
    yield names.RECEIPT, answers.GatewayReceipt(**common, message_id=request.message_id, **outcome)


#: By topic of the request, what is answered; core banking's queries are answered where its postings are.
ANSWERS: Mapping[str, Callable[[Any, str], Told]] = {
    names.GRAPH_QUERY: _graph,
    names.TASK_REQUEST: _collection,
    names.FILE_REQUEST: _file,
    names.APPROVAL_REQUEST: _decision,
    names.MESSAGE: _receipt,
}
