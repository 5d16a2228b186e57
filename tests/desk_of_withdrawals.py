"""A withdrawal desk for the tests: real decisions, the publisher, and a live view that folds what it publishes.

Kafka is left out: what would be sent is appended to the log of a `LiveBank`, as a broker would. A crash of the
publisher is a record that was delivered while nobody knows.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from aggregates.assets import Assets
from aggregates.envelope import Principal
from api.services import Services
from api.withdrawal_desk import WithdrawalDesk
from engines.primitives.errors import NotFound
from infra.event_store import EventStore, open_event_store
from infra.security import Unauthenticated
from infra.withdrawal_policies import withdrawal_policies
from streams import topics
from streams.announced_reservations import Announced, AnnouncedReservations, Key
from streams.audit_publisher import OutboundRecord
from streams.feeds.event import Event
from streams.reservation_publisher import reservation_publisher
from streams.schemas import Alert, BusinessDate, Reservation, ReserveState, Txn
from streams.views_entries import Entry
from streams.views_live import LiveView
from tests.api_doubles import OneTimeCodes, services
from tests.live_bank import LiveBank, live_policy
from tests.risk_records import cut, source
from tests.risk_records import record as record_of

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)  # a Monday, noon in bank time
TODAY, TOMORROW = "2026-11-23", "2026-11-24"
ENTITY = "BANK"

PEOPLE: Mapping[str, Principal] = {
    "clerk": Principal("clerk", ("AM",), "N1", (ENTITY,)),
    "branch": Principal("branch", ("BR",), "N1", (ENTITY,)),
    "treasurer": Principal("treasurer", ("TR",), "HQ", (ENTITY,)),
    "second": Principal("second", ("TR",), "HQ", (ENTITY,)),
    "committee": Principal("committee", ("AC",), "HQ", (ENTITY,)),
    "stranger": Principal("stranger", ("BR", "TR"), "-", ("OTHER",)),
}


def token_of(who: str, issued: datetime | None = None) -> str:
    """A token that says when it was issued, as real ones do; its signature is nobody's matter here."""
    claims = {"sub": who} | ({} if issued is None else {"iat": int(issued.timestamp())})
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{middle}.{who}"


def verify_token(token: str, now: datetime) -> Principal:
    who = token.rpartition(".")[2]
    if who not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[who]


class Topic(AnnouncedReservations):
    """What channels and desk told, without Kafka."""

    def __init__(self) -> None:
        super().__init__({})

    def __call__(self) -> Mapping[Key, Announced]:
        return dict(self._known)


