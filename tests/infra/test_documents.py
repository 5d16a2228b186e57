"""Papers from templates: every shipped one filled whole and alike to the byte, refused where a field is missing."""

import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document
from docx.oxml.ns import qn

from engines.primitives.errors import Conflict, Forbidden, InvalidInput, NotFound, Rejected
from infra.attachments import Attachments
from infra.documents.catalogue import Catalogue
from infra.documents.composer import composed
from infra.documents.desk import Desk, Wish
from infra.documents.renderer import MissingField
from tests.aggregates.world import LOAN, open_world
from tests.paper_world import (
    AUDITOR,
    KEY_BY_TEMPLATE,
    STRANGER,
    WRITER,
    PaperWorld,
    fixture,
    open_paper_world,
)

NAMES = sorted({header.name for header in Catalogue().headers()})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperWorld]:
    """For tests that only render."""
    folder = tmp_path_factory.mktemp("papers")
    world = open_world(folder)
    yield open_paper_world(world, folder)
    world.store.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[PaperWorld]:
    """For tests that store."""
    world = open_world(tmp_path)
    yield open_paper_world(world, tmp_path)
    world.store.close()


def wish(shared: PaperWorld, name: str, **changes: object) -> Wish:
    fields = shared.entered(name)
    return Wish(name, KEY_BY_TEMPLATE[name], fields | changes.pop("fields", {}), **changes)  # type: ignore[arg-type, call-overload]


def text_of(content: bytes) -> str:
    """Everything that the paper shows, tables too, read as python-docx reads it."""
    body = Document(BytesIO(content)).element.body
    return "\n".join("".join(run.text or "" for run in part.iter(qn("w:t"))) for part in body.iter(qn("w:p")))


def test_every_paper_of_the_specification_has_a_template() -> None:
    assert set(NAMES) == set(KEY_BY_TEMPLATE)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_filled_whole_and_alike_each_time(shared: PaperWorld, name: str) -> None:
    asked = wish(shared, name)
    paper = shared.desk.paper(asked, reader=WRITER)
    assert paper.content == shared.desk.paper(asked, reader=WRITER).content
    text = text_of(paper.content)
    assert "{{" not in text
    assert "{%" not in text
    assert not re.search(r"\bNone\b|(?<![\w.-])-(?![\w.-])", text), text
    assert paper.document_no in text
    for value in asked.fields.values():
        if str(value).startswith("【"):
            assert str(value) in text, f"{name} asks for {value} and does not show it"
    title = next(header.title for header in shared.desk.catalogue.headers() if header.name == name)
    properties = Document(BytesIO(paper.content)).core_properties
    assert (properties.title, properties.identifier) == (title, paper.facts["fields_hash"])
    assert properties.created == properties.modified


