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
from api.alert_centre import AlertCentre
from api.alert_rules import alert_rules_of
from api.allowed import allowed
from api.archive_wiring import archive_reader
from api.audit_room import AuditRoom
from api.counterfactual import counterfactuals_of
from api.ledger_exports import exports_of
from api.ledgers import Ledgers
from api.limit_wiring import answering_limits, cut_reader, recording_cuts
from api.lineage_ledgers import ledger_rows
from api.login_codes import LoginCodeFiles
from api.masking import Masking, granted_roles
from api.notifier_desk import Deliveries
from api.opening import opened_assets
from api.papers import open_papers
from api.pivot_room import pivot_room, running_schedules
from api.privacy import Privacy
from api.rate_limits import quotas_of
from api.services import Replayed, Services
from api.trust_operations import Operations
from api.withdrawal_desk_wiring import keeping_desk, withdrawal_desk
from infra.checkpoint_files import HeadsFile
from infra.checkpoint_settings import heads_file, witnesses
from infra.collector import collect_seldom
from infra.deadline_policies import deadline_book, holiday_calendar, reminder_ladder
from infra.decision_views import DecisionViews
from infra.deliveries import DeliveryStore
from infra.event_store import EventStore, utc_now
from infra.files import write_atomically
from infra.kafka.clients import client_config, consumer_config, producer_config, resolve_bootstrap
from infra.ledger_store import LedgerStore
from infra.ledger_views import LedgerViews
from infra.recovery_policies import recovery_policy
from infra.reference_store import ReferenceStore
from infra.run_files import own_process_file
from infra.security import SigningKeys, verify_token
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore
from infra.subject_keys import SubjectKeys
from streams import topics
from streams.archive_entries import or_archived
from streams.audit_heads import HeadPublisher
from streams.audit_publisher import AuditPublisher, OutboundRecord, Send
from streams.change_reader import ChangeReader, offsets_from_kafka
from streams.command_handler import CommandHandler, Handled
from streams.folded import config_version, folders, ratio_policy
from streams.integrations.facts import facts_of_customer
from streams.integrations.publisher import IntegrationPublisher
from streams.integrations.publisher import handlers as neighbours
from streams.lineage_events import EventLineage
from streams.nostro_statements import NostroStatements
from streams.past_batches import BatchReplay
from streams.past_figures import Logs, accounts_from_snapshots, view_at
from streams.past_gap import RecordSearch, contracts_at, contracts_from_snapshots
from streams.past_views import NoSnapshots, PastReader
from streams.process_manager_runner import ManagerMetrics, ProcessManagerRunner, Rules
from streams.producer import RecordProducer
from streams.ratio_changes import two_cuts
from streams.ratio_movements import from_log
from streams.reservation_publisher import reservation_publisher
from streams.reverse_stress_states import LiveDepositors
from streams.stored_states import LogReader
from streams.trust_board import TrustBoard
from streams.trust_policy import trust_policy
from streams.trust_reader import TrustReader, both
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
                **neighbours(assets, ReferenceStore(store, subject_keys(assets))),
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
        collect_seldom()
        host = "127.0.0.1" if settings.api_host in ANY_ADDRESS else settings.api_host
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        body = {"address": address, "port": port, "pid": os.getpid()}
        write_atomically(settings.data_dir / "run" / "api.json", json.dumps(body).encode())

    with opened_assets(settings, WatchedAssets) as (store, assets), telling_access(settings, _in_thread) as log:
        facts, access = _facts_reader(settings, store, assets), access_of(settings, log)
        room = AuditRoom(settings, store, assets, utc_now)
        ours = replace(services(settings, assets), external_facts=facts, access=access, audit=room)
        ours = replace(ours, deliveries=Deliveries(DeliveryStore(store)))
        assert ours.privacy is not None  # noqa: S101 - made by `services`
        cuts = recording_cuts(settings, store, ours, assets, _holder(), _in_thread)
        assert ours.pivots is not None  # noqa: S101 - made by `services`
        schedules = running_schedules(ours.pivots, ours, store, _holder(), _in_thread)
        desk = keeping_desk(ours, store, _holder(), _in_thread)
        with cuts, schedules, desk, _in_thread("erasures", ours.privacy.run):
            serve(create_app(ours), settings.api_host, settings.api_port, tell)


def _facts_reader(
    settings: Settings, store: EventStore, assets: Assets
) -> Callable[[Principal, str], list[dict[str, Any]]]:
    reference, seen = ReferenceStore(store, subject_keys(assets)), masking_of(settings, assets)

    def facts(reader: Principal, customer_no: str) -> list[dict[str, Any]]:
        found = facts_of_customer(assets, reference, customer_no, reader=reader)
        return [fact | {"record": seen.lens(reader).plain(fact["record"])} for fact in found]

    return facts


