"""Crypto-shredding: AES-256-GCM for each personal value, a data key per subject, all wrapped by a master key.

Destroying a subject's keys makes every token of his unreadable, wherever copies lie, and changes no stored byte:
chain, leaves and proofs verify as before (decision E8, spec/platform.md PLT-63). Additional data binds a token to the
event and the field it was sealed for. A nonce is random and drawn once, when the event is written.

    token = U+E000 class form . base64url(key id 16 ‖ event id 16 ‖ nonce 12 ‖ ciphertext and tag) . place U+E001
"""

import hmac
import os
import time
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aggregates.personal_sealing import Subject
from aggregates.personal_tokens import BEGIN, END, ERASED, SEALED_AS, TOKEN, Personal, clear_text
from infra.subject_keys_master import NONCE_BYTES, MasterKey
from infra.subject_keys_store import KeyDatabase, Run

ID_BYTES = 16
HEAD_BYTES = 2 * ID_BYTES + NONCE_BYTES
UNREADABLE = f"{ERASED}?"  # the key store does not know the key: another installation's, or keys were lost
DAMAGED = f"{ERASED}!"  # the token was changed, or stands in another place than it was sealed for
DIGEST, INDEX, SUBJECTS = "digest", "names", "subjects"
GENERATION, MASTER = "generation", "master"
CACHE_MAX = 100_000


@dataclass(frozen=True, slots=True)
class SubjectState:
    """What the key store knows of a subject; `label` is None once erased."""

    token: str
    label: str | None
    keys: int
    destroyed: int


