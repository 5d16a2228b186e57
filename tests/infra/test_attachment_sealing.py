"""Papers at rest are ciphertext, and erasing a document's key leaves nothing to read."""

from pathlib import Path

import pytest

from aggregates.envelope import Principal
from engines.primitives.errors import Conflict
from infra.attachment_sealing import SEGMENT_BYTES, document_subject
from infra.attachments import Attachment, Attachments, DamagedAttachment, ErasedAttachment
from tests.aggregates.world import ENTITY, Clock
from tests.privacy_world import PLANTED, subject_keys

WRITER = Principal("U-118", ("AM",), "-", (ENTITY,))


@pytest.fixture
def store(tmp_path: Path) -> Attachments:
    return Attachments(tmp_path / "attachments", bytes_max=4_000_000, keys=subject_keys(tmp_path))


def add(store: Attachments, content: bytes, doc_id: str = "D-1") -> Attachment:
    return store.add([content], f"{PLANTED}.txt", writer=WRITER, entity=ENTITY, at=Clock()(), doc_id=doc_id)


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("size", [1, SEGMENT_BYTES - 1, SEGMENT_BYTES, 2 * SEGMENT_BYTES + 5])
def test_content_and_name_lie_sealed_and_are_read_again(store: Attachments, size: int) -> None:
    content = (PLANTED.encode() * (size // 10 + 1))[: max(size, 15)]
    found = add(store, content)
    assert store.content(store.attachment("D-1", reader=WRITER)) == content
    assert add(store, content) == found  # the same again is what is there
    assert PLANTED.encode() not in bytes_of(store.folder)
    assert store.check() == (1, [])


def test_erasing_one_document_leaves_the_same_content_under_another_id(store: Attachments) -> None:
    first, second = add(store, PLANTED.encode(), "D-1"), add(store, PLANTED.encode(), "D-2")
    assert store.keys is not None
    assert store.keys.erase(document_subject("D-1")) == 1
    with pytest.raises(ErasedAttachment):
        store.attachment("D-1", reader=WRITER)
    with pytest.raises(ErasedAttachment):
        store.content(first)
    assert store.content(second) == PLANTED.encode()
    assert store.check() == (2, [])


def test_an_id_stands_for_one_content(store: Attachments) -> None:
    add(store, b"one")
    with pytest.raises(Conflict):
        add(store, b"another")


@pytest.mark.parametrize("how", ["flip", "cut", "swap"])
def test_changed_files_are_damaged(store: Attachments, how: str) -> None:
    found = add(store, b"x" * (2 * SEGMENT_BYTES + 9))
    (path,) = [path for path in (store.folder / "sealed").rglob("*") if path.is_file()]
    data = path.read_bytes()
    # The last segment: its length, key id, nonce, nine bytes and a tag.
    last = (16 + 12 + 9 + 16).to_bytes(4, "big")
    changed = {
        "flip": data[:-1] + bytes([data[-1] ^ 1]),
        "cut": data[: data.rindex(last)],
        "swap": data.replace(data[30:60], data[60:90], 1),
    }[how]
    path.chmod(0o600)
    path.write_bytes(changed)
    with pytest.raises(DamagedAttachment):
        store.content(found)


def test_papers_from_before_there_were_keys_are_read(tmp_path: Path) -> None:
    old = Attachments(tmp_path / "attachments", bytes_max=1_000)
    found = add(old, b"old paper")
    now = Attachments(tmp_path / "attachments", bytes_max=1_000, keys=subject_keys(tmp_path))
    assert now.content(now.attachment("D-1", reader=WRITER)) == b"old paper"
    assert now.attachment("D-1", reader=WRITER) == found
