"""The workbench's part of the scripted bank: one loan, one case whose form has a field of every kind, work lists.

What is sent to `/commands` is kept, and answered as a script says. Not for rules: those are tried on the API itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

Row = dict[str, Any]
LOAN = "LN-7001"
WORK = "/api/v1/worklists"
BUCKETS = ("costs", "principal", "interest_on", "interest_off", "penalty", "compound")


def asked(name: str, kind: str, *values: str, required: bool = True, **more: object) -> Row:
    return {"name": name, "type": kind, "required": required, "values": list(values), **more}


#: A field of every kind that a command may have.
FIELDS = (
    asked("asset_no", "id"),
    asked("opinion", "text"),
    asked("ground", "code"),
    asked("outcome", "code", "PASS", "FAIL"),
    asked("decided_on", "day"),
    asked("votes_for", "integer"),
    asked("veto", "boolean"),
    asked("amount", "money"),
    asked("engine_diff", "signed_money"),
    asked("alloc", "money_by_bucket"),
    asked("fee_rate", "rate"),
    asked("docs", "ids"),
    asked("conditions", "texts"),
    asked("terms", "object"),
    asked("bids", "objects"),
    asked("splits", "records", fields=[asked("split_no", "integer"), asked("amount", "money")]),
    asked("value_date", "day", required=False, value="2026-11-22"),
)


@dataclass
class MockDesk:
    sent: list[Row] = field(default_factory=list)
    #: status and body of the next answers; then everything is stored
    answers: list[tuple[int, Row]] = field(default_factory=list)
    version: int = 3
    refused: Row | None = None

    def loan(self) -> Row:
        zero = dict.fromkeys(BUCKETS, "0.00")
        amounts = {"principal": "8000000.00", "interest_on": "195386.67", "penalty": "1700.00", "compound": "1226.78"}
        left = zero | amounts | {"memo": zero, "rec_kind": "0.00", "waived": "0.00", "written_off": "0.00"}
        home = {"loan_no": LOAN, "entity": "TIDE-CN", "ccy": "CNY", "customer_no": "C-551", "branch": "ORG-01"}
        stage = {"version": 2, "lifecycle": "ACTIVE", "classification": "LOSS", "hold": None, "tags": ["HARBOUR"]}
        return home | stage | left | {"manager": "wang", "rec_cash": "150000.00"}

    def case(self) -> Row:
        return {
            "write_off_no": "WO-1", "entity": "TIDE-CN", "branch": "ORG-01", "ccy": "CNY", "version": self.version,
            "state": "SUBMITTED", "asset_no": LOAN, "asset_ids": [LOAN],
            "book_amount": "8195386.67", "makers": ["wang"],
        }  # fmt: skip

    def view(self) -> Row:
        """150,000.00 of what came was recovered in cash."""
        left = {name: amount for name, amount in self.loan().items() if name in BUCKETS}
        places = [
            {"bucket": name, "came": {"opening": amount}, "went": {}, "total_came": amount, "left": amount}
            for name, amount in left.items()
        ]
        places[0] |= {"came": {"opening": "100000.00", "advanced": "50000.00"}, "went": {"cash": "150000.00"}}
        empty = [{"bucket": name, "came": {}, "went": {}, "left": "0.00"} for name in BUCKETS]
        case = {"aggregate": "WriteOff", "key": "WO-1", "state": "SUBMITTED", "ccy": "CNY", "version": self.version}
        due = {"key": "TL01.1", "rule_code": "TL01", "act_by": "2026-11-24", "days_left": 2, "colour": "RED"}
        return {
            "position": 9, "version": 2, "ccy": "CNY", "claim_places": places, "memo_places": empty, "cases": [case],
            "deadlines": [due],
        }  # fmt: skip

    def offers(self) -> list[Row]:
        roles = {"role": "HA", "roles": ["HA"], "guards": [{"guard": "WriteOff.Approve.1", "text": "outcome PASSED"}]}
        return [
            {"command": "Approve", "event": "WriteOffApproved", "fields": FIELDS, "next": "APPROVED", "refused": None}
            | roles,
            {"command": "Return", "event": "WriteOffReturned", "fields": [], "next": None, "refused": self.refused}
            | roles,
        ]

    def event(self, version: int, kind: str, actor: str, **payload: object) -> Row:
        return {
            "id": f"e{version}", "position": version, "recorded_at": f"2026-11-22T09:0{version}:00.000000Z",
            "aggregate": "WriteOff", "key": "WO-1", "version": version, "type": kind, "valid_on": "2026-11-21",
            "actor": actor, "role": "AM", "org": "ORG-01", "entity": "TIDE-CN", "cmd_id": f"c{version}", "reason": "",
            "docs": [], "payload": payload,
        }  # fmt: skip

    def events(self) -> list[Row]:
        told = [
            self.event(1, "WriteOffDrafted", "wang", ground="BANKRUPTCY", book_amount="8000000.00"),
            self.event(2, "WriteOffAmended", "wang", ground="BANKRUPTCY", book_amount="8195386.67"),
            self.event(3, "WriteOffSubmitted", "wang", wf_no="WF-9"),
            self.event(4, "WriteOffWithdrawn", "zhou"),
        ]
        return told[: self.version]

    def answer(self, wish: Row) -> tuple[int, Row]:
        self.sent.append(wish)
        if self.answers:
            return self.answers.pop(0)
        return 200, {"repeated": False, "events": [self.event(9, "WriteOffApproved", "chen")], "state": self.case()}


def install(app: FastAPI, desk: MockDesk) -> None:
    @app.get("/api/v1/aggregates/{kind}/{key}/allowed")
    async def allowed(kind: str, key: str) -> Row:
        known: Mapping[str, Row] = {"WO-1": desk.case(), LOAN: desk.loan()}
        state = known.get(key)
        others = [{"command": "Withdraw", "event": "WriteOffWithdrawn", "roles": ["AM"]}]
        version = state["version"] if state else 0
        stage = state.get("state") if state else None
        offers = desk.offers() if key == "WO-1" else []
        return {
            "aggregate": kind,
            "key": key,
            "version": version,
            "state": stage,
            "commands": offers,
            "others": others,
        }

    @app.get("/api/v1/aggregates/{kind}/{key}/history")
    async def history(kind: str, key: str) -> Row:
        return {"events": desk.events() if key == "WO-1" else []}

    @app.get("/api/v1/aggregates/{kind}/{key}")
    async def state(kind: str, key: str) -> Row:
        return desk.case() if key == "WO-1" else desk.loan()

    @app.get(WORK + "/assets/{loan_no}")
    async def asset(loan_no: str) -> Row:
        return desk.view()

    @app.get("/api/v1/documents/templates")
    async def templates() -> Row:
        return {"templates": []}

    @app.post("/api/v1/commands")
    async def commands(request: Request) -> Response:
        status, body = desk.answer(await request.json())
        return JSONResponse(body, status)

    @app.get(WORK + "/todos")
    async def todos() -> Row:
        return {"rows": [{"aggregate": "WriteOff", "key": "WO-1", "asset_nos": [LOAN], "kind": "DECIDE"}]}

    @app.get(WORK + "/deadlines")
    async def deadlines() -> Row:
        return {"rows": [{"key": "TL01.1", "asset_nos": ["LN-7002"], "days_left": 2, "colour": "RED"}]}
