"""The liquidity ratios of a past period under other factor tables, at every recorded cut (LIQ-19, LIQ-20).

The logs are folded up to each cut's vector and the ratios asked for twice, under the rules as they are and under the
branch's. The first must give the published figures again, digit by digit: what differs is counted and told, so that a
branch carries its own proof. Business dates are those the cut was published with. Not for lights: those are folded
over the rewritten cuts by `streams.counterfactual_limits`.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from datetime import date
from fractions import Fraction
from typing import Any

from engines.limits import headroom
from projections.limit_cuts import RecordedCut, Total
from projections.limit_policy import RATIOS, TotalKey, WatchPolicy
from streams.counterfactual_limits import Totals
from streams.counterfactual_roller import Roller
from streams.cut_records import amount_text, exact_text
from streams.ratio_items import Figure, Items, Pair
from streams.ratio_policy import RatioPolicy
from streams.views import RiskView
from streams.views_ratios import RatioFigure, ratio_figures, scopes

FIGURES: tuple[Figure, ...] = ("lcr", "nsfr")
Told = dict[TotalKey, tuple[tuple[Any, ...], Total]]
"""What each figure was made of when it was written out last: exact text is dear, and most figures stand still."""


@dataclass(frozen=True, slots=True)
class Point:
    """One figure at one cut, as published and as it would have been; no value: not computable, or not told."""

    cut: int
    taken_at: str
    real: str | None
    branch: str | None


@dataclass(slots=True)
class RatioBranch:
    """Rewrites the cuts of a period; keeps the paths and what the control found.

    Args:
        views: one for the rules as they are, one for the branch's: `roller` fills both.
        wanted: which cuts are worked out, by offset, beside the first; at the others a figure stays as it was.
    """

    roller: Roller
    views: tuple[RiskView, RiskView]
    real: RatioPolicy
    branch: RatioPolicy
    wanted: Callable[[int], bool] = lambda _cut: True
    tell: Callable[[int], None] = lambda _cuts: None
    paths: dict[TotalKey, list[Point]] = field(default_factory=dict)
    cuts: int = 0
    worked_out: int = 0
    behind: list[int] = field(default_factory=list)  # cuts whose vector lies before an earlier cut's
    compared: int = 0  # figures of the control
    differing: list[tuple[int, TotalKey]] = field(default_factory=list)
    totals: dict[TotalKey, Total] = field(default_factory=dict)  # of the branch, as told last
    _told: tuple[Told, Told] = field(default_factory=lambda: ({}, {}))
    _digests: Any = field(default_factory=lambda: (hashlib.sha256(), hashlib.sha256()))

    def rewrite(self, cut: RecordedCut, published: Totals) -> RecordedCut:
        """The cut with the branch's ratios in place of the published ones. One call a cut, in their order."""
        number, self.cuts = self.cuts, self.cuts + 1
        self.tell(self.cuts)
        others = {key: total for key, total in cut.totals.items() if key.metric not in RATIOS}
        if number and not self.wanted(cut.offset):
            return replaced(cut, totals=others | self._held(published) if cut.whole else others)
        if not self.roller.to(cut.offsets):
            self.behind.append(cut.offset)
            return replaced(cut, totals=others | self._held(published) if cut.whole else others)
        self.worked_out += 1
        control = ratio_totals(self.views[0], self.real, published, self._told[0])
        found = ratio_totals(self.views[1], self.branch, published, self._told[1])
        self._compare(cut, published, control)
        self._note(cut, published, found)
        told = {key: total for key, total in found.items() if cut.whole or self.totals.get(key) != total}
        self.totals = found
        return replaced(cut, totals=others | told)

    def digests(self) -> tuple[str, str]:
        """Of the whole paths, as published and of the branch."""
        first, last = (one.hexdigest() for one in self._digests)
        return first, last

    def _held(self, published: Totals) -> dict[TotalKey, Total]:
        return {key: total for key, total in self.totals.items() if key in published}

    def _compare(self, cut: RecordedCut, published: Totals, control: Totals) -> None:
        told = {key: total for key, total in published.items() if key.metric in RATIOS}
        self.compared += len(told)
        self.differing += [
            (cut.offset, key) for key in sorted(told.keys() | control) if told.get(key) != control.get(key)
        ]

    def _note(self, cut: RecordedCut, published: Totals, found: Totals) -> None:
        for key in sorted(found.keys() | {key for key in published if key.metric in RATIOS}):
            both = published.get(key), found.get(key)
            values = tuple(None if one is None else one.value for one in both)
            path = self.paths.setdefault(key, [])
            if not path or (path[-1].real, path[-1].branch) != values:
                path.append(Point(cut.offset, cut.taken_at, *values))
            for digest, total in zip(self._digests, both, strict=True):
                digest.update(repr((cut.offset, tuple(key), total)).encode())


