"""A file of rows as commands: row by row or all together, once, each refusal with row, column and reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregates.envelope import Principal
from api.batch_files import read_table
from api.batch_upload import Uploaded, Uploads
from engines.primitives.errors import Forbidden, InvalidInput
from tests.aggregates.world import BRANCH, ENTITY, World, open_world
from tests.paper_world import AUDITOR, STRANGER, papers_of

PLATFORM = Principal("dataplat", ("EX",), BRANCH, (ENTITY,))
CORE = Principal("core-banking", ("CB",), BRANCH, (ENTITY,))
ADMIT = "RiskAsset.Admit"
HEADER = (
    "loan_no,customer_no,branch,product,segment,principal,"
    "interest_on,interest_off,penalty,compound,costs,classification"
)
GOOD = "{},C-1,3301,CORP_LOAN,CORPORATE,100.00,0,0,0,0,0,{}"


def rows(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *lines)).encode()


THREE = rows(
    GOOD.format("L1", "LOSS"), GOOD.format("L2", "NORMAL"), GOOD.format("L3", "LOSS").replace("100.00", "1O0")
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture
def uploads(world: World, tmp_path: Path) -> Uploads:
    return papers_of(world.app, world.clock, tmp_path).uploads


def told(done: Uploaded) -> list[tuple[int, str, str, str]]:
    return [(row.row, row.key, row.result, row.column) for row in done.rows]


def test_what_can_be_stored_is_and_what_cannot_is_told(world: World, uploads: Uploads) -> None:
    done = uploads.upload(THREE, "loans.csv", ADMIT, writer=PLATFORM)
    assert told(done) == [
        (2, "L1", "stored", ""),
        (3, "L2", "refused", ""),
        (4, "L3", "refused", "principal"),
    ]
    assert done.rows[1].guard == "RiskAsset.Admit.2"
    assert done.rows[0].events == ("AssetAdmitted",)
    asset = world.state("RiskAsset", "L1")
    assert (asset["principal"], asset["classification"]) == ("100.00", "LOSS")
    event = world.app.history("RiskAsset", "L1", reader=AUDITOR)[0]
    assert event.envelope.docs == (done.file.doc_id,)
    assert uploads.attachments.content(done.file) == THREE
    results = read_table(uploads.attachments.content(done.results))
    assert [cells[-3] for _, cells in results.rows] == ["stored", "refused", "refused"]
    assert "want a decimal number" in str(results.rows[2][1][-1])


def test_a_file_is_carried_out_once_and_a_corrected_one_adds_only_what_was_missing(
    world: World, uploads: Uploads
) -> None:
    uploads.upload(THREE, "loans.csv", ADMIT, writer=PLATFORM)
    length = world.log_length
    again = uploads.upload(THREE, "renamed.csv", ADMIT, writer=PLATFORM)
    assert [row.result for row in again.rows] == ["repeated", "refused", "refused"]
    assert world.log_length == length
    better = uploads.upload(THREE.replace(b"1O0", b"110"), "loans.csv", ADMIT, writer=PLATFORM)
    assert [row.result for row in better.rows] == ["refused", "refused", "stored"]  # L1 exists already
    assert better.rows[0].guard == "RiskAsset.Admit.1"


def test_all_or_nothing(world: World, uploads: Uploads) -> None:
    before = world.log_length
    done = uploads.upload(THREE, "loans.csv", ADMIT, writer=PLATFORM, mode="all")
    assert [row.result for row in done.rows] == ["not stored", "refused", "refused"]
    assert world.log_length == before
    good = rows(GOOD.format("L1", "LOSS"), GOOD.format("L2", "LOSS"))
    done = uploads.upload(good, "loans.csv", ADMIT, writer=PLATFORM, mode="all")
    assert [row.result for row in done.rows] == ["stored", "stored"]
    for mode in ("all", "rows"):
        again = uploads.upload(good, "loans.csv", ADMIT, writer=PLATFORM, mode=mode)
        assert [row.result for row in again.rows] == ["repeated", "repeated"]
    assert world.log_length == before + 2


def test_other_kinds_of_rows_go_the_same_way(world: World, uploads: Uploads) -> None:
    world.lost("L1")
    flows = rows(
        "CT-1,L1,12.50,2024-09-05,2024-09-05,first",
        "CT-1,L1,13,,,",
        header="core_txn_no,loan_no,amount,value_date,valid_on,reason",
    )
    done = uploads.upload(flows, "flows.csv", "RecoveryFlow.Receive", writer=CORE)
    assert [row.result for row in done.rows] == ["stored", "refused"]
    event = world.app.history("RecoveryFlow", "CT-1", reader=AUDITOR)[0]
    assert (event.payload["amount"], event.envelope.reason) == ("12.50", "first")
    assert event.envelope.valid_on.isoformat() == "2024-09-05"
    manager = Principal("U-118", ("AM",), BRANCH, (ENTITY,))
    tags = rows(
        'CT-1,"[{""split_no"":1,""mode"":""CASH_VOLUNTARY"",""amount"":""12.50""}]"', header="core_txn_no,splits"
    )
    assert uploads.upload(tags, "tags.csv", "RecoveryFlow.Tag", writer=manager).count("stored") == 1
    assert world.state("RecoveryFlow", "CT-1")["state"] == "TAGGED"


def test_a_row_is_refused_for_the_role_and_the_entity(world: World, uploads: Uploads) -> None:
    good = rows(GOOD.format("L1", "LOSS"))
    manager = Principal("U-118", ("AM",), BRANCH, (ENTITY,))
    done = uploads.upload(good, "a.csv", ADMIT, writer=manager)
    assert (done.rows[0].result, done.rows[0].guard) == ("refused", "ROLE")
    foreign = rows(GOOD.format("L1", "LOSS") + ",BANK-B", header=HEADER + ",entity_id")
    done = uploads.upload(foreign, "b.csv", ADMIT, writer=PLATFORM)
    assert (done.rows[0].result, done.rows[0].guard) == ("refused", "ENTITY")
    world.lost("L9")
    move = rows("L9,U-2", header="loan_no,manager")
    stranger = Principal("U-9", ("BR",), "-", STRANGER.entities)
    done = uploads.upload(move, "c.csv", "RiskAsset.AssignManager", writer=stranger)
    assert done.rows[0].code == "not-found"
    with pytest.raises(Forbidden):
        uploads.upload(good, "d.csv", ADMIT, writer=AUDITOR, entity=ENTITY)
    every = Principal("dataplat", ("EX",), "-", ("*",))
    with pytest.raises(InvalidInput) as caught:
        uploads.upload(good, "e.csv", ADMIT, writer=every)
    assert caught.value.facts["field"] == "entity"


@pytest.mark.parametrize(
    ("data", "kind", "mode", "field"),
    [
        (rows("L1,1", header="loan_no,pricipal"), ADMIT, "rows", "header"),
        (rows("1", header="principal"), ADMIT, "rows", "header"),
        (rows("L1"), "RiskAsset.None", "rows", "kind"),
        (rows("L1"), ADMIT, "some", "mode"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole(uploads: Uploads, data: bytes, kind: str, mode: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        uploads.upload(data, "a.csv", kind, writer=PLATFORM, mode=mode)
    assert caught.value.facts["field"] == field


def test_a_bad_key_a_bad_day_and_a_missing_field_name_their_columns(uploads: Uploads) -> None:
    lines = (
        "L 1,2022-01-03,C-1,LOSS",
        "L2,06.05.2024,C-1,LOSS",
        "L3,2022-01-03,,LOSS",
        ",2022-01-03,C-1,LOSS",
    )
    done = uploads.upload(
        rows(*lines, header="loan_no,valid_on,customer_no,classification"), "a.csv", ADMIT, writer=PLATFORM
    )
    assert [row.column for row in done.rows] == ["loan_no", "valid_on", "customer_no", "loan_no"]
