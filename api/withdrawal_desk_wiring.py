"""Puts the withdrawal desk together: policy and topic for the API, and the keeper beside it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event

from api.services import Services
from api.withdrawal_desk import WithdrawalDesk
from api.withdrawal_desk_keeper import DeskKeeper
from infra.event_store import EventStore
from infra.kafka.clients import client_config, resolve_bootstrap
from infra.settings import Settings
from infra.withdrawal_policies import withdrawal_policies
from streams.announced_reservations import AnnouncedReservations

InThread = Callable[[str, Callable[[Event], None]], AbstractContextManager[None]]


def withdrawal_desk(settings: Settings) -> WithdrawalDesk:
    """It connects to Kafka when it is first asked."""
    kafka = client_config(settings, resolve_bootstrap(settings))
    return WithdrawalDesk(withdrawal_policies(settings.policy_dir), AnnouncedReservations(kafka))


@contextmanager
def keeping_desk(ours: Services, store: EventStore, holder: str, in_thread: InThread) -> Iterator[None]:
    """The desk is looked after meanwhile; of several processes one holds the lease and works."""
    with in_thread("withdrawal-desk", DeskKeeper(ours, store, holder=holder).run):
        yield
