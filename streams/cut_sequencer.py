"""Writes the recorded cuts: looks at the live view, and tells `tm.risk.cut.v1` what has changed (decision S18).

One sequencer is active, by a lease; each run has an epoch of its own and begins with a whole cut, so that a run that
was relieved and writes on is known by its lower epoch and counts nothing. Paced: at most one cut an interval, and one
each quiet interval while nothing moves, since a limit clears by readings. Not for judging: that is the fold over the
cuts (`projections.limit_watch`).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event

import msgspec
import structlog

from engines.limits import Light
from engines.primitives.errors import TidemarkError, Unavailable
from infra.event_store import Clock, Cursor, EventStore
from projections.alert_rules import RuleSet
from projections.limit_cuts import AssetKey, Due, Total
from projections.limit_policy import TotalKey, WatchPolicy
from streams.cut_picture import LeastGaps, Picture, take_picture
from streams.cut_records import CutFlow, RiskCut, assets_of, total_of, totals_digest
from streams.instants import instant_text
from streams.ratio_policy import RatioPolicy
from streams.rule_sources import NOTHING, Beside, LookBeside
from streams.views_alerts import Vector
from streams.views_live import LiveView

log = structlog.get_logger()

CURSOR_NAME = "cut-sequencer"
CUT_KEY = b"cut"
LEASE_S = 5.0
CUT_INTERVAL_S = 0.25
QUIET_INTERVAL_S = 10.0
RETRY_S = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Send = Callable[[bytes], None]
"""Delivers one value to the log of cuts and returns when the broker has it, or raises Unavailable."""


class CutMaker:
    """What the next cut says, given what the run has written so far. No I/O."""

    def __init__(
        self,
        epoch: int,
        alert_vector: Vector,
        config_version: str = "-",
        quiet_interval_s: float = QUIET_INTERVAL_S,
        *,
        decided_to: int | None = None,
    ) -> None:
        self.alert_vector: Vector = dict(alert_vector)
        self.decided_to = decided_to
        self._epoch, self._config_version = epoch, config_version
        self._quiet = timedelta(seconds=quiet_interval_s)
        self._written: Mapping[TotalKey, Total] = {}
        self._number = 0
        self._rules: RuleSet | None = None
        self._dues: Mapping[TotalKey, Due] = {}
        self._days: Mapping[str, str] = {}
        self._written_at: datetime | None = None
        self._told: dict[AssetKey, tuple[tuple[Light, ...], datetime]] = {}  # lights and when assets were told last

    def make(self, picture: Picture, now: datetime, beside: Beside = NOTHING) -> RiskCut | None:
        """The cut of this picture; None: nothing moved, and the last one is young. It counts once it is `written`."""
        first = self._written_at is None
        changed = {key: total for key, total in picture.totals.items() if self._written.get(key) != total}
        gone = sorted(self._written.keys() - picture.totals.keys())
        flows = [alert for alert in picture.flows if alert.kind == "raised"]
        is_due = self._written_at is None or now - self._written_at >= self._quiet
        all_due = _by_key(picture, beside)
        dues = [due for key, due in sorted(all_due.items()) if self._dues.get(key) != due]
        settled = sorted(self._dues.keys() - all_due.keys())
        days = {entity: day for entity, day in picture.days.items() if self._days.get(entity) != day}
        is_told = not (beside.decisions or dues or settled or days) and beside.rules == self._rules
        if not (changed or gone or picture.flows or is_due) and is_told:
            return None
        vector = dict(self.alert_vector)
        for alert in picture.flows:
            vector[alert.lane] = max(alert.sequence, vector.get(alert.lane, -1))
        went_from = {("currency", one.entity, one.currency) for one in flows}
        told = {
            scope: rows
            for scope, rows in picture.assets.items()
            if scope in went_from or self._are_news(scope, picture, now)
        }
        return RiskCut(
            epoch=self._epoch,
            number=self._number,
            taken_at=instant_text((now - _EPOCH) // timedelta(microseconds=1)),
            event_time=picture.event_time,
            whole=first,
            offsets=dict(picture.offsets),
            position_offsets=dict(picture.position_offsets),
            logs=dict(picture.logs),
            alert_vector=vector,
            config_version=self._config_version,
            folds=dict(picture.folds),
            digest=totals_digest(picture.totals),
            totals=[total_of(key, total) for key, total in sorted(changed.items())],
            gone=[total_of(key, self._written[key]) for key in gone],
            flows=[
                CutFlow(
                    alert_id=one.alert_id,
                    entity=one.entity,
                    currency=one.currency,
                    amount=one.rolling or one.amount,
                    txn_id=one.txn_id,
                    window_minutes=(one.window_minutes or 0) if one.rolling else 0,
                    organisation=one.organisation,
                    customer_class=one.customer_class,
                    account=one.account,
                )
                for one in flows
            ],
            assets=assets_of(told),
            decisions=list(beside.decisions),
            decided_to=beside.decided_to,
            dues=dues,
            settled=settled,
            days=days,
            rules=beside.rules if first or beside.rules != self._rules else None,
        )

    def written(self, cut: RiskCut, picture: Picture, now: datetime) -> None:
        """The log has the cut: the next one says what changed since."""
        kept = {key: due for key, due in self._dues.items() if key not in set(cut.settled)}
        self._dues, self._days = kept | {due.key: due for due in cut.dues}, {**self._days, **cut.days}
        self._written, self._written_at = dict(picture.totals), now
        self._told = {scope: held for scope, held in self._told.items() if scope in picture.lights}
        for one in cut.assets:
            scope = (one.scope, one.entity, one.currency)
            self._told[scope] = (picture.lights.get(scope, ()), now)
        self.alert_vector = dict(cut.alert_vector)
        self._rules, self.decided_to = cut.rules or self._rules, cut.decided_to
        self._number += 1

    def _are_news(self, scope: AssetKey, picture: Picture, now: datetime) -> bool:
        """When a light turns, so that an alert of it is of this very cut; for the rest now and then is enough."""
        told = self._told.get(scope)
        return told is None or told[0] != picture.lights.get(scope) or now - told[1] >= self._quiet


def _by_key(picture: Picture, beside: Beside) -> Mapping[TotalKey, Due]:
    return {due.key: due for due in (*picture.dues, *beside.dues)}


class CutSequencer:
    """The loop around `CutMaker`: lease, pace, view and log."""

    def __init__(
        self,
        live: LiveView,
        policy: RatioPolicy,
        watch: WatchPolicy,
        store: EventStore,
        send: Send,
        last: Callable[[], RiskCut | None],
        *,
        beside: LookBeside = lambda _decided_to: NOTHING,
        clock: Clock,
        holder: str,
        config_version: str = "-",
        lease_s: float = LEASE_S,
        cut_interval_s: float = CUT_INTERVAL_S,
        quiet_interval_s: float = QUIET_INTERVAL_S,
    ) -> None:
        """`last` reads the newest record of the log; `holder` names this sequencer, another for every process."""
        self._live, self._policy, self._watch = live, policy, watch
        self._send, self._last, self._clock = send, last, clock
        self._config_version, self._beside = config_version, beside
        self._cursor = Cursor(store, CURSOR_NAME, holder, clock=clock, lease_s=lease_s)
        self._renew_every = timedelta(seconds=lease_s / 3)
        self._renew_at: datetime | None = None
        self._cut_interval_s, self._quiet_interval_s = cut_interval_s, quiet_interval_s
        self._maker: CutMaker | None = None
        self._gaps = LeastGaps()

    def run_once(self) -> bool:
        """Write one cut if there is something to tell. Raises Unavailable: Kafka or the event store do not answer."""
        maker = self._hold()
        if maker is None or not self._live.status.ready:
            return False
        picture = self._live.read(
            lambda view: (
                take_picture(view, self._policy, maker.alert_vector, self._gaps, self._watch)
                if view.ticks_applied
                else None
            )
        )
        now = self._clock()
        cut = None if picture is None else maker.make(picture, now, self._beside(maker.decided_to))
        if cut is None or picture is None or not self._cursor.is_held:
            return False
        self._send(msgspec.json.encode(cut))
        maker.written(cut, picture, now)
        return True

    def run(self, stop: Event) -> None:
        """Run until `stop` is set, then end the lease. What is away is tried again."""
        moved = Event()
        forget = self._live.listen(lambda _changes: moved.set())
        try:
            while not stop.is_set():
                moved.clear()
                try:
                    self.run_once()
                except Unavailable as error:
                    log.warning("cut_sequencer_unavailable", error=str(error))
                    stop.wait(RETRY_S)
                except TidemarkError as error:
                    # A figure that cannot be worked out says so on its own; this is a policy that does not fit.
                    log.error("cut_not_taken", error=str(error))
                    stop.wait(RETRY_S)
                stop.wait(self._cut_interval_s)
                moved.wait(self._cut_interval_s)
        finally:
            forget()
            try:
                self._cursor.release()
            except Unavailable:
                log.warning("cut_sequencer_lease_left_to_expire")

    def _hold(self) -> CutMaker | None:
        """The maker of this run, if the lease is ours. A lease that lapsed ends the run."""
        now = self._clock()
        if self._maker is not None and self._cursor.is_held and self._renew_at is not None and now < self._renew_at:
            return self._maker
        lapsed = not self._cursor.is_held
        position = self._cursor.claim()
        if position is None:
            self._maker = None
            return None
        if lapsed or self._maker is None:
            # The position counts the runs: each has the next number as its epoch.
            if not self._cursor.move(position + 1):
                self._maker = None
                return None
            newest = self._last()
            vector = {} if newest is None else newest.alert_vector
            decided_to = None if newest is None else newest.decided_to
            self._maker = CutMaker(
                position + 1, vector, self._config_version, self._quiet_interval_s, decided_to=decided_to
            )
            log.info("cut_sequencer_started", epoch=position + 1)
        self._renew_at = now + self._renew_every
        return self._maker
