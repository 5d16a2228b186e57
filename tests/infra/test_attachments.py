"""The attachments' store: what is taken in, that nothing is overwritten, who may read, that damage is named."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from aggregates.envelope import Principal
from engines.primitives.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from infra.attachments import Attachment, Attachments, DamagedAttachment
from infra.media_types import CSV, DOCX, OFD, PLAIN, XLSX

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANAGER = Principal("U-118", ("AM",), "-", ("BANK-A",))
GROUP = Principal("U-301", ("HA",), "-", ("*",))
AUDITOR = Principal("U-601", ("IA",), "-", ("*",))
STRANGER = Principal("U-9", ("AM",), "-", ("BANK-B",))
NOBODY = Principal("U-0", (), "-", ("*",))
PDF = b"%PDF-1.7\n" + b"x" * 100


@pytest.fixture
def store(tmp_path: Path) -> Attachments:
    return Attachments(tmp_path / "attachments", bytes_max=10_000)


def package(*names: str) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name in names:
            target.writestr(name, b"<x/>")
    return made.getvalue()


def add(store: Attachments, data: bytes = PDF, name: str = "合同 1.pdf", **changes: object) -> Attachment:
    given: dict[str, object] = {"writer": MANAGER, "entity": "BANK-A", "at": AT} | changes
    return store.add([data[:40], data[40:]], name, **given)  # type: ignore[arg-type]


def blob(store: Attachments, found: Attachment) -> Path:
    return store.folder / "sha256" / found.sha256[:2] / found.sha256[2:4] / found.sha256


def test_a_file_is_kept_by_its_digest_and_comes_back_whole(store: Attachments) -> None:
    found = add(store)
    assert found.reference() == {
        "doc_id": found.doc_id,
        "sha256": found.sha256,
        "name": "合同 1.pdf",
        "size": len(PDF),
        "media_type": "application/pdf",
    }
    assert store.content(store.attachment(found.doc_id, reader=MANAGER)) == PDF
    assert blob(store, found).read_bytes() == PDF
    assert blob(store, found).stat().st_mode & 0o077 == 0
    assert list((store.folder / "incoming").iterdir()) == []


def test_the_same_again_is_the_same_and_an_id_never_changes_hands(store: Attachments) -> None:
    first = add(store)
    assert add(store, at=datetime(2027, 1, 1, tzinfo=UTC)) == first
    assert add(store, name="other.pdf").doc_id != first.doc_id
    own = add(store, doc_id="CONTRACT-1")
    assert own.doc_id == "CONTRACT-1"
    for changes in ({"data": PDF + b"!"}, {"name": "other.pdf"}, {"entity": "BANK-B", "writer": GROUP}):
        with pytest.raises(Conflict):
            add(store, doc_id="CONTRACT-1", **changes)  # type: ignore[arg-type]
    assert store.content(own) == PDF


def test_of_many_at_once_one_wins_and_all_agree(store: Attachments) -> None:
    def one(number: int) -> str:
        try:
            return add(store, PDF + bytes([65 + number % 2]), doc_id="RACE").sha256
        except Conflict:
            return ""

    with ThreadPoolExecutor(8) as threads:
        told = set(threads.map(one, range(16))) - {""}
    assert told == {store.attachment("RACE", reader=MANAGER).sha256}


def test_who_may_store_and_who_may_read(store: Attachments) -> None:
    found = add(store)
    assert store.attachment(found.doc_id, reader=AUDITOR) == found
    for writer, entity in ((AUDITOR, "BANK-A"), (STRANGER, "BANK-A"), (NOBODY, "BANK-A")):
        with pytest.raises(Forbidden):
            add(store, writer=writer, entity=entity)
    with pytest.raises(NotFound):
        store.attachment(found.doc_id, reader=STRANGER)
    with pytest.raises(NotFound):
        store.attachment("../" * 5 + "etc/passwd", reader=AUDITOR)
    with pytest.raises(Forbidden):
        store.attachment(found.doc_id, reader=NOBODY)


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_file_is_an_error_that_names_it(store: Attachments, damage: str) -> None:
    found, other = add(store), add(store, PDF + b"2", "other.pdf")
    path = blob(store, found)
    if damage == "gone":
        path.unlink()
    else:
        path.chmod(0o600)
        path.write_bytes(PDF[:-1] if damage == "cut" else PDF[:-1] + b"y")
    with pytest.raises(DamagedAttachment, match=found.doc_id) as caught:
        store.content(found)
    assert caught.value.facts["doc_id"] == found.doc_id
    if damage != "gone":
        with pytest.raises(DamagedAttachment):  # what is sent again does not hide it
            add(store)
    checked, faults = store.check()
    assert (checked, [fault.facts["doc_id"] for fault in faults]) == (2, [found.doc_id])
    assert store.content(other) == PDF + b"2"


def test_a_damaged_record_is_named_too(store: Attachments) -> None:
    add(store)
    record = next((store.folder / "records").iterdir())
    record.write_bytes(b"{")
    assert [fault.facts["record"] for fault in store.check()[1]] == [record.name]


def test_too_much_is_refused_on_the_way_and_leaves_nothing(store: Attachments) -> None:
    taken = []

    def endless() -> object:
        while True:
            taken.append(1)
            yield b"%PDF-" + b"x" * 995

    with pytest.raises(InvalidInput, match="10000"):
        store.add(endless(), "a.pdf", writer=MANAGER, entity="BANK-A", at=AT)  # type: ignore[arg-type]
    assert len(taken) == 11
    with pytest.raises(InvalidInput, match="empty"):
        add(store, b"")
    assert list((store.folder / "incoming").iterdir()) == []
    assert not (store.folder / "sha256").exists()


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("a.PDF", PDF, "application/pdf"),
        ("a.png", b"\x89PNG\r\n\x1a\n0", "image/png"),
        ("a.jpeg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.tif", b"II*\x00", "image/tiff"),
        ("a.docx", package("[Content_Types].xml", "word/document.xml"), DOCX),
        ("a.xlsx", package("xl/workbook.xml"), XLSX),
        ("发票.ofd", package("OFD.xml"), OFD),
        ("a.txt", "说明\r\n".encode(), PLAIN),
        ("a.csv", "借据号\n".encode("gb18030"), CSV),
    ],
)
def test_what_is_taken(store: Attachments, name: str, data: bytes, media_type: str) -> None:
    assert add(store, data, name).media_type == media_type


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.exe", b"MZ\x90\x00"),
        ("a.pdf", b"MZ\x90\x00"),
        ("a.pdf", b"\x7fELF"),
        ("a.sh", b"#!/bin/sh\n"),
        ("a.html", b"<html>"),
        ("a.svg", b"<svg/>"),
        ("a.txt", b"\x00\x01"),
        ("a.txt", b"\xff\xff\xff"),
        ("a.zip", package("a.txt")),
        ("a.docx", package("word/document.xml", "word/vbaProject.bin")),
        ("a.docx", package("xl/workbook.xml")),
        ("a.docx", b"PK\x03\x04 no zip"),
        ("a.exe", PDF),
        ("pdf", PDF),
        ("", PDF),
        (".pdf", PDF),
        ("a\n.pdf", PDF),
        ("a" * 200 + ".pdf", PDF),
    ],
)
def test_what_is_refused(store: Attachments, name: str, data: bytes) -> None:
    with pytest.raises(InvalidInput):
        add(store, data, name)
    assert store.check() == (0, [])


def test_a_name_loses_its_folders(store: Attachments) -> None:
    assert add(store, name="C:\\Users\\x\\..\\证据.pdf").name == "证据.pdf"
    assert add(store, name="../../etc/证据.pdf").name == "证据.pdf"


def test_a_package_that_unpacks_to_too_much_is_refused(store: Attachments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.media_types.ENTRIES_MAX", 3)
    with pytest.raises(InvalidInput, match="unpacks"):
        add(store, package("OFD.xml", "1", "2", "3"), "a.ofd")


def test_a_folder_that_refuses_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        add(Attachments(tmp_path / "file", bytes_max=1_000))


def test_a_request_keeps_its_first_document(store: Attachments) -> None:
    found = add(store)
    assert store.of_request(MANAGER, "c-1") is None
    assert store.remember_request(MANAGER, "c-1", found.doc_id) == found.doc_id
    assert store.remember_request(MANAGER, "c-1", "other") == found.doc_id
    assert store.of_request(MANAGER, "c-1") == found
    assert store.of_request(GROUP, "c-1") is None
