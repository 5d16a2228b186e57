"""The ledgers' book on disk: immutable, checksummed files `ledgers/book-<position>.tml`, the newest that fits counts.

A file is a SHA-256, the length of its head, the head (JSON: format, digest of the ledgers' tables, position, texts,
what is remembered, names and shapes of the arrays) and the arrays' bytes. One that is torn, damaged, of other tables
or of another log is thrown away and the book is folded again from the log: it holds nothing that the log does not.
"""

import hashlib
import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from infra.files import write_atomically
from projections.ledgers.book import LedgerBook
from projections.ledgers.effects import Effects
from projections.ledgers.event_log import EventLog
from projections.ledgers.names import Names
from projections.ledgers.registry import LEDGERS

FORMAT = 2  # raise it when the fold changes and the tables do not
KEPT = 2
_LENGTH = struct.Struct(">Q")
_DIGEST = 32
logger = structlog.get_logger(__name__)


class LedgerStore:
    """`directory` holds the files of one log."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def load(self) -> LedgerBook | None:
        """The newest book that is whole and was made with today's tables; the others are removed."""
        for path in reversed(self._files()):
            book = None
            with suppress(OSError):
                book = unpacked(path.read_bytes())
            if book is not None:
                return book
            logger.warning("ledgers_discarded", file=path.name)
            with suppress(OSError):
                path.unlink()
        return None

    def save(self, book: LedgerBook) -> None:
        """Keep a book as it is now. Raises Unavailable: the disk refuses."""
        write_atomically(self._directory / f"book-{book.position:020d}.tml", packed(book))
        for path in self._files()[:-KEPT]:
            with suppress(OSError):
                path.unlink()

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob("book-*.tml"))


def packed(book: LedgerBook) -> bytes:
    """A book as bytes."""
    arrays = {f"log/{name}": values for name, values in book.log.arrays().items()}
    for ledger, effects in book.effects.items():
        arrays |= {f"{ledger}/{name}": values for name, values in effects.arrays().items()}
    head = {
        "format": FORMAT,
        "tables": tables_digest(),
        "position": book.position,
        "names": book.names.texts,
        "facts": book.memory.facts,
        "parents": book.memory.parents,
        "arrays": [[name, len(values)] for name, values in arrays.items()],
    }
    told = json.dumps(head, ensure_ascii=False).encode()
    body = b"".join([_LENGTH.pack(len(told)), told, *(v.astype("<i8").tobytes() for v in arrays.values())])
    return hashlib.sha256(body).digest() + body


def unpacked(data: bytes) -> LedgerBook | None:
    """What `packed` gave; None if these bytes are not that, or of other tables."""
    body = data[_DIGEST:]
    if len(data) < _DIGEST + _LENGTH.size or hashlib.sha256(body).digest() != data[:_DIGEST]:
        return None
    start = _LENGTH.size + _LENGTH.unpack_from(body)[0]
    head: dict[str, Any] = json.loads(body[_LENGTH.size : start])
    if (head["format"], head["tables"]) != (FORMAT, tables_digest()):
        return None
    arrays: dict[str, dict[str, NDArray[np.int64]]] = {}
    for name, length in head["arrays"]:
        part, _, column = name.partition("/")
        values = np.frombuffer(body, "<i8", length, start).astype(np.int64)
        arrays.setdefault(part, {})[column] = values
        start += 8 * length
    book = LedgerBook()
    book.names = Names(head["names"])
    book.memory.facts, book.memory.parents = head["facts"], head["parents"]
    book.log = EventLog(book.names, arrays.pop("log"))
    book.effects = {ledger: Effects.of(columns) for ledger, columns in arrays.items()}
    return book


def tables_digest() -> str:
    """Of everything that the ledgers' tables say: another table makes another book."""
    told = [
        (
            ledger.name,
            ledger.numbers,
            [(one.name, one.column.kind, one.gather, one.exact) for one in ledger.fields],
            [
                (
                    rule.aggregate, rule.event, rule.rows, rule.makes, rule.corrects, rule.when,
                    [action.text for action in rule.actions],
                    None if rule.special is None else [rule.special.__qualname__, rule.special.__doc__],
                )
                for rule in ledger.rules
            ],
        )
        for ledger in LEDGERS.values()
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
