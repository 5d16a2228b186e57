"""The keeper of keys on SQLite and PostgreSQL: what one process erases no other opens; rotation touches no token."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.personal_sealing import Subject
from aggregates.personal_tokens import ERASED, TOKEN, Personal
from engines.primitives.errors import InvalidInput, Unavailable
from infra.masking import ALL, Lens
from infra.settings import Settings
from infra.subject_keys import DAMAGED, UNREADABLE, SubjectKeys
from infra.subject_keys_master import LocalMasterKey, master_key, new_key_text
from infra.subject_keys_opening import KEYS_FILE, open_subject_keys, rotate_master_key
from infra.subject_keys_store import KeyDatabase, PostgresKeyDatabase, SqliteKeyDatabase, open_key_database
from tests.postgres import running_postgres
from tests.privacy_world import MASTER, PLANTED

PERSON, OTHER, EVENT = Subject.customer("C-1"), Subject.customer("C-2"), UUID(int=7)
Open = Callable[[], KeyDatabase]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Callable[[], str]]:
    with running_postgres() as server:
        yield server.new_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "sqlite":
        return lambda: SqliteKeyDatabase(tmp_path / "keys.db")
    url = request.getfixturevalue("postgres")()
    return lambda: PostgresKeyDatabase(url)


@pytest.fixture
def keys(database: Open) -> Iterator[SubjectKeys]:
    found = opened(database)
    yield found
    found.close()


def opened(database: Open) -> SubjectKeys:
    return SubjectKeys(database(), lambda _name: MASTER)


def seal(keys: SubjectKeys, subject: Subject = PERSON, plain: str = PLANTED, field: str = "name_ref") -> str:
    return keys.seal(subject, EVENT, field, plain, Personal.NAME, "s")


def seen(keys: SubjectKeys, token: str) -> str:
    return Lens(keys, ALL).text(token)


def test_each_seal_is_another_and_all_open(keys: SubjectKeys) -> None:
    tokens = {seal(keys) for _ in range(20)}
    assert len(tokens) == 20
    assert {seen(keys, token) for token in tokens} == {PLANTED}
    assert not any(PLANTED in token or "C-1" in token for token in tokens)


def test_erased_here_is_erased_there_and_others_stay(database: Open, keys: SubjectKeys) -> None:
    there = opened(database)
    token, other = seal(keys), seal(keys, OTHER)
    assert seen(there, token) == PLANTED
    assert keys.erase(PERSON) == 1
    assert keys.erase(PERSON) == 0
    assert (seen(there, token), seen(keys, token)) == (ERASED, ERASED)
    assert (seen(there, other), seen(keys, other)) == (PLANTED, PLANTED)
    again = seal(there)  # a person who comes back has a new key
    assert (seen(keys, again), seen(keys, token)) == (PLANTED, ERASED)
    assert [(one.label, one.keys, one.destroyed) for one in keys.subjects() if one.destroyed] == [
        ("customer:C-1", 1, 1)
    ]
    there.close()


def test_two_processes_that_meet_a_subject_first_make_one_key(database: Open) -> None:
    both = [opened(database), opened(database)]
    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda n: seal(both[n % 2], Subject.customer(f"C-{n // 4}")), range(40)))
        streams = set(threads.map(lambda n: both[n % 2].stream_token(OTHER, create=True), range(8)))
    assert {seen(both[0], token) for token in tokens} == {PLANTED}
    assert len(streams) == 1
    assert {one.keys for one in both[0].subjects() if one.label != "customer:C-2"} == {1}
    for one in both:
        one.close()


def test_a_shared_text_goes_with_the_first_of_its_people(keys: SubjectKeys) -> None:
    shared = Subject.case("LitigationCase", "SU1", ["C-1", "C-2"])
    token, own = seal(keys, shared), seal(keys, PERSON)
    assert keys.erase(OTHER) == 1
    assert (seen(keys, token), seen(keys, own)) == (ERASED, PLANTED)


def test_names_are_found_whole_and_forgotten(keys: SubjectKeys) -> None:
    seal(keys, PERSON, "Zhāng Sān")
    seal(keys, OTHER, "zhāng  SĀN")
    assert keys.subjects_named("ZHĀNG SĀN") == ["customer:C-1", "customer:C-2"]
    assert keys.subjects_named("Zhāng") == []
    keys.erase(PERSON)
    assert keys.subjects_named("zhāng sān") == ["customer:C-2"]


def test_rotation_changes_the_wrapping_and_no_token(database: Open) -> None:
    new = LocalMasterKey(bytes(32))
    masters = {MASTER.name: MASTER, new.name: new, None: MASTER}
    here = SubjectKeys(database(), lambda name: masters[name])
    there = SubjectKeys(database(), lambda name: masters[name])
    token, digest, stream = seal(here), here.digest(b"x"), here.stream_token(PERSON, create=True)
    assert seen(there, token) == PLANTED
    assert here.rotate(new) == 1
    assert (seen(here, token), seen(there, token)) == (PLANTED, PLANTED)
    assert (there.digest(b"x"), there.stream_token(PERSON, create=False)) == (digest, stream)
    later = SubjectKeys(database(), lambda name: masters[name])
    assert seen(later, token) == PLANTED
    with pytest.raises(Unavailable):
        SubjectKeys(database(), lambda _name: MASTER)  # the old key opens nothing any more
    for one in (here, there, later):
        one.close()


def test_tokens_of_elsewhere_changed_or_cut_are_told_apart(database: Open, keys: SubjectKeys, tmp_path: Path) -> None:
    token = seal(keys)
    strange = SubjectKeys(SqliteKeyDatabase(tmp_path / "other.db"), lambda _name: MASTER)
    assert seen(strange, token) == UNREADABLE
    parts = TOKEN.fullmatch(token)
    assert parts is not None
    for kind, form, sealed, field in (
        (parts[1], parts[2], parts[3], "other"),
        ("p", parts[2], parts[3], parts[4]),
        (parts[1], "j", parts[3], parts[4]),
        (parts[1], parts[2], parts[3][:-4] + "AAAA", parts[4]),
        (parts[1], parts[2], "AAAA", parts[4]),
    ):
        assert keys.open(kind, form, sealed, field) == DAMAGED
    strange.close()


def test_digests_are_keyed_by_installation(tmp_path: Path) -> None:
    one, two = (SubjectKeys(SqliteKeyDatabase(tmp_path / name), lambda _name: MASTER) for name in ("1", "2"))
    assert one.digest(b"x") == one.digest(b"x") != two.digest(b"x")
    for keys in (one, two):
        keys.close()


@settings(max_examples=15)
@given(plain=st.text(max_size=60), content=st.binary(max_size=200))
def test_whatever_is_sealed_comes_back(plain: str, content: bytes) -> None:
    keys = _HELD.setdefault("keys", SubjectKeys(SqliteKeyDatabase(Path(mkdtemp()) / "keys.db"), lambda _name: MASTER))
    try:
        plain.encode()
    except UnicodeEncodeError:
        return
    parts = TOKEN.fullmatch(keys.seal(PERSON, uuid4(), "f.1", plain, Personal.NOTE, "s"))
    assert parts is not None
    assert keys.open(*parts.groups()) == plain
    assert keys.open_bytes(b"place", keys.seal_bytes(PERSON, b"place", content)) == content
    with pytest.raises(ValueError, match="cannot be opened"):
        keys.open_bytes(b"elsewhere", keys.seal_bytes(PERSON, b"place", content))


_HELD: dict[str, SubjectKeys] = {}


# --- Files and settings --------------------------------------------------------------------------------------------


def test_the_master_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    keys = open_subject_keys(settings)
    token = seal(keys)
    assert oct((tmp_path / "keys" / "privacy.key").stat().st_mode & 0o777) == "0o600"
    assert oct((tmp_path / KEYS_FILE).stat().st_mode & 0o777) == "0o600"
    keys.close()
    again = open_subject_keys(settings)
    assert seen(again, token) == PLANTED
    old = (tmp_path / "keys" / "privacy.key").read_text()
    assert rotate_master_key(settings, again) == 1
    assert (tmp_path / "keys" / "privacy.key").read_text() != old
    assert sorted(os.listdir(tmp_path / "keys")) == ["privacy.key"]
    assert seen(again, token) == PLANTED
    again.close()
    (tmp_path / "keys" / "privacy.key").chmod(0o644)
    with pytest.raises(Unavailable, match="chmod 600"):
        open_subject_keys(settings)


def test_a_rotation_that_died_before_its_end_is_read_by_the_next_key(tmp_path: Path) -> None:
    from infra.subject_keys_master import next_key

    settings = Settings(data_dir=tmp_path)
    keys = open_subject_keys(settings)
    token = seal(keys)
    keys.rotate(next_key(tmp_path / "keys"))  # and the process died here
    keys.close()
    again = open_subject_keys(settings)
    assert seen(again, token) == PLANTED
    assert rotate_master_key(settings, again) == 1
    assert seen(again, token) == PLANTED
    again.close()


def test_the_environment_gives_the_key_and_the_next_one(tmp_path: Path) -> None:
    text, following = new_key_text(), new_key_text()
    settings = Settings(data_dir=tmp_path, privacy_key=text)
    keys = open_subject_keys(settings)
    token = seal(keys)
    assert not (tmp_path / "keys").exists()
    with pytest.raises(InvalidInput, match="TIDEMARK_PRIVACY_KEY_NEXT"):
        rotate_master_key(settings, keys)
    assert rotate_master_key(Settings(data_dir=tmp_path, privacy_key=text, privacy_key_next=following), keys) == 1
    keys.close()
    now = open_subject_keys(Settings(data_dir=tmp_path, privacy_key=following))
    assert seen(now, token) == PLANTED
    now.close()
    with pytest.raises(InvalidInput) as caught:
        master_key("not base64!", tmp_path)
    assert "not base64!" not in str(caught.value)
    with pytest.raises(InvalidInput):
        open_key_database("mysql://x", tmp_path / "k")


def test_nothing_of_a_destroyed_key_is_left_in_the_file(tmp_path: Path) -> None:
    keys = SubjectKeys(SqliteKeyDatabase(tmp_path / "keys.db"), lambda _name: MASTER)
    seal(keys)
    database = SqliteKeyDatabase(tmp_path / "keys.db")
    ((wrapped,),) = database.read("SELECT wrapped FROM data_key")
    assert wrapped in (tmp_path / "keys.db").read_bytes()
    keys.erase(PERSON)
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert wrapped not in left
    assert wrapped[12:28] not in left
    keys.close()
    database.close()
