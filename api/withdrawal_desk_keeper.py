"""What happens at the desk without a person: levels told, channels followed, money matched, dates over (LIQ-03).

One of several processes works, by a lease in the event store; every act is a command of the system with a name of
its own, so that nothing happens twice. Matching is the ladder of LIQ-05 as far as alerts on large outflows reach: an
entry with the reservation's number as its payment reference, else account, amount and day; the rest is for people.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from threading import Event
from typing import Any

import structlog

from aggregates.commands import Command
from aggregates.process_managers import SYSTEM
from aggregates.rendering import instant
from aggregates.withdrawal_reservation_rules import STATUS_BY_STAGE
from api.services import Services
from api.withdrawal_desk import OPEN_STATES, RESERVATION, desk_of, policy_on
from api.withdrawal_desk_acts import follow, grade, system
from api.withdrawal_desk_dispatch import PROPOSAL
from api.withdrawal_desk_forecast import Large, large_outflows
from engines.primitives.errors import TidemarkError, Unavailable
from engines.primitives.money import to_minor, to_text
from infra.event_store import Cursor, EventStore
from streams.announced_reservations import Announced, Key

log = structlog.get_logger()

CURSOR_NAME = "withdrawal-desk"
LEASE_S = 15.0
IDLE_S = 2.0
DAYS_APART = timedelta(days=1)  # of the second rung


class DeskKeeper:
    def __init__(self, ours: Services, store: EventStore, *, holder: str) -> None:
        """`holder` names this keeper: another string for every process, or a lease is shared unawares."""
        self._ours = ours
        self._cursor = Cursor(store, CURSOR_NAME, holder, clock=ours.clock, lease_s=LEASE_S)

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Look after the desk until `stop` is set, then end the lease. What is away is tried again."""
        while not stop.wait(idle_s):
            try:
                self.run_once()
            except Unavailable as error:
                log.warning("withdrawal_desk_unavailable", error=str(error))
        try:
            self._cursor.release()
        except Unavailable:
            log.warning("withdrawal_desk_lease_left_to_expire")

    def run_once(self) -> bool:
        """One round; False while another keeper holds the lease, or the view is not whole yet."""
        if not self._ours.live.status.ready or self._cursor.claim() is None:
            return False
        told = desk_of(self._ours).announced()
        days, large = self._ours.live.read(lambda view: (view.as_of(None).by_entity, large_outflows(view, None)))
        for state in self._ours.assets.list_cases(RESERVATION, reader=SYSTEM):
            if state["state"] in OPEN_STATES:
                self._look_after(state, told, days, large)
        for state in self._ours.assets.list_cases(PROPOSAL, reader=SYSTEM, stage="PROPOSED"):
            self._lapse(state)
        return True

    def _look_after(
        self, state: Mapping[str, Any], told: Mapping[Key, Announced], days: Mapping[str, date], large: list[Large]
    ) -> None:
        number, entity = state["reservation_no"], state["entity"]
        try:
            one = told.get((entity, number))
            if one is not None and _is_news(one, state) and follow(self._ours, one):
                return  # the state above is of the past now
            grade(self._ours, number)
            for leg in self._legs(state, large):
                name = f"execute/{leg['txn_id']}"
                system(self._ours, number, "Execute", leg, name)
                return
            self._expire(state, days.get(entity))
        except Unavailable:
            raise
        except TidemarkError as refusal:
            # Somebody was quicker, or a record contradicts what was decided: people see both.
            log.warning("withdrawal_desk_refused", key=number, code=refusal.code, reason=str(refusal))

    def _legs(self, state: Mapping[str, Any], large: list[Large]) -> Iterator[dict[str, Any]]:
        """The next settled outflow that belongs to an approved reservation."""
        if state["state"] not in ("TREASURY_OK", "PARTIAL"):
            return
        currency, due = state["ccy"], date.fromisoformat(str(state["value_date"]))
        left = to_minor(state["outstanding"], currency)
        near = [
            one
            for one in large
            if (one.entity, one.currency, one.customer) == (state["entity"], currency, state["customer_no"])
            and abs(one.day - due) <= DAYS_APART
            and one.txn_id not in state["legs"]
        ]
        for one in sorted(near, key=lambda one: (one.day, one.txn_id)):
            rung = "REFERENCE" if self._reference(one) == state["reservation_no"] else ""
            if not rung and one.account == state["account_id"] and abs(one.amount_minor - left) <= 1:
                rung = "ACCOUNT_AND_DATE"
            if rung:
                yield {"txn_id": one.txn_id, "rung": rung, "paid": to_text(one.amount_minor, currency)}

    def _reference(self, one: Large) -> str | None:
        """The payment reference of the entry behind an alert, where it can still be read."""
        try:
            record = self._ours.read_entry(*one.place).record
        except TidemarkError:
            return None
        return record.get("payment_ref") if isinstance(record, dict) else None

    def _expire(self, state: Mapping[str, Any], today: date | None) -> None:
        lasting = timedelta(days=policy_on(self._ours, state["entity"]).expire_after_days)
        due = date.fromisoformat(str(state["value_date"]))
        if today is not None and today > due + lasting:
            told = {"business_date": today.isoformat()}
            system(self._ours, state["reservation_no"], "Expire", told, f"expire/{state['revision']}")

    def _lapse(self, state: Mapping[str, Any]) -> None:
        if instant(self._ours.clock()) <= state["valid_until"]:
            return
        try:
            self._lapsed(state["proposal_no"])
        except Unavailable:
            raise
        except TidemarkError as refusal:
            log.warning("dispatch_proposal_refused", key=state["proposal_no"], reason=str(refusal))

    def _lapsed(self, number: str) -> None:
        self._ours.assets.execute(
            Command(f"lapse-{number}", PROPOSAL, number, "Lapse", {}, SYSTEM, self._ours.clock())
        )


def _is_news(one: Announced, state: Mapping[str, Any]) -> bool:
    """Whether the channel told something that the case does not say, so that quiet rounds ask the store nothing."""
    record, currency = one.record, state["ccy"]
    held = (to_minor(state["amount"], currency), str(state["value_date"]), to_minor(state["executed"], currency))
    told = (to_minor(record.amount, currency), record.value_date, to_minor(record.executed_amount, currency))
    ahead = record.status not in ("draft", "submitted") and record.status != STATUS_BY_STAGE[state["state"]]
    return held != told or ahead
