"""The same question to the archive, to the live view and to the accounts: one answer where they overlap."""

import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.pivot_entries import archived, entry_facts
from api.pivot_facts import ACCOUNTS, GAP, POSITIONS, account_rows, facts_of, gap_rows, position_rows
from engines.primitives.errors import Unavailable
from infra import pivot, pivot_table
from infra.pivot_definition import Definition
from infra.pivot_query import Facts
from projections.transactions import TransactionState
from streams import past_figures, topics
from streams.archive import Due
from streams.folders import TransactionFolder
from streams.raw_batch import RawBatch
from streams.schemas import Txn
from streams.views import AsOf, RiskView
from tests.projections.entries import APPENDED_US, HORIZON_DAYS, POLICY, txn
from tests.risk_records import business_date, cut, gap_flow
from tests.streams.test_archive import AT, TXN, Logs, archiver, reader

DAY = date(2026, 11, 22)
LATER = AsOf(date(2027, 12, 31), {})


def told(facts: Facts, **body: object) -> dict[tuple[str, ...], list[Decimal]]:
    """Totals of each row that has a figure."""
    found = pivot.run(facts, Definition.of({"source": facts.source.name, **body}))
    rows = {tuple(row["members"]): row["cells"][-1] for row in pivot_table.to_json(found)["table"]}
    shown = {members: [Decimal(cell or 0) for cell in cells] for members, cells in rows.items()}
    return {members: cells for members, cells in shown.items() if any(cells)}