def services(settings: Settings, assets: Assets) -> Services:
    """What the API needs; it connects to Kafka when it starts."""
    kafka = client_config(settings, resolve_bootstrap(settings))
    live = LiveView()
    reader = ViewReader(live, kafka)
    board = TrustBoard(trust_policy(settings), utc_now)
    sources = TrustReader(live, board, kafka)
    folded = folders(settings)
    store = LocalSnapshotStore(settings.snapshots)
    logs = Logs(AdminClient(kafka), topics.folded_partitions(settings.kafka_partitions))
    cuts = Logs(AdminClient(kafka), {topics.CUT: 1})
    consumer = consumer_config(settings, resolve_bootstrap(settings))
    archive = archive_reader(settings)
    ledger_store = LedgerStore(settings.data_dir / "ledgers")
    ledgers = Ledgers(LedgerViews(assets.published_after, ledger_store), utc_now, assets.bank_day)
    masking = masking_of(settings, assets)
    exports = exports_of(settings, ledgers, assets, masking)
    others = (
        BatchReplay(folded, NoSnapshots(), consumer, archive),
        BatchReplay(folded, store, consumer, archive, watches_flows=False),
    )
    past, search = BatchReplay(folded, store, consumer, archive), RecordSearch(lambda: LogReader(consumer, archive))
    between, at_instant = from_log(lambda: LogReader(consumer, archive)), offsets_from_kafka(consumer)
    return Services(
        live=live,
        verify_token=verifier(settings),
        login_codes=LoginCodeFiles(settings.data_dir / "login"),
        assets=assets,
        read_entry=or_archived(EntryReader(kafka), archive),
        archive=archive,
        nostro_statements=NostroStatements(kafka),
        account_source=accounts_from_snapshots(folded[topics.TXN], store, lambda: logs.of(topics.TXN)),
        replay=lambda offsets: Replayed(*view_at(past, logs, offsets)),
        past=PastReader(past, logs, at_instant, *others, folded),
        contracts=contracts_from_snapshots(folded[topics.CONTRACT], store, lambda: logs.of(topics.CONTRACT), search),
        contracts_at=lambda offsets: contracts_at(past, logs, offsets, search),
        ratio_cuts=lambda before, after: two_cuts(past, logs, between, before, after),
        depositors=LiveDepositors(folded[topics.TXN], past, logs, between),
        alert_centre=AlertCentre(assets.decisions, assets.decode, holiday_calendar(settings.policy_dir)),
        changes=ChangeReader(past, logs, between, at_instant),
        event_lineage=EventLineage(assets, ledger_rows(ledgers)),
        ratio_policy=ratio_policy(settings),
        recovery_policy=recovery_policy(settings.policy_dir),
        papers=open_papers(settings, assets, utc_now, masking_of(settings, assets)),
        allowed=lambda *asked: allowed(assets, utc_now(), *asked),
        work=DecisionViews(assets.published_after, assets.bank_day),
        ledgers=ledgers,
        ledger_exports=exports,
        pivots=pivot_room(settings, assets),
        recent_cuts=cut_reader(settings),
        counterfactuals=counterfactuals_of(settings),
        alert_rules=alert_rules_of(settings, assets, utc_now, folded[topics.CUT], store, lambda: cuts.of(topics.CUT)),
        privacy=Privacy(assets, subject_keys(assets), utc_now),
        masking=masking,
        config_version=config_version(settings),
        quotas=quotas_of(settings),
        trust=board,
        operations=Operations(settings).body,
        withdrawal_desk=withdrawal_desk(settings),
        page_dir=Path(__file__).parent / "page" / "dist",
        engine_version=version("tidemark"),
        clock=utc_now,
        on_start=and_warm(both(reader.start, sources.start)),  # the first explanation waits for no compiler
        on_stop=exports.closed_after(both(sources.stop, reader.stop)),
    )


@contextmanager
def publishing(settings: Settings, store: EventStore, assets: Assets) -> Iterator[None]:
    """Stored events go to Kafka meanwhile, by a thread; of several processes one holds the lease and works."""
    publisher = AuditPublisher(assets, store, _sender(settings), clock=utc_now, holder=_holder())
    reference = ReferenceStore(store, subject_keys(assets))
    told = IntegrationPublisher(assets, store, reference, _sender(settings), clock=utc_now, holder=_holder())
    desk = reservation_publisher(assets, store, _sender(settings), clock=utc_now, holder=_holder())
    heads = HeadPublisher(
        store,
        _sender(settings),
        HeadsFile(heads_file(settings)),
        clock=utc_now,
        holder=_holder(),
        witnesses=witnesses(settings),
        required=settings.witness_required,
    )
    with (
        _in_thread("audit-publisher", publisher.run),
        _in_thread("integrations", told.run),
        _in_thread("reservation-publisher", desk.run),
        _in_thread("head-publisher", heads.run),
    ):
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


def subject_keys(assets: Assets) -> SubjectKeys:
    """The keeper of keys that `opened_assets` gave the application."""
    assert isinstance(assets.protection, SubjectKeys)  # noqa: S101 - as opened above
    return assets.protection


def masking_of(settings: Settings, assets: Assets) -> Masking:
    return Masking(subject_keys(assets), frozenset(settings.unmask_roles.split()), granted_roles(assets.model))


def verifier(settings: Settings) -> Callable[[str, datetime], Principal]:
    """Who a token of this installation stands for."""
    keys = SigningKeys.load_or_create(settings.data_dir / "keys")
    return lambda token, at: verify_token(keys, token, at)
