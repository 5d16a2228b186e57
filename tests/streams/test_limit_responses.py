"""From a sale of securities to alert, case and plan, in memory: once, whatever is repeated or restarted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from aggregates.assets import Assets
from aggregates.envelope import Principal
from engines.primitives.errors import InvalidInput
from infra.event_store import EventStore, open_event_store
from infra.policies import load_policy
from projections.limit_cuts import LiquidAsset
from projections.limit_policy import TotalKey, WatchPolicy
from streams import topics
from streams.cut_folder import CutFolder
from streams.cut_picture import LeastGaps, Picture, take_picture
from streams.cut_sequencer import CutMaker
from streams.folders import source_of
from streams.limit_funding import FundingPolicy
from streams.limit_response_runner import Followed, LimitResponseRunner
from streams.ratio_limits import parse_limits
from streams.raw_batch import RawBatch
from streams.views_alerts import vector_text
from streams.views_wire import CUT_LANE, Record
from tests.live_bank import LOG, LiveBank, live_policy
from tests.risk_records import alert as alert_record
from tests.risk_records import cut as tick
from tests.small_treasury import HELD, SOLD, entry, government_bond, opening

AUDITOR = Principal("U-601", ("IA",), "-", ("*",))
LCR = TotalKey("lcr", "entity", "BANK", "CNY")
START = datetime(2026, 11, 22, 4, tzinfo=UTC)


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


def limits_of(minimum: str, amber_headroom: str = "0") -> WatchPolicy:
    """One limit on the bank's LCR, and the shipped rule on withdrawals."""
    shipped = load_policy("limits")
    entry = {"limit_id": "lcr-test", "metric": "lcr", "entity": "BANK", "scopes": ["entity"], "plan": True}
    entry |= {"minimum": minimum, "amber_headroom": amber_headroom, "policy_ref": "POL 7/2026", "clear_readings": 1}
    data = {
        "name": "test",
        "watch": {"owner": "U-701", "deadline_days": 5},
        "limit": [entry],
        "large_withdrawal": shipped["large_withdrawal"],
    }
    return WatchPolicy.parse(data, *parse_limits(data))


@dataclass
class Watch:
    """A bank with its log of cuts and of alerts; workers and sequencers come and go."""

    bank: LiveBank
    policy: WatchPolicy
    cuts: list[bytes] = field(default_factory=list)
    alerts: list[bytes] = field(default_factory=list)
    epoch: int = 0

    def __post_init__(self) -> None:
        self.ratios, self.gaps, self.now = live_policy(), LeastGaps(), START
        self.start_sequencer()
        self.start_worker()

    def start_sequencer(self) -> None:
        self.epoch += 1
        last = msgspec.json.decode(self.cuts[-1])["alert_vector"] if self.cuts else {}
        self.maker = CutMaker(self.epoch, {int(lane): sequence for lane, sequence in last.items()})

    def start_worker(self, snapshot: bytes | None = None) -> None:
        self.folder = CutFolder(self.policy)
        self.state: Any = self.folder.empty() if snapshot is None else self.folder.load(snapshot)

    def picture(self) -> Picture:
        return take_picture(self.bank.view, self.ratios, self.maker.alert_vector, self.gaps, self.policy)

    def record(self) -> None:
        """One cut of what there is, folded and followed by the view."""
        self.now += timedelta(seconds=20)
        picture = self.picture()
        cut = self.maker.make(picture, self.now)
        assert cut is not None
        self.maker.written(cut, picture, self.now)
        self.cuts.append(msgspec.json.encode(cut))
        self.fold()

    def fold(self) -> None:
        start, values = self.state.next_offset, self.cuts[self.state.next_offset :]
        offsets = np.arange(start, len(self.cuts), dtype=np.int64)
        raw = RawBatch.of_values(start, len(self.cuts), offsets, values, np.full(len(values), 10**15, np.int64))
        absorbed = self.folder.absorb(self.state, raw)
        assert absorbed.refusals == []
        source = source_of(self.folder, self.state, 0, LOG)
        for output in self.folder.publish_at_once(absorbed, source):
            self.alerts.append(output.value)
            self.bank.view.apply(Record(output.topic, 0, 0, output.key, output.value))
        tick = {"source": source, "from_offset": start, "count": 0, "appended_at": None, "business_time": None}
        self.bank.view.apply(Record(topics.ALERT, 0, 0, b"cut", msgspec.json.encode(tick | {"statistics": {}})))
        assert self.bank.view.undecodable == 0, self.bank.view.undecodable_last

    def told(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(value) for value in self.alerts]

    def read(self, position: int) -> Followed:
        return Followed(self.alerts[position : position + 2], min(position + 2, len(self.alerts)))

    def hold(self, face: str) -> None:
        """Buy or sell the government bond to this face."""
        self.bank.feed([government_bond("BANK", face)])