def crooked(count: int, seed: int) -> list[Txn]:
    """Entries as feeds send them: repeats, other bodies, changes of status, second openings, days long past."""
    choice, made = random.Random(seed), list[Txn]()
    for number in range(count):
        if made and choice.random() < 0.35:
            before = choice.choice(made)
            changed = choice.choice(
                [
                    {},
                    {"status": "settled"},
                    {"status": "rejected"},
                    {"status": "pending"},
                    {"amount": "777.00"},
                    {"direction": "in"},
                    {"product_id": "OTHER"},
                ]
            )
            made.append(msgspec.structs.replace(before, **changed))
            continue
        behind = choice.choice([0, 0, 1, 2, HORIZON_DAYS, HORIZON_DAYS + 1, HORIZON_DAYS + 60])
        event = DAY + timedelta(number // 10 * choice.choice([1, 1, 2]))
        opening = choice.random() < 0.2
        made.append(
            txn(
                number,
                0,
                event_time=f"{event}T08:00:00Z",
                value_date=(event - timedelta(behind)).isoformat(),
                amount=f"{choice.randrange(1, 10**6)}.{choice.randrange(100):02}",
                direction=choice.choice(["in", "out"]),
                status=choice.choice(["settled", "settled", "pending", "rejected"]),
                org_id=choice.choice(["N", "S"]),
                ccy=choice.choice(["CNY", "USD"]),
                account_id=choice.choice(["A1", "A2", "A3"]),
                intragroup=choice.random() < 0.2,
                **({"txn_type": "OPENING"} if opening else {}),
            )
        )
    return made


class World:
    def __init__(self, made: list[Txn], folder: Path, records: int) -> None:
        self.folder = folder
        values: list[bytes | None] = [*map(msgspec.json.encode, made), b"{broken"]
        log = [(at * 2, APPENDED_US + at, value) for at, value in enumerate(values)]
        archiver(folder, Logs({AT: list(log)}), Due(records=records, age_s=0.0)).run_once(everything=True)
        fold = TransactionFolder(POLICY, HORIZON_DAYS)
        self.state: TransactionState = fold.empty()
        offsets, times = (np.array(column, np.int64) for column in list(zip(*log, strict=True))[:2])
        fold.absorb(self.state, RawBatch.of_values(0, len(log) * 2, offsets, values, times))
        self.view = RiskView()
        past_figures.show_state(self.view, fold, TXN, self.state)

    def entries(self, as_of: AsOf = LATER, wanted: dict[str, int] | None = None) -> Facts:
        archive = reader(self.folder)
        return entry_facts(archive, archived(archive, 1, wanted), as_of, None, HORIZON_DAYS)

    def live(self, as_of: AsOf = LATER) -> Facts:
        return facts_of(POSITIONS, position_rows(self.view, as_of), self.folder, "live", None)


FIGURES = ["sum(net)", "sum(pending_in)", "sum(pending_out)"]


@settings(max_examples=3)
@given(seed=st.integers(0, 2**32), records=st.integers(5, 60))
def test_what_is_archived_adds_up_to_the_live_position_and_to_the_accounts(
    tmp_path_factory: pytest.TempPathFactory, seed: int, records: int
) -> None:
    world = World(crooked(60, seed), tmp_path_factory.mktemp("world"), records)
    day = AsOf(None, {"BANK": DAY + timedelta(seed % 4 * 30)})
    for rows in (["entity", "currency"], ["organisation", "product", "value_date_month"]):
        assert told(world.entries(day), rows=rows, measures=FIGURES) == told(
            world.live(day), rows=rows, measures=FIGURES
        )
    by_account = facts_of(
        ACCOUNTS, account_rows(past_figures.account_rows(world.state, day, {})), world.folder, "accounts", None
    )
    asked = {"rows": ["organisation", "account", "currency"]}
    found = told(by_account, **asked, measures=["sum(position)", *FIGURES[1:]])
    assert found == told(world.entries(day), **asked, measures=FIGURES)


def test_an_archive_is_read_as_far_as_a_cut_and_says_where_it_ends(tmp_path: Path) -> None:
    made = [txn(number, number, amount="1.00", direction="in") for number in range(10)]
    world = World(made, tmp_path, 4)
    place = f"{AT[0]}/0"
    archive = reader(tmp_path)
    assert archived(archive, 2, None) == {place: 21}
    asked = {"rows": ["entity"], "measures": ["sum(inflow)", "count()"]}
    whole, early = told(world.entries(), **asked), told(world.entries(wanted={place: 8}), **asked)
    assert (whole[()], early[()]) == ([Decimal(10)] * 2, [Decimal(4)] * 2)
    with pytest.raises(Unavailable, match="does not reach 22"):
        archived(archive, 1, {place: 22})
    with pytest.raises(Unavailable, match="no entry is archived"):
        archived(reader(tmp_path / "empty"), 1, None)


def test_only_the_readers_entities_are_counted(tmp_path: Path) -> None:
    made = [txn(number, number, amount="1.00", entity_id=f"B'{number % 2}") for number in range(4)]
    world = World(made, tmp_path, 9)
    archive = reader(tmp_path)
    seen = entry_facts(archive, archived(archive, 1, None), LATER, frozenset({"B'1"}), HORIZON_DAYS)
    assert told(seen, rows=["entity"], measures=["count()"]) == {("B'1",): [2], (): [2]}
    days = AsOf(None, {"B'0": DAY, "B'1": DAY - timedelta(1)})
    assert told(world.entries(days), rows=["entity"], measures=["count()"]) == {("B'0",): [2], (): [2]}


def test_the_gap_of_a_pivot_is_that_of_the_ladder(tmp_path: Path) -> None:
    view = RiskView()
    flows = [(3, "2026-11-23", 10_000, 2_500), (3, "2027-02-01", 5, 7), (3, "UNDATED", 5, 0), (3, "2026-11-01", 9, 9)]
    for record in (*(gap_flow(*flow) for flow in flows), cut(topics.GAP, 3), business_date(0, "NORTH", "2026-11-22")):
        view.apply(record)
    as_of = view.as_of(None)
    rows, ladder = gap_rows(view, as_of), view.gap(("entity", "currency"), as_of, {})
    facts = facts_of(GAP, rows, tmp_path, "gap", None)
    found = told(facts, rows=["entity", "currency", "bucket"], measures=["sum(gap)"])
    for one in ladder:
        want = Decimal(one.inflow_minor - one.outflow_minor) / 100
        assert found.get((*one.members, one.bucket), [0])[0] == want
    named = [members[2] for members in found if len(members) == 3]
    assert named == ["ON", "D31_90", "UNDATED"]
