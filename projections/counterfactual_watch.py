"""The watch over limits for a long log of cuts: the same judgement, asked only where something can have changed.

A figure that a cut does not name, under a limit that is green or does not bind it, is as it was: `LimitWatchState`
asks it all the same, which for one cut at a time is no matter. Alerts and bytes are equal (a property of the tests).
"""

from projections.limit_cuts import LimitAlert, RecordedCut
from projections.limit_watch import LimitWatchState


class QuickWatch(LimitWatchState):
    """Of a branch. Its dumps are those of `LimitWatchState`."""

    def take(self, cut: RecordedCut) -> list[LimitAlert]:
        if cut.epoch < self.epoch or cut.whole:
            return super().take(cut)
        self.epoch = cut.epoch
        for gone in cut.gone:
            self.totals.pop(gone, None)
        self.totals.update(cut.totals)
        self.assets |= cut.assets
        at_work = {key for (_, key), watch in self._watches.items() if watch.level or not watch.armed}
        keys = sorted(key for key in cut.totals.keys() | at_work if key in self.totals)
        alerts = [
            alert
            for watched in self.policy.limits
            for key in keys
            if key.metric == watched.limit.metric and (alert := self._judge(watched, key, cut)) is not None
        ]
        for flow in cut.flows:
            alerts += self._judge_flow(flow, cut)
        return alerts
