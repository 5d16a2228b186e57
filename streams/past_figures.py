"""Figures the API does not hold live: by customer or account, and at past offsets.

Both are read from stored states (`streams.stored_states`) with the folds the worker runs, so that no figure has
two origins.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypedDict

from confluent_kafka.admin import AdminClient

from engines.primitives.errors import InvalidInput
from infra.kafka.clients import cluster_and_topic_ids
from infra.snapshots import LogPartition, SnapshotStore
from projections.transactions import TransactionState
from streams import outputs, topics
from streams.folders import Folder, source_of
from streams.instants import day_number
from streams.raw_batch import RawBatch
from streams.stored_states import Replay, StoredStates
from streams.views import CUT_KEY, AsOf, Filters, RiskView
from streams.views_wire import Record

FAR_FUTURE_DAY = 10**6


class AccountSums(TypedDict):
    """Sums of one position with value date <= as_of, minor units, from the account's own side."""

    entity: str
    organisation: str
    business_line: str
    product: str
    currency: str
    customer: str
    account: str
    intragroup: bool
    settled_minor: int
    pending_in_minor: int
    pending_out_minor: int


Accounts = Callable[[AsOf, Filters], tuple[Mapping[str, int], Sequence[AccountSums]]]


def account_rows(state: TransactionState, as_of: AsOf, filters: Filters) -> list[AccountSums]:
    """Every position of one partition's state that passes the filters."""

    def last_day(entity: str) -> int:
        day = as_of.of(entity)
        return FAR_FUTURE_DAY if day is None else day_number(day)

    rows: list[AccountSums] = []
    for key, settled, pending_in, pending_out in state.positions.accounts(last_day):
        entity, organisation, line, product, currency, customer, account, _, intragroup = key
        row = AccountSums(
            entity=entity,
            organisation=organisation,
            business_line=line,
            product=product,
            currency=currency,
            customer=customer,
            account=account,
            intragroup=intragroup == "true",
            settled_minor=settled,
            pending_in_minor=pending_in,
            pending_out_minor=pending_out,
        )
        fields: Mapping[str, object] = row
        if all(fields.get(dimension) in members for dimension, members in filters.items()):
            rows.append(row)
    return rows


def accounts_from_snapshots(
    folder: Folder, store: SnapshotStore, partitions: Callable[[], list[LogPartition]]
) -> Accounts:
    """Answers from the newest snapshot of each partition; the offset vector says how new that is."""
    states = StoredStates(folder, store)

    def read(as_of: AsOf, filters: Filters) -> tuple[Mapping[str, int], Sequence[AccountSums]]:
        offsets: dict[str, int] = {}
        rows: list[AccountSums] = []
        for where, state, offset in states.read(partitions()):
            offsets[f"{where.topic}/{where.partition}"] = offset
            rows += account_rows(state, as_of, filters)
        return offsets, rows

    return read


class Logs:
    """The folded logs as they are now: ids are asked for once, since another id is another log."""

    def __init__(self, admin: AdminClient, partitions_by_topic: Mapping[str, int]) -> None:
        self._admin, self._counts = admin, dict(partitions_by_topic)
        self._known: dict[tuple[str, int], LogPartition] = {}

    def all(self) -> dict[tuple[str, int], LogPartition]:
        if not self._known:
            ids = cluster_and_topic_ids(self._admin, self._counts)
            self._known = {
                (name, number): LogPartition(ids.cluster_id, name, ids.topic_ids[name], number, count)
                for name, count in self._counts.items()
                for number in range(count)
            }
        return self._known

    def of(self, topic: str) -> list[LogPartition]:
        return [where for (name, _), where in sorted(self.all().items()) if name == topic]


class States(Protocol):
    """`streams.stored_states.Replay`, and its double in tests."""

    def states(
        self, logs: Mapping[tuple[str, int], LogPartition], offsets: Mapping[tuple[str, int], int]
    ) -> Iterator[tuple[Folder, LogPartition, Any]]: ...

    def raw(self, topic: str, partition: int, end: int) -> Iterator[RawBatch]: ...


class KnownLogs(Protocol):
    def all(self) -> Mapping[tuple[str, int], LogPartition]: ...


def parse_place(place: str) -> tuple[str, int]:
    """`topic/partition`. Raises InvalidInput."""
    topic, slash, partition = place.rpartition("/")
    if not slash or not partition.isdigit():
        raise InvalidInput(f"{place!r} is not topic/partition", field="at_offsets")
    return topic, int(partition)


def show_dates(view: RiskView, replay: States, end: int) -> None:
    """Put the business dates told below `end` into a view."""
    for raw in replay.raw(topics.BUSINESS_DATE, 0, end):
        for offset, value in zip(raw.offsets.tolist(), raw.values, strict=True):
            view.apply(Record(topics.BUSINESS_DATE, 0, offset, b"", value or b""))


def show_decisions(view: RiskView, replay: States, end: int) -> None:
    """Put the decisions published below `end` into a view."""
    for raw in replay.raw(topics.AUDIT, 0, end):
        for offset, value in zip(raw.offsets.tolist(), raw.values, strict=True):
            view.apply(Record(topics.AUDIT, 0, offset, b"", value or b""))


def show_state(
    view: RiskView, folder: Folder, where: LogPartition, state: Any, wanted: Collection[str] | None = None
) -> None:
    """Put all that a state publishes into a view, or what it publishes on the topics `wanted`."""
    source = source_of(folder, state, where.partition, f"{where.cluster_id}/{where.topic_id}")
    found = [one for one in folder.take_all(state, source) if wanted is None or one.topic in wanted]
    for output in found:
        view.apply(Record(output.topic, where.partition, 0, output.key, output.value))
    newest, statistics = folder.newest_event_us(state), folder.statistics(state)
    cut = outputs.cut(source, 0, len(found), None, newest, statistics)
    for topic in folder.output_topics:
        if wanted is None or topic in wanted:
            view.apply(Record(topic, where.partition, 0, CUT_KEY, cut))


def view_at(replay: Replay, logs: Logs, offsets: Mapping[str, int]) -> tuple[RiskView, Accounts]:
    """The published figures and the accounts as they were at an offset vector {"topic/partition": next offset}.

    Raises InvalidInput or NotFound where the vector does not fit the logs.
    """
    wanted = {parse_place(place): offset for place, offset in offsets.items()}
    view = RiskView()
    date_places = [at for at in wanted if at[0] == topics.BUSINESS_DATE]
    for place in date_places:
        show_dates(view, replay, wanted.pop(place))
    for place in [at for at in wanted if at[0] == topics.AUDIT]:
        show_decisions(view, replay, wanted.pop(place))
    transactions: list[TransactionState] = []
    for folder, where, state in replay.states(logs.all(), wanted):
        show_state(view, folder, where, state)
        if folder.topic == topics.TXN:
            transactions.append(state)

    def read(as_of: AsOf, filters: Filters) -> tuple[Mapping[str, int], Sequence[AccountSums]]:
        mine = {place: offset for place, offset in offsets.items() if parse_place(place)[0] == topics.TXN}
        return mine, [row for state in transactions for row in account_rows(state, as_of, filters)]

    return view, read
