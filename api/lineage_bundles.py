"""Makes figure bundles on the host that holds the audit key: reads the logs, folds them, signs, writes a directory.

Not by HTTP: a bundle reads whole partitions, and signing is not for whoever may ask the API.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient

from aggregates.envelope import Principal
from api.archive_wiring import archive_reader
from api.ledgers import Ledgers
from api.lineage_fields import ledger_bundle
from engines.primitives.errors import InvalidInput, NotFound
from infra.checkpoint_keys import HeadKey
from infra.checkpoint_settings import head_key, open_store
from infra.event_store import utc_now
from infra.event_store_proofs import LogTree, event_proof
from infra.files import write_atomically
from infra.kafka.clients import client_config, consumer_config, resolve_bootstrap
from infra.ledger_store import LedgerStore
from infra.ledger_views import LedgerViews
from infra.lineage_log import AuditSigner
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore
from streams import topics
from streams.folded import folders
from streams.lineage_bundle import Scope, alert_bundle, position_bundle
from streams.lineage_records import keyed_records
from streams.past_figures import Logs, show_dates
from streams.stored_states import Replay
from streams.views import AsOf, RiskView
from streams.views_wire import Alert

VERIFIER = Path(__file__).parent / "verifier" / "tidemark_verify.py"
FILE = "bundle.json"
DATES = f"{topics.BUSINESS_DATE}/0"
OWNER = Principal("audit-bundle", ("IA",), "-", ("*",))  # whoever may read the audit key may read what it signs


class Bundler:
    """Reads Kafka by consumers of one call each; the key is read when it signs."""

    def __init__(self, settings: Settings) -> None:
        bootstrap = resolve_bootstrap(settings)
        consumer = consumer_config(settings, bootstrap)
        folded = folders(settings)
        self._folder = folded[topics.TXN]
        self._read = keyed_records(consumer, archive_reader(settings))
        self._logs = Logs(
            AdminClient(client_config(settings, bootstrap)), topics.folded_partitions(settings.kafka_partitions)
        )
        self._replay = Replay(folded, LocalSnapshotStore(settings.snapshots), consumer, archive_reader(settings))
        key = _key(settings)
        with open_store(settings) as store:
            self.signer = AuditSigner(_named(key, store.recorder.head_keys()))

    def positions(
        self, scope: Scope, offsets: Mapping[str, int], as_of: date | None, *, whole: bool
    ) -> dict[str, Any]:
        """Raises InvalidInput: neither a business date in the vector nor a day; and as `position_bundle`."""
        days = AsOf(as_of, {})
        if as_of is None:
            if not offsets.get(DATES):
                raise InvalidInput(f"want a day, or {DATES} in the vector", field="as_of")
            view = RiskView()
            show_dates(view, self._replay, offsets[DATES])
            days = AsOf(None, dict(view.business_dates))
        return position_bundle(
            self._read, self._folder, self._logs.all(), offsets, scope, days, self.signer, whole=whole
        )

    def alert(self, alert: Alert, *, whole: bool) -> dict[str, Any]:
        """Raises InvalidInput, NotFound: as `alert_bundle`."""
        where = self._logs.all().get((alert.source.topic, alert.source.partition))
        if where is None or alert.source.log != f"{where.cluster_id}/{where.topic_id}":
            raise NotFound("the log that raised this alert is not here", alert_id=alert.alert_id)
        return alert_bundle(self._read, self._folder, where, alert, self.signer, whole=whole)


def write_bundle(bundle: Mapping[str, Any], directory: Path, vkey: str) -> Path:
    """`bundle.json`, the verifier beside it, and the public key. The bundle's path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE
    write_atomically(path, json.dumps(bundle, indent=1).encode())
    write_atomically(directory / "key.vkey", f"{vkey}\n".encode())
    shutil.copyfile(VERIFIER, directory / VERIFIER.name)
    return path


def ledger_cell(
    settings: Settings, cell: tuple[str, str, str], as_of: date | None, known_at: datetime | date | None
) -> tuple[dict[str, Any], str]:
    """The bundle of one cell (ledger, key, column) from the event store of this host, and the public key.

    Raises InvalidInput, NotFound: as `ledger_bundle`; Unavailable: no head may be shown, or the store is away.
    """
    from api.opening import opened_assets

    key = _key(settings)
    with opened_assets(settings) as (store, assets):
        signer = AuditSigner(_named(key, store.recorder.head_keys()))
        tree = LogTree(store.recorder)
        book = LedgerViews(assets.published_after, LedgerStore(settings.data_dir / "ledgers"))
        ledgers = Ledgers(book, utc_now, assets.bank_day)

        def prove(recorded: Any, shown: Any, subject: Any) -> dict[str, Any]:
            required = settings.witness_required
            return event_proof(store.recorder, tree, recorded, shown, subject, required=required)

        return ledger_bundle(assets, ledgers, prove, signer, cell, (as_of, known_at), OWNER), signer.vkey


def _key(settings: Settings) -> HeadKey:
    """Before anything is opened: opening would make an empty store where there is none."""
    key = head_key(settings)
    if not key.exists:
        raise NotFound(f"no audit key {key.path}: make bundles where decisions are stored", field="data_dir")
    return key


def _named(key: HeadKey, known: Sequence[str]) -> HeadKey:
    """The key under the name of the log of decisions, which those have that signed it."""
    if known:
        key.adopt(known[0].partition("+")[0])
    return key
