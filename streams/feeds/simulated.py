"""A bank that never was: a seeded, deterministic stream of its events, day after day, in the order they are
told.

The stream is a pure function of its arguments. Event number n can be reached without making those before it:
an opening part (business dates, opening balances, the contracts there are), then days of exactly
`events_per_day`. Not for pacing or sending: that is `streams/feeds/runner.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np

from engines.primitives.errors import InvalidInput
from engines.primitives.money import EXPONENT_BY_CURRENCY, to_text
from streams import topics
from streams.feeds.contracts import amended, closed, contract
from streams.feeds.cursor import Anchor
from streams.feeds.day import (
    DayPlan,
    check_events_per_day,
    contracts_closed_per_day,
    contracts_per_day,
    plan_day,
)
from streams.feeds.event import Event, instant_text
from streams.feeds.sheet import (
    BUSINESS_DATE,
    COMMAND,
    CONTRACT,
    DAY_US,
    ENTRY_KINDS,
    RESERVATION,
    TREASURY,
    CommandStep,
    ContractStep,
    ReservationStep,
)
from streams.feeds.treasury import Treasury
from streams.feeds.workout import TokenOf, Workout, command_event
from streams.feeds.world import ENTITIES, Indices, build_world
from streams.schemas import OPENING, BusinessDate, Contract, Reservation, Status, Txn

SOURCE_SYSTEM = "core"
#: The simulated bank keeps the clock of Asia/Shanghai, which has had no summer time since 1991.
BANK_UTC_OFFSET = timedelta(hours=8)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 4_096
Calendar = Literal["weekdays", "clock"]
_STATUS: tuple[Status, ...] = ("settled", "pending", "rejected")


@dataclass(frozen=True, slots=True)
class Simulation:
    """What the stream depends on, beside the live anchors.

    Args:
        seed: 0 or more.
        business_date: of the first day.
        events_per_day: exactly so many, 5,000 to 2,000,000.
        customers: at least 500.
        calendar: `weekdays`, each day is the next weekday; `clock`, whoever runs it says which date it is by
            jumps, and several simulated days may share one date.
        jumps: (day number, business date) from which on the date is another, ascending.
        commands: whether people also decide on the loans at risk, by workflow commands (`workout.py`).
        treasury: whether there are securities with prices, exchange rates and reserves (`treasury.py`).
    """

    seed: int
    business_date: date
    events_per_day: int = 250_000
    customers: int = 20_000
    calendar: Calendar = "weekdays"
    jumps: tuple[tuple[int, date], ...] = ()
    commands: bool = False
    treasury: bool = False

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InvalidInput("a seed must not be negative", field="seed")
        check_events_per_day(self.events_per_day)

    def day(self, number: int) -> date:
        """The business date of day `number`, counted from 0."""
        begins = (0, self.business_date)
        for jump in self.jumps:
            if jump[0] <= number:
                begins = jump
        return begins[1] if self.calendar == "clock" else business_day(begins[1], number - begins[0])


def bank_date(now: datetime) -> date:
    """The simulated bank's calendar date at an aware instant."""
    return (now.astimezone(UTC) + BANK_UTC_OFFSET).date()


def business_day(day: date, offset: int) -> date:
    """`day` itself for 0, else the weekday so many weekdays after or before it."""
    if offset == 0:
        return day
    other: date = np.busday_offset(day, offset, roll="backward" if offset > 0 else "forward").astype(date)
    return other


