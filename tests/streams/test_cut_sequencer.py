"""What a recorded cut says, and who may write one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.limits import Light
from engines.primitives.errors import Unavailable
from infra.event_store import EventStore, open_event_store
from projections.limit_cuts import LiquidAsset, Total
from projections.limit_policy import TotalKey, WatchPolicy
from streams.cut_picture import Picture
from streams.cut_records import RiskCut, amount_text, decode, exact_text, recorded, total_of
from streams.cut_sequencer import CutMaker, CutSequencer
from streams.topics import ALERT
from streams.views_live import LiveView
from tests.live_bank import live_policy
from tests.risk_records import alert as alert_record
from tests.risk_records import cut as tick

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
LCR = TotalKey("lcr", "entity", "BANK", "CNY")
CASH = TotalKey("position", "currency", "BANK", "CNY")
LIMITLESS = WatchPolicy("none", (), ())


def picture(**fields: Any) -> Picture:
    given: dict[str, Any] = {
        "totals": {LCR: Total("2026-11-22", "1.2", "12", "10"), CASH: Total("2026-11-22", "5")},
        "assets": {},
        "lights": {},
        "flows": (),
        "offsets": {"tm.in.core.txn.v1/0": 7},
        "position_offsets": {"tm.in.core.txn.v1/0": 8},
        "logs": {"tm.in.core.txn.v1/0": "c/t"},
        "event_time": "2026-11-22T03:59:59.000000Z",
    }
    return Picture(**(given | fields))


def write(maker: CutMaker, seen: Picture, seconds: float = 0) -> RiskCut | None:
    at = NOW + timedelta(seconds=seconds)
    cut = maker.make(seen, at)
    if cut is not None:
        maker.written(cut, seen, at)
    return cut


# -- text ------------------------------------------------------------------------------------------------------------


@given(st.fractions(max_denominator=10**6))
def test_exact_text_is_exact(value: Fraction) -> None:
    assert Fraction(exact_text(value)) == value
    assert Fraction(amount_text(value, "CNY")) * 100 == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(-1, 8), "-0.125"),
        (Fraction(5), "5"),
        (Fraction(1, 3), "1/3"),
        (Fraction(7, 50), "0.14"),
        (Fraction(1, 2**50), f"1/{2**50}"),
    ],
)
def test_a_decimal_where_it_ends(value: Fraction, text: str) -> None:
    assert exact_text(value) == text


def test_a_cut_on_the_wire_is_the_cut_that_is_folded() -> None:
    asset = LiquidAsset("bond", "1", "10", "9", "9")
    cut = write(CutMaker(3, {0: 4}), picture(assets={("entity", "BANK", "CNY"): (asset,)}))
    assert cut is not None
    found = recorded(decode(msgspec.json.encode(cut)), 17, 5, 6)
    assert found.totals == picture().totals
    assert found.assets == {("entity", "BANK", "CNY"): (asset,)}
    assert (found.offset, found.epoch, found.whole, found.taken_us, found.appended_us) == (17, 3, True, 5, 6)


# -- what is said ------------------------------------------------------------------------------------------------


def test_the_first_cut_is_whole_and_the_next_say_what_changed() -> None:
    maker = CutMaker(1, {})
    first = write(maker, picture())
    assert first is not None
    assert (first.whole, first.number, len(first.totals)) == (True, 0, 2)
    assert write(maker, picture(offsets={"tm.in.core.txn.v1/0": 9}), 1) is None  # records, but no figure moved
    moved = {LCR: Total("2026-11-22", "1.1", "11", "10"), CASH: Total("2026-11-22", "5")}
    second = write(maker, picture(totals=moved), 2)
    assert second is not None
    assert (second.whole, second.number, second.totals) == (False, 1, [total_of(LCR, moved[LCR])])
    third = write(maker, picture(totals={LCR: moved[LCR]}), 3)
    assert third is not None
    assert [one.metric for one in third.gone] == ["position"]


def test_a_quiet_bank_is_told_of_now_and_then() -> None:
    maker = CutMaker(1, {}, quiet_interval_s=10)
    write(maker, picture())
    assert write(maker, picture(), 9.9) is None
    still = write(maker, picture(), 10)
    assert still is not None
    assert still.totals == []


def test_a_cut_that_was_not_delivered_is_made_again() -> None:
    maker = CutMaker(1, {})
    assert maker.make(picture(), NOW) == maker.make(picture(), NOW)


def test_assets_are_told_when_a_light_turns_and_then_now_and_then() -> None:
    scope = ("entity", "BANK", "CNY")
    maker = CutMaker(1, {}, quiet_interval_s=10)

    def told(light: Light, seconds: float) -> bool:
        asset = LiquidAsset("bond", "1", str(seconds), "9", "9")
        totals = {LCR: Total("2026-11-22", str(seconds), "12", "10")}
        cut = write(maker, picture(assets={scope: (asset,)}, lights={scope: (light,)}, totals=totals), seconds)
        return cut is not None and bool(cut.assets)

    lights = [(Light.AMBER, 0), (Light.AMBER, 1), (Light.RED, 2), (Light.RED, 11), (Light.RED, 12), (Light.RED, 13)]
    assert [told(*one) for one in lights] == [True, False, True, False, True, False]


def test_large_flows_are_taken_once_and_in_order() -> None:
    live = LiveView()
    live.feed([alert_record(2 * number + 1, number) for number in range(3)])
    live.feed([tick(ALERT, 6)])
    book = live.read(lambda view: view.alert_book)
    maker = CutMaker(1, {0: 0})
    cut = write(maker, picture(flows=tuple(book.after(maker.alert_vector, 9))))
    assert cut is not None
    assert [flow.alert_id for flow in cut.flows] == ["alert-0-1", "alert-0-2"]
    assert cut.alert_vector == {0: 2}
    assert book.after(maker.alert_vector, 9) == []


# -- who writes ----------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path, clock=clock) as opened:
        yield opened


class Kafka:
    """The log of cuts in memory, away when told."""

    def __init__(self) -> None:
        self.cuts: list[RiskCut] = []
        self.away = False

    def send(self, value: bytes) -> None:
        if self.away:
            raise Unavailable("no broker")
        self.cuts.append(decode(value))

    def last(self) -> RiskCut | None:
        return self.cuts[-1] if self.cuts else None


def live_view() -> LiveView:
    live = LiveView()
    live.feed([tick(ALERT, 1)])
    live.set_status(ready=True)
    return live


def sequencer(
    store: EventStore, clock: Clock, kafka: Kafka, holder: str, live: LiveView | None = None
) -> CutSequencer:
    return CutSequencer(
        live or live_view(), live_policy(), LIMITLESS, store, kafka.send, kafka.last, clock=clock, holder=holder,
        lease_s=10, quiet_interval_s=1,
    )  # fmt: skip


def test_one_writes_and_the_other_follows_with_a_higher_epoch(store: EventStore, clock: Clock) -> None:
    kafka = Kafka()
    one, two = (sequencer(store, clock, kafka, name) for name in ("one", "two"))
    assert one.run_once()
    assert not two.run_once()
    clock.now += timedelta(seconds=9)
    assert one.run_once()  # renews the lease
    clock.now += timedelta(seconds=9)
    assert not two.run_once()
    clock.now += timedelta(seconds=2)
    assert two.run_once()
    assert not one.run_once()
    assert [(cut.epoch, cut.number, cut.whole) for cut in kafka.cuts] == [(1, 0, True), (1, 1, False), (2, 0, True)]
    clock.now += timedelta(seconds=11)
    assert one.run_once()  # the lease lapsed: its run is over, and this is another
    assert (kafka.cuts[-1].epoch, kafka.cuts[-1].whole) == (3, True)


def test_a_run_whose_lease_lapsed_is_over_though_nobody_took_it(store: EventStore, clock: Clock) -> None:
    kafka = Kafka()
    one = sequencer(store, clock, kafka, "one")
    one.run_once()
    clock.now += timedelta(seconds=11)  # another may have come and gone
    one.run_once()
    assert [(cut.epoch, cut.whole) for cut in kafka.cuts] == [(1, True), (2, True)]


def test_a_new_run_goes_on_after_the_large_flows_that_are_recorded(store: EventStore, clock: Clock) -> None:
    kafka, live = Kafka(), live_view()
    live.feed([alert_record(1, 0), tick(ALERT, 1)])
    assert sequencer(store, clock, kafka, "one", live).run_once()
    assert [len(cut.flows) for cut in kafka.cuts] == [1]
    clock.now += timedelta(seconds=11)
    live.feed([alert_record(3, 1), tick(ALERT, 3)])
    assert sequencer(store, clock, kafka, "two", live).run_once()
    assert [flow.alert_id for flow in kafka.cuts[-1].flows] == ["alert-0-1"]


def test_nothing_is_written_before_the_view_has_caught_up(store: EventStore, clock: Clock) -> None:
    kafka, live = Kafka(), LiveView()
    one = sequencer(store, clock, kafka, "one", live)
    assert not one.run_once()
    live.set_status(ready=True)
    assert not one.run_once()  # it is empty
    live.feed([tick(ALERT, 1)])
    assert one.run_once()


def test_what_kafka_did_not_take_is_told_by_the_next(store: EventStore, clock: Clock) -> None:
    kafka = Kafka()
    one = sequencer(store, clock, kafka, "one")
    kafka.away = True
    with pytest.raises(Unavailable):
        one.run_once()
    kafka.away = False
    assert one.run_once()
    assert [(cut.number, cut.whole) for cut in kafka.cuts] == [(0, True)]