def test_dates_and_numbers_inside_come_from_what_is_known_and_said(shared: PaperWorld) -> None:
    paper = shared.desk.paper(wish(shared, "write-off-notice"), reader=WRITER)
    known_at = datetime.fromisoformat(paper.facts["known_at"])
    with zipfile.ZipFile(BytesIO(paper.content)) as package:
        stamps = {entry.date_time for entry in package.infolist()}
        kinds = {entry.compress_type for entry in package.infolist()}
    assert stamps == {
        (known_at.year, known_at.month, known_at.day, known_at.hour, known_at.minute, known_at.second // 2 * 2)
    }
    assert kinds == {zipfile.ZIP_STORED}
    other = shared.desk.paper(wish(shared, "write-off-notice", document_on=date(2024, 9, 30)), reader=WRITER)
    assert other.document_no != paper.document_no
    assert "二〇二四年九月三十日" in text_of(other.content)


def test_amounts_and_days_are_written_as_chinese_papers_write_them(shared: PaperWorld) -> None:
    text = text_of(shared.desk.paper(wish(shared, "litigation-complaint"), reader=WRITER).content)
    assert "人民币2,632,708.70元（大写：人民币贰佰陆拾叁万贰仟柒佰零捌元柒角）" in text
    assert "金融借款合同纠纷" in text
    assert "2021年3月1日" in text
    plan = text_of(shared.desk.paper(wish(shared, "pre-suit-plan"), reader=WRITER).content)
    assert "借款人停产<清算>&转移资产" in plan  # markup in a value is text
    voucher = text_of(shared.desk.paper(wish(shared, "expense-voucher"), reader=WRITER).content)
    assert "人民币壹万捌仟元零伍分" in voucher
    flow = text_of(shared.desk.paper(wish(shared, "repayment-notice"), reader=WRITER).content)
    assert "人民币伍仟元整" in flow  # the whole flow, though its newest event is about a part of it


def test_a_missing_field_names_template_field_and_aggregate(shared: PaperWorld) -> None:
    fields = shared.entered("demand-letter")
    del fields["pay_by"]
    with pytest.raises(MissingField, match="pay_by") as caught:
        shared.desk.paper(Wish("demand-letter", LOAN, fields), reader=WRITER)
    assert caught.value.facts == {
        "template": "demand-letter",
        "aggregate": "RiskAsset",
        "key": LOAN,
        "field": "pay_by",
    }


@pytest.mark.parametrize("blank", ["", "-", "   "])
def test_a_blank_is_missing_too(shared: PaperWorld, blank: str) -> None:
    with pytest.raises(MissingField):
        shared.desk.paper(wish(shared, "demand-letter", fields={"pay_by": blank}), reader=WRITER)


def test_what_is_recorded_cannot_be_entered_otherwise(shared: PaperWorld) -> None:
    with pytest.raises(InvalidInput, match="recorded") as caught:
        shared.desk.paper(wish(shared, "demand-letter", fields={"principal": "1.00"}), reader=WRITER)
    assert caught.value.facts["field"] == "fields.principal"
    same = shared.desk.paper(wish(shared, "demand-letter", fields={"principal": "2632708.70"}), reader=WRITER)
    assert same.content == shared.desk.paper(wish(shared, "demand-letter"), reader=WRITER).content
    with pytest.raises(InvalidInput):
        shared.desk.paper(wish(shared, "demand-letter", fields={"document_no": "D1"}), reader=WRITER)


def test_a_paper_is_made_in_its_stage_by_who_may_see_the_case(shared: PaperWorld) -> None:
    with pytest.raises(Rejected) as caught:
        shared.desk.paper(Wish("write-off-notice", "WO1"), reader=WRITER)
    assert caught.value.facts["guard"] == "STATE"
    for reader in (STRANGER,):
        with pytest.raises(NotFound):
            shared.desk.paper(wish(shared, "write-off-notice"), reader=reader)
    assert shared.desk.paper(wish(shared, "write-off-notice"), reader=AUDITOR).content
    with pytest.raises(NotFound):
        shared.desk.paper(Wish("no-such-paper", "WO1"), reader=WRITER)
    with pytest.raises(InvalidInput):
        shared.desk.paper(wish(shared, "write-off-notice", aggregate="DebtTransfer"), reader=WRITER)
    with pytest.raises(InvalidInput):
        shared.desk.paper(wish(shared, "write-off-notice", known_at=datetime(2099, 1, 1, tzinfo=UTC)), reader=WRITER)


def test_a_paper_as_it_was_known_then_does_not_change_later(own: PaperWorld) -> None:
    then = own.world.clock.now
    asked = wish(own, "demand-letter", known_at=then)
    before = own.desk.paper(asked, reader=WRITER)
    balances = {"interest_on": "0.00", "interest_off": "60000.00", "penalty": "1000000.00", "compound": "10000.00"}
    own.world.do("CB", "SyncAccrual", day="2024-10-08", as_of="2024-10-08", **balances)
    assert own.desk.paper(asked, reader=WRITER).content == before.content
    today = own.desk.paper(wish(own, "demand-letter"), reader=WRITER)
    assert "1,070,000.00" in text_of(today.content)
    assert "1,070,000.00" not in text_of(before.content)
    counted = own.desk.paper(wish(own, "demand-letter", as_of=date(2024, 10, 7)), reader=WRITER)
    assert "1,065,279.53" in text_of(counted.content)
    assert "二〇二四年十月七日" in text_of(counted.content)
    with pytest.raises(NotFound):  # it was not admitted yet
        own.desk.paper(wish(own, "demand-letter", as_of=date(2024, 9, 4)), reader=WRITER)


def test_a_draft_is_stored_and_the_legal_document_knows_it(own: PaperWorld) -> None:
    asked = wish(own, "litigation-complaint")
    stored, outcome = own.desk.draft(asked, cmd_id="d-1", writer=WRITER)
    assert outcome is not None
    event = outcome.events[0]
    assert (event.aggregate, event.key, event.type) == ("LegalDocument", stored.doc_id, "LegalDocumentGenerated")
    assert event.payload["fields_hash"] == stored.facts["fields_hash"]
    assert event.payload["case_no"] == "SU1"
    assert event.envelope.docs == (stored.doc_id,)
    assert own.papers.attachments.content(stored) == own.desk.paper(asked, reader=WRITER).content
    log = own.world.log_length
    again, repeated = own.desk.draft(asked, cmd_id="d-1", writer=WRITER)
    assert (again, repeated is not None and repeated.repeated) == (stored, True)
    assert own.desk.draft(asked, cmd_id="d-2", writer=WRITER) == (stored, None)  # the very same paper is told already
    assert own.world.log_length == log
    with pytest.raises(Conflict):
        own.desk.draft(wish(own, "pre-suit-plan"), cmd_id="d-1", writer=WRITER)


def test_a_printed_notice_is_recorded_copy_by_copy(own: PaperWorld) -> None:
    asked = wish(own, "write-off-notice")
    first, outcome = own.desk.draft(asked, cmd_id="p-1", writer=WRITER)
    assert outcome is not None
    assert (outcome.events[0].type, outcome.events[0].payload["copy_no"]) == ("WriteOffNoticePrinted", 1)
    same, repeated = own.desk.draft(asked, cmd_id="p-1", writer=WRITER)
    assert (same, repeated is not None and repeated.repeated) == (first, True)
    _, second = own.desk.draft(asked, cmd_id="p-2", writer=WRITER)
    assert second is not None
    assert second.events[0].payload["copy_no"] == 2


def test_who_may_not_tell_the_case_is_refused(own: PaperWorld) -> None:
    log = own.world.log_length
    with pytest.raises(Forbidden):
        own.desk.draft(wish(own, "write-off-notice"), cmd_id="p-1", writer=AUDITOR)
    assert own.world.log_length == log


# --- A bank's own templates ----------------------------------------------------------------------------------------

OWN = """
name = "write-off-notice"
version = {version}
effective_from = {day}
aggregate = "WriteOff"
title = "本行核销通知书"
body = \"\"\"
# 本行核销通知书（第{version}版）
{{{{ {place} }}}} {{{{ document_no }}}}
\"\"\"
"""


def own_desk(shared: PaperWorld, folder: Path) -> Desk:
    attachments = Attachments(folder / "kept", bytes_max=10_000_000)
    return Desk(shared.world.app, Catalogue(folder), attachments, shared.world.clock)


def test_the_newest_version_in_force_on_the_day_is_used(shared: PaperWorld, tmp_path: Path) -> None:
    for version, day in ((2, "2024-01-01"), (3, "2024-10-01")):
        (tmp_path / f"v{version}.toml").write_text(OWN.format(version=version, day=day, place="asset_no"))
    desk = own_desk(shared, tmp_path)
    assert "第2版" in text_of(desk.paper(Wish("write-off-notice", "WO2"), reader=WRITER).content)
    later = Wish("write-off-notice", "WO2", document_on=date(2024, 10, 1))
    assert "第3版" in text_of(desk.paper(later, reader=WRITER).content)
    first = desk.paper(Wish("write-off-notice", "WO2", version=1), reader=WRITER)
    assert first.content == shared.desk.paper(Wish("write-off-notice", "WO2"), reader=WRITER).content


def test_a_word_file_takes_the_place_of_the_text(shared: PaperWorld, tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(OWN.format(version=9, day="2024-01-01", place="asset_no"))
    (tmp_path / "ours.docx").write_bytes(composed("- 甲：{{ asset_no }}", template="ours"))
    desk = own_desk(shared, tmp_path)
    assert text_of(desk.paper(Wish("write-off-notice", "WO2"), reader=WRITER).content) == f"甲：{LOAN}"
    (tmp_path / "ours.docx").write_bytes(b"PK no zip")
    with pytest.raises(InvalidInput, match="Word") as caught:
        desk.paper(Wish("write-off-notice", "WO2"), reader=WRITER)
    assert caught.value.facts["template"] == "write-off-notice"


@pytest.mark.parametrize(
    "place",
    [
        "().__class__.__bases__[0].__subclasses__()",
        "asset_no.__class__.__mro__",
        "range(10**9)",
        "asset_no|nothing",
        "asset_no.nothing",
        "1 +",
    ],
)
def test_a_template_cannot_reach_beyond_its_fields(shared: PaperWorld, tmp_path: Path, place: str) -> None:
    (tmp_path / "bad.toml").write_text(OWN.format(version=9, day="2024-01-01", place=place))
    with pytest.raises(InvalidInput) as caught:
        own_desk(shared, tmp_path).paper(Wish("write-off-notice", "WO2"), reader=WRITER)
    assert caught.value.facts["template"] == "write-off-notice"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("name = ", ""),
        ("name = 'x'\nversion = 1", "name"),
        (OWN.format(version=0, day="2024-01-01", place="asset_no"), "version"),
        (OWN.format(version=2, day="2024-01-01", place="x").replace('"WriteOff"', '"NoKind"'), "aggregate"),
        (OWN.format(version=2, day="2024-01-01", place="x").partition("body")[0], "body"),
    ],
)
def test_a_broken_template_is_named_at_the_start(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / "broken.toml").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        Catalogue(tmp_path)
    assert caught.value.facts["template"] == "broken"
    assert caught.value.facts.get("field", "") == field


def test_a_fact_in_a_loop_that_is_missing_is_named_too(own: PaperWorld) -> None:
    fixture(
        own.world,
        "CommitteeMeeting",
        "MT2",
        "MeetingConvened",
        {"members": ["V1"], "at": "2024-09-23", "mode": "ONSITE"},
    )
    fixture(
        own.world,
        "CommitteeMeeting",
        "MT2",
        "AgendaItemAdded",
        {"item_no": 1, "case_kind": "WRITE_OFF", "case_no": "WO1"},
    )
    fixture(own.world, "CommitteeMeeting", "MT2", "MeetingOpened", {"present": ["V1"]})
    with pytest.raises(MissingField) as caught:  # the item has no resolution yet
        own.desk.paper(Wish("committee-resolution", "MT2", own.entered("committee-resolution")), reader=WRITER)
    assert caught.value.facts["field"] == "eligible"
