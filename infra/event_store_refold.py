"""Snapshots against the events they claim to stand for: folded again and compared (decision E7).

A snapshot is only a saving, yet a changed one would be believed at the next load. What is compared is what would be
stored if it were taken now, so that nothing in it is left out.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

import msgspec
from eventsourcing.application import Repository
from eventsourcing.persistence import StoredEvent

from aggregates import snapshots
from aggregates.assets import Assets
from aggregates.steps.case import Case
from infra.event_store_base import BaseDecisionRecorder, SnapshotRow
from infra.event_store_walk import Fault

TABLE = f"stored_{snapshots.PURPOSE}"


def snapshot_faults(assets: Assets, recorder: BaseDecisionRecorder) -> tuple[int, list[Fault]]:
    """How many snapshots there are, and what is wrong with them."""
    rows = recorder.select_snapshots(TABLE)
    return len(rows), list(_faults(assets, recorder, rows))


def _faults(assets: Assets, recorder: BaseDecisionRecorder, rows: Iterable[SnapshotRow]) -> Iterator[Fault]:
    for row in rows:
        try:
            what = _fault(assets, recorder, row)
        except Exception as error:  # whatever someone wrote there
            what = f"the snapshot cannot be read ({type(error).__name__})"
        if what:
            yield _named(recorder, row, what)


def _fault(assets: Assets, recorder: BaseDecisionRecorder, row: SnapshotRow) -> str:
    name, version, topic, state = row
    stream = UUID(name) if isinstance(name, str) else UUID(bytes=name)
    if topic != snapshots.CaseSnapshot.TOPIC:
        return f"a snapshot of topic {topic!r:.40}"
    assets.mapper.to_domain_event(StoredEvent(stream, version, topic, state))
    chain = recorder.chain_of(stream, version)
    if chain is None:
        return f"a snapshot of version {version}, which is not in the log"
    case: Case = Repository(assets.events).get(stream, version=version)
    wanted = assets.mapper.to_stored_event(snapshots.CaseSnapshot.of(case, chain))
    if msgspec.json.decode(wanted.state) != msgspec.json.decode(state):
        return f"the snapshot of version {version} is not what its events fold into"
    return ""


def _named(recorder: BaseDecisionRecorder, row: SnapshotRow, what: str) -> Fault:
    name, version, topic, _ = row
    shown = name if isinstance(name, str) else name.hex()
    number = version if isinstance(version, int) else 0
    position = 0
    try:
        events = recorder.select_recorded(originator_id=UUID(shown))
        upto = [one.position for one in events if one.originator_version <= number]
        position = max(upto) if upto else recorder.max_leaf_position() + 1
    except ValueError:  # not even the name is one
        pass
    return Fault(position, what, shown, number, topic if isinstance(topic, str) else "")
