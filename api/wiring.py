"""Puts the parts together: settings in, running broker clients, stores, applications and the API out.

The only module that knows how everything is built. Commands import it when they run, not before.
"""

import json
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from confluent_kafka.admin import AdminClient

from aggregates.assets import Assets
from aggregates.envelope import Principal
from api.access import WatchedAssets
from api.access_wiring import access_of, telling_access
from api.allowed import allowed
from api.limit_wiring import answering_limits, cut_reader, recording_cuts
from api.login_codes import LoginCodeFiles
from api.papers import open_papers
from api.services import Replayed, Services
from infra.deadline_policies import deadline_book, reminder_ladder
from infra.decision_views import DecisionViews
from infra.event_store import EventStore, open_event_store, utc_now
from infra.files import write_atomically
from infra.kafka.clients import client_config, consumer_config, producer_config, resolve_bootstrap
from infra.recovery_policies import recovery_policy
from infra.reference_store import ReferenceStore
from infra.run_files import own_process_file
from infra.security import SigningKeys, verify_token
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore
from streams import topics
from streams.audit_publisher import AuditPublisher, OutboundRecord, Send
from streams.change_reader import ChangeReader, offsets_from_kafka
from streams.command_handler import CommandHandler, Handled
from streams.folded import config_version, folders, ratio_policy
from streams.integrations.facts import facts_of_customer
from streams.integrations.publisher import IntegrationPublisher
from streams.integrations.publisher import handlers as neighbours
from streams.past_figures import Logs, accounts_from_snapshots, view_at
from streams.past_gap import RecordSearch, contracts_at, contracts_from_snapshots
from streams.process_manager_runner import ManagerMetrics, ProcessManagerRunner, Rules
from streams.producer import RecordProducer
from streams.ratio_changes import two_cuts
from streams.ratio_movements import from_log
from streams.reverse_stress_states import LiveDepositors
from streams.stored_states import LogReader, Replay
from streams.views_entries import EntryReader
from streams.views_live import LiveView, ViewReader
from streams.warm import and_warm

log = structlog.get_logger()

ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - where one listens and nobody can be reached


def run_worker(settings: Settings) -> None:
    """Fold partitions, execute commands from Kafka and publish stored events, until a signal."""
    from streams.worker import run_worker as run_folds

    with (
        own_process_file(settings.data_dir / "run", "worker"),  # run_folds writes where its metrics are
        opened_assets(settings) as (store, assets),
        publishing(settings, store, assets),
        managing(settings, store, assets) as managers,
        answering_limits(settings, store, assets, _holder(), _in_thread) as responses,
        telling_access(settings, _in_thread) as access,
    ):
        handler = CommandHandler(assets, verifier(settings), access)
        run_folds(
            settings,
            {
                topics.COMMAND: lambda _key, value, at: blame(handler.handle_command(value, at)),
                topics.POSTING_REPLY: lambda _key, value, at: blame(handler.handle_posting_reply(value, at)),
                **neighbours(assets, ReferenceStore(store)),
            },
            [managers.registry, responses.registry, access.registry],
        )


def blame(handled: Handled) -> tuple[str, str] | None:
    """(field, reason) for the dead letter of a refused record; None if it was executed."""
    letter = handled.dead_letter
    if letter is None:
        return None
    return (letter.field if letter.guard == "-" else letter.guard), f"{letter.code}: {letter.reason}"


def run_api(settings: Settings) -> None:
    """Serve until a signal; `run/api.json` tells the commands on this host where."""
    from api.app import create_app
    from api.server import serve

    def tell(port: int) -> None:
        host = "127.0.0.1" if settings.api_host in ANY_ADDRESS else settings.api_host
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        body = {"address": address, "port": port, "pid": os.getpid()}
        write_atomically(settings.data_dir / "run" / "api.json", json.dumps(body).encode())

    with opened_assets(settings, WatchedAssets) as (store, assets), telling_access(settings, _in_thread) as log:
        facts, access = _facts_reader(store, assets), access_of(settings, log)
        ours = replace(services(settings, assets), external_facts=facts, access=access)
        with recording_cuts(settings, store, ours, _holder(), _in_thread):
            serve(create_app(ours), settings.api_host, settings.api_port, tell)


def _facts_reader(store: EventStore, assets: Assets) -> Callable[[Principal, str], list[dict[str, Any]]]:
    reference = ReferenceStore(store)
    return lambda reader, customer_no: facts_of_customer(assets, reference, customer_no, reader=reader)