class SubjectKeys:
    """The keeper of keys (`aggregates.personal_sealing.Protection`). Threads may share one."""

    def __init__(
        self,
        database: KeyDatabase,
        master: Callable[[str | None], MasterKey],
        *,
        now_us: Callable[[], int] | None = None,
    ) -> None:
        """`master` gives the master key of a name, or the one in use where there is no name yet."""
        self._database, self._load_master = database, master
        self._master = master(self._state(MASTER))
        self._now_us = now_us or (lambda: time.time_ns() // 1_000)
        self._lock = Lock()
        self._generation = -1
        self._current: dict[Subject, bytes] = {}  # key id by subject, with those it is about
        self._ciphers: dict[bytes, AESGCM | None] = {}  # None: destroyed
        self._secrets = {name: self._secret(name) for name in (DIGEST, INDEX, SUBJECTS)}

    # --- Sealing and opening -------------------------------------------------------------------------------

    def seal(self, subject: Subject, event_id: UUID, field: str, plain: str, kind: Personal, form: str) -> str:
        self._refresh()
        key_id = self._current.get(subject) or self._key_for(subject)
        cipher = self._cipher(key_id)
        if cipher is None:  # erased between the two lines above
            self._current.pop(subject, None)
            return self.seal(subject, event_id, field, plain, kind, form)
        if kind is Personal.NAME:
            self._index(subject, plain)
        nonce = os.urandom(NONCE_BYTES)
        place = key_id + event_id.bytes
        sealed = cipher.encrypt(nonce, plain.encode(), _bound(place, kind.value + form, field))
        return f"{BEGIN}{kind.value}{form}.{_text(place + nonce + sealed)}.{field}{END}"

    def reseal(self, subject: Subject, event_id: UUID, field: str, token: str) -> str:
        found = TOKEN.fullmatch(token)
        if found is None:
            return token
        plain = clear_text(found[3]) if found[2] in SEALED_AS else self.open(*found.groups())
        if plain is None or plain in (UNREADABLE, DAMAGED):
            return token
        return self.seal(subject, event_id, field, plain, Personal(found[1]), SEALED_AS.get(found[2], found[2]))

    def open(self, kind: str, form: str, sealed: str, field: str) -> str | None:
        """The value of a token's parts, None if it was erased. `refresh` first: another process may have erased."""
        try:
            data = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        except (NotBase64, ValueError):
            return DAMAGED
        if len(data) < HEAD_BYTES:
            return DAMAGED
        place, nonce = data[: 2 * ID_BYTES], data[2 * ID_BYTES : HEAD_BYTES]
        try:
            cipher = self._cipher(place[:ID_BYTES])
        except KeyError:
            return UNREADABLE
        if cipher is None:
            return None
        try:
            return cipher.decrypt(nonce, data[HEAD_BYTES:], _bound(place, kind + form, field)).decode()
        except (InvalidTag, UnicodeDecodeError):
            return DAMAGED

    def seal_bytes(self, subject: Subject, place: bytes, plain: bytes) -> bytes:
        """Whole content of a file: key id, nonce, ciphertext; bound to `place`."""
        self._refresh()
        key_id = self._current.get(subject) or self._key_for(subject)
        cipher = self._cipher(key_id)
        assert cipher is not None  # noqa: S101 - made or read a moment ago
        nonce = os.urandom(NONCE_BYTES)
        return key_id + nonce + cipher.encrypt(nonce, plain, key_id + place)

    def open_bytes(self, place: bytes, sealed: bytes) -> bytes | None:
        """None if it was erased. Raises ValueError where it was changed or its key is not known."""
        self._refresh()
        key_id, nonce = sealed[:ID_BYTES], sealed[ID_BYTES : ID_BYTES + NONCE_BYTES]
        try:
            cipher = self._cipher(key_id)
            if cipher is None:
                return None
            return cipher.decrypt(nonce, sealed[ID_BYTES + NONCE_BYTES :], key_id + place)
        except (InvalidTag, KeyError) as error:
            raise ValueError("cannot be opened") from error

    # --- What must not be hashed in clear ------------------------------------------------------------------

    def digest(self, content: bytes) -> bytes:
        return hmac.digest(self._secrets[DIGEST], content, sha256)

    def stream_token(self, subject: Subject, *, create: bool) -> str | None:
        token = self._token(subject)
        if token is None and create:
            with self._database.transaction() as run:
                token = self._subject(run, subject)
        return None if token is None else token.hex()

    def subjects_named(self, name: str) -> list[str]:
        """Subjects that bear exactly this name, as far as they are not erased: `customer:C-1`."""
        rows = self._database.read("SELECT token FROM name_index WHERE hash = ?", (self._name_hash(name),))
        found = [self._label(row[0]) for row in rows]
        return sorted(label for label in found if label)

    # --- Erasing and rotating ------------------------------------------------------------------------------

    def erase(self, subject: Subject, *, made_before_us: int | None = None) -> int:
        """Destroy every key of a subject, and of the texts about several people of whom he is one; forget his names.

        Returns how many keys were destroyed; 0 where none was left. What stays is that a key was destroyed, and when.
        `made_before_us`: only keys older than that, in microseconds since the epoch.
        """
        limit = 2**62 if made_before_us is None else made_before_us
        token = self._token(subject)
        if token is None:
            return 0
        with self._database.transaction() as run:
            tokens = {token, *(row[0] for row in run("SELECT case_token FROM about WHERE token = ?", (token,)))}
            destroyed = 0
            for one in sorted(tokens):
                living = "token = ? AND wrapped IS NOT NULL AND made_us < ?"
                gone = run(f"SELECT key_id FROM data_key WHERE {living}", (one, limit))  # noqa: S608 - our own words
                destroyed += len(gone)
                values = (self._now_us(), one, limit)
                run(f"UPDATE data_key SET wrapped = NULL, destroyed_us = ? WHERE {living}", values)  # noqa: S608
                for (key_id,) in gone:
                    run("UPDATE subject SET key_id = NULL, label = NULL WHERE key_id = ?", (key_id,))
                run("DELETE FROM name_index WHERE token = ?", (one,))
            self._bump(run)
        self._database.scrub()
        self.refresh()
        return destroyed

    def lives(self, subject: Subject, made_before_us: int) -> bool:
        """Whether a key of the subject that was made before an instant still opens anything."""
        statement = "SELECT 1 FROM data_key WHERE token = ? AND wrapped IS NOT NULL AND made_us < ?"
        return bool(self._database.read(statement, (self._token(subject), made_before_us)))

    def rotate(self, new: MasterKey) -> int:
        """Wrap every key again under another master key, all or none; no event is touched. Returns how many."""
        with self._database.transaction() as run:
            count = 0
            for key_id, wrapped in run("SELECT key_id, wrapped FROM data_key WHERE wrapped IS NOT NULL"):
                again = new.wrap(self._master.unwrap(wrapped, key_id), key_id)
                run("UPDATE data_key SET wrapped = ? WHERE key_id = ?", (again, key_id))
                count += 1
            for name, secret in self._secrets.items():
                run("UPDATE secret SET wrapped = ? WHERE name = ?", (new.wrap(secret, name.encode()), name))
            run(
                "INSERT INTO state VALUES ('master', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (new.name,),
            )
            self._bump(run)
        self._database.scrub()
        self._master = new
        self.refresh()
        return count

    def subjects(self) -> list[SubjectState]:
        """All subjects, erased ones without their label."""
        rows = self._database.read(
            "SELECT s.token, COUNT(k.key_id), COUNT(k.destroyed_us) FROM subject s LEFT JOIN data_key k "
            "ON k.token = s.token GROUP BY s.token ORDER BY s.token"
        )
        return [SubjectState(t.hex(), self._label(t), n - gone, gone) for t, n, gone in rows]

    def refresh(self) -> None:
        """Forget cached keys if another process erased, rotated or made some."""
        self._refresh()

    def close(self) -> None:
        self._database.close()

    # --- Keys ----------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        generation = int(self._state(GENERATION) or 0)
        with self._lock:
            if generation == self._generation and len(self._ciphers) <= CACHE_MAX:
                return
            name = self._state(MASTER)
            if name is not None and name != self._master.name:
                self._master = self._load_master(name)
            self._current, self._ciphers, self._generation = {}, {}, generation

    def _cipher(self, key_id: bytes) -> AESGCM | None:
        if key_id in self._ciphers:
            return self._ciphers[key_id]
        rows = self._database.read("SELECT wrapped FROM data_key WHERE key_id = ?", (key_id,))
        if not rows:
            raise KeyError(key_id)
        wrapped = rows[0][0]
        cipher = None if wrapped is None else AESGCM(self._master.unwrap(wrapped, key_id))
        with self._lock:
            self._ciphers[key_id] = cipher
        return cipher

    def _key_for(self, subject: Subject) -> bytes:
        """The subject's living key, made where there is none."""
        with self._database.transaction() as run:
            token = self._subject(run, subject)
            known: bytes | None = run("SELECT key_id FROM subject WHERE token = ?", (token,))[0][0]
            if known is None:
                known = os.urandom(ID_BYTES)
                wrapped = self._master.wrap(AESGCM.generate_key(256), known)
                run("INSERT INTO data_key VALUES (?, ?, ?, ?, NULL)", (known, token, wrapped, self._now_us()))
                values = (known, self._labelled(subject.name, token), token)
                run("UPDATE subject SET key_id = ?, label = ? WHERE token = ?", values)
            for one in subject.about:
                pair = (token, self._subject(run, Subject(one)))
                run("INSERT INTO about VALUES (?, ?) ON CONFLICT DO NOTHING", pair)
        with self._lock:
            self._current[subject] = known
        return known

    def _subject(self, run: Run, subject: Subject) -> bytes:
        hashed = self._hash(SUBJECTS, subject.name)
        if rows := run("SELECT token FROM subject WHERE hash = ?", (hashed,)):
            return bytes(rows[0][0])
        token = os.urandom(ID_BYTES)
        run("INSERT INTO subject VALUES (?, ?, ?, NULL)", (hashed, token, self._labelled(subject.name, token)))
        return token

    def _token(self, subject: Subject) -> bytes | None:
        rows = self._database.read("SELECT token FROM subject WHERE hash = ?", (self._hash(SUBJECTS, subject.name),))
        return bytes(rows[0][0]) if rows else None

    def _label(self, token: bytes) -> str | None:
        rows = self._database.read("SELECT label FROM subject WHERE token = ?", (token,))
        if not rows or rows[0][0] is None:
            return None
        nonce, sealed = rows[0][0][:NONCE_BYTES], rows[0][0][NONCE_BYTES:]
        return AESGCM(self._secrets[SUBJECTS]).decrypt(nonce, sealed, token).decode()

    def _labelled(self, name: str, token: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._secrets[SUBJECTS]).encrypt(nonce, name.encode(), token)

    def _state(self, name: str) -> str | None:
        rows = self._database.read("SELECT value FROM state WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def _index(self, subject: Subject, name: str) -> None:
        values = (self._name_hash(name), self._token(subject))
        if not self._database.read("SELECT 1 FROM name_index WHERE hash = ? AND token = ?", values):
            with self._database.transaction() as run:
                run("INSERT INTO name_index VALUES (?, ?) ON CONFLICT DO NOTHING", values)

    def _name_hash(self, name: str) -> bytes:
        return self._hash(INDEX, "".join(unicodedata.normalize("NFKC", name).casefold().split()))

    def _hash(self, secret: str, text: str) -> bytes:
        return hmac.digest(self._secrets[secret], text.encode(), sha256)

    def _secret(self, name: str) -> bytes:
        with self._database.transaction() as run:
            if rows := run("SELECT wrapped FROM secret WHERE name = ?", (name,)):
                return self._master.unwrap(bytes(rows[0][0]), name.encode())
            secret = os.urandom(32)
            run("INSERT INTO secret VALUES (?, ?)", (name, self._master.wrap(secret, name.encode())))
            return secret

    def _bump(self, run: Run) -> None:
        run("INSERT INTO state VALUES ('generation', '0') ON CONFLICT DO NOTHING")
        run("UPDATE state SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'generation'")


def _bound(place: bytes, marks: str, field: str) -> bytes:
    """Additional data: key, event, class and form, field."""
    return place + marks.encode() + field.encode()


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
