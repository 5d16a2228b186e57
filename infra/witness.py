"""Witnesses of the log's heads: the client of C2SP tlog-witness, and what a small witness of our own keeps.

A witness remembers the newest head that it has seen of each log and cosigns another only if that one's tree begins
with the old one. So nobody, not even with the log's key, can show two histories to two auditors who ask for the same
witness's line. Source: c2sp.org/tlog-witness (add-checkpoint), c2sp.org/tlog-cosignature (version 1).
"""

import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engines.primitives.errors import Conflict, InvalidInput, NotFound, Unavailable
from infra.checkpoint import (
    COSIGNATURE,
    Checkpoint,
    SignatureLine,
    Vkey,
    cosign,
    decoded,
    encoded,
    public_bytes,
    signature_lines,
)
from infra.merkle import verify_consistency

TIMEOUT_S = 5.0
BODY_MAX = 65_536
PROOF_MAX = 63
SIZE_TYPE = "text/x.tlog.size"

Prove = Callable[[int, int], Sequence[bytes]]
"""The consistency proof from one size to another."""


class Fork(Conflict):
    """A witness knows another history under the same name: two logs are shown to two people."""

    code = "log-forked"


def add_checkpoint(url: str, vkey: Vkey, checkpoint: Checkpoint, old_size: int, prove: Prove) -> SignatureLine:
    """Ask a witness for its line under a checkpoint; `old_size` is what it is believed to know.

    Raises Fork (it knows more than this log has, or another history), Unavailable (no answer, no line that holds).
    """
    for _ in range(2):  # the second time with the size that the witness says it knows
        body = request_body(old_size, prove(old_size, checkpoint.size), checkpoint)
        status, content, kind = _post(f"{url}/add-checkpoint", body.encode())
        if status == 409 and kind == SIZE_TYPE and content.strip().isdigit() and int(content) != old_size:
            old_size = int(content)
            if old_size > checkpoint.size:
                raise Fork("a witness has seen a longer log of this name", size=old_size, url=url)
            continue
        if status == 200:
            return _line_of(content, vkey, checkpoint, url)
        if status in (409, 422):
            raise Fork("a witness has seen another history of this log", size=old_size, url=url)
        raise Unavailable("a witness refused the head", url=url, status=status)
    raise Unavailable("a witness contradicts itself", url=url)


def latest_of(url: str, origin: str) -> Checkpoint:
    """The newest head that a witness of ours knows (tlog-witness leaves reading open: this path is our own).

    Raises NotFound (it does not know the log), Unavailable (no answer).
    """
    name = sha256(origin.encode()).hexdigest()
    try:
        with urlopen(Request(f"{url.rstrip('/')}/latest/{name}"), timeout=TIMEOUT_S) as answer:  # noqa: S310
            return Checkpoint.parse(answer.read(BODY_MAX).decode())
    except HTTPError as error:
        error.close()
        if error.code == 404:
            raise NotFound("the witness knows no head of this log", url=url) from error
        raise Unavailable("the witness does not answer", url=url, status=error.code) from error
    except (URLError, OSError, UnicodeDecodeError) as error:
        raise Unavailable("the witness does not answer", url=url) from error


def request_body(old_size: int, proof: Sequence[bytes], checkpoint: Checkpoint) -> str:
    return f"old {old_size}\n" + "".join(f"{encoded(one)}\n" for one in proof) + f"\n{checkpoint}"


def _post(url: str, body: bytes) -> tuple[int, str, str]:
    if not url.startswith(("http://", "https://")):
        raise InvalidInput("a witness has an http or https address", field="witness")
    try:
        with urlopen(Request(url, body), timeout=TIMEOUT_S) as answer:  # noqa: S310
            return answer.status, answer.read(BODY_MAX).decode(), answer.headers.get_content_type()
    except HTTPError as error:
        with error:
            return error.code, error.read(BODY_MAX).decode(errors="replace"), error.headers.get_content_type()
    except (URLError, OSError, UnicodeDecodeError) as error:
        raise Unavailable("a witness does not answer", url=url) from error


def _line_of(content: str, vkey: Vkey, checkpoint: Checkpoint, url: str) -> SignatureLine:
    for line in signature_lines(content):
        if (line.name, line.key_id) == (vkey.name, vkey.key_id) and checkpoint.with_lines([line]).is_signed_by(vkey):
            return line
    raise Unavailable("a witness answered without a line of its key that holds", url=url)


# --- A witness of our own ---------------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    body: str
    content_type: str = "text/plain"


