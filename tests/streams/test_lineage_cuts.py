"""The first cut that contains a record, found by halving, and what turned there; ids found in the log."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import NotFound
from streams import topics
from streams.cut_reader import PlacedCut
from streams.cut_records import CutTotal, RiskCut
from streams.lineage_cuts import alerts_of_entry, first_cut, told_totals, turned_at
from streams.lineage_search import entries_of
from streams.schemas import AlertEntry, LimitFacts
from tests.live_bank import LiveBank
from tests.memory_replay import MemoryReplay, vector
from tests.risk_records import NOON, source
from tests.streams.test_lineage_effects import entry

PLACE = f"{topics.TXN}/0"


def cut(offset: int, ratios: int, positions: int, totals: list[CutTotal] | None = None) -> PlacedCut:
    record = RiskCut(
        epoch=1,
        number=offset,
        taken_at=NOON,
        offsets={PLACE: ratios},
        position_offsets={PLACE: positions},
        logs={},
        alert_vector={},
        totals=totals or [],
    )
    return PlacedCut(offset, record)


class Log:
    """As `streams.cut_reader.CutReader`; offsets below `start` are gone, some are no cuts."""

    def __init__(self, cuts: list[PlacedCut]) -> None:
        self.cuts, self.asked = cuts, 0

    def __call__(self, before: int | None, limit: int) -> list[PlacedCut]:
        self.asked += 1
        end = self.cuts[-1].offset + 1 if before is None and self.cuts else before or 0
        return [one for one in reversed(self.cuts) if end - limit <= one.offset < end]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=400), st.integers(0, 400), st.integers(0, 50))
def test_the_first_cut_is_that_of_a_plain_search(steps: list[int], offset: int, start: int) -> None:
    ends = [sum(steps[: at + 1]) for at in range(len(steps))]
    log = Log([cut(start + at, end + 3, end) for at, end in enumerate(ends)])
    for which, shift in (("positions", 0), ("ratios", 3)):
        wanted = next((start + at for at, end in enumerate(ends) if end + shift > offset), None)
        found = first_cut(log, which, PLACE, offset)  # type: ignore[arg-type]
        assert (found and found.offset) == wanted
    assert first_cut(log, "positions", "elsewhere/0", 0) is None


def test_few_cuts_are_read() -> None:
    log = Log([cut(at, at, at) for at in range(20_000)])
    found = first_cut(log, "positions", PLACE, 12_345)
    assert found is not None
    assert found.offset == 12_346
    assert log.asked <= 12


def test_no_cuts() -> None:
    assert first_cut(Log([]), "positions", PLACE, 0) is None


def alert(alert_id: str, offset: int, **more: Any) -> Any:
    from streams.schemas import Alert

    fields: dict[str, Any] = {
        "kind": "raised",
        "rule": "large-flow-rolling",
        "rule_version": "1",
        "sequence": 0,
        "entity": "NORTH",
        "organisation": "-",
        "customer": "C1",
        "customer_class": "-",
        "account": "A1",
        "currency": "EUR",
        "amount": "7.00",
        "threshold": "9.00",
        "event_time": NOON,
        "txn_id": "T",
        "reason": "-",
        "source": source(topics.ALERT, 0, offset + 1),
    }
    return Alert(alert_id=alert_id, **fields | more)


def test_alerts_of_an_entry_are_those_it_raised_corrected_or_stands_in() -> None:
    window = [
        AlertEntry(offset=3, event_time=NOON, amount="2.00"),
        AlertEntry(offset=8, event_time=NOON, amount="7.00"),
    ]
    book = [
        alert("a", 8, entries=window),
        alert("b", 3, kind="corrected"),
        alert("c", 3, source=source(topics.ALERT, 1, 4)),
        alert("d", 4),
        alert("e", 3, limit=facts(3)),
    ]
    found = [(one.alert.alert_id, one.part, one.amount) for one in alerts_of_entry(book, topics.TXN, 0, 3)]
    assert found == [("a", "entry", "2.00"), ("b", "corrected", "7.00")]
    (own,) = alerts_of_entry(book, topics.TXN, 0, 8)
    assert own.part == "raised"


def facts(cut_offset: int, **more: Any) -> LimitFacts:
    fields: dict[str, Any] = {
        "limit_id": "LCR-MIN",
        "metric": "lcr",
        "scope": "entity",
        "as_of": "2026-11-22",
        "value": "0.9",
        "light": "red",
        "light_before": "green",
        "incident": "5f0c7a10-0000-0000-0000-000000000000",
        "cut": cut_offset,
        "offsets": {},
    }
    return LimitFacts(**fields | more)


def test_limits_that_turned_at_a_cut_name_their_case_and_plan() -> None:
    book = [
        alert("a", 1, rule="limit", limit=facts(7, plan=True)),
        alert("b", 1, rule="limit", limit=facts(8)),
        alert("c", 1, rule="large-withdrawal", limit=facts(9, cause="big", metric="withdrawal")),
        alert("d", 1, rule="limit", limit=facts(7, light="amber")),
    ]
    rows = list(turned_at(book, 7, frozenset({"big"})))
    assert [row["alert_id"] for row in rows] == ["a", "c", "d"]
    assert rows[0]["case"] == "LB-LCR-MIN-5f0c7a100000"
    assert rows[0]["plan"] == "CFP-LCR-MIN-5f0c7a100000"
    assert (rows[1]["case"], rows[2]["case"], rows[2]["plan"]) == (None, None, None)


def test_totals_told_are_of_the_entity_and_of_what_its_log_moves() -> None:
    def total(metric: str, entity: str) -> CutTotal:
        return CutTotal(metric=metric, scope="entity", entity=entity, currency="EUR", value="1")

    found = cut(1, 1, 1, [total("lcr", "NORTH"), total("lcr", "SOUTH"), total("cumulative_gap_minimum", "NORTH")]).cut
    assert [row["metric"] for row in told_totals(found, "NORTH", topics.TXN)] == ["lcr"]
    assert len(told_totals(found, "NORTH", topics.CONTRACT)) == 2
    assert told_totals(found, "NORTH", topics.COMMAND) == []


def test_an_id_is_found_at_every_status_and_not_within_another() -> None:
    events = [entry(n, "A1", 5, status="pending") for n in (1, 11, 12)] + [entry(1, "A1", 5), entry(2, "A2", 5)]
    bank = LiveBank().feed(events)
    batches = MemoryReplay(bank, 2).batches
    found = entries_of(batches, vector(bank), "T1")
    assert [offset for _, _, offset in found] == [0, 3] if len({p for _, p, _ in found}) == 1 else len(found) == 2
    with pytest.raises(NotFound) as caught:
        entries_of(batches, vector(bank), "T")
    assert caught.value.facts["searched"] == 5
    with pytest.raises(NotFound):
        entries_of(batches, {f"{topics.CONTRACT}/0": 5}, "T1")
