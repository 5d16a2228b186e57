"""Three releases of one small aggregate, to prove that events of each are read by the later ones.

- Release 1 files a probe of a `customer` at a `place`, and notes a `text`.
- Release 2 names the customer by `customer_no` and knows the `channel`; a note is called a remark, under a new topic.
- Release 3 splits the place into `city` and `district`, drops the channel, and calls the text `remark`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from eventsourcing import utils

from aggregates import assets, evolution, registry, snapshots
from aggregates.steps.case import Case
from aggregates.steps.rows import Row, row
from aggregates.upcasting import Add, Change, Drop, History, Rename, Split


def place_parts(place: Any) -> Mapping[str, Any]:
    city, _, district = str(place).partition("/")
    return {"city": city, "district": district or None}


TO_2 = Change(
    "customers have numbers; until 2026 all came to the counter",
    (Rename("customer", "customer_no"), Add("channel", "COUNTER")),
)
TO_3 = Change(
    "districts are ranked; nobody reads the channel",
    (Split("place", place_parts, ("city", "district")), Drop("channel")),
)
REMARK = Change("one word for it", (Rename("text", "remark"),))

HISTORIES: Mapping[int, Mapping[str, History]] = {
    1: {},
    2: {"Probe.ProbeFiled": History((TO_2,)), "Probe.ProbeRemarked": History(formerly=("probe.probe-noted",))},
    3: {
        "Probe.ProbeFiled": History((TO_2, TO_3)),
        "Probe.ProbeRemarked": History((REMARK,), formerly=("probe.probe-noted",)),
    },
}


def _file(fields: str) -> Row:
    return row("File", "ProbeFiled", "AM", fields, makes=True, next="OPEN")


def _rows(release: int) -> tuple[Row, ...]:
    return {
        1: (_file("customer:S, amount:M, place:S"), row("Note", "ProbeNoted", "AM", "text:S", stages="OPEN")),
        2: (
            _file("customer_no:S, amount:M, place:S, channel:E"),
            row("Remark", "ProbeRemarked", "AM", "text:S", stages="OPEN"),
        ),
        3: (
            _file("customer_no:S, amount:M, city:S, district:S?"),
            row("Remark", "ProbeRemarked", "AM", "remark:S", stages="OPEN"),
        ),
    }[release]


@contextmanager
def installed(release: int) -> Iterator[type[Case]]:
    """The house knows the aggregate as this release does."""
    _forget()

    class Probe(Case):
        NAME, KEY, ROWS = "Probe", "probe_no", _rows(release)

    kinds = {"Probe": Probe}
    former = evolution.evolve(kinds, HISTORIES[release])
    events = {event.TOPIC: event for event in Probe.EVENTS.values()} | dict(former)
    utils.register_topic("probe", Probe)
    with (
        patch.object(registry, "KINDS", kinds),
        patch.object(assets, "KINDS", kinds),
        patch.object(registry, "TYPE_BY_TOPIC", MappingProxyType({t: e.ROW.event for t, e in events.items()})),
        patch.object(registry, "_KIND_BY_TOPIC", dict.fromkeys(events, Probe)),
        patch.object(snapshots, "TOPIC_BY_KIND", {Probe: "probe"}),
        patch.object(snapshots, "FORMAT", 100 + release),
        patch.object(snapshots, "PURPOSE", f"snapshots_{100 + release}"),
        patch.object(snapshots, "EVENTS_BETWEEN", 1),
    ):
        yield Probe
    _forget()


def _forget() -> None:
    """The library keeps topics for the life of the process; a release begins with none."""
    for topic in [topic for topic in utils._topic_cache if topic.split(".")[0] == "probe"]:
        del utils._topic_cache[topic]
