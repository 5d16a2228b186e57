"""Attachments by their document id: written once, never overwritten, checked by their digest at every reading.

`sealed/…` holds bytes, `records/<digest of doc_id>.json` what a document id stands for, `requests/…` which request
made it. With keys the first two are ciphertext under the document's own key: destroying that erases the paper (E8).
Without keys, and from before there were any, `sha256/ab/cd/<digest>` holds bytes in clear. Files appear under their
names whole or not at all. One local folder; several hosts share it by a file system that knows hard links. Not for
deciding who may ask what of a case: a record names the entity it is of.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from aggregates.envelope import ROLES, Principal
from aggregates.event_view import instant
from aggregates.payload import check_id, check_text, wrong
from engines.primitives.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from infra.attachment_sealing import is_sealed, opened_bytes, sealed_segments
from infra.files import read_bytes_or_none
from infra.media_types import media_type
from infra.subject_keys import SubjectKeys

CHUNK_BYTES = 1_048_576
NAME_LENGTH_MAX = 200
READ_ONLY_ROLES = frozenset({"IA", "OP"})  # audit and operations look on


class ErasedAttachment(NotFound):
    """The key of the document was destroyed: its content is gone for good, and that is as it should be."""

    code = "erased"


class DamagedAttachment(Unavailable):
    """The stored bytes are gone or no longer what was stored: restore them from a copy."""

    code = "damaged-attachment"


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a document id stands for. `facts`: what made it, where it was not uploaded."""

    doc_id: str
    sha256: str
    name: str
    size: int
    media_type: str
    entity: str
    uploaded_by: str
    at: str
    facts: Mapping[str, str] = field(default_factory=dict)

    def reference(self) -> dict[str, Any]:
        """What a command's `docs` and its reader need to know."""
        return {name: getattr(self, name) for name in ("doc_id", "sha256", "name", "size", "media_type")}