def services(settings: Settings, assets: Assets) -> Services:
    """What the API needs; it connects to Kafka when it starts."""
    kafka = client_config(settings, resolve_bootstrap(settings))
    live = LiveView()
    reader = ViewReader(live, kafka)
    folded = folders(settings)
    store = LocalSnapshotStore(settings.snapshots)
    logs = Logs(AdminClient(kafka), topics.folded_partitions(settings.kafka_partitions))
    consumer = consumer_config(settings, resolve_bootstrap(settings))
    past, search = Replay(folded, store, consumer), RecordSearch(lambda: LogReader(consumer))
    between = from_log(lambda: LogReader(consumer))
    return Services(
        live=live,
        verify_token=verifier(settings),
        login_codes=LoginCodeFiles(settings.data_dir / "login"),
        assets=assets,
        read_entry=EntryReader(kafka),
        account_source=accounts_from_snapshots(folded[topics.TXN], store, lambda: logs.of(topics.TXN)),
        replay=lambda offsets: Replayed(*view_at(past, logs, offsets)),
        contracts=contracts_from_snapshots(folded[topics.CONTRACT], store, lambda: logs.of(topics.CONTRACT), search),
        contracts_at=lambda offsets: contracts_at(past, logs, offsets, search),
        ratio_cuts=lambda before, after: two_cuts(past, logs, between, before, after),
        depositors=LiveDepositors(folded[topics.TXN], past, logs, between),
        changes=ChangeReader(past, logs, between, offsets_from_kafka(consumer)),
        ratio_policy=ratio_policy(settings),
        recovery_policy=recovery_policy(settings.policy_dir),
        papers=open_papers(settings, assets, utc_now),
        allowed=lambda *asked: allowed(assets, utc_now(), *asked),
        work=DecisionViews(assets.published_after, assets.bank_day),
        recent_cuts=cut_reader(settings),
        config_version=config_version(settings),
        page_dir=Path(__file__).parent / "page" / "dist",
        engine_version=version("tidemark"),
        clock=utc_now,
        on_start=and_warm(reader.start),  # the first explanation waits for no compiler
        on_stop=reader.stop,
    )


@contextmanager
def opened_assets(settings: Settings, application: type[Assets] = Assets) -> Iterator[tuple[EventStore, Assets]]:
    """The event store of these settings and the application on it, closed at the end."""
    with open_event_store(settings.event_store, settings.data_dir) as store:
        assets = application(store.factory)
        try:
            yield store, assets
        finally:
            assets.close()


@contextmanager
def publishing(settings: Settings, store: EventStore, assets: Assets) -> Iterator[None]:
    """Stored events go to Kafka meanwhile, by a thread; of several processes one holds the lease and works."""
    publisher = AuditPublisher(assets, store, _sender(settings), clock=utc_now, holder=_holder())
    reference = ReferenceStore(store)
    told = IntegrationPublisher(assets, store, reference, _sender(settings), clock=utc_now, holder=_holder())
    with _in_thread("audit-publisher", publisher.run), _in_thread("integrations", told.run):
        yield


@contextmanager
def managing(settings: Settings, store: EventStore, assets: Assets) -> Iterator[ManagerMetrics]:
    """Process managers and timers run meanwhile; of several processes one holds the lease and works. Gives what they
    say of themselves."""
    directory = settings.policy_dir
    rules = Rules(deadline_book(directory), reminder_ladder(directory))
    runner = ProcessManagerRunner(assets, store, clock=utc_now, holder=_holder(), rules=rules)
    with _in_thread("process-managers", runner.run):
        yield runner.metrics


def _sender(settings: Settings) -> Send:
    """Delivers records, each thread with a producer of its own: a failed delivery is told to whom it concerns."""
    producer = RecordProducer(producer_config(settings, resolve_bootstrap(settings)))

    def send(records: Sequence[OutboundRecord]) -> None:
        for record in records:
            producer.send(record.topic, record.key, record.value, record.headers)
        producer.flush()

    return send


def _holder() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


@contextmanager
def _in_thread(name: str, run: Callable[[threading.Event], None]) -> Iterator[None]:
    """`run` works in a thread until the block ends. If it fails the process ends: its supervisor starts it again at
    the saved position."""
    stop = threading.Event()

    def run_or_end() -> None:
        try:
            run(stop)
        except Exception as error:
            log.error(f"{name.replace('-', '_')}_failed", error=str(error), kind=type(error).__name__)
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run_or_end, name=name)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def verifier(settings: Settings) -> Callable[[str, datetime], Principal]:
    """Who a token of this installation stands for."""
    keys = SigningKeys.load_or_create(settings.data_dir / "keys")
    return lambda token, at: verify_token(keys, token, at)
