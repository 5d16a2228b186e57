"""The alerts of a past moment: as they were told, or raised again from the records by the folds that raised them.

Told ones are read from `tm.risk.alert.v1`, which keeps all of them (decision S4), each by the place of its own entry:
so the list of a moment is that of the entries below it. Raised again they prove that the told ones are right: that
takes the whole log, since no state holds its alerts.
"""

from collections.abc import Iterator

import msgspec

from streams import outputs, topics
from streams.folders import Folder, source_of
from streams.raw_batch import RawBatch
from streams.schemas import Source as PublishedSource
from streams.views import CUT_KEY, RiskView
from streams.views_wire import Record, Source

#: Whose alerts there are: those of entries, and those of the recorded cuts.
ALERTED = (topics.TXN, topics.CUT)


class _Told(msgspec.Struct):
    """What an alert and the end of a tick have in common; only one of them has an id."""

    source: Source
    alert_id: str = ""


def show_told_alerts(view: RiskView, published: Iterator[RawBatch], place: tuple[str, int], end: int) -> None:
    """Put the alerts of one source that an entry, or a cut, below `end` raised into a view.

    Ends of ticks are applied as they came, so that what another log or fold has overtaken stays overtaken.
    """
    decode = msgspec.json.Decoder(_Told).decode
    newest: Source | None = None
    for raw in published:
        for offset, value in zip(raw.offsets.tolist(), raw.values, strict=True):
            if not value:
                continue
            told = decode(value)
            if (told.source.topic, told.source.partition) != place or told.source.offset > end:
                continue
            key = b"" if told.alert_id else CUT_KEY
            view.apply(Record(topics.ALERT, place[1], offset, key, value))
            newest = told.source
    if newest is not None:  # the tick may have ended beyond `end`: what an entry below it raised counts
        _end_tick(view, _source(place, end, newest.log, newest.fold))


def show_folded_alerts(
    view: RiskView, folder: Folder, records: Iterator[RawBatch], place: tuple[str, int], log: str, end: int
) -> None:
    """The same alerts, raised again from the records [0, end) of the source."""
    state = folder.empty()
    for raw in records:
        absorbed = folder.absorb(state, raw)
        for output in folder.publish_at_once(absorbed, source_of(folder, state, place[1], log)):
            view.apply(Record(output.topic, place[1], 0, output.key, output.value))
    _end_tick(view, _source(place, end, log, folder.fold_version))


def _end_tick(view: RiskView, source: PublishedSource) -> None:
    cut = outputs.cut(source, 0, 0, None, None, {})
    view.apply(Record(topics.ALERT, source.partition, 0, CUT_KEY, cut))


def _source(place: tuple[str, int], end: int, log: str, fold: int) -> PublishedSource:
    return PublishedSource(topic=place[0], partition=place[1], offset=end, log=log, fold=fold)
