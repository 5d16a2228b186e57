"""Records of the `tm.risk.*` topics as workers write them, for tests of the view and of the API over it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from engines.primitives.money import to_text
from streams import schemas
from streams.topics import (
    ALERT,
    BUSINESS_DATE,
    CONTRACT,
    GAP,
    POSITION,
    RESERVATION,
    RESERVATION_TOTAL,
    TXN,
    WITHDRAWAL,
)
from streams.views import RiskView
from streams.views_wire import Record

LOG = "cluster/topic-1"
SOURCES = {POSITION: TXN, WITHDRAWAL: TXN, ALERT: TXN, GAP: CONTRACT, RESERVATION_TOTAL: RESERVATION}
NOON = "2026-11-22T12:00:00Z"


def source(topic: str, partition: int, offset: int, *, log: str = LOG, fold: int = 1) -> schemas.Source:
    return schemas.Source(topic=SOURCES[topic], partition=partition, offset=offset, log=log, fold=fold)


def record(topic: str, partition: int, key: bytes, value: msgspec.Struct) -> Record:
    return Record(topic, partition, 0, key, msgspec.json.encode(value))


def position(
    offset: int,
    settled_minor: int,
    *,
    partition: int = 0,
    entity: str = "NORTH",
    organisation: str = "HQ",
    line: str = "retail",
    product: str = "current",
    currency: str = "EUR",
    intragroup: bool = False,
    value_date: str = "2026-11-22",
    pending_in_minor: int = 0,
    pending_out_minor: int = 0,
    log: str = LOG,
    fold: int = 1,
) -> Record:
    value = schemas.Position(
        entity=entity,
        organisation=organisation,
        business_line=line,
        product=product,
        currency=currency,
        intragroup=intragroup,
        value_date=value_date,
        settled=to_text(settled_minor, currency),
        pending_in=to_text(pending_in_minor, currency),
        pending_out=to_text(pending_out_minor, currency),
        source=source(POSITION, partition, offset, log=log, fold=fold),
    )
    key = f"{entity}|{organisation}|{line}|{product}|{currency}|{intragroup}|{value_date}".encode()
    return record(POSITION, partition, key, value)


def reservation(
    offset: int,
    approved_minor: int,
    *,
    partition: int = 0,
    entity: str = "NORTH",
    organisation: str = "HQ",
    currency: str = "EUR",
    value_date: str = "2026-11-22",
) -> Record:
    value = schemas.ReservationTotal(
        entity=entity,
        organisation=organisation,
        currency=currency,
        value_date=value_date,
        approved=to_text(approved_minor, currency),
        source=source(RESERVATION_TOTAL, partition, offset),
    )
    return record(RESERVATION_TOTAL, partition, f"{entity}|{organisation}|{currency}|{value_date}".encode(), value)


def gap_flow(
    offset: int,
    flow_date: str,
    inflow_minor: int,
    outflow_minor: int,
    *,
    partition: int = 0,
    entity: str = "NORTH",
    currency: str = "EUR",
    contracts: int = 1,
) -> Record:
    value = schemas.GapFlow(
        entity=entity,
        organisation="HQ",
        business_line="retail",
        product="loan",
        currency=currency,
        flow_date=flow_date,
        inflow=to_text(inflow_minor, currency),
        outflow=to_text(outflow_minor, currency),
        contracts=contracts,
        source=source(GAP, partition, offset),
    )
    return record(GAP, partition, f"{entity}|{currency}|{flow_date}".encode(), value)


def withdrawal(
    offset: int, rolling: str, *, partition: int = 0, entity: str = "NORTH", customer: str = "C1"
) -> Record:
    value = schemas.Withdrawal(
        entity=entity,
        organisation="HQ",
        customer=customer,
        currency="EUR",
        rolling=rolling,
        threshold="50.00",
        window_minutes=60,
        above=float(rolling) >= 50,
        event_time=NOON,
        source=source(WITHDRAWAL, partition, offset),
    )
    return record(WITHDRAWAL, partition, f"{entity}|{customer}|EUR".encode(), value)


def alert(
    offset: int,
    sequence: int,
    *,
    partition: int = 0,
    entity: str = "NORTH",
    appended_at: str | None = None,
    alert_id: str | None = None,
    entries: Sequence[schemas.AlertEntry] = (),
    log: str = LOG,
    fold: int = 1,
) -> Record:
    value = schemas.Alert(
        alert_id=alert_id or f"alert-{partition}-{sequence}",
        kind="raised",
        rule="large-flow-single",
        rule_version="1",
        sequence=sequence,
        entity=entity,
        organisation="HQ",
        customer="C1",
        customer_class="corporate",
        account="A1",
        currency="EUR",
        amount="1000.00",
        threshold="500.00",
        event_time=NOON,
        txn_id=f"T{offset}",
        reason="one payment of 1,000.00 is at or above 500.00",
        source=source(ALERT, partition, offset, log=log, fold=fold),
        entries=list(entries),
        appended_at=appended_at or f"2026-11-22T12:{offset % 3600 // 60:02}:{offset % 60:02}Z",
    )
    return record(ALERT, partition, value.alert_id.encode(), value)


def cut(
    topic: str,
    offset: int,
    *,
    partition: int = 0,
    log: str = LOG,
    fold: int = 1,
    business_time: str | None = NOON,
) -> Record:
    value = schemas.Cut(
        source=source(topic, partition, offset, log=log, fold=fold),
        from_offset=0,
        count=0,
        appended_at=None,
        business_time=business_time,
        statistics={},
    )
    return record(topic, partition, b"cut", value)


def business_date(offset: int, entity: str, day: str) -> Record:
    value = schemas.BusinessDate(entity_id=entity, business_date=day, event_time=NOON)
    return record(BUSINESS_DATE, 0, entity.encode(), value)._replace(offset=offset)


def view_of(records: Iterable[Record]) -> RiskView:
    view = RiskView()
    for item in records:
        view.apply(item)
    return view


@dataclass(slots=True)
class Worker:
    """What one source partition's worker publishes, however often it is killed: states are folds of `entries`.

    An entry is (cell, amount in minor units, raises an alert).
    """

    partition: int
    entries: Sequence[tuple[int, int, bool]]
    published: list[Record] = field(default_factory=list)

    def run(self, start: int, cuts: Sequence[int], broken_after: int | None = None) -> None:
        """From the snapshot at `start` publish a tick up to each of `cuts`; the last may break off, with no cut.

        `broken_after`: so many records of each topic of the last tick get out.
        """
        sums: dict[int, int] = {}
        alerts = sum(raises for _, _, raises in self.entries[:start])
        for cell, amount_minor, _ in self.entries[:start]:
            sums[cell] = sums.get(cell, 0) + amount_minor
        at = start
        for end in cuts:
            positions: dict[int, Record] = {}
            raised: list[Record] = []
            for offset in range(at, end):
                cell, amount_minor, raises = self.entries[offset]
                sums[cell] = sums.get(cell, 0) + amount_minor
                positions[cell] = position(end, sums[cell], partition=self.partition, organisation=f"B{cell}")
                if raises:
                    raised.append(alert(offset + 1, alerts, partition=self.partition))
                    alerts += 1
            is_broken = broken_after is not None and end == cuts[-1]
            tick = list(positions.values())[: broken_after if is_broken else None]
            notices = raised[: broken_after if is_broken else None]
            if not is_broken:
                tick.append(cut(POSITION, end, partition=self.partition))
                notices.append(cut(ALERT, end, partition=self.partition))
            self.published += tick + notices
            at = end
