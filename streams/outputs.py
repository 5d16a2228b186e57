"""What folds publish, in wire form: rows of projections to keyed records of `tm.risk.*`.

Keys of compacted topics are the figure's own dimensions, so that the newest value of each stays. Not for
deciding when to publish: that is the worker's.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from engines.primitives.money import to_text
from projections.depositor_balances import DepositRow
from projections.large_flows import ROLLING, AlertRaised, WindowRow
from projections.positions import PositionRow
from streams import topics
from streams.instants import day_text, instant_text
from streams.schemas import Alert, AlertEntry, Cut, Deposit, Position, Source, Withdrawal

_encoder = msgspec.json.Encoder()


class Output(NamedTuple):
    topic: str
    key: bytes
    value: bytes


def encode(record: msgspec.Struct) -> bytes:
    return _encoder.encode(record)


def positions(rows: Iterable[PositionRow], source: Source) -> Iterator[Output]:
    for row in rows:
        entity, organisation, line, product, currency, _, _, _, intragroup = row.key
        day = day_text(row.value_day)
        record = Position(
            entity=entity,
            organisation=organisation,
            business_line=line,
            product=product,
            currency=currency,
            intragroup=intragroup == "true",
            value_date=day,
            settled=to_text(row.settled_minor, currency),
            pending_in=to_text(row.pending_in_minor, currency),
            pending_out=to_text(row.pending_out_minor, currency),
            source=source,
        )
        key = "|".join((entity, organisation, line, product, currency, intragroup, day))
        yield Output(topics.POSITION, key.encode(), encode(record))


def deposits(rows: Iterable[DepositRow], source: Source) -> Iterator[Output]:
    for row in rows:
        record = Deposit(
            entity=row.entity,
            currency=row.currency,
            owner="bank" if row.owner == "bank" else "customer",
            customer_class=row.customer_class,
            product=row.product,
            insured_whole=to_text(row.insured_whole_minor, row.currency),
            insured_part=to_text(row.insured_part_minor, row.currency),
            uninsured=to_text(row.uninsured_minor, row.currency),
            overdrawn=to_text(row.overdrawn_minor, row.currency),
            source=source,
            organisation=row.organisation,
            business_line=row.business_line,
        )
        of = (
            row.entity,
            row.currency,
            row.owner,
            row.customer_class,
            row.product,
            row.organisation,
            row.business_line,
        )
        yield Output(topics.DEPOSIT, "|".join(of).encode(), encode(record))


def withdrawals(rows: Iterable[WindowRow], source: Source) -> Iterator[Output]:
    for row in rows:
        entity, organisation, _, _, currency, customer, account, _, _ = row.position_key
        owner = account if customer == "-" else customer
        record = Withdrawal(
            entity=entity,
            organisation=organisation,
            customer=owner,
            currency=currency,
            rolling=to_text(row.rolling_minor, currency),
            threshold=to_text(row.threshold_minor, currency),
            window_minutes=row.window_minutes,
            above=row.above,
            event_time=instant_text(row.event_time_us),
            source=source,
        )
        yield Output(topics.WITHDRAWAL, f"{entity}|{owner}|{currency}".encode(), encode(record))


def alerts(rows: Iterable[AlertRaised], source: Source) -> Iterator[Output]:
    for row in rows:
        entity, organisation, _, _, currency, customer, account, customer_class, _ = row.position_key
        record = Alert(
            alert_id=row.alert_id,
            kind="raised" if row.kind == "raised" else "corrected",
            rule="large-flow-rolling" if row.rule == ROLLING else "large-flow-single",
            rule_version=row.rule_version,
            sequence=row.sequence,
            entity=entity,
            organisation=organisation,
            customer=account if customer == "-" else customer,
            customer_class=customer_class,
            account=account,
            currency=currency,
            amount=to_text(row.amount_minor, currency),
            threshold=to_text(row.threshold_minor, currency),
            event_time=instant_text(row.event_time_us),
            txn_id=row.txn_id,
            reason=_reason(row, currency),
            # Of the alert's own entry, not of the tick it was found in: equal at every re-emission.
            source=msgspec.structs.replace(source, offset=row.offset + 1),
            rolling=None if row.rolling_minor is None else to_text(row.rolling_minor, currency),
            window_minutes=row.window_minutes,
            late=row.late,
            corrects=row.corrects,
            entries=[
                AlertEntry(
                    offset=entry.offset,
                    event_time=instant_text(entry.event_time_us),
                    amount=to_text(entry.amount_minor, currency),
                )
                for entry in row.entries
            ],
            appended_at=instant_text(row.appended_us),
            severity="WARNING",
        )
        yield Output(topics.ALERT, f"{entity}|{record.customer}".encode(), encode(record))


def _reason(row: AlertRaised, currency: str) -> str:
    amount, threshold = _grouped(row.amount_minor, currency), _grouped(row.threshold_minor, currency)
    if row.corrects is not None:
        return f"The entry behind an earlier alert was taken back ({amount} {currency}): it no longer counts."
    if row.rolling_minor is None:
        return f"One outflow of {amount} {currency} reaches the limit of {threshold}."
    total, count = _grouped(row.rolling_minor, currency), len(row.entries)
    many = "1 outflow comes to" if count == 1 else f"{count} outflows add up to"
    return f"{many} {total} {currency} within {row.window_minutes} minutes, reaching the limit of {threshold}."


def _grouped(minor: int, currency: str) -> str:
    """For people to read: `1,234,567.89`."""
    whole, point, fraction = to_text(minor, currency).partition(".")
    return f"{int(whole):,}{point}{fraction}"


def cut(
    source: Source,
    from_offset: int,
    count: int,
    appended_us: int | None,
    business_us: int | None,
    statistics: dict[str, int],
) -> bytes:
    return encode(
        Cut(
            source=source,
            from_offset=from_offset,
            count=count,
            appended_at=None if appended_us is None else instant_text(appended_us),
            business_time=None if business_us is None else instant_text(business_us),
            statistics=statistics,
        )
    )
