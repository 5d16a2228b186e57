"""To-dos, deadlines, search and sight over small histories of real commands; totals against a count of raw events."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor
from infra.decision_views import DecisionViews, rendered, stage_table
from projections.work import deadlines, totals
from projections.work.search import Query, search
from projections.work.sight import Sight, descendants, sight
from projections.work.state import WorkState, fold
from projections.work.todos import Todo, quarter_of, todos
from tests.aggregates.scenarios import FILES, lines_of, play
from tests.aggregates.world import BRANCH, CASE, ENTITY, LOAN, World, open_world

ALL = Sight(None, None)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


def state_of(world: World) -> WorkState:
    with DecisionViews(world.app.published_after, world.app.bank_day).current() as state:
        return state


class Always(dict[str, date]):
    def __missing__(self, _entity: str) -> date:
        return self["*"]


def waiting(world: World, day: str = "2024-09-25", *, about: str = "") -> list[Todo]:
    found = todos(state_of(world), Always({"*": date.fromisoformat(day)}))
    return [todo for todo in found if about in ("", todo.aggregate)]


# --- To-dos --------------------------------------------------------------------------------------------------------

BY_STAGE = {
    "DRAFT": [("REVIEW", ("CM", "LG"))],
    "REVIEWED": [("FINISH_DRAFT", ("AM",))],
    "SUBMITTED": [("DECIDE", ("HA",)), ("REFER_TO_COMMITTEE", ("CS",))],
    "RETURNED": [("RETURNED", ("AM",))],
    "APPROVED": [("ISSUE_REPLY", ("HA",)), ("REQUEST_POSTING", ("FN",))],
    "POSTING": [("CONFIRM_INSTRUCTION", ("FC",))],
    "CONFIRMED": [],
    "POSTING_FAILED": [("POSTING_FAILED", ("FN",))],
    "POSTED": [],
    "REJECTED": [],
    "DISCARDED": [],
}


@pytest.mark.parametrize(("stage", "expected"), BY_STAGE.items())
def test_a_write_off_waits_for_whom_its_stage_names(
    world: World, stage: str, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    world.lost()
    world.to_stage(stage)
    found = waiting(world, about="WriteOff")
    assert sorted((todo.kind, tuple(sorted(todo.roles))) for todo in found) == expected
    for todo in found:
        assert (todo.key, todo.asset_nos, todo.org) == (CASE, (LOAN,), BRANCH)
        assert todo.customer_nos == ("C-9",)


def test_who_drafted_is_barred_from_deciding_and_gets_the_returned_case(world: World) -> None:
    world.lost()
    world.to_stage("SUBMITTED")
    (decide,) = [todo for todo in waiting(world) if todo.kind == "DECIDE"]
    assert decide.not_by == ("U-118", "U-205")  # the maker (SD1), and the compliance reviewer (SD9)
    assert decide.is_for("U-301", ("HA",))
    assert not decide.is_for("U-118", ("HA",))
    assert not decide.is_for("U-301", ("AM",))
    world.case("HA", "Return", comment="papers are missing")
    (returned,) = waiting(world, about="WriteOff")
    assert (returned.assignee, returned.detail) == ("U-118", {"comment": "papers are missing"})


def test_a_work_item_of_the_workflow_claims_the_decision(world: World) -> None:
    world.lost()
    world.to_stage("SUBMITTED")
    item = {"aggregate": "WorkItem", "key": "WF-1", "entity_id": ENTITY}
    world.do("WF", "Open", case_no=CASE, level="BRANCH", assignee="U-301", **item)
    (decide,) = [todo for todo in waiting(world) if todo.kind == "DECIDE"]
    assert (decide.assignee, decide.level) == ("U-301", "BRANCH")
    world.do("WF", "Reassign", aggregate="WorkItem", key="WF-1", to="U-302")
    (decide,) = [todo for todo in waiting(world) if todo.kind == "DECIDE"]
    assert decide.assignee == "U-302"
    world.do("WF", "Decide", aggregate="WorkItem", key="WF-1", decision="DONE")
    (decide,) = [todo for todo in waiting(world) if todo.kind == "DECIDE"]
    assert decide.assignee is None


def test_a_posting_failed_says_why_and_who_is_barred(world: World) -> None:
    world.lost()
    world.to_stage("POSTING_FAILED")
    (failed,) = waiting(world, about="WriteOff")
    assert failed.detail["error_code"] == "ACCT_STATUS_FROZEN"
    assert failed.not_by == ("U-118",)
    assert "Retry" in failed.commands


def _flow(world: World, mode: str = "CASH_VOLUNTARY", amount: str = "100.00") -> None:
    flow: dict[str, Any] = {"aggregate": "RecoveryFlow", "key": "C-551"}
    world.do("CB", "Receive", loan_no=LOAN, amount=amount, **flow)
    assert [todo.kind for todo in waiting(world, about="RecoveryFlow")] == ["TAG_FLOW"]
    world.do("AM", "Tag", splits=[{"split_no": 1, "mode": mode, "amount": amount}], **flow)
    (confirm,) = waiting(world, about="RecoveryFlow")
    assert (confirm.kind, confirm.not_by) == ("CONFIRM_TAG", ("U-118",))
    world.app.execute(world.command("BR", "ConfirmTag", actor="U-9", **flow))


def test_confirmed_money_waits_until_the_claim_has_taken_it(world: World) -> None:
    world.admit()
    _flow(world)
    (suspense,) = waiting(world, about="RecoveryFlow")
    assert (suspense.kind, suspense.amount) == ("UNAPPLIED_MONEY", "100.00")
    world.do("SY", "RecoveryApplied", flow_id="C-551", split_no=1, mode="CASH_VOLUNTARY", amount="100.00")
    assert waiting(world, about="RecoveryFlow") == []
    world.do("CB", "ReverseByCore", aggregate="RecoveryFlow", key="C-551", core_rev_no="R-1", kind="ECONOMIC")
    assert [todo.kind for todo in waiting(world, about="RecoveryFlow")] == ["UNAPPLIED_REVERSAL"]
    world.do("SY", "RecoveryReversed", flow_id="C-551", split_no=1, kind="ECONOMIC")
    assert waiting(world, about="RecoveryFlow") == []


def test_a_vote_waits_for_each_member_who_is_present_and_has_not_voted(world: World) -> None:
    meeting: dict[str, Any] = {"aggregate": "CommitteeMeeting", "key": "CM-1"}
    voters = ["U-1", "U-2", "U-3"]
    world.app.execute(world.command("CS", "Convene", actor="U-S", members=voters, entity_id=ENTITY, **meeting))
    item: dict[str, Any] = {"case_kind": "DISPOSAL_PLAN", "case_no": "P-1", "amount": "5.00"}
    world.app.execute(world.command("CS", "AddItem", actor="U-S", **item, **meeting))
    assert [todo.kind for todo in waiting(world, about="CommitteeMeeting")] == ["CONVENE"]
    world.app.execute(world.command("CS", "Open", actor="U-S", present=voters, **meeting))
    world.app.execute(world.command("CV", "Vote", actor="U-1", item_no=1, vote="FOR", **meeting))
    world.app.execute(world.command("CV", "Recuse", actor="U-3", item_no=1, **meeting))
    votes = [todo for todo in waiting(world, about="CommitteeMeeting") if todo.kind == "VOTE"]
    assert [(todo.assignee, todo.detail["case_no"], todo.amount) for todo in votes] == [("U-2", "P-1", "5.00")]


def test_an_asset_waits_for_its_manager_and_a_warning_for_its_clearing(world: World) -> None:
    world.admit()
    assert [todo.kind for todo in waiting(world, about="RiskAsset")] == ["ASSIGN_MANAGER"]
    world.do("SY", "AssignManager", manager="U-118")
    assert waiting(world, about="RiskAsset") == []
    customer = {"aggregate": "RiskCustomer", "key": "C-9"}
    world.do("EX", "Register", entity_id=ENTITY, kind="CORPORATE", name_ref="N-1", **customer)
    world.do("EX", "RaiseWarning", kind="SUIT", level="HIGH", **customer)
    (warning,) = waiting(world, about="RiskCustomer")
    assert (warning.kind, warning.detail["warning_id"], warning.detail["level"]) == ("WARNING", "W1", "HIGH")
    world.do("AM", "Clear", warning_id="W1", **customer)
    assert waiting(world, about="RiskCustomer") == []


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2024-01-01", "2024-01-01", "2024-03-31"),
        ("2024-06-30", "2024-04-01", "2024-06-30"),
        ("2024-09-25", "2024-07-01", "2024-09-30"),
        ("2024-12-31", "2024-10-01", "2024-12-31"),
    ],
)
def test_the_quarter_of_a_day(day: str, first: str, last: str) -> None:
    assert quarter_of(date.fromisoformat(day)) == (date.fromisoformat(first), date.fromisoformat(last))


# --- Deadlines -----------------------------------------------------------------------------------------------------


def _term(world: World, seq: int, act_by: str, due_on: str) -> None:
    term = {"rule_code": "TL01", "subject": LOAN, "start_on": "2022-03-11", "raw_last_day": due_on}
    key = f"TL01.{LOAN}.{seq}"
    days = {"act_by": act_by, "legal_due_on": due_on, "entity_id": ENTITY}
    world.do("SY", "Open", aggregate="Deadline", key=key, **term, **days)


def test_a_deadline_has_days_left_and_a_colour_and_is_never_dropped(world: World) -> None:
    world.admit()
    days = ("2024-12-31", "2024-10-20", "2024-09-30", "2024-09-20", "2024-09-20")
    dues = ("2025-01-31", "2024-11-20", "2024-10-30", "2024-10-20", "2024-09-24")
    for seq, (act_by, due_on) in enumerate(zip(days, dues, strict=True), 1):
        _term(world, seq, act_by, due_on)
    world.do("SY", "Miss", aggregate="Deadline", key=f"TL01.{LOAN}.5", day="2024-09-26")
    today = Always({"*": date(2024, 9, 25)})
    found = {line.key[-1]: line for line in deadlines.lines(state_of(world), today)}
    assert {seq: line.colour for seq, line in found.items()} == {
        "1": "GREEN",
        "2": "AMBER",
        "3": "RED",
        "4": "RED",
        "5": "LAPSED",
    }
    assert [found[seq].days_left for seq in "12345"] == [97, 25, 5, -5, -5]
    assert {line.asset_nos for line in found.values()} == {(LOAN,)}
    listed = [todo for todo in waiting(world, about="Deadline") if todo.kind == "DEADLINE"]
    assert [todo.key[-1] for todo in listed] == ["2", "3", "4", "5"]  # within a month, or over
    world.do("LG", "Void", aggregate="Deadline", key=f"TL01.{LOAN}.5")
    assert len(list(deadlines.lines(state_of(world), today))) == 4


@given(left=st.integers(-40, 120), extra=st.integers(0, 60))
def test_colours_only_get_worse_as_days_pass(left: int, extra: int) -> None:
    order = ["GREEN", "AMBER", "RED", "LAPSED"]
    now = deadlines.colour_of(left, left + extra, "RUNNING")
    later = deadlines.colour_of(left - 1, left + extra - 1, "RUNNING")
    assert order.index(later) >= order.index(now)


# --- Search and sight ----------------------------------------------------------------------------------------------


def test_search_finds_numbers_chinese_text_full_width_digits_and_tags(world: World) -> None:
    world.admit(LOAN, collateral_ids=["COL-1"])
    world.admit("LN-8002", customer_no="C-10")
    world.do("RM", "Tag", tag="特定资产")
    customer = {"aggregate": "RiskCustomer", "key": "C-10"}
    world.do("EX", "Register", entity_id=ENTITY, kind="CORPORATE", name_ref="N-10", **customer)
    world.do("EX", "SyncProfile", source="REGISTRY", facts={"住所": "上海市浦东新区世纪大道"}, **customer)
    state = state_of(world)

    def keys(text: str = "", **more: Any) -> list[str]:
        return [case.key for case in search(state, Query(text, **more), lambda _case: True).rows]

    assert keys("7001") == [LOAN]
    assert keys("７００１ ln") == [LOAN]
    assert keys("定资") == [LOAN]
    assert keys("浦东新区") == ["C-10"]
    assert keys("浦东 registry2") == []
    assert keys("col-1") == [LOAN]
    assert keys(tag="特定资产") == [LOAN]
    assert keys(classification="SPECIAL_MENTION") == ["LN-8002", LOAN]
    assert keys(customer_no="C-10") == ["C-10", "LN-8002"]
    assert keys(aggregate="RiskCustomer") == ["C-10"]
    assert keys(stage="ACTIVE", is_open=True) == ["LN-8002", LOAN]
    world.do("RM", "Untag", tag="特定资产")
    assert keys("定资", aggregate="RiskAsset") == [LOAN]  # the old state; a new one knows
    state = state_of(world)
    assert keys(tag="特定资产") == []


@settings(max_examples=20)
@given(limit=st.integers(1, 7), added=st.integers(0, 5))
def test_pages_hold_every_row_once_whatever_comes_meanwhile(limit: int, added: int) -> None:
    state = WorkState(stage_table())
    fold(state, (_admission(number) for number in range(1, 20)))
    found: list[str] = []
    cursor: int | None = None
    for _ in range(30):
        page = search(state, Query(aggregate="RiskAsset", before=cursor, limit=limit), lambda _case: True)
        found += [case.key for case in page.rows]
        cursor = page.cursor
        fold(state, (_admission(state.position + 1) for _ in range(added)))
        if cursor is None:
            break
    assert found == [f"LN-{number}" for number in range(19, 0, -1)]


@pytest.mark.parametrize("query", [Query(limit=0), Query(limit=201), Query("x" * 201)])
def test_a_query_out_of_bounds_is_refused(query: Query) -> None:
    with pytest.raises(InvalidInput):
        search(WorkState(stage_table()), query, lambda _case: True)


@pytest.mark.parametrize(("until", "dated"), [("2024-10-20", ["APPROVAL"]), ("2024-10-20T08:30:00Z", [])])
def test_an_approval_lapses_on_a_day_and_a_proof_of_freshness_is_no_term(until: str, dated: list[str]) -> None:
    state = fold(WorkState(stage_table()), [_admission(1)])
    [case] = state.of_kind("RiskAsset")
    case.stage, case.facts["valid_until"] = "APPROVED", until
    assert [line.rule_code for line in deadlines.lines(state, Always({"*": date(2024, 9, 25)}))] == dated


def _admission(position: int, **changed: Any) -> Mapping[str, Any]:
    payload = {"entity_id": ENTITY, "branch": BRANCH, "ccy": "CNY", "customer_no": "C-1", "principal": "10.00"}
    event = {
        "position": position,
        "recorded_at": "2024-01-02T00:00:00.000000Z",
        "aggregate": "RiskAsset",
        "key": f"LN-{position}",
        "version": 1,
        "type": "AssetAdmitted",
        "valid_on": "2024-01-02",
        "actor": "postloan",
        "role": "EX",
        "org": BRANCH,
        "entity": ENTITY,
        "payload": payload | {"classification": "LOSS"},
    }
    return event | changed


def test_a_branch_sees_its_own_and_what_is_below_it_head_office_sees_all(world: World) -> None:
    for number, parent in (("3301", "33"), ("3302", "33"), ("330101", "3301")):
        unit: dict[str, Any] = {"aggregate": "OrgUnit", "key": number, "entity_id": ENTITY}
        world.app.execute(world.command("EX", "Create", parent_no=parent, **unit))
    world.admit("LN-1", branch="3301")
    world.admit("LN-2", branch="3302")
    world.admit("LN-3", branch="330101")
    state = state_of(world)
    assert descendants(state, "33") == {"33", "3301", "3302", "330101"}

    def seen(
        roles: tuple[str, ...], organisation: str, entities: frozenset[str] | None, org: str | None = None
    ) -> str:
        view = sight(state, roles, organisation, entities, org)
        assets = state.of_kind("RiskAsset")
        count = sum(row.count for row in totals.stock(state, view, ("org",)))
        assert count == sum(view.sees(state, case) for case in assets)
        return "".join(case.key[-1] for case in state.of_kind("RiskAsset") if view.sees(state, case))

    assert seen(("AM",), "3301", None) == "13"
    assert seen(("AM",), "330101", None) == "3"
    assert seen(("AM",), "33", None) == "123"
    assert seen(("AM",), "-", None) == "123"
    assert seen(("HM",), "3302", None) == "123"
    assert seen(("HM",), "-", None, "3301") == "13"
    assert seen(("AM",), "3302", None, "3301") == ""
    assert seen(("HM",), "-", frozenset({"OTHER"})) == ""
    world.do("SY", "Move", key="LN-2", to_branch="3301")
    state = state_of(world)
    assert seen(("AM",), "3301", None) == "123"


# --- Totals --------------------------------------------------------------------------------------------------------


def naive_recovery(events: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Cash recovered by mode, straight from the events of the loan notes and the foreclosed assets."""
    found: Counter[str] = Counter()
    modes: dict[tuple[str, str, int], str] = {}
    prices: dict[tuple[str, str], str] = {}
    for event in events:
        payload, kind = event["payload"], event["type"]
        split = (event["key"], payload.get("flow_id", ""), payload.get("split_no", 0))
        if kind == "RecoveryApplied":
            modes[split] = payload["mode"]
            found[payload["mode"]] += to_minor(payload["amount"], "CNY")
        elif kind == "RecoveryReversed":
            found[modes[split]] -= to_minor(payload["amount"], "CNY")
        elif kind == "WriteOffRecoveryApplied":
            found["POST_WRITE_OFF_CASH"] += to_minor(payload["amount"], "CNY")
        elif kind == "WriteOffRecoveryReversed":
            found["POST_WRITE_OFF_CASH"] -= to_minor(payload["amount"], "CNY")
        elif kind == "AssetTransferred":
            found["TRANSFER"] += to_minor(payload["price"], "CNY")
        elif kind == "TransferUnwound":
            found["TRANSFER"] -= to_minor(payload["price_returned"], "CNY")
        elif kind == "AssetSold":
            net = to_minor(payload["proceeds"], "CNY") - to_minor(payload["selling_costs"], "CNY")
            prices[event["key"], payload["fa_disposal_no"]] = str(net)
            found["SALE_PROCEEDS"] += net
        elif kind == "DisposalUndone":
            found["SALE_PROCEEDS"] -= int(prices.pop((event["key"], payload["fa_disposal_no"]), "0"))
    return {mode: minor for mode, minor in found.items() if minor}