@dataclass
class DeskBank:
    store: EventStore
    app: Assets
    bank: LiveBank = field(default_factory=LiveBank)
    live: LiveView = field(default_factory=LiveView)
    topic: Topic = field(default_factory=Topic)
    now: datetime = NOW
    sent: list[OutboundRecord] = field(default_factory=list)
    alerts: dict[int, int] = field(default_factory=dict)  # how many of each partition
    loses_answers: int = 0  # deliveries after which the publisher crashes
    codes: OneTimeCodes = field(default_factory=OneTimeCodes)

    @classmethod
    def open(cls, folder: Path) -> "DeskBank":
        store = open_event_store("sqlite", folder, clock=lambda: NOW)
        found = cls(store, Assets(store.factory))
        found.day(TODAY)
        found.feed(
            Event(
                topics.RESERVE,
                f"{ENTITY}|CNY".encode(),
                ReserveState(entity_id=ENTITY, ccy="CNY", event_time=at(TODAY), required="0.00", cb_balance="800.00"),
            )
        )
        for branch, amount in (("N1", "1000.00"), ("N2", "500.00")):
            found.entry(f"OPEN-{branch}", "in", amount, customer=f"X-{branch}", branch=branch, kind="OPENING")
        found.live.set_status(ready=True)
        return found

    def services(self, **changed: Any) -> Services:
        return services(
            self.live,
            assets=self.app,
            verify_token=verify_token,
            login_codes=self.codes,
            clock=lambda: self.now,
            read_entry=self.read_entry,
            ratio_policy=live_policy(reserve_limit=[{"entity": ENTITY, "currency": "CNY", "amount": "780.00"}]),
            **{"withdrawal_desk": WithdrawalDesk(withdrawal_policies(), self.topic)} | changed,
        )

    # -- what comes in ------------------------------------------------------------------------------------------

    def feed(self, *events: Event) -> None:
        before = len(self.bank.published)
        self.bank.feed(events)
        self.live.feed(self.bank.published[before:])

    def day(self, day: str) -> None:
        date = BusinessDate(entity_id=ENTITY, business_date=day, event_time=at(day))
        self.feed(Event(topics.BUSINESS_DATE, ENTITY.encode(), date))

    def entry(
        self,
        txn_id: str,
        direction: str,
        amount: str,
        *,
        customer: str = "C-1",
        branch: str = "N1",
        day: str = TODAY,
        reference: str = "-",
        kind: str = "CASH",
    ) -> None:
        record = Txn(
            txn_id=txn_id,
            source_system="core",
            event_time=at(day),
            value_date=day,
            entity_id=ENTITY,
            account_id=f"A-{customer}",
            ccy="CNY",
            direction=direction,  # type: ignore[arg-type]
            amount=amount,
            customer_id=customer,
            org_id=branch,
            product_id="DEMAND",
            customer_class="RETAIL",
            txn_type=kind,
            payment_ref=reference,
        )
        self.feed(Event(topics.TXN, f"{ENTITY}|{customer}".encode(), record))
        if direction == "out" and Decimal(amount) >= Decimal("30000000"):
            self._alert(record)

    def _alert(self, entry: Txn) -> None:
        """What the worker raises of a single large outflow: `LiveBank` folds sums only."""
        place = self.bank.place(topics.TXN, f"{ENTITY}|{entry.customer_id}".encode())
        end = len(self.bank.logs[place])
        sequence = self.alerts.get(place[1], 0)
        self.alerts[place[1]] = sequence + 1
        value = Alert(
            alert_id=f"alert-{entry.txn_id}",
            kind="raised",
            rule="large-flow-single",
            rule_version="1",
            sequence=sequence,
            entity=entry.entity_id,
            organisation=entry.org_id,
            customer=entry.customer_id,
            customer_class=entry.customer_class,
            account=entry.account_id,
            currency=entry.ccy,
            amount=entry.amount,
            threshold="30000000.00",
            event_time=entry.event_time,
            txn_id=entry.txn_id,
            reason="large",
            source=source(topics.ALERT, place[1], end),
        )
        ended = cut(topics.ALERT, end, partition=place[1])
        self.live.feed([record_of(topics.ALERT, place[1], value.alert_id.encode(), value), ended])

    def tells(self, number: str = "CH-1", **changed: Any) -> None:
        """A channel's record, as people and workers see it."""
        fields: dict[str, Any] = {
            "res_id": number,
            "event_time": at(TODAY),
            "entity_id": ENTITY,
            "ccy": "CNY",
            "amount": "70.00",
            "value_date": TOMORROW,
            "status": "submitted",
            "customer_id": "C-9",
            "account_id": "A-C-9",
            "org_id": "N1",
            "channel": "MOBILE",
            "purpose": "CASH",
        }
        record = Reservation(**fields | changed)
        self._append(f"{ENTITY}|{record.customer_id}".encode(), record, None)

    def _append(self, key: bytes, record: Reservation, source: bytes | None) -> None:
        place = self.bank.place(topics.RESERVATION, key)
        offset = len(self.bank.logs.get(place, ()))
        self.topic.take((place[1], offset), msgspec.json.encode(record), source)
        self.feed(Event(topics.RESERVATION, key, record))

    def read_entry(self, topic: str, partition: int, offset: int) -> Entry:
        log = self.bank.logs.get((topic, partition), [])
        if offset >= len(log):
            raise NotFound("no such record")
        return Entry(topic, partition, offset, None, None, json.loads(log[offset]), {})

    # -- what goes out ------------------------------------------------------------------------------------------

    def send(self, records: Sequence[OutboundRecord]) -> None:
        for one in records:
            self.sent.append(one)
            if one.topic == topics.RESERVATION:
                source = dict(one.headers)["ce_source"]
                self._append(one.key, msgspec.json.decode(one.value, type=Reservation), source)
        if self.loses_answers:
            self.loses_answers -= 1
            raise ConnectionError("delivered, but nobody knows")

    def publish(self) -> int:
        """All that the log has, by a publisher that starts again where its position stands."""
        self.now += timedelta(minutes=1)  # the lease of one that crashed is over
        one = reservation_publisher(
            self.app, self.store, self.send, clock=lambda: self.now, holder=str(self.now), lease_s=1
        )
        total = 0
        while count := one.run_once():
            total += count
        return total

    def reserved(self) -> dict[tuple[str, ...], int]:
        """What the figures hold back, by branch, whatever its day."""
        found: dict[tuple[str, ...], int] = {}
        for (topic, _), state in self.bank.states.items():
            if topic == topics.RESERVATION:
                for row in state.rows():
                    key = (row.entity, row.organisation, row.currency)
                    found[key] = found.get(key, 0) + row.approved_minor
        return found


def at(day: str) -> str:
    return f"{day}T02:00:00.000000Z"