class Attachments:
    def __init__(self, folder: Path, *, bytes_max: int, keys: SubjectKeys | None = None) -> None:
        self.folder, self.bytes_max, self.keys = folder, bytes_max, keys

    # --- Writing -------------------------------------------------------------------------------------------

    def add(
        self,
        chunks: Iterable[bytes],
        name: str,
        *,
        writer: Principal,
        entity: str,
        at: datetime,
        doc_id: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Attachment:
        """Store a file of one entity under a document id, by default one that follows from entity, name and content.

        The same again returns what is there. Raises InvalidInput (name, size, kind of file), Forbidden (a role that
        only reads, another's entity), Conflict (the id stands for something else), Unavailable (the disk refuses).
        """
        self._check_writer(writer, entity)
        name = safe_name(name)
        with _translated(), self._received(chunks, self.bytes_max) as (path, digest, size):
            kind = media_type(path, name)
            made = sha256(f"{entity}\n{name}\n{digest}".encode()).hexdigest()
            found = Attachment(
                doc_id=check_id(doc_id, "doc_id") if doc_id else f"A{made[:24]}",
                sha256=digest,
                name=name,
                size=size,
                media_type=kind,
                entity=entity,
                uploaded_by=writer.actor,
                at=instant(at),
                facts=dict(facts or {}),
            )
            if not self._keep_content(path, found):
                with self.opened(found):  # these bytes are here already: are they still what they were?
                    pass
            known = self._record(found.doc_id) or self._put_record(found)
            # To another entity's person a taken id is only taken.
            if (known.sha256, known.entity, known.name) != (digest, entity, name):
                raise Conflict("this document id stands for something else", field="doc_id", doc_id=found.doc_id)
            return known

    def known(self, doc_id: str) -> Attachment | None:
        """What an id stands for, whoever asks: for writing under the same id again."""
        return self._record(doc_id)

    def remember_request(self, writer: Principal, cmd_id: str, doc_id: str) -> str:
        """Tie a request to the document it led to; returns the document of the first such request."""
        path = self._request(writer, cmd_id)
        with _translated():
            self._write_once(path, doc_id.encode())
        return (read_bytes_or_none(path) or b"").decode()

    def of_request(self, writer: Principal, cmd_id: str) -> Attachment | None:
        doc_id = read_bytes_or_none(self._request(writer, cmd_id))
        return None if doc_id is None else self._record(doc_id.decode())

    # --- Reading -------------------------------------------------------------------------------------------

    def attachment(self, doc_id: str, *, reader: Principal) -> Attachment:
        """Raises NotFound for what does not exist and for another entity's, Forbidden without a role."""
        if not any(role in ROLES for role in reader.roles):
            raise Forbidden(f"{reader.actor} holds no role", guard="ROLE")
        found = self._record(doc_id)
        if found is None or not reader.may_act_for(found.entity):
            raise NotFound(f"no attachment {doc_id!r:.80}", doc_id=doc_id[:80])
        return found

    @contextmanager
    def opened(self, found: Attachment) -> Iterator[BinaryIO]:
        """The bytes, after all of them were hashed again. Raises DamagedAttachment, naming the file."""
        try:
            sealed = self._sealed_blob(found)
            file = self._unsealed(found, sealed) if sealed.exists() else self._blob(found.sha256).open("rb")
        except OSError as error:
            raise _damaged(found, "is not there") from error
        with file:
            if _digest(file) != found.sha256:
                raise _damaged(found, "no longer has the content it was stored with")
            file.seek(0)
            yield file

    def content(self, found: Attachment) -> bytes:
        with self.opened(found) as file:
            return file.read()

    def check(self) -> tuple[int, list[DamagedAttachment]]:
        """How many attachments there are, and what is wrong with those that are damaged."""
        count, faults = 0, []
        for path in sorted((self.folder / "records").glob("*.json")):
            count += 1
            try:
                with self.opened(self._read_record(path, path.read_bytes())):
                    pass
            except ErasedAttachment:
                continue  # as somebody wished
            except DamagedAttachment as error:
                faults.append(error)
        return count, faults

    # --- Files ---------------------------------------------------------------------------------------------

    @contextmanager
    def _received(self, chunks: Iterable[bytes], bytes_max: int) -> Iterator[tuple[Path, str, int]]:
        incoming = self.folder / "incoming"
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=incoming)  # mode 600
        path, size, digest = Path(temporary), 0, sha256()
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    size += len(chunk)
                    if size > bytes_max:
                        raise InvalidInput(f"want at most {bytes_max} bytes", field="file")
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if size == 0:
                raise InvalidInput("the file is empty", field="file")
            yield path, digest.hexdigest(), size
        finally:
            path.unlink(missing_ok=True)

    def _keep(self, path: Path, target: Path) -> bool:
        """Give a finished file its name; False where the name is taken, which a rename would replace."""
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.link(path, target)
        except FileExistsError:
            return False
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return True

    def _keep_content(self, path: Path, found: Attachment) -> bool:
        """False where the content is there already."""
        if self.keys is None:
            return self._keep(path, self._blob(found.sha256))
        target = self._sealed_blob(found)
        if target.exists():
            return False
        with path.open("rb") as source:
            segments = sealed_segments(self.keys, found.doc_id, found.sha256.encode(), source)
            with self._received(segments, 2 * self.bytes_max + CHUNK_BYTES) as (sealed, _, _):
                return self._keep(sealed, target)

    def _unsealed(self, found: Attachment, path: Path) -> BinaryIO:
        with path.open("rb") as source:
            try:
                content = opened_bytes(self.keys, found.sha256.encode(), source)
            except ValueError as error:
                raise _damaged(found, str(error)) from error
        if content is None:
            raise _erased(found.doc_id)
        return BytesIO(content)

    def _write_once(self, target: Path, data: bytes) -> None:
        with self._received([data], len(data)) as (path, _, _):
            self._keep(path, target)

    def _put_record(self, found: Attachment) -> Attachment:
        path, data = self._record_path(found.doc_id), msgspec.json.encode(asdict(found))
        if self.keys is not None:
            data = b"".join(sealed_segments(self.keys, found.doc_id, path.name.encode(), BytesIO(data)))
        self._write_once(path, data)
        return self._record(found.doc_id) or found

    def _record(self, doc_id: str) -> Attachment | None:
        path = self._record_path(doc_id)
        data = read_bytes_or_none(path)
        return None if data is None else self._read_record(path, data)

    def _read_record(self, path: Path, data: bytes) -> Attachment:
        """Raises ErasedAttachment, DamagedAttachment."""
        if not is_sealed(data):
            return _decoded(data, path.name)
        try:
            plain = opened_bytes(self.keys, path.name.encode(), BytesIO(data))
        except ValueError as error:
            raise DamagedAttachment(f"the record {path.name} {error}", record=path.name) from error
        if plain is None:
            raise _erased(path.stem)
        return _decoded(plain, path.name)

    def _record_path(self, doc_id: str) -> Path:
        # A document id may hold any letters, dots too: its digest is a file name that cannot climb.
        return self.folder / "records" / f"{sha256(doc_id.encode(errors='surrogatepass')).hexdigest()}.json"

    def _request(self, writer: Principal, cmd_id: str) -> Path:
        return self.folder / "requests" / sha256(f"{writer.actor}\n{cmd_id}".encode()).hexdigest()

    def _sealed_blob(self, found: Attachment) -> Path:
        name = sha256(f"{found.doc_id}\n{found.sha256}".encode(errors="surrogatepass")).hexdigest()
        return self.folder / "sealed" / name[:2] / name

    def _blob(self, digest: str) -> Path:
        return self.folder / "sha256" / digest[:2] / digest[2:4] / digest

    def _check_writer(self, writer: Principal, entity: str) -> None:
        if not any(role in ROLES and role not in READ_ONLY_ROLES for role in writer.roles):
            raise Forbidden(f"{writer.actor} holds no role that keeps papers", guard="ROLE")
        if not writer.may_act_for(check_id(entity, "entity")):
            raise Forbidden(f"{writer.actor} may not act for {entity}", guard="ENTITY", field="entity")


def safe_name(name: str) -> str:
    """A file's own name, without the folders that some browsers send. Raises InvalidInput."""
    own = check_text(name, "name").replace("\\", "/").rpartition("/")[2].strip()
    if not own or own.startswith(".") or "\n" in own or len(own) > NAME_LENGTH_MAX:
        raise wrong("name", f"want a file name of at most {NAME_LENGTH_MAX} characters")
    return own


def _digest(file: BinaryIO) -> str:
    digest = sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _decoded(data: bytes, file: str) -> Attachment:
    try:
        return msgspec.json.decode(data, type=Attachment)
    except msgspec.DecodeError as error:
        raise DamagedAttachment(f"the record {file} cannot be read", record=file) from error


def _erased(name: str) -> ErasedAttachment:
    return ErasedAttachment(f"attachment {name} was erased", doc_id=name)


def _damaged(found: Attachment, how: str) -> DamagedAttachment:
    return DamagedAttachment(
        f"attachment {found.doc_id} ({found.name}) {how}", doc_id=found.doc_id, sha256=found.sha256
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the attachments' folder refuses: {error.strerror}") from error