@cache
def events_of(file: Path) -> tuple[Mapping[str, Any], ...]:
    with TemporaryDirectory() as folder:
        played = play(lines_of(file), Path(folder))
        events = tuple(rendered(event) for event in played.app.published_after(0, 10_000))
        played.close()
    return events


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_totals_are_those_of_a_plain_count(file: Path) -> None:
    events = events_of(file)
    state = fold(WorkState(stage_table()), events)
    rows = totals.moved(state, ALL, "1900-01-01", "9999-12-31", ("mode",))
    found: Counter[str] = Counter()
    for row in rows:
        found["TRANSFER" if row.group[0].startswith(("TRANSFER", "SECURITISATION")) else row.group[0]] += row.recovery
    assert {mode: minor for mode, minor in found.items() if minor} == naive_recovery(events)
    whole = totals.stock(state, ALL, ("ccy",))
    assert sum(row.count for row in whole) == len(state.claims)
    assert sum(row.claim + row.memo for row in whole) == sum(
        c.claim_minor + c.memo_minor for c in state.claims.values()
    )
    days = sorted({event["valid_on"] for event in events})
    cut = days[len(days) // 2]
    periods = (("1900-01-01", cut), (f"{cut}~", "9999"))
    parts = [totals.moved(state, ALL, start, end, ("mode",)) for start, end in periods]
    assert sum(row.amount for part in parts for row in part) == sum(row.amount for row in rows)


def test_the_figures_of_the_specification_by_mode() -> None:
    """Spec 8.1: cash 552,000 before and 260,000 after the write-off, 5,040,000 in kind, 4,606,000 net of the sale."""
    file = next(file for file in FILES if file.stem == "one-asset")
    state = fold(WorkState(stage_table()), events_of(file))
    rows = {row.group[0]: row for row in totals.moved(state, ALL, "2022-01-01", "2025-12-31", ("mode",))}
    assert {mode: row.recovery for mode, row in rows.items() if row.recovery} == {
        "CASH_VOLUNTARY": 15_000_000,
        "LITIGATION_ENFORCEMENT": 40_200_000,
        "POST_WRITE_OFF_CASH": 26_000_000,
        "SALE_PROCEEDS": 460_600_000,
    }
    assert rows["FORECLOSURE_IN_KIND"].reduction == 504_000_000
    assert rows["WRITE_OFF"].written_off == 377_048_730
    assert sum(row.reduction for row in rows.values()) == 800_000_000  # the whole principal has left the stock
    of_2024 = {row.group[0]: row for row in totals.moved(state, ALL, "2024-01-01", "2024-12-31", ("mode",))}
    assert set(of_2024) == {"SALE_PROCEEDS", "WRITE_OFF"}


def test_a_newer_tag_moves_what_was_recovered(world: World) -> None:
    world.admit()
    _flow(world)
    world.do("SY", "RecoveryApplied", flow_id="C-551", split_no=1, mode="CASH_VOLUNTARY", amount="100.00")

    def modes() -> dict[tuple[str, ...], int]:
        rows = totals.moved(state_of(world), ALL, "2022-01-01", "2022-12-31", ("mode", "org"))
        return {row.group: row.recovery for row in rows}

    assert modes() == {("CASH_VOLUNTARY", BRANCH): 10_000}
    split = {"split_no": 1, "mode": "OUTSOURCED", "org": "3302", "campaign": "K-1", "amount": "100.00"}
    world.do("AM", "Retag", aggregate="RecoveryFlow", key="C-551", splits=[split])
    assert modes() == {("OUTSOURCED", "3302"): 10_000}