class SimulatedBank:
    """The stream of one simulation. `opening_events` come first and are not meant to be paced.

    `token_of` gives the signed token of a role, put into each workflow command; it is no part of the content.
    """

    def __init__(self, simulation: Simulation, token_of: TokenOf = lambda _role: "") -> None:
        self.simulation, self._token_of = simulation, token_of
        self.world = build_world(simulation.seed, simulation.customers)
        self.book = simulation.customers // 5
        per_day = simulation.events_per_day
        self._workout = Workout(
            simulation.seed,
            lambda serial: self._contract_as_opened(serial, "-"),
            self.book,
            contracts_per_day(per_day),
            contracts_closed_per_day(per_day),
        )
        self._stock = self._workout.before(simulation.business_date) if simulation.commands else []
        self._treasury = None
        if simulation.treasury:
            day, serials = simulation.business_date, range(self.book)
            book = (contract(self.world, serial, day, "-", seasoned=True) for serial in serials)
            self._treasury = Treasury(self.world, book, day)
        self.opening_events = len(ENTITIES) + self.world.accounts + self.book + len(self._stock)
        self.opening_events += self._treasury.openings if self._treasury else 0

    def events(self, first_index: int = 0, anchors: Sequence[Anchor] = ()) -> Iterator[Event]:
        """Events from number `first_index` on, without end.

        Args:
            anchors: live times. Event times from the first anchor on run at the anchor's rate; without
                anchors,
                and for openings, they are those of the simulated day.
        """
        if first_index < self.opening_events:
            for number, event in enumerate(self._openings()):
                if number >= first_index:
                    yield event
        number, skipped = divmod(max(first_index - self.opening_events, 0), self.simulation.events_per_day)
        while True:
            yield from self._day(number, skipped, anchors)
            number, skipped = number + 1, 0

    def _openings(self) -> Iterator[Event]:
        world, day = self.world, self.simulation.business_date
        midnight = instant_text(_midnight(day))
        for entity in ENTITIES:
            yield _business_date(entity, day, midnight)
        for i in range(world.accounts):
            record = Txn(
                txn_id=f"S{world.seed}-O-{world.account_id[i]}",
                source_system=SOURCE_SYSTEM,
                event_time=midnight,
                value_date=day.isoformat(),
                entity_id=world.entity[i],
                account_id=world.account_id[i],
                ccy=world.currency[i],
                direction="in",
                amount=to_text(int(world.opening_minor[i]), world.currency[i]),
                customer_id=world.customer[i],
                org_id=world.org[i],
                line_id=world.line[i],
                product_id=world.product[i],
                customer_class=world.customer_class[i],
                txn_type=OPENING,
                channel="INTERNAL",
            )
            yield Event(topics.TXN, world.key[i], record)
        for serial in range(self.book):
            yield _contract_event(contract(world, serial, day, midnight, seasoned=True))
        for step in self._stock:
            yield self._command(step, day)
        if self._treasury:
            yield from self._treasury.opening_events(midnight)

    def _day(self, number: int, skipped: int, anchors: Sequence[Anchor]) -> Iterator[Event]:
        day = self.simulation.day(number)
        commands = self._workout.of_day(number, day) if self.simulation.commands else ()
        events = self.simulation.events_per_day
        treasury = self._treasury.steps(number, events) if self._treasury else ()
        plan = plan_day(self.world, day, number, events, self.book, commands, treasury)
        first = self.opening_events + number * self.simulation.events_per_day
        for start in range(skipped, len(plan.rows), _CHUNK):
            times = _event_times(plan, start, first, _midnight(day), anchors)
            yield from self._chunk(plan, start, number, times)

    def _chunk(self, plan: DayPlan, start: int, number: int, times: list[str]) -> Iterator[Event]:
        world = self.world
        prefix = self._prefix(number)
        dates = {offset: business_day(self.simulation.day(number), offset).isoformat() for offset in range(-1, 4)}
        exponents = EXPONENT_BY_CURRENCY
        rows = plan.rows[start : start + _CHUNK]
        columns = (
            "origin", "account", "kind", "status", "out", "intragroup", "amount", "reverses", "reference",
            "bank", "value_day", "extra",
        )  # fmt: skip
        for (
            at,
            origin,
            i,
            kind,
            status,
            out,
            group,
            minor,
            reverses,
            reference,
            bank,
            value_day,
            extra,
        ) in zip(times, *(rows[name].tolist() for name in columns), strict=True):
            if kind >= len(ENTRY_KINDS):
                yield self._other(plan, (kind, extra), at, number)
                continue
            ccy = world.currency[i]
            digits = exponents[ccy]
            txn_type, channel = ENTRY_KINDS[kind]
            record = Txn(
                txn_id=f"{prefix}{origin:07d}",
                source_system=SOURCE_SYSTEM,
                source_seq=origin,
                event_time=at,
                value_date=dates[value_day],
                entity_id=world.entity[i],
                account_id=world.account_id[i],
                ccy=ccy,
                direction="out" if out else "in",
                # engines.primitives.money.to_text in place, without its checks: a third of this loop's time
                amount=f"{minor // 100}.{minor % 100:02d}" if digits == 2 else to_text(minor, ccy),
                customer_id=world.customer[i],
                org_id=world.org[i],
                line_id=world.line[i],
                product_id=world.product[i],
                customer_class=world.customer_class[i],
                txn_type=txn_type,
                channel=channel,
                cpty_bank_id="-" if bank < 0 else world.bank_names[bank],
                status=_STATUS[status],
                reversal_of="-" if reverses < 0 else f"{prefix}{reverses:07d}",
                intragroup=group,
                payment_ref="-" if reference < 0 else f"{prefix}P{reference:06d}",
            )
            yield Event(topics.TXN, world.key[i], record)

    def _other(self, plan: DayPlan, row: tuple[int, int], at: str, number: int) -> Event:
        kind, extra = row
        if kind == CONTRACT:
            return _contract_event(self._contract(plan.contracts[extra], number, at))
        if kind == RESERVATION:
            return self._reservation(plan.reservations[extra], number, at)
        if kind == COMMAND:
            return self._command(plan.commands[extra], self.simulation.day(number))
        if kind == TREASURY and self._treasury:
            return self._treasury.event(plan.treasury[extra], at)
        if kind != BUSINESS_DATE:
            raise AssertionError(f"no such kind of event: {kind}")
        return _business_date(ENTITIES[extra], self.simulation.day(number), at)

    def _reservation(self, step: ReservationStep, number: int, at: str) -> Event:
        world, i = self.world, step.account
        record = Reservation(
            # the entry that executes it has this as its payment_ref
            res_id=f"{self._prefix(number)}P{step.reference:06d}",
            event_time=at,
            entity_id=world.entity[i],
            ccy=world.currency[i],
            amount=to_text(step.amount_minor, world.currency[i]),
            value_date=business_day(self.simulation.day(number), step.value_day).isoformat(),
            status=step.status,
            customer_id=world.customer[i],
            account_id=world.account_id[i],
            org_id=world.org[i],
            line_id=world.line[i],
            product_id=world.product[i],
            purpose="CASH",
            channel="MOBILE",
            executed_amount=to_text(step.executed_minor, world.currency[i]),
        )
        return Event(topics.RESERVATION, world.key[i], record)

    def _command(self, step: CommandStep, day: date) -> Event:
        return command_event(self.world.seed, step, day, self._token_of(step.role))

    def _contract(self, step: ContractStep, number: int, at: str) -> Contract:
        day = self.simulation.day(number)
        if step.what == "opened":
            return contract(self.world, step.serial, day, at)
        record = self._contract_as_opened(step.serial, at)
        matured = record.maturity_date is not None and record.maturity_date < day.isoformat()
        if step.what == "closed" or matured:  # what has matured is not amended any more
            return closed(record, at)
        return amended(record, step.principal_factor_bp, at)

    def _prefix(self, number: int) -> str:
        return f"S{self.world.seed}-{self.simulation.day(number):%Y%m%d}-{number:04d}-"

    def _contract_as_opened(self, serial: int, at: str) -> Contract:
        if serial < self.book:
            return contract(self.world, serial, self.simulation.business_date, at, seasoned=True)
        opened_on = self.simulation.day((serial - self.book) // contracts_per_day(self.simulation.events_per_day))
        return contract(self.world, serial, opened_on, at)


def simulated_bank(
    seed: int,
    business_date: date,
    *,
    events_per_day: int = 250_000,
    customers: int = 20_000,
    first_index: int = 0,
    anchors: Sequence[Anchor] = (),
) -> Iterator[Event]:
    """The stream of one simulation from `first_index` on; see Simulation and SimulatedBank for the
    arguments.
    """
    bank = SimulatedBank(Simulation(seed, business_date, events_per_day, customers))
    return bank.events(first_index, anchors)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - BANK_UTC_OFFSET


def _event_times(plan: DayPlan, start: int, first: int, midnight: datetime, anchors: Sequence[Anchor]) -> list[str]:
    """RFC 3339 texts for one chunk. A repeat and a change of status keep the time of the row they repeat."""
    rows = plan.rows[start : start + _CHUNK]
    told_at = plan.position[rows["origin"]]
    base_us = (midnight - _EPOCH) // timedelta(microseconds=1)
    micros: Indices = base_us + plan.rows["at"][told_at]
    if anchors:
        begins = np.array([anchor.index for anchor in anchors])
        starts = np.array([anchor.start_us for anchor in anchors])
        period = np.array([1_000_000 / anchor.rate for anchor in anchors])
        index = first + told_at
        which = np.searchsorted(begins, index, side="right") - 1
        live = starts[which] + ((index - begins[which]) * period[which]).astype(np.int64)
        micros = np.where(which >= 0, live, micros)
    micros = micros - plan.rows["late"][told_at]
    texts = np.datetime_as_string(micros.astype("datetime64[us]"), unit="us")
    return [f"{text}Z" for text in texts.tolist()]


def _business_date(entity: str, day: date, at: str) -> Event:
    cut_off = instant_text(_midnight(day) + timedelta(microseconds=DAY_US))
    record = BusinessDate(entity_id=entity, business_date=day.isoformat(), event_time=at, cut_off=cut_off)
    return Event(topics.BUSINESS_DATE, entity.encode(), record)


def _contract_event(record: Contract) -> Event:
    key = topics.record_key(record.entity_id, record.customer_id, record.account_id)
    return Event(topics.CONTRACT, key, record)