@pytest.fixture
def watch() -> Watch:
    return Watch(LiveBank().feed(opening()), limits_of("1.00"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def app(store: EventStore) -> Iterator[Assets]:
    found = Assets(store.factory)
    yield found
    found.close()


def runner(app: Assets, store: EventStore, clock: Clock, watch: Watch, holder: str = "one") -> LimitResponseRunner:
    funding = FundingPolicy.parse(load_policy("limits_funding"))
    return LimitResponseRunner(app, store, watch.read, funding, clock=clock, holder=holder, lease_s=10)


def large_flow(watch: Watch, amount: str, txn_id: str) -> str:
    """The alert that the fold of entries would raise (LIQ-02)."""
    record = alert_record(2, 0, entity="BANK", log=LOG)
    value = msgspec.json.decode(record.value) | {"currency": "CNY", "amount": amount, "txn_id": txn_id}
    watch.bank.view.apply(record._replace(value=msgspec.json.encode(value)))
    watch.bank.view.apply(tick(topics.ALERT, 2, log=LOG))
    return str(value["alert_id"])


def drain(one: LimitResponseRunner) -> None:
    while one.run_once():
        pass


def cases(app: Assets, kind: str) -> list[Any]:
    return list(app.list_cases(kind, reader=AUDITOR))


def refusals(one: LimitResponseRunner) -> float:
    return sum(s.value for m in one.metrics.refused.collect() for s in m.samples if s.name.endswith("_total"))


def test_a_sale_below_the_limit_is_one_alert_one_breach_and_one_plan(
    watch: Watch, app: Assets, store: EventStore, clock: Clock
) -> None:
    watch.record()
    watch.hold(SOLD)
    watch.record()
    watch.record()  # the next look changes nothing
    (alert,) = watch.told()
    facts = alert["limit"]
    assert (alert["kind"], facts["light"], facts["light_before"]) == ("raised", "red", "green")
    assert (facts["limit_id"], facts["scope"], facts["cut"]) == ("lcr-test", "entity", 1)
    assert facts["offsets"]["tm.in.treasury.holding.v1/0"] == len(watch.bank.logs[topics.HOLDING, 0])
    assert (facts["value"], facts["minimum"], facts["headroom"]) == ("0.875", "1", "-0.125")
    assert (alert["amount"], alert["threshold"], alert["currency"]) == ("350000000.00", "400000000.00", "CNY")
    assert alert["reason"] == "The liquidity coverage ratio of BANK is 87.50%, below the limit of 100.00% (lcr-test)."

    one = runner(app, store, clock, watch)
    drain(one)
    assert refusals(one) == 0
    (breach,) = cases(app, "LimitBreach")
    assert (breach["state"], breach["owner"], breach["metric"]) == ("OPEN", "U-701", "lcr")
    (plan,) = cases(app, "ContingencyPlan")
    assert (plan["state"], plan["mode"], plan["entity"]) == ("ALERT", "LIVE", "BANK")
    state = app.state("ContingencyPlan", plan["plan_no"], reader=AUDITOR)
    assert state["shortfall"] == "50000000.00"  # 400m less 350m
    assert state["trigger_figures"]["alert_id"] == alert["alert_id"]
    # Level 1 assets do not serve an LCR, however many there are; 2B brings the half that its haircut takes.
    stored: Any = app.find("ContingencyPlan", plan["plan_no"])
    sources = {source["name"]: source for source in stored.content["basis"]["sources"]}
    (sale,) = [source for name, source in sources.items() if "Level 2" in name]
    assert (sale["securities"], sale["haircut"]) == ("security/2B/corporate 2B", "0.500000")


def test_whatever_is_repeated_or_restarted_nothing_happens_twice(
    watch: Watch, app: Assets, store: EventStore, clock: Clock
) -> None:
    watch.record()
    snapshot = watch.state.dump()
    watch.hold(SOLD)
    watch.record()
    drain(runner(app, store, clock, watch))
    before = store.recorder.max_notification_id()
    once = watch.told()

    watch.start_worker(snapshot)  # it was killed before its snapshot: the same alert again
    watch.start_sequencer()  # a whole cut
    watch.record()
    again = watch.told()[len(once) :]
    assert again == once
    assert watch.bank.view.alert_book.missing() == {}
    assert watch.bank.view.alert_book.conflicts == 0
    drain(runner(app, store, clock, watch))
    # The position may be lost altogether.
    clock.now += timedelta(seconds=60)
    other = runner(app, store, clock, watch, "two")
    for value in watch.alerts:
        other._follow(value)
    assert refusals(other) == 0
    assert store.recorder.max_notification_id() == before

    # The recorded cuts alone give the same alerts, in one go.
    watch.alerts.clear()
    watch.start_worker()
    watch.fold()
    assert watch.told() == once


def test_bought_back_it_is_restored_and_broken_again_it_is_another_incident(
    watch: Watch, app: Assets, store: EventStore, clock: Clock
) -> None:
    watch.record()
    for face in (SOLD, HELD, SOLD):
        watch.hold(face)
        watch.record()
    one = runner(app, store, clock, watch)
    drain(one)
    assert refusals(one) == 0
    assert [alert["kind"] for alert in watch.told()] == ["raised", "cleared", "raised"]
    incidents = [alert["limit"]["incident"] for alert in watch.told()]
    assert incidents[0] == incidents[1] != incidents[2]
    assert sorted(case["state"] for case in cases(app, "LimitBreach")) == ["OPEN", "RESTORED"]
    assert len(cases(app, "ContingencyPlan")) == 2


def test_eased_to_amber_and_broken_again_within_a_day_is_one_case(
    watch: Watch, app: Assets, store: EventStore, clock: Clock
) -> None:
    watch.policy = limits_of("1.00", amber_headroom="1000")  # green is out of reach: what is bought back is amber
    watch.start_worker()
    watch.record()
    for face in (SOLD, HELD, SOLD):
        watch.hold(face)
        watch.record()
    one = runner(app, store, clock, watch)
    drain(one)
    assert refusals(one) == 0
    assert [(a["kind"], a["limit"]["light"]) for a in watch.told()] == [
        ("raised", "amber"), ("raised", "red"), ("eased", "amber"), ("raised", "red"),
    ]  # fmt: skip
    (breach,) = cases(app, "LimitBreach")
    assert breach["state"] == "OPEN"
    state = app.state("LimitBreach", breach["breach_no"], reader=AUDITOR)
    assert state["breaches_in_a_row"] == 1
    assert len(cases(app, "ContingencyPlan")) == 1


def test_a_bank_whose_assets_nobody_told_has_no_lcr_and_one_that_sold_all_has_one() -> None:
    told = [event for event in opening() if event.topic not in (topics.HOLDING, topics.RESERVE)]
    unknown = Watch(LiveBank().feed(told), limits_of("1.00"))
    assert unknown.picture().totals[LCR].value is None
    sold = [*told, government_bond("BANK", "0.00")]
    assert Watch(LiveBank().feed(sold), limits_of("1.00")).picture().totals[LCR].value == "0"


def test_limit_alerts_stand_beside_those_of_entries_in_one_vector(watch: Watch) -> None:
    watch.record()
    watch.hold(SOLD)
    watch.record()
    book = watch.bank.view.alert_book
    assert book.vector()[CUT_LANE] == 0
    assert [alert.rule for alert in book.after({**book.vector(), CUT_LANE: -1}, 9)] == ["limit"]
    assert f"{CUT_LANE}:0" in vector_text(book.vector())
    assert watch.picture().flows == ()


def test_a_withdrawal_of_a_fifth_of_the_liquidity_proposes_a_plan(
    watch: Watch, app: Assets, store: EventStore, clock: Clock
) -> None:
    watch.policy = limits_of("0.10")
    watch.start_worker()
    watch.record()
    assert watch.bank.view.alert_book.vector() == {}
    watch.bank.feed([entry("BANK", "out", "150000000.00", "T-2")])
    alert = large_flow(watch, "150000000.00", "T-2")
    watch.record()
    watch.record()
    (raised,) = watch.told()
    assert (raised["rule"], raised["txn_id"], raised["limit"]["cause"]) == ("large-withdrawal", "T-2", alert)
    assert raised["threshold"] == "110000000.00"  # a fifth of 550m
    one = runner(app, store, clock, watch)
    drain(one)
    assert refusals(one) == 0
    assert cases(app, "LimitBreach") == []
    (plan,) = cases(app, "ContingencyPlan")
    assert plan["trigger"] == "LARGE_OUTFLOW"
    lines = app.state("ContingencyPlan", plan["plan_no"], reader=AUDITOR)["lines"]
    assert [(line["source"], line["planned"]) for line in lines] == [
        ("reserves above the requirement: excess_reserves 1", "100000000.00"),
        ("standing lending facility: security/1/sovereign 1", "50000000.00"),
    ]


# -- funding ---------------------------------------------------------------------------------------------------------

BOND = LiquidAsset("security/bond", "2B", "100", "100", "50")
MONEY = LiquidAsset("excess_reserves", "1", "40", "40", "40")


def source(**fields: Any) -> dict[str, Any]:
    return {"name": "S", "gate": 3, "rate": "0.03", "serves": ["lcr"]} | fields


def lines(entry: dict[str, Any], *assets: LiquidAsset) -> list[dict[str, Any]]:
    found = FundingPolicy.parse({"source": [entry]}).funding("lcr", "BANK", "CNY", Fraction(10), assets)
    return list(found["sources"])


def test_an_asset_brings_its_value_or_what_its_haircut_takes() -> None:
    for worth, haircut in (("liquidity_value", "0.500000"), ("released_haircut", "0.500000")):
        (line,) = lines(source(levels=["2B"], use="sale", worth=worth), BOND)
        assert (line["securities"], line["haircut"]) == ("security/bond 2B", haircut)
    third = msgspec.structs.replace(BOND, liquidity_value="85")
    (line,) = lines(source(levels=["2B"], use="sale", worth="released_haircut"), third)
    assert line["haircut"] == "0.850000"
    full = msgspec.structs.replace(BOND, liquidity_value="100")
    assert lines(source(levels=["2B"], use="sale", worth="released_haircut"), full) == []


def test_money_that_lies_ready_is_drawn_and_pledged_assets_are_left_out() -> None:
    (line,) = lines(source(gate=1, assets=["excess_reserves"]), MONEY, BOND)
    assert (line["limit"], "securities" in line) == ("40.00", False)
    pledged = msgspec.structs.replace(BOND, unencumbered="0", liquidity_value="0")
    assert lines(source(levels=["2B"], use="sale"), pledged) == []
    assert lines(source(levels=["1"], use="pledge"), MONEY) == []
    assert lines(source(limit="5.00", currency="USD")) == []


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"gate": 4}, "gate"),
        ({"serves": ["luck"]}, "serves"),
        ({"use": "gift"}, "gate"),
        ({}, "limit"),
        ({"limit": "5.00"}, "currency"),
        ({"levels": ["1"], "worth": "much"}, "worth"),
        ({"levels": ["1"], "colour": "red"}, "colour"),
    ],
)
def test_a_source_that_cannot_be_says_where(entry: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        FundingPolicy.parse({"source": [source(**entry)]})
    assert (caught.value.facts["field"], caught.value.facts["record"]) == (field, "source[0]")


def test_a_source_stands_once() -> None:
    twice = source(levels=["1"], use="sale")
    with pytest.raises(InvalidInput) as caught:
        FundingPolicy.parse({"source": [twice, twice]})
    assert caught.value.facts["record"] == "source[1]"


def test_the_shipped_limits_are_watched() -> None:
    shipped = load_policy("limits")
    policy = WatchPolicy.parse(shipped, *parse_limits(shipped))
    plans = {one.limit.metric for one in policy.limits if one.plan} | {"large-withdrawal"}
    funding = FundingPolicy.parse(load_policy("limits_funding"))
    assert plans <= {metric for source in funding.sources for metric in source.serves}
