"""Recorded cuts made again from the logs, and where the log stops giving what was recorded (issue 7, item 1).

A cut names its offset vectors, the folds and the policies behind it, and the digest of all totals that held then. A
replay makes the same picture by the worker's folds and the view's own functions. Where a figure is not reproduced
though folds and rules are the same, the cuts around it bound the records that were changed. Not for judging alerts:
folding the cuts again does that (`streams.cut_folder`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from projections.limit_policy import WatchPolicy
from streams.cut_picture import LeastGaps, take_picture
from streams.cut_reader import PlacedCut, RecentCuts
from streams.cut_records import TOTALS, RiskCut, total_rows, totals_digest
from streams.figure_digests import Difference, first_difference
from streams.past_views import Moment, PastReader
from streams.ratio_policy import RatioPolicy
from streams.topics import POSITION, RESERVATION_TOTAL
from streams.views import RATIO_TOPICS
from streams.views_wire import CUT_LANE

BEHIND_MAX = 500_000  # records: rather a snapshot than to read on
LOOKED_BACK_MAX = 20_000  # cuts, for the totals that one does not repeat
PAGE = 500
OF_CUTS = frozenset({*RATIO_TOPICS, POSITION, RESERVATION_TOTAL})
NO_LIMITS = WatchPolicy("none", (), ())


@dataclass(frozen=True, slots=True)
class CutReplay:
    """`same` None: the cut was recorded without a digest and its totals are no longer known."""

    offset: int
    taken_at: str
    published: str
    replayed: str
    same: bool | None
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """Records of a place that are no longer those that were folded: between the last cut that is reproduced and the
    first that is not."""

    place: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class CutReplayer:
    past: PastReader
    policy: RatioPolicy
    cuts: RecentCuts

    def replay(self, placed: PlacedCut, *, from_start: bool = False) -> CutReplay:
        """Raises InvalidInput, NotFound, Unavailable: the logs do not hold what the cut was made of."""
        cut = placed.cut
        view, _ = self.past.view(moment_of(cut), from_start=from_start, wanted=OF_CUTS)
        everything = {lane: 2**62 for lane in (*cut.alert_vector, CUT_LANE)}  # of alerts nothing is asked
        picture = take_picture(view, self.policy, everything, LeastGaps(), NO_LIMITS)
        replayed = totals_digest(picture.totals)
        if cut.digest == replayed:
            return CutReplay(placed.offset, cut.taken_at, cut.digest, replayed, same=True)
        told = self._totals(placed)
        if told is None:
            same = False if cut.digest else None
            return CutReplay(placed.offset, cut.taken_at, cut.digest, replayed, same)
        rows = {TOTALS: msgspec.to_builtins(total_rows(picture.totals))}
        difference = first_difference({TOTALS: told}, rows)
        same = difference is None and not cut.digest
        return CutReplay(placed.offset, cut.taken_at, cut.digest, replayed, same, difference)

    def changed_records(self, offsets: Mapping[str, int], config_version: str) -> list[Changed] | None:
        """Where the records behind an offset vector stop giving what was recorded.

        None: every cut around the vector is reproduced, or there is none to ask. Empty: no cut is reproduced at all.
        """
        after = self._first_after(offsets)
        if after is None:
            return None
        first, last = None, after
        if self._is_reproduced(last, config_version) is not False:
            return None
        low, high = 0, last  # the first that is not reproduced lies in (low - 1, high]
        while low < high:
            middle = (low + high) // 2
            if self._is_reproduced(middle, config_version) is False:
                high = middle
            else:
                first, low = middle, middle + 1
        if first is None or first != high - 1:
            return []
        before, behind = (self._at(number) for number in (first, high))
        if before is None or behind is None:
            return []
        vectors = [dict(one.cut.position_offsets) | dict(one.cut.offsets) for one in (before, behind)]
        return [
            Changed(place, vectors[0].get(place, 0), end)
            for place, end in sorted(vectors[1].items())
            if end > vectors[0].get(place, 0)
        ]

    def _is_reproduced(self, offset: int, config_version: str) -> bool | None:
        """None: other rules were at work, or there is no such cut."""
        placed = self._at(offset)
        if placed is None or placed.cut.config_version != config_version:
            return None
        return self.replay(placed).same

    def _first_after(self, offsets: Mapping[str, int]) -> int | None:
        """Offset of the first cut that holds all of a vector, else of the newest; None: they share no place."""
        newest = self.cuts(None, 1)
        if not newest or not offsets.keys() & {*newest[0].cut.offsets, *newest[0].cut.position_offsets}:
            return None
        low, high = 0, newest[0].offset
        while low < high:
            middle = (low + high) // 2
            placed = self._at(middle)
            if placed is None or not _beyond(placed.cut, offsets):
                low = middle + 1
            else:
                high = middle
        return low

    def _at(self, offset: int) -> PlacedCut | None:
        found = self.cuts(offset + 1, 1)
        return found[0] if found and found[0].offset == offset else None

    def _totals(self, placed: PlacedCut) -> list[dict[str, Any]] | None:
        """All totals that held at a cut: its own and, from the cuts before it, those it does not repeat."""
        known: dict[tuple[str, ...], dict[str, Any] | None] = {}
        before, epoch, looked = placed.offset + 1, placed.cut.epoch, 0
        while looked < LOOKED_BACK_MAX:
            page = self.cuts(before, PAGE)
            for one in page:
                if one.cut.epoch != epoch:
                    continue
                for total in msgspec.to_builtins(one.cut.gone):
                    known.setdefault(_key(total), None)
                for total in msgspec.to_builtins(one.cut.totals):
                    known.setdefault(_key(total), total)
                if one.cut.whole:
                    return [total for total in known.values() if total is not None]
            if not page:
                break
            before, looked = page[-1].offset, looked + len(page)
        return None


def moment_of(cut: RiskCut) -> Moment:
    """Positions stand at vectors of their own: ticks of one source reach the view one after the other."""
    apart = {
        topic: {place: end for place, end in cut.position_offsets.items() if cut.offsets.get(place, end) != end}
        for topic in (POSITION, RESERVATION_TOTAL)
    }
    offsets = {**cut.position_offsets, **cut.offsets}
    return Moment(offsets, {topic: places for topic, places in apart.items() if places})


def _beyond(cut: RiskCut, offsets: Mapping[str, int]) -> bool:
    vector = {**cut.position_offsets, **cut.offsets}
    return all(vector[place] >= end for place, end in offsets.items() if place in vector)


def _key(total: Mapping[str, Any]) -> tuple[str, ...]:
    return total["metric"], total["scope"], total["entity"], total["currency"]