def ratio_totals(view: RiskView, policy: RatioPolicy, published: Totals, told: Told) -> dict[TotalKey, Total]:
    """Every ratio of every scope, as a recorded cut tells it; of the dates that the cut was published with."""
    days = {key.entity: date.fromisoformat(total.as_of) for key, total in published.items() if key.metric in RATIOS}
    if not days:
        return {}
    by_pair: dict[Pair, Items] = {unit[:2]: items for unit, items in view.ratio_books.items(policy, days).items()}
    reporting = policy.in_force(max(days.values())).reporting_currency
    found = tuple(scopes(by_pair, view.fx_rates(), reporting, group=True))
    known = {entity for (entity, _), items in by_pair.items() if items.liquid or items.cash.required is not None}
    known |= {row.entity for row in view.holding_book}
    totals: dict[TotalKey, Total] = {}
    for figure in FIGURES:
        for one in ratio_figures(figure, found, policy, days):
            key = TotalKey(figure, one.scope.kind, one.scope.entity, one.scope.currency)
            ratio = one.ratio
            made_of = (one.as_of, _is_untold(one, known), ratio and ratio.numerator, ratio and ratio.denominator)
            if key not in told or told[key][0] != made_of:
                told[key] = made_of, _total(one, known)
            totals[key] = told[key][1]
    return totals


def _total(found: RatioFigure, known: set[str]) -> Total:
    """As `streams.cut_picture` tells it."""
    day, currency, ratio = found.as_of.isoformat(), found.scope.currency, found.ratio
    if ratio is None or ratio.value is None or _is_untold(found, known):
        return Total(day, None)
    amounts = (amount_text(part, currency) for part in (ratio.numerator, ratio.denominator))
    return Total(day, exact_text(ratio.value), *amounts)


def _is_untold(found: RatioFigure, known: set[str]) -> bool:
    """An LCR of a bank whose assets nobody told is not zero but unknown."""
    scope = found.scope
    return found.figure == "lcr" and not (scope.entity in known or (scope.kind == "group" and bool(known)))


def turns(paths: Mapping[TotalKey, list[Point]], watch: WatchPolicy, day: date) -> Iterator[int]:
    """Cuts at which a light of the branch is not as before: up to them a sampled path is looked at again."""
    for key, path in paths.items():
        limits = [one.limit for one in watch.limits if one.binds(key, day)]
        lights = [
            tuple(headroom(Fraction(point.branch), one).light(one.amber_headroom) for one in limits)
            if point.branch is not None
            else ()
            for point in path
        ]
        yield from (path[at].cut for at in range(1, len(path)) if lights[at] != lights[at - 1])


def thinned(path: list[Point], points_max: int) -> list[Point]:
    """At most about so many points: the ends, the lowest and highest of each side, and some in between."""
    if len(path) <= points_max:
        return path
    kept = {0, len(path) - 1}
    for side in ("real", "branch"):
        known = [at for at, point in enumerate(path) if getattr(point, side) is not None]
        if known:
            kept |= {pick(known, key=lambda at: Fraction(getattr(path[at], side))) for pick in (min, max)}
    stride = -(-len(path) // max(points_max - len(kept), 1))
    return [path[at] for at in sorted(kept | set(range(0, len(path), stride)))]
