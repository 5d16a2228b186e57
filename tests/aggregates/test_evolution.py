"""Changed events: what each release stored is read by the later ones, and refused by the earlier ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.evolution import evolve, stored_version, version_of
from aggregates.upcasting import Add, Change, Drop, History, Rename, Split
from engines.primitives.errors import CorruptRecord
from infra.event_store import open_event_store
from tests.aggregates.evolving import HISTORIES, REMARK, TO_2, TO_3, installed
from tests.aggregates.world import AUDITOR, Clock, World
from tests.postgres import PostgresServer, running_postgres

Facts = dict[str, Any]
FILED = {
    1: {"customer": "C-9", "amount": "8.00", "place": "Hangzhou/Xihu"},
    2: {"customer_no": "C-9", "amount": "8.00", "place": "Hangzhou/Xihu", "channel": "ONLINE"},
    3: {"customer_no": "C-9", "amount": "8.00", "city": "Hangzhou", "district": "Xihu"},
}
SAID = {1: ("Note", "text"), 2: ("Remark", "text"), 3: ("Remark", "remark")}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def setting(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return "sqlite"
    server: PostgresServer = request.getfixturevalue("server")
    return server.new_database()


class Bank:
    """One database that releases come and go on."""

    def __init__(self, setting: str, folder: Path) -> None:
        self.setting, self.folder, self.clock, self.days = setting, folder, Clock(), 0

    def opened(self) -> World:
        return World(open_event_store(self.setting, self.folder, clock=self.clock), self.clock)

    def work(self, release: int) -> None:
        """File a probe of this release, and say something about each probe there is."""
        with installed(release):
            world = self.opened()
            home = {"aggregate": "Probe", "cmd_id": f"file-{release}", "key": f"P-{release}"}
            world.do("AM", "File", **home, entity_id="BANK-A", **FILED[release])
            command, field = SAID[release]
            for number in range(1, release + 1):
                name = {"aggregate": "Probe", "cmd_id": f"say-{release}-{number}", "key": f"P-{number}"}
                world.do("AM", command, **name, **{field: f"said in {release}"})
            assert world.store.verify_chain().ok
            world.store.close()

    def stored(self) -> list[tuple[object, ...]]:
        with open_event_store(self.setting, self.folder, clock=self.clock) as store:
            leaves = store.recorder.select_leaves(1, store.recorder.max_leaf_position())
            events = store.recorder.select_recorded()
            assert store.verify_chain().verified == len(leaves) == len(events)
            return [
                (one.topic, bytes(one.state), leaf.chain, leaf.head) for one, leaf in zip(events, leaves, strict=True)
            ]


@pytest.fixture
def bank(setting: str, tmp_path: Path) -> Bank:
    return Bank(setting, tmp_path)


def test_every_release_reads_what_those_before_it_stored(bank: Bank) -> None:
    stored: list[tuple[object, ...]] = []
    for release in (1, 2, 3):
        bank.work(release)
        now = bank.stored()
        assert now[: len(stored)] == stored  # not a byte of the past, and not a proof, changed
        stored = now
    assert [topic for topic, *_ in stored].count("probe.probe-noted") == 1
    assert [stored_version(state) for topic, state, *_ in stored if topic == "probe.probe-filed"] == [1, 2, 3]  # type: ignore[arg-type]
    with installed(3):
        world = bank.opened()
        for number in (1, 2, 3):
            key = f"P-{number}"
            state = world.app.state("Probe", key, reader=AUDITOR)
            shown = {name: state[name] for name in ("customer_no", "amount", "city", "district", "remark")}
            assert shown == FILED[3] | {"remark": "said in 3"}
            assert "channel" not in state
            assert "place" not in state
            events = world.app.history("Probe", key, reader=AUDITOR)
            assert [one.payload.get("remark") for one in events[1:]] == [f"said in {r}" for r in range(number, 4)]
            assert {one.type for one in events[1:]} == {"ProbeRemarked"}
        world.store.close()


def test_snapshots_of_another_format_are_skipped_and_made_anew(bank: Bank) -> None:
    bank.work(1)
    with installed(1) as kind:
        world = bank.opened()
        assert world.app.snapshots is not None
        assert next(iter(world.app.snapshots.get(kind.stream_id("P-1")))).originator_version == 2
        world.store.close()
    with installed(3) as kind:
        world = bank.opened()
        assert world.app.snapshots is not None
        assert not list(world.app.snapshots.get(kind.stream_id("P-1")))
        found: Any = world.app.find("Probe", "P-1")
        assert (found.facts["city"], found.facts["remark"]) == ("Hangzhou", "said in 1")
        world.do("AM", "Remark", aggregate="Probe", key="P-1", remark="later", cmd_id="later")
        (shot,) = world.app.snapshots.get(kind.stream_id("P-1"))
        assert shot.originator_version == 3
        again: Any = world.app.find("Probe", "P-1")
        assert vars(again) == vars(shot.mutate(None))  # type: ignore[attr-defined]
        assert again.facts["city"] == "Hangzhou"
        world.store.close()


def test_an_older_release_reads_its_own_and_refuses_what_a_newer_one_stored(bank: Bank) -> None:
    for release in (1, 2, 3):
        bank.work(release)
    with installed(2):
        world = bank.opened()
        recorded = world.store.recorder.select_recorded()
        for one in recorded:
            newer = stored_version(one.state) > {"probe.probe-filed": 2}.get(one.topic, 1)
            if newer:
                with pytest.raises(CorruptRecord, match="stored by a newer release") as caught:
                    world.app.decode(one)
                assert caught.value.facts["record"] == f"{one.originator_id}/{one.originator_version}"
            else:
                world.app.decode(one)
        assert sum(stored_version(one.state) == 3 for one in recorded) == 1
        world.store.close()
    with installed(3):  # and the newer one goes on where it was
        world = bank.opened()
        world.do("AM", "Remark", aggregate="Probe", key="P-3", remark="again", cmd_id="again")
        assert world.store.verify_chain().ok
        world.store.close()


def test_histories_name_events_we_have_and_are_given_once() -> None:
    with installed(1) as kind:
        with pytest.raises(TypeError, match="no event of ours"):
            evolve({"Probe": kind}, {"Probe.ProbeLost": History()})
        evolve({"Probe": kind}, {"Probe.ProbeFiled": History((TO_2,))})
        assert version_of(kind.EVENTS["ProbeFiled"]) == 2
        with pytest.raises(TypeError, match="already"):
            evolve({"Probe": kind}, {"Probe.ProbeFiled": History((TO_2,))})


def test_a_change_has_a_reason_and_leaves_the_envelope_alone() -> None:
    for wrong in (Rename("who", "by"), Drop("timestamp"), Add("originator_id", 1), Split("x", dict, ("who",))):
        with pytest.raises(TypeError, match="no upcast touches"):
            Change("because", (wrong,))
    for why, steps in (("", (Drop("x"),)), ("because", ())):
        with pytest.raises(TypeError, match="wants a reason"):
            Change(why, steps)


@pytest.mark.parametrize(
    ("step", "old", "new"),
    [
        (Rename("a", "b"), {"a": 1, "c": 2}, {"b": 1, "c": 2}),
        (Rename("a", "b"), {"c": 2}, {"c": 2}),
        (Rename("a", "b"), {"a": 1, "b": 3}, {"b": 3}),
        (Add("a", 7), {}, {"a": 7}),
        (Add("a", 7), {"a": 1}, {"a": 1}),
        (Add("a", lambda fields: fields["b"] * 2), {"b": 4}, {"a": 8, "b": 4}),
        (Add("a", lambda fields: fields.get("b")), {}, {}),
        (Drop("a"), {"a": 1, "b": 2}, {"b": 2}),
        (Drop("a"), {"b": 2}, {"b": 2}),
        (Split("a", lambda v: {"x": v, "y": None, "z": 1}, ("x", "y")), {"a": 5}, {"x": 5}),
        (Split("a", lambda v: {"x": v}, ("x",)), {"b": 5}, {"b": 5}),
    ],
)
def test_steps(step: Rename | Add | Drop | Split, old: Facts, new: Facts) -> None:
    kept = dict(old)
    assert step(old) == new
    assert old == kept


VALUES = st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=3)
STATES = st.dictionaries(
    st.sampled_from(["customer", "customer_no", "place", "channel", "city", "text", "x"]), VALUES
)


@given(STATES, st.integers(1, 3))
def test_upcasts_are_total_pure_and_end_in_the_newest_form(state: Facts, version: int) -> None:
    history = HISTORIES[3]["Probe.ProbeFiled"]
    kept = dict(state)
    found = history.upcast(state, version)
    assert state == kept
    assert found == history.upcast(state, version)
    assert history.upcast(found, 3) == found
    steps = history.changes[version - 1 :]
    for change in steps:
        state = change(state)
    assert state == found
    if version == 1:
        assert not {"customer", "place", "channel"} & found.keys()
    assert History((REMARK,)).upcast({"text": 1}, 1) == {"remark": 1}
    assert TO_3({"place": 5})["city"] == "5"


@pytest.mark.parametrize(
    ("state", "version"),
    [
        (b'{"a":1}', 1),
        (b'{"class_version":3}', 3),
        (b'{"a":{"class_version":3}}', 1),
        (b'{"a":"\\"class_version\\":9","class_version":2}', 2),
    ],
)
def test_the_stored_version_is_that_of_the_event(state: bytes, version: int) -> None:
    assert stored_version(state) == version


@pytest.mark.parametrize("state", [b'{"class_version":0}', b'{"class_version":"2"}', b'{"class_version":null}'])
def test_a_version_that_is_none_is_corrupt(state: bytes) -> None:
    with pytest.raises(CorruptRecord):
        stored_version(state)
