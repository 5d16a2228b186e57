"""What every snapshot store must do (decisions S5, S19, S20): one suite, subclassed per store.

A second object over the same storage stands for another process: stores keep no secret that others would
need.
"""

import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.primitives.errors import Conflict, InvalidInput, Unavailable
from infra import snapshots_local
from infra.snapshot_files import SnapshotName
from infra.snapshots import LocalSnapshotStore, LogPartition, SnapshotMeta, SnapshotStore, StoredSnapshot
from infra.snapshots_history import FOLDER

LOG = LogPartition("cluster-1", "tm.in.core.txn.v1", "uuid-1", 3, 8)
OTHER_PARTITION = replace(LOG, partition=4)


def save(store: SnapshotStore, epoch: int, offset: int, *, base: bool = False, **more: object) -> SnapshotMeta:
    fields = {"fold_version": 1, "payload": f"{'B' if base else 'd'}{offset}".encode()} | more
    return store.save(LOG, "txn", epoch=epoch, next_offset=offset, base=base, **fields)  # type: ignore[arg-type]


def shown(found: StoredSnapshot | None) -> tuple[str, ...] | None:
    """A snapshot as text: its base, then its deltas."""
    return None if found is None else (found.base.decode(), *(delta.decode() for delta in found.deltas))


class SnapshotStoreSuite(ABC):
    """Subclass it: `opened` gives another object over the same storage, the others reach behind its back."""

    numbers = itertools.count()

    @abstractmethod
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], SnapshotStore]: ...

    @abstractmethod
    def damage(self, opened: Callable[[], SnapshotStore], meta: SnapshotMeta, edit: str) -> None:
        """Makes one stored snapshot `flipped` (one bit), `cut` (short), `empty` or `gone`."""

    @abstractmethod
    def fearless(self) -> SnapshotStore:
        """A store that sees no fence: a worker that was paused between its check and its write."""

    @abstractmethod
    def count(self, opened: Callable[[], SnapshotStore]) -> int:
        """How many snapshots lie in storage, history apart."""

    def test_nothing_stored_is_none(self, opened: Callable[[], SnapshotStore]) -> None:
        assert opened().newest(LOG, "txn") is None
        assert opened().newest_at_or_below(LOG, "txn", 10**9) is None
        assert opened().partitions(LOG.topic, "txn") == []
        assert opened().prune(LOG, "txn") == 0

    def test_base_and_deltas_come_back_in_order_with_their_meta(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        first = save(store, epoch, 100, base=True, policy="p1")
        second = save(store, epoch, 110, policy="p1")
        third = save(store, epoch, 120, policy="p1")
        assert (first.parent, second.parent, third.parent) == (None, first.digest, second.digest)
        found = opened().newest(LOG, "txn")
        assert found is not None
        assert found.meta == third
        assert third == SnapshotMeta(LOG, "txn", 1, 120, epoch, second.digest, third.digest, False, "p1")
        assert shown(found) == ("B100", "d110", "d120")

    def test_states_and_partitions_do_not_mix(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        save(store, store.claim(LOG, "txn"), 100, base=True)
        assert store.newest(LOG, "gap") is None
        assert store.newest(OTHER_PARTITION, "txn") is None
        assert store.newest(replace(LOG, topic_id="uuid-2"), "txn") is None
        assert store.newest(replace(LOG, cluster_id="cluster-2"), "txn") is None

    def test_a_delta_goes_on_from_a_base_of_a_lower_epoch(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        save(store, store.claim(LOG, "txn"), 100, base=True)
        for offset in (110, 120):
            store = opened()
            epoch = store.claim(LOG, "txn")
            store.newest(LOG, "txn")
            save(store, epoch, offset)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d110", "d120")

    def test_a_load_before_the_claim_counts_as_the_start(self, opened: Callable[[], SnapshotStore]) -> None:
        old, new = opened(), opened()
        save(old, old.claim(LOG, "txn"), 100, base=True)
        new.newest(LOG, "txn")
        save(old, 1, 110)
        save(new, new.claim(LOG, "txn"), 120)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d120")

    def test_a_state_kept_in_memory_goes_on_only_if_nobody_was_in_between(
        self, opened: Callable[[], SnapshotStore]
    ) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        assert store.newest(LOG, "txn") is None
        save(store, epoch, 100, base=True)
        save(store, epoch, 110)
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 120)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d110", "d120")
        opened().claim(LOG, "txn")
        epoch = store.claim(LOG, "txn")
        with pytest.raises(InvalidInput, match="delta"):
            save(store, epoch, 130)
        store.newest(LOG, "txn")
        save(store, epoch, 130)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d110", "d120", "d130")

    # -- fencing

    def test_every_claim_is_unique_among_many_claimants(self, opened: Callable[[], SnapshotStore]) -> None:
        start = threading.Barrier(8)

        def claim_some() -> list[int]:
            store = opened()
            start.wait()
            return [store.claim(LOG, "txn") for _ in range(6)]

        with ThreadPoolExecutor(8) as pool:
            epochs = [epoch for claim in [pool.submit(claim_some) for _ in range(8)] for epoch in claim.result()]
        assert sorted(epochs) == list(range(1, 49))

    def test_a_zombie_is_refused_once_a_higher_epoch_is_claimed(self, opened: Callable[[], SnapshotStore]) -> None:
        zombie, worker = opened(), opened()
        save(zombie, zombie.claim(LOG, "txn"), 100, base=True)
        worker.claim(LOG, "txn")
        for base in (True, False):
            with pytest.raises(Conflict, match="fenced"):
                save(zombie, 1, 110, base=base)
        assert shown(opened().newest(LOG, "txn")) == ("B100",)

    def test_a_zombie_write_that_raced_is_never_read(self, opened: Callable[[], SnapshotStore]) -> None:
        zombie, worker = self.fearless(), opened()
        save(zombie, zombie.claim(LOG, "txn"), 100, base=True)
        epoch = worker.claim(LOG, "txn")
        worker.newest(LOG, "txn")
        save(zombie, 1, 110)
        save(worker, epoch, 105)
        save(zombie, 1, 900, base=True)
        save(zombie, 1, 910)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d105")
        assert shown(opened().newest_at_or_below(LOG, "txn", 950)) == ("B100", "d105")
        save(worker, epoch, 115)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d105", "d115")

    def test_what_a_zombie_wrote_is_not_even_a_last_resort(self, opened: Callable[[], SnapshotStore]) -> None:
        zombie, worker = self.fearless(), opened()
        save(zombie, zombie.claim(LOG, "txn"), 100, base=True)
        epoch = worker.claim(LOG, "txn")
        worker.newest(LOG, "txn")
        newer = save(worker, epoch, 105)
        save(zombie, 1, 910)
        self.damage(opened, newer, "flipped")
        assert shown(opened().newest(LOG, "txn")) == ("B100",)

    def test_a_reader_that_shares_the_object_does_not_move_the_start(
        self, opened: Callable[[], SnapshotStore]
    ) -> None:
        zombie, worker = self.fearless(), opened()
        save(zombie, zombie.claim(LOG, "txn"), 100, base=True)
        epoch = worker.claim(LOG, "txn")
        assert shown(worker.newest(LOG, "txn")) == ("B100",)
        save(zombie, 1, 110)
        assert shown(worker.newest(LOG, "txn")) == ("B100", "d110")
        save(worker, epoch, 120)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d120")

    def test_an_epoch_nobody_claimed_cannot_be_written(self, opened: Callable[[], SnapshotStore]) -> None:
        with pytest.raises(InvalidInput, match="claim"):
            save(opened(), 1, 100, base=True)

    # -- what may follow what

    def test_a_delta_needs_something_to_change(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        assert store.newest(LOG, "txn") is None
        with pytest.raises(InvalidInput, match="delta"):
            save(store, epoch, 100)

    def test_the_offset_of_a_delta_never_goes_back(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 100, base=True)
        with pytest.raises(InvalidInput, match="back"):
            save(store, epoch, 99)
        save(store, epoch, 100)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d100")

    def test_another_fold_version_starts_again_below(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        save(store, store.claim(LOG, "txn"), 9_000, base=True)
        store = opened()
        epoch = store.claim(LOG, "txn")
        store.newest(LOG, "txn")
        with pytest.raises(InvalidInput, match="fold version"):
            save(store, epoch, 9_010, fold_version=2)
        save(store, epoch, 50, base=True, fold_version=2)
        save(store, epoch, 60, fold_version=2)
        found = opened().newest(LOG, "txn")
        assert shown(found) == ("B50", "d60")
        assert found is not None
        assert found.meta.fold_version == 2

    def test_a_late_base_replaces_what_is_before_it(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 100, base=True)
        repeated = save(store, epoch, 110)
        save(store, epoch, 120)
        late = save(store, epoch, 110, base=True)
        save(store, epoch, 130)
        assert late.parent == repeated.digest
        assert shown(opened().newest(LOG, "txn")) == ("B110", "d120", "d130")
        assert store.prune(LOG, "txn", keep_bases=1) == 2
        assert shown(opened().newest(LOG, "txn")) == ("B110", "d120", "d130")

    def test_a_late_base_may_repeat_what_the_epoch_started_from(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        save(store, store.claim(LOG, "txn"), 100, base=True)
        save(store, 1, 110)
        store = opened()
        epoch = store.claim(LOG, "txn")
        store.newest(LOG, "txn")
        save(store, epoch, 120)
        save(store, epoch, 110, base=True)
        assert shown(opened().newest(LOG, "txn")) == ("B110", "d120")

    def test_a_late_base_at_an_offset_that_has_no_snapshot_is_refused(
        self, opened: Callable[[], SnapshotStore]
    ) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 100, base=True)
        save(store, epoch, 120)
        with pytest.raises(InvalidInput, match="repeat"):
            save(store, epoch, 110, base=True)

    # -- damage

    @pytest.mark.parametrize("edit", ["flipped", "cut", "empty", "gone"])
    def test_a_damaged_newest_delta_falls_back_to_the_one_before(
        self, opened: Callable[[], SnapshotStore], edit: str
    ) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 100, base=True)
        save(store, epoch, 110)
        self.damage(opened, save(store, epoch, 120), edit)
        with structlog.testing.capture_logs() as logs:
            assert shown(opened().newest(LOG, "txn")) == ("B100", "d110")
        reasons = [entry["reason"] for entry in logs if entry["event"] == "snapshot_skipped"]
        assert len(reasons) == (0 if edit == "gone" else 1)

    @pytest.mark.parametrize("edit", ["flipped", "cut", "empty", "gone"])
    def test_a_hole_in_a_chain_falls_back_to_an_older_complete_chain(
        self, opened: Callable[[], SnapshotStore], edit: str
    ) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 100, base=True)
        save(store, epoch, 110)
        self.damage(opened, save(store, epoch, 120, base=True), edit)
        save(store, epoch, 130)
        save(store, epoch, 140)
        with structlog.testing.capture_logs() as logs:
            assert shown(opened().newest(LOG, "txn")) == ("B100", "d110")
        assert [entry["event"] for entry in logs] == ["snapshot_skipped"] * (2 if edit == "gone" else 3)

    def test_nothing_usable_is_none(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        self.damage(opened, save(store, epoch, 100, base=True), "flipped")
        save(store, epoch, 110)
        assert opened().newest(LOG, "txn") is None

    def test_an_epoch_goes_on_from_what_it_loaded_not_from_what_is_damaged(
        self, opened: Callable[[], SnapshotStore]
    ) -> None:
        store = opened()
        save(store, store.claim(LOG, "txn"), 100, base=True)
        self.damage(opened, save(store, 1, 110), "flipped")
        store = opened()
        epoch = store.claim(LOG, "txn")
        store.newest(LOG, "txn")
        save(store, epoch, 105)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d105")

    # -- past offsets, pruning, listing

    def test_newest_at_or_below_an_offset(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        for offset, base in ((100, True), (110, False), (120, True), (130, False)):
            save(store, epoch, offset, base=base)
        store = opened()
        epoch = store.claim(LOG, "txn")
        store.newest(LOG, "txn")
        save(store, epoch, 140)
        by_offset = {
            offset: shown(opened().newest_at_or_below(LOG, "txn", offset))
            for offset in (99, 100, 119, 120, 139, 140, 10**12)
        }
        assert by_offset == {
            99: None,
            100: ("B100",),
            119: ("B100", "d110"),
            120: ("B120",),
            139: ("B120", "d130"),
            140: ("B120", "d130", "d140"),
            10**12: ("B120", "d130", "d140"),
        }

    def test_pruning_keeps_the_newest_bases_and_all_that_follows(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        for offset in range(100, 200, 10):
            save(store, epoch, offset, base=offset in (100, 130, 160, 190))
        assert self.count(opened) == 10
        assert store.prune(LOG, "txn") == 6
        assert self.count(opened) == 4
        assert store.prune(LOG, "txn") == 0
        assert shown(opened().newest(LOG, "txn")) == ("B190",)
        assert shown(opened().newest_at_or_below(LOG, "txn", 180)) == ("B160", "d170", "d180")
        assert shown(opened().newest_at_or_below(LOG, "txn", 150)) == ("B130",)  # of the history

    def test_pruning_never_takes_the_chain_in_use(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 100, base=True)
        save(store, epoch, 110)
        for offset in (120, 130, 140):
            self.damage(opened, save(store, epoch, offset, base=True), "flipped")
        assert store.prune(LOG, "txn", keep_bases=1) == 0
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d110")

    def test_pruning_clears_lower_epochs_and_no_number_is_given_twice(
        self, opened: Callable[[], SnapshotStore]
    ) -> None:
        for offset in (100, 110, 120):
            store = opened()
            save(store, store.claim(LOG, "txn"), offset, base=True)
        assert store.prune(LOG, "txn", keep_bases=1) == 2
        assert self.count(opened) == 1
        assert opened().claim(LOG, "txn") == 4

    def test_keeping_no_base_is_refused(self, opened: Callable[[], SnapshotStore]) -> None:
        with pytest.raises(InvalidInput, match="base"):
            opened().prune(LOG, "txn", keep_bases=0)

    def test_partitions_and_other_logs(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        recreated, elsewhere = replace(LOG, topic_id="uuid-0"), replace(LOG, cluster_id="cluster-2")
        contract = replace(LOG, topic="tm.in.core.contract.v1")
        for log in (OTHER_PARTITION, LOG, recreated, elsewhere, contract):
            epoch = store.claim(log, "txn")
            store.save(log, "txn", epoch=epoch, fold_version=1, next_offset=5, payload=b"", base=True)
        store.claim(replace(LOG, partition=5), "txn")
        assert opened().partitions(LOG.topic, "txn") == [recreated, LOG, OTHER_PARTITION, elsewhere]
        assert opened().partitions(LOG.topic, "gap") == []
        assert opened().other_logs(LOG, "txn") == [recreated]
        assert opened().other_logs(recreated, "txn") == [LOG]
        assert opened().other_logs(contract, "txn") == []

    def test_the_stored_partition_count_is_told_not_searched_by(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        save(store, store.claim(LOG, "txn"), 100, base=True)
        found = opened().newest(replace(LOG, partitions=16), "txn")
        assert found is not None
        assert found.meta.log.partitions == 8

    @pytest.mark.parametrize("name", ["", "..", ".", "a/b", ".hidden"])
    def test_names_that_would_leave_the_folder_are_refused(
        self, opened: Callable[[], SnapshotStore], name: str
    ) -> None:
        with pytest.raises(InvalidInput):
            opened().claim(replace(LOG, topic_id=name), "txn")
        with pytest.raises(InvalidInput):
            opened().newest(LOG, name)

    def test_readers_see_whole_growing_states_while_a_writer_prunes(
        self, opened: Callable[[], SnapshotStore]
    ) -> None:
        done = threading.Event()

        def write() -> None:
            try:
                store = opened()
                epoch = store.claim(LOG, "txn")
                for offset in range(1, 200):
                    if offset % 40 == 0:
                        store = opened()
                        epoch = store.claim(LOG, "txn")
                        store.newest(LOG, "txn")
                    save(store, epoch, offset, base=offset % 4 == 1)
                    store.prune(LOG, "txn", keep_bases=1)
            finally:
                done.set()

        def read() -> int:
            store, last, reads = opened(), 0, 0
            while not done.is_set() or not reads:
                found = store.newest(LOG, "txn")
                assert found is not None or last == 0
                if found is not None:
                    assert found.meta.next_offset >= last
                    last = found.meta.next_offset
                    first = last - len(found.deltas)
                    assert shown(found) == (f"B{first}", *(f"d{n}" for n in range(first + 1, last + 1)))
                reads += 1
            return reads

        with ThreadPoolExecutor(3) as pool:
            writer, readers = pool.submit(write), [pool.submit(read) for _ in range(2)]
            writer.result()
            assert all(reader.result() > 0 for reader in readers)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=st.lists(st.sampled_from(["base", "late", "delta", "claim", "prune"]), max_size=25))
    def test_a_state_is_never_older_than_its_last_complete_chain(
        self, opened: Callable[[], SnapshotStore], steps: list[str]
    ) -> None:
        """The model: a list of (offset, entries) saved. A payload holds the offsets that it adds."""
        partition = replace(LOG, topic_id=f"uuid-{next(self.numbers)}")
        store, epoch, entries, saved = opened(), 0, [0], False
        epoch = store.claim(partition, "txn")
        store.newest(partition, "txn")

        def put(payload: list[int], base: bool) -> SnapshotMeta:
            text = " ".join(map(str, payload)).encode()
            return store.save(
                partition,
                "txn",
                epoch=epoch,
                fold_version=1,
                next_offset=payload[-1],
                payload=text,
                base=base,
            )

        for step in steps:
            if step in ("base", "delta") or not saved:
                entries.append(entries[-1] + 1)
                put(entries if step == "base" or not saved else entries[-1:], step == "base" or not saved)
                saved = True
            elif step == "late":
                put(entries, True)
            elif step == "claim":
                store = opened()
                epoch = store.claim(partition, "txn")
                store.newest(partition, "txn")
            elif step == "prune":
                store.prune(partition, "txn", keep_bases=1)
            found = opened().newest(partition, "txn")
            assert found is not None
            assert found.meta.next_offset == entries[-1]
            assert b" ".join((found.base, *found.deltas)).decode() == " ".join(map(str, entries))


class Fearless(LocalSnapshotStore):
    def _refuse_if_fenced(self, folder: Path, epoch: int) -> None:
        pass


class TestLocalSnapshotStore(SnapshotStoreSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], SnapshotStore]:
        self.root = tmp_path / "snapshots"
        return lambda: LocalSnapshotStore(self.root)

    def path(self, meta: SnapshotMeta) -> Path:
        log = meta.log
        folder = self.root / log.cluster_id / log.topic / log.topic_id / str(log.partition) / meta.state
        return next(
            path
            for path in folder.glob("*/*")
            if (name := SnapshotName.parse(f"{path.parent.name}/{path.name}"))
            and (name.epoch, name.next_offset, name.base) == (meta.epoch, meta.next_offset, meta.base)
        )

    def damage(self, opened: Callable[[], SnapshotStore], meta: SnapshotMeta, edit: str) -> None:
        path = self.path(meta)
        data = path.read_bytes()
        match edit:
            case "flipped":
                path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            case "cut":
                path.write_bytes(data[:-2])
            case "empty":
                path.write_bytes(b"")
            case "gone":
                path.unlink()

    def count(self, opened: Callable[[], SnapshotStore]) -> int:
        found = (path for path in self.root.rglob("*") if path.suffix in (".base", ".delta"))
        return sum(1 for path in found if FOLDER not in path.parts)

    def fearless(self) -> SnapshotStore:
        return Fearless(self.root)

    @pytest.mark.parametrize("flip", range(0, 400, 7))
    def test_no_flipped_bit_is_ever_loaded(self, opened: Callable[[], SnapshotStore], flip: int) -> None:
        store = opened()
        meta = save(store, store.claim(LOG, "txn"), 100, base=True, payload=b"x" * 64)
        path = self.path(meta)
        data = bytearray(path.read_bytes())
        data[flip % len(data)] ^= 1
        path.write_bytes(data)
        assert opened().newest(LOG, "txn") is None

    def test_a_snapshot_copied_to_another_partition_is_not_its_state(
        self, opened: Callable[[], SnapshotStore]
    ) -> None:
        store = opened()
        meta = save(store, store.claim(LOG, "txn"), 100, base=True)
        store.claim(OTHER_PARTITION, "txn")
        path = self.path(meta)
        copy = Path(str(path).replace("/3/txn/", "/4/txn/"))
        copy.parent.mkdir()
        copy.write_bytes(path.read_bytes())
        assert opened().newest(OTHER_PARTITION, "txn") is None

    def test_files_are_private_and_nothing_unfinished_stays(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        path = self.path(save(store, store.claim(LOG, "txn"), 100, base=True))
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert not list(self.root.rglob("*.tmp"))

    def test_unfinished_files_of_the_dead_are_ignored_and_pruned(self, opened: Callable[[], SnapshotStore]) -> None:
        store = opened()
        path = self.path(save(store, store.claim(LOG, "txn"), 100, base=True))
        (path.parent / ".left.tmp").write_bytes(b"half")
        store = opened()
        save(store, store.claim(LOG, "txn"), 110, base=True)
        store.prune(LOG, "txn", keep_bases=1)
        assert not path.parent.exists()

    def test_a_full_disk_is_unavailable_and_leaves_the_last_good_state(
        self, opened: Callable[[], SnapshotStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 100, base=True)

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("infra.snapshot_files.os.fsync", full)
        with pytest.raises(Unavailable, match="No space"):
            save(store, epoch, 110)
        monkeypatch.undo()
        assert shown(opened().newest(LOG, "txn")) == ("B100",)
        save(store, epoch, 110)
        assert shown(opened().newest(LOG, "txn")) == ("B100", "d110")
        assert not list(self.root.rglob("*.tmp"))

    def test_a_claim_made_while_a_snapshot_is_written_is_seen(self, opened: Callable[[], SnapshotStore]) -> None:
        class Slow(LocalSnapshotStore):
            def _refuse_if_fenced(self, folder: Path, epoch: int) -> None:
                super()._refuse_if_fenced(folder, epoch)
                opened().claim(LOG, "txn")

        zombie = Slow(self.root)
        with pytest.raises(Conflict, match="fenced"):
            save(zombie, zombie.claim(LOG, "txn"), 100, base=True)

    def test_a_parent_replaced_by_another_sound_snapshot_breaks_the_chain(
        self, opened: Callable[[], SnapshotStore], tmp_path: Path
    ) -> None:
        store, stranger = opened(), LocalSnapshotStore(tmp_path / "elsewhere")
        base = save(store, store.claim(LOG, "txn"), 100, base=True)
        save(store, 1, 110)
        save(stranger, stranger.claim(LOG, "txn"), 100, base=True, payload=b"another history")
        path = self.path(base)
        path.write_bytes((tmp_path / "elsewhere" / path.relative_to(self.root)).read_bytes())
        assert shown(opened().newest(LOG, "txn")) == ("another history",)

    def test_files_that_vanish_under_a_reader_are_looked_for_again(
        self, opened: Callable[[], SnapshotStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        save(store, epoch, 100, base=True)
        newest = self.path(save(store, epoch, 110))
        listing = snapshots_local._listing

        def then_changed(folder: Path) -> list[SnapshotName]:
            names = listing(folder)
            monkeypatch.setattr(snapshots_local, "_listing", listing)
            save(store, epoch, 120, base=True)
            newest.unlink()
            return names

        monkeypatch.setattr(snapshots_local, "_listing", then_changed)
        assert shown(opened().newest(LOG, "txn")) == ("B120",)

    @pytest.mark.parametrize("removed", range(4))
    def test_pruning_that_is_cut_short_leaves_no_broken_chain(
        self, opened: Callable[[], SnapshotStore], monkeypatch: pytest.MonkeyPatch, removed: int
    ) -> None:
        store = opened()
        epoch = store.claim(LOG, "txn")
        for offset in (100, 110, 120, 130, 140):
            save(store, epoch, offset, base=offset in (100, 140))
        unlink, budget = Path.unlink, itertools.count(removed, -1)

        def mortal(path: Path, missing_ok: bool = False) -> None:
            if next(budget) <= 0:
                raise OSError(5, "killed here")
            unlink(path, missing_ok)

        monkeypatch.setattr(Path, "unlink", mortal)
        with pytest.raises(Unavailable):
            store.prune(LOG, "txn", keep_bases=1)
        monkeypatch.undo()
        with structlog.testing.capture_logs() as logs:
            found = shown(opened().newest_at_or_below(LOG, "txn", 139))
        assert found == ("B100", "d110", "d120", "d130")[: 4 - removed]
        assert not logs
