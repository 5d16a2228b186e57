"""Rules from the decision log through the sequencer into cuts, from cuts into alerts, and tried on the past."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Envelope, Principal
from aggregates.event_view import EventView
from aggregates.process_managers import SYSTEM
from engines.primitives.errors import InvalidInput
from infra.decision_views import stage_table
from infra.event_store import EventStore, open_event_store
from infra.snapshot_files import LogPartition, SnapshotMeta
from infra.snapshots import StoredSnapshot
from projections.alert_rules import Rule, rule_set
from projections.limit_cuts import Total
from projections.limit_policy import TotalKey, WatchPolicy
from projections.rule_cut_watch import CutWatchState
from projections.work.cases import CaseRow
from projections.work.state import WorkState
from streams import topics
from streams.alert_rules_preview import PreviewQuestion, preview
from streams.counterfactual_past import PastLogs, Place
from streams.cut_dues import reservations_past, terms_near
from streams.cut_folder import CutFolder
from streams.cut_records import CutFlow, RiskCut, decode, total_of
from streams.folders import source_of
from streams.instants import instant_text
from streams.rule_sources import NOTHING, Beside, StoreBeside
from streams.schemas import Alert
from streams.views import RiskView
from streams.views_wire import Record
from tests.live_bank import LOG, LiveBank
from tests.recorded_bank import batches_of
from tests.risk_records import cut as tick
from tests.risk_records import reservation
from tests.small_treasury import HELD, SOLD, opening
from tests.streams.test_limit_responses import START, Watch, limits_of

NOBODY = WatchPolicy("none", (), ())
CASH = TotalKey("position", "currency", "BANK", "CNY")
TREASURY, RISK = Principal("U-701", ("TR",), "HQ", ("*",)), Principal("U-501", ("RM",), "HQ", ("*",))
LOW_LCR: dict[str, Any] = {
    "name": "LCR below 120%", "name_zh": "流动性覆盖率低于120%", "severity": "CRITICAL", "about": "totals",
    "expression": 'metric == "lcr" && scope == "entity" && ratio < 1.2', "metrics": ["lcr"],
    "why": "the committee asked",
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path, clock=lambda: START) as opened:
        yield opened


@dataclass
class Bank(Watch):
    """A watched bank whose sequencer also looks at the decision log."""

    beside: Any = lambda _decided_to: NOTHING

    def record(self) -> None:
        self.now += timedelta(seconds=20)
        picture = self.picture()
        cut = self.maker.make(picture, self.now, self.beside(self.maker.decided_to))
        assert cut is not None
        self.maker.written(cut, picture, self.now)
        self.cuts.append(msgspec.json.encode(cut))
        self.fold()

    def start_sequencer(self) -> None:
        super().start_sequencer()
        if self.cuts:
            self.maker.decided_to = decode(self.cuts[-1]).decided_to

    def of_rules(self) -> list[dict[str, Any]]:
        return [alert for alert in self.told() if alert["rule"] == "rule"]


def logs(cuts: Sequence[bytes], size: int = 7, snapshot: StoredSnapshot | None = None) -> PastLogs:
    held: dict[Place, Sequence[bytes]] = {(topics.CUT, 0): tuple(cuts)}

    def offsets_at(_places: Sequence[Place], _milliseconds: int) -> dict[Place, int]:
        raise AssertionError("this log has no clock")

    def newest(_place: Place, offset: int) -> StoredSnapshot | None:
        return snapshot if snapshot is not None and snapshot.meta.next_offset <= offset else None

    bounds = {(topics.CUT, 0): (0, len(cuts)), (topics.TXN, 0): (0, 0)}
    return PastLogs(batches_of(held, size), lambda _names: bounds, offsets_at, newest)


def tried(cuts: Sequence[bytes], rule: Rule, start: int = 0, end: int | None = None, **how: Any) -> dict[str, Any]:
    first, last = {f"{topics.CUT}/0": start}, {f"{topics.CUT}/0": len(cuts) if end is None else end}
    progress: list[tuple[int, int]] = []
    question = PreviewQuestion(rule=rule, start=first, end=last)
    answer = preview(logs(cuts, **how), question, lambda _phase, done, whole: progress.append((done, whole)))
    assert progress == sorted(progress)
    assert not progress or progress[-1][0] == progress[-1][1]
    return answer


# -- from the decision to the alert ---------------------------------------------------------------------------------


def give(app: Assets, who: Principal, command: str, rule_no: str = "low-lcr", **payload: Any) -> None:
    app.execute(
        Command(
            cmd_id=str(uuid4()), aggregate="AlertRule", key=rule_no, command=command, payload=payload, principal=who,
            at=START,
        )
    )  # fmt: skip


def put_in_force(app: Assets, cuts: Sequence[bytes], rule_no: str = "low-lcr", **fields: Any) -> dict[str, Any]:
    """Draft, preview on what is stored, enable: the whole way."""
    give(app, TREASURY, "Draft", rule_no, entity_id="BANK", **fields)
    state = app.state("AlertRule", rule_no, reader=SYSTEM)
    answer = tried(cuts, msgspec.convert(
        {k: v for k, v in state["content"].items()} | {"rule_id": rule_no, "version": state["rule_version"]}, Rule
    ))  # fmt: skip
    give(app, SYSTEM, "Preview", rule_no, content_digest=state["content_digest"], asked_by="U-701", first_cut=0,
         end_cut=len(cuts), fired=answer["fired"], problems=0, answer_digest=answer["digest"])  # fmt: skip
    give(app, RISK, "Enable", rule_no, why="tried")
    return answer


def test_a_rule_goes_from_its_draft_to_an_alert_and_replays(store: EventStore) -> None:
    app = Assets(store.factory)
    bank = Bank(LiveBank().feed(opening()), limits_of("0.01"))
    bank.beside = StoreBeside(app)
    bank.record()
    assert decode(bank.cuts[0]).rules == rule_set(())
    assert put_in_force(app, bank.cuts, **LOW_LCR)["fired"] == 0
    bank.record()
    (told,) = [rule for rule in (decode(bank.cuts[1]).rules or rule_set(())).rules]
    assert (told.rule_id, told.version, told.severity, told.owner) == ("low-lcr", 1, "CRITICAL", "U-701")
    bank.hold(SOLD)  # the bond is sold
    bank.record()
    (alert,) = bank.of_rules()
    facts = alert["rule_facts"]
    assert (alert["kind"], alert["severity"], alert["entity"], facts["cut"]) == ("raised", "CRITICAL", "BANK", 2)
    assert (facts["rule_id"], facts["metric"], facts["direction"]) == ("low-lcr", "lcr", "down")
    assert set(facts["facts"]) == {"metric", "scope", "ratio"}
    assert facts["offsets"]
    assert alert["reason"].startswith("LCR below 120%: The liquidity coverage ratio of BANK in CNY (")
    # It is one of the view's alerts as all others are.
    assert bank.bank.view.alert_book.by_id[alert["alert_id"]].rule == "rule"
    # Another sequencer tells the set again in its first cut, and nothing is raised twice.
    bank.start_sequencer()
    bank.record()
    assert decode(bank.cuts[3]).whole
    assert decode(bank.cuts[3]).rules == rule_set([told])
    assert len(bank.of_rules()) == 1
    # The next cuts say nothing of rules, and decisions only once.
    bank.hold(HELD)
    bank.record()
    assert decode(bank.cuts[4]).rules is None
    assert [one["kind"] for one in bank.of_rules()] == ["raised", "cleared"]
    events = [one.type for value in bank.cuts for one in decode(value).decisions]
    assert events == ["AlertRuleDrafted", "AlertRulePreviewed", "AlertRuleEnabled"]
    # A worker that folds all again tells the same.
    alerts = bank.alerts
    bank.alerts, bank.cuts = [], bank.cuts
    bank.start_worker()
    bank.fold()
    assert bank.alerts == alerts
    give(app, RISK, "Disable", why="enough")
    bank.record()
    assert decode(bank.cuts[5]).rules == rule_set(())


def test_a_decision_raises_once(store: EventStore) -> None:
    app = Assets(store.factory)
    bank = Bank(LiveBank().feed(opening()), limits_of("0.01"))
    bank.beside = StoreBeside(app)
    bank.record()
    of_rules = {"name": "rules change", "about": "decision", "kinds": ["AlertRuleDisabled"], "why": "four eyes"}
    put_in_force(app, bank.cuts, "watch-rules", expression='role == "RM"', **of_rules)
    put_in_force(app, bank.cuts, **LOW_LCR)
    bank.record()
    give(app, RISK, "Disable", why="too loud")
    bank.record()
    (alert,) = bank.of_rules()
    assert alert["reason"] == "rules change: AlertRuleDisabled on AlertRule low-lcr of BANK (role RM)."
    assert alert["rule_facts"]["cause"] == alert["rule_facts"]["subject"]


class Store:
    """A decision log in memory."""

    def __init__(self, *events: EventView) -> None:
        self.events, self.asked = list(events), [0]

    @property
    def decisions(self) -> Any:
        return self

    def max_notification_id(self) -> int:
        return len(self.events)

    def published_after(self, position: int, limit: int) -> list[EventView]:
        self.asked.append(position)
        return self.events[position : position + 2]

    def list_cases(self, aggregate: str, *, reader: Principal) -> Sequence[Mapping[str, Any]]:
        return [{"rule_no": "bad", "in_force": {"rule_version": 1, "expression": "luck", "name": "x",
                                                "severity": "INFO", "about": "totals"}}]  # fmt: skip


def event(position: int, kind: str, role: str, **payload: Any) -> EventView:
    who = Envelope("U-1", role, "3301", "BANK", "c", "c", "", "", (), START.date())
    at = UUID(int=7)
    return EventView(position, START, at, "WriteOff", "W-1", position, kind, "write-off.x", who, payload)


def test_what_is_no_decision_is_passed_over_without_a_cut() -> None:
    feed = [event(at, "FlowReceived", "CB", ccy="CNY", amount="5.00") for at in (1, 2, 3)]
    store = Store(*feed, event(4, "WriteOffApproved", "HA", ccy="USD", amount="7.00"), event(5, "TargetSet", "HM"))
    beside = StoreBeside(store)
    assert beside(0) == Beside(rule_set(()), [], 2)  # a rule that no longer reads is left out
    found = beside(0)  # no cut was made of that: it goes on all the same
    assert [(one.type, one.amount, one.currency, one.entity) for one in found.decisions] == [
        ("WriteOffApproved", "7.00", "USD", "BANK")
    ]
    assert found.decided_to == 4
    assert beside(4).decisions[0].amount is None
    assert beside(5) == Beside(rule_set(()), [], 5)
    assert beside(None).decided_to == 5  # the first cut that tells any begins with what comes


# -- tried on the past ----------------------------------------------------------------------------------------------


def walk(seed: int, length: int, in_force: dict[int, list[Rule]] | None = None) -> list[bytes]:
    """Stored cuts of two balances, with sequencers relieved and flows now and then."""
    rng, cuts, epoch, value = random.Random(seed), [], 1, {"BANK": 500, "OTHER": 500}
    now = datetime(2026, 11, 22, tzinfo=UTC)
    for offset in range(length):
        now += timedelta(seconds=rng.choice([0.25, 10, 45]))
        whole = offset == 0 or rng.random() < 0.03
        epoch += whole
        named = [one for one in value if whole or rng.random() < 0.7]
        for one in named:
            value[one] += rng.randint(-90, 90)
        told_at = instant_text(int(now.timestamp() * 1_000_000))
        cut = RiskCut(
            epoch=epoch if rng.random() > 0.02 else 1, number=offset, taken_at=told_at, whole=whole, offsets={},
            position_offsets={}, logs={}, alert_vector={},
            totals=[total_of(CASH._replace(entity=one), Total("2026-11-22", f"{value[one]}.00")) for one in named],
            flows=[CutFlow(alert_id=f"a{offset}", entity="BANK", currency="CNY", amount=str(rng.randint(1, 99)),
                           txn_id=f"t{offset}")] if rng.random() < 0.1 else [],
            rules=rule_set(in_force[offset]) if in_force and offset in in_force else None,
        )  # fmt: skip
        cuts.append(msgspec.json.encode(cut))
    return cuts


def live(cuts: Sequence[bytes], upto: int | None = None) -> tuple[list[Alert], Any]:
    """What the worker raises, cut by cut."""
    folder, alerts = CutFolder(NOBODY), []
    state: Any = folder.empty()
    end = len(cuts) if upto is None else upto
    for raw in batches_of({(topics.CUT, 0): cuts}, 1)(topics.CUT, 0, 0, end):
        for output in folder.publish_at_once(folder.absorb(state, raw), source_of(folder, state, 0, LOG)):
            alerts.append(msgspec.json.decode(output.value, type=Alert))
    return alerts, state


LOW = Rule(
    rule_id="low", version=3, severity="WARNING", about="totals", name="low", expression='amount < money("400.00")',
    clear_expression='amount > money("450.00")', clear_readings=2, clear_interval_s=5,
)  # fmt: skip
ODD = Rule(
    rule_id="odd", version=1, severity="INFO", about="totals", name="odd",
    expression='readings >= 10 && (z > 2.5 || amount_change_15m < -money("200.00"))',
)  # fmt: skip
BIG = Rule(rule_id="big", version=1, severity="INFO", about="flow", name="big", expression='amount > money("50.00")')


@pytest.mark.parametrize("rule", [LOW, ODD, BIG], ids=lambda rule: rule.rule_id)
@pytest.mark.parametrize("start", [0, 60])
def test_a_preview_is_what_the_live_fold_raised(rule: Rule, start: int) -> None:
    cuts = walk(14, 250, {start: [LOW, ODD, BIG]})
    alerts, _ = live(cuts)
    mine = [one for one in alerts if one.rule_facts is not None and one.rule_facts.rule_id == rule.rule_id]
    answer = tried(cuts, rule, start)
    raised = [one.alert_id for one in mine if one.kind == "raised"]
    assert len(raised) >= 3  # or this proves nothing
    assert [row["alert_id"] for row in answer["incidents"]] == raised
    assert answer["fired"] == len(raised) == sum(answer["by_entity"].values())
    ended = {one.rule_facts.incident: one for one in mine if one.kind == "cleared" and one.rule_facts is not None}
    assert answer["open"] == (0 if rule.about == "flow" else len(raised) - len(ended))
    for row in answer["incidents"]:
        end = ended.get(row["alert_id"])
        assert (row["cleared_cut"] is None) == (end is None)
        if end is not None and end.rule_facts is not None:
            assert row["cleared_cut"] == end.rule_facts.cut
    lengths = [row["seconds"] for row in answer["incidents"] if row["seconds"] is not None]
    if lengths:
        assert answer["longest_s"] == max(lengths)
        assert answer["average_s"] == pytest.approx(sum(lengths) / len(lengths))
    # However the log is cut, and from a stored state, it is the same.
    assert tried(cuts, rule, start, size=400) == answer
    if start:
        stored = snapshot_at(cuts, start - 20)  # of a fold in which other rules were in force
        again = tried(cuts, rule, start, snapshot=stored)
        assert (answer["folded_from"], again["folded_from"]) == (0, start - 20)
        assert again | {"folded_from": 0} == answer


def snapshot_at(cuts: Sequence[bytes], offset: int) -> StoredSnapshot:
    _, state = live(cuts, offset)
    where = LogPartition("c", topics.CUT, "t", 0, 1)
    meta = SnapshotMeta(
        log=where, state="limit-watch", epoch=1, fold_version=CutWatchState.FOLD_VERSION, next_offset=offset,
        parent=None, digest="-", base=True, policy="-",
    )  # fmt: skip
    return StoredSnapshot(meta, state.dump(), ())


def test_a_preview_of_nonsense_says_where_before_it_reads() -> None:
    with pytest.raises(InvalidInput) as caught:
        tried([], msgspec.structs.replace(LOW, expression="amount < luck"))
    assert "1:10: undeclared reference to 'luck'" in str(caught.value)


def test_a_preview_counts_what_it_could_not_say() -> None:
    answer = tried(walk(8, 30), msgspec.structs.replace(LOW, expression="z > 1.0"))
    assert answer["problems"]["count"] > 3
    assert '"z"' in answer["problems"]["message"]


def test_stored_cuts_of_before_there_were_rules_read_as_they_did() -> None:
    """A record as version 1 wrote it."""
    old = (
        b'{"epoch":1,"number":0,"taken_at":"2026-11-22T04:00:00Z","offsets":{},"position_offsets":{},"logs":{},'
        b'"alert_vector":{"0":1},"flows":[{"alert_id":"a","entity":"BANK","currency":"CNY","amount":"5","txn_id":"t"}]}'
    )
    cut = decode(old)
    assert (cut.rules, cut.decisions, cut.decided_to, cut.flows[0].customer_class) == (None, [], None, "-")
    assert live([old])[0] == []


def test_the_view_reads_what_was_written() -> None:
    alerts, _ = live(walk(14, 250, {0: [LOW]}))
    bank = LiveBank()
    for one in alerts:
        bank.view.apply(Record(topics.ALERT, 0, 0, b"BANK|-", msgspec.json.encode(one)))
    assert bank.view.undecodable == 0


# -- what is due ----------------------------------------------------------------------------------------------------


def test_a_reservation_that_was_not_kept_goes_from_the_view_to_an_alert_and_is_found_by_a_preview() -> None:
    late = Rule(
        rule_id="late", version=1, severity="WARNING", about="reservation", name="not kept",
        expression='amount >= money("70.00") && days_past >= 2',
    )  # fmt: skip
    bank = Bank(LiveBank().feed(opening()), limits_of("0.01"))
    bank.beside = lambda decided_to: Beside(rule_set([late]), (), decided_to)
    bank.record()
    today = date.fromisoformat(decode(bank.cuts[0]).days["BANK"])
    offset = 0

    def reserve(days_ago: int, minor: int) -> None:
        nonlocal offset
        offset += 1
        day = (today - timedelta(days=days_ago)).isoformat()
        where: dict[str, Any] = {"entity": "BANK", "organisation": "0101", "currency": "CNY", "value_date": day}
        bank.bank.view.apply(reservation(offset, minor, **where))
        bank.bank.view.apply(tick(topics.RESERVATION_TOTAL, offset))

    reserve(0, 9_900)  # of today: not late
    bank.record()
    assert decode(bank.cuts[1]).dues == []
    reserve(1, 3_000)
    reserve(2, 4_000)
    bank.record()
    (due,) = decode(bank.cuts[2]).dues
    assert (due.amount, due.due_on, due.count) == ("70.00", (today - timedelta(days=2)).isoformat(), 2)
    bank.record()
    assert decode(bank.cuts[3]).dues == []
    reserve(2, 0)
    bank.record()
    (due,) = decode(bank.cuts[4]).dues
    assert (due.amount, due.count) == ("30.00", 1)
    reserve(1, 0)
    bank.record()
    assert decode(bank.cuts[5]).settled == [due.key]
    raised, cleared = bank.of_rules()
    assert (
        raised["reason"] == "not kept: Reservations of 0101 in BANK past their date, CNY (amount 70.00, days_past 2)."
    )
    assert (raised["organisation"], raised["amount"], raised["rule_facts"]["cut"]) == ("0101", "70.00", 2)
    assert (cleared["rule_facts"]["cut"], cleared["rule_facts"]["ended_by"]) == (4, "readings")
    answer = tried(bank.cuts, late)
    assert [row["alert_id"] for row in answer["incidents"]] == [raised["alert_id"]]
    assert answer["open"] == 0


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xy"), st.integers(-4, 2), st.integers(0, 5))))
def test_past_reservations_are_those_a_naive_sum_finds(rows: list[tuple[str, str, int, int]]) -> None:
    view, newest, today = RiskView(), {}, date(2026, 11, 22)
    for at, (entity, branch, days, minor) in enumerate(rows, 1):
        day = (today + timedelta(days=days)).isoformat()
        where: dict[str, Any] = {"entity": entity, "organisation": branch, "currency": "CNY", "value_date": day}
        view.apply(reservation(at, minor, **where))
        newest[entity, branch, day] = minor
    view.apply(tick(topics.RESERVATION_TOTAL, len(rows) + 1))
    wanted: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for (entity, branch, day), minor in newest.items():
        if entity == "A" and minor and day < today.isoformat():  # of B nobody knows the date
            wanted.setdefault((entity, branch), []).append((day, minor))
    found = reservations_past(view.reservations_table, {"A": today})
    assert {(one.entity, one.subject): (one.due_on, one.amount, one.count) for one in found} == {
        key: (min(day for day, _ in left), f"{sum(minor for _, minor in left) / 100:.2f}", len(left))
        for key, left in wanted.items()
    }


def test_terms_that_are_near_come_out_of_the_work_lists() -> None:
    today = date(2026, 11, 22)
    state = WorkState(stage_table())
    for at, (stage, days) in enumerate([("RUNNING", 90), ("RUNNING", 91), ("MISSED", -3), ("MET", 1)]):
        case = CaseRow("Deadline", f"TL01.L-{at}.1", "BANK", "0101", "CNY", at, "2026-11-01", "2026-11-01T00:00:00Z")
        day = (today + timedelta(days=days)).isoformat()
        case.stage, case.facts = (
            stage,
            {"rule_code": "TL01", "subject": f"L-{at}", "legal_due_on": day, "act_by": day},
        )
        state.cases["Deadline", case.key] = case
        state.by_kind.setdefault("Deadline", {})[case.key] = case
    found = terms_near(state, {"BANK": today})
    assert [(one.key.scope, one.stage, one.amount) for one in found] == [
        ("TL01 Deadline/TL01.L-0.1", "RUNNING", None),
        ("TL01 Deadline/TL01.L-2.1", "MISSED", None),
    ]