@dataclass
class WitnessStore:
    """What one witness has seen, in a SQLite file of its own. `logs`: the keys it believes, by origin."""

    path: Path
    name: str
    key: Ed25519PrivateKey
    logs: Sequence[Vkey]

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._opened() as rows:
            rows.execute(
                "CREATE TABLE IF NOT EXISTS seen (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, note TEXT)"
            )
            rows.execute("CREATE TABLE IF NOT EXISTS refused (seen_at INTEGER, why TEXT, request TEXT)")

    @property
    def vkey(self) -> Vkey:
        return Vkey(self.name, public_bytes(self.key), COSIGNATURE)

    def add_checkpoint(self, body: str, now_s: int) -> Answer:
        """One request of tlog-witness. What was signed by the log and does not fit is kept: it is evidence."""
        try:
            old_size, proof, checkpoint = parsed(body)
        except InvalidInput as error:
            return Answer(400, f"{error}\n")
        return self._unless_ours(old_size, checkpoint) or self._cosigned(old_size, proof, checkpoint, body, now_s)

    def _unless_ours(self, old_size: int, checkpoint: Checkpoint) -> Answer | None:
        known = [key for key in self.logs if key.name == checkpoint.origin]
        if not known:
            return Answer(404, "this log is not known here\n")
        if not any(checkpoint.is_signed_by(key) for key in known):
            return Answer(403, "no key of this log signed the checkpoint\n")
        return Answer(400, "the old size exceeds the checkpoint's\n") if old_size > checkpoint.size else None

    def _cosigned(
        self, old_size: int, proof: Sequence[bytes], checkpoint: Checkpoint, body: str, now_s: int
    ) -> Answer:
        with self._opened() as rows:
            rows.execute("BEGIN IMMEDIATE")  # looking and keeping are one step, or two requests roll each other back
            row = rows.execute("SELECT size, note FROM seen WHERE origin = ?", (checkpoint.origin,)).fetchone()
            size = row[0] if row else 0
            if size != old_size:
                return Answer(409, f"{size}\n", SIZE_TYPE)
            if row is not None and (answer := self._unless_grown(Checkpoint.parse(row[1]), checkpoint, proof)):
                refusal = (now_s, answer.body.strip(), body)
                rows.execute("INSERT INTO refused VALUES (?, ?, ?)", refusal)
                rows.execute("COMMIT")
                return answer
            if row is None and proof:
                return Answer(422, "a first head has no proof\n")
            line = cosign(self.key, self.name, checkpoint, now_s)
            note = str(checkpoint.with_lines([line]))
            rows.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (checkpoint.origin, checkpoint.size, note))
            rows.execute("COMMIT")
        return Answer(200, str(line))

    def latest(self, origin_hash: str) -> Answer:
        if re.fullmatch("[0-9a-f]{64}", origin_hash):
            with self._opened() as rows:
                for origin, note in rows.execute("SELECT origin, note FROM seen"):
                    if sha256(origin.encode()).hexdigest() == origin_hash:
                        return Answer(200, note)
        return Answer(404, "no head of such a log\n")

    def refusals(self) -> list[dict[str, object]]:
        """Requests that the log signed and that do not fit what was seen before."""
        with self._opened() as rows:
            found = rows.execute("SELECT seen_at, why, request FROM refused ORDER BY seen_at").fetchall()
        return [dict(zip(("seen_at", "why", "request"), row, strict=True)) for row in found]

    def _unless_grown(self, seen: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> Answer | None:
        if seen.size == new.size:
            return None if seen.root == new.root and not proof else Answer(409, "another root of the same size\n")
        if not verify_consistency(seen.size, new.size, proof, seen.root, new.root):
            return Answer(422, "the tree seen before is not the beginning of this one\n")
        return None

    def _opened(self) -> "_Rows":
        return _Rows(self.path)


class _Rows:
    """A connection for one request: closed, and what was not committed rolled back, at the end."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._connection.execute("PRAGMA synchronous=FULL")

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def parsed(body: str) -> tuple[int, list[bytes], Checkpoint]:
    """Old size, proof and checkpoint of a request. Raises InvalidInput."""
    head, blank, note = body.partition("\n\n")
    first, *lines = head.split("\n")
    matched = re.fullmatch(r"old (0|[1-9][0-9]{0,18})", first)
    if matched is None or not blank or len(lines) > PROOF_MAX or len(body) > BODY_MAX:
        raise InvalidInput("want `old SIZE`, proof lines, an empty line and a checkpoint", field="body")
    return int(matched[1]), [decoded(line, "body") for line in lines], Checkpoint.parse(note)


def shown(refusals: Sequence[dict[str, object]]) -> str:
    return json.dumps(refusals, ensure_ascii=False, indent=2)
