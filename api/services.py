"""What the API needs from the rest of the house, handed down by `main`. The API builds none of it itself.

Not for settings as such: each field says what the routes may do, so that tests can hand in small doubles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from aggregates.ports import DecisionRecorder, Recorded
from aggregates.rendering import EventView
from api.access import Access
from api.alert_rules import AlertRules
from api.counterfactual_jobs import Counterfactuals
from api.ledger_exports import LedgerExports
from api.ledgers import Ledgers
from api.masking import Masking
from api.papers import Papers
from api.privacy import Privacy
from api.rate_limits import Quotas
from infra.decision_views import DecisionViews
from infra.recovery_policies import RecoveryPolicy
from streams.archive_reader import ArchiveReader
from streams.change_reader import ChangeReader
from streams.cut_reader import RecentCuts
from streams.lineage_events import EventLineage
from streams.nostro_records import NostroStatement
from streams.past_figures import Accounts
from streams.past_gap import Contracts
from streams.past_views import PastReader
from streams.ratio_changes import TwoCuts
from streams.ratio_policy import RatioPolicy
from streams.reverse_stress_states import LiveDepositors
from streams.trust_board import TrustBoard
from streams.views import RiskView
from streams.views_entries import Entry
from streams.views_live import LiveView

if TYPE_CHECKING:
    from api.alert_centre import AlertCentre
    from api.audit_room import AuditRoom
    from api.notifier_desk import Deliveries
    from api.pivot_room import PivotRoom
    from api.withdrawal_desk import WithdrawalDesk


class Replayed(NamedTuple):
    """The figures at a past cut, folded again from the log."""

    view: RiskView
    accounts: Accounts | None


class Assets(Protocol):
    """The use cases of the aggregates, as `aggregates.assets.Assets` offers them. All calls block."""

    @property
    def decisions(self) -> DecisionRecorder: ...

    @property
    def decode(self) -> Callable[[Recorded], Any]: ...

    def bank_day(self, entity: str, at: datetime) -> date: ...

    def execute(self, command: Command) -> Outcome: ...

    def history(
        self, aggregate: str, key: str, *, reader: Principal, known_at: datetime | date | None = None
    ) -> Sequence[EventView]: ...

    def state(self, aggregate: str, key: str, *, reader: Principal) -> Mapping[str, Any]: ...

    def list_risk_assets(
        self, *, reader: Principal, entity: str | None = None, lifecycle: str | None = None
    ) -> Sequence[Mapping[str, Any]]: ...

    def list_cases(
        self,
        aggregate: str,
        *,
        reader: Principal,
        entity: str | None = None,
        stage: str | None = None,
        asset_no: str | None = None,
        where: Mapping[str, object] | None = None,
    ) -> Sequence[Mapping[str, Any]]: ...


class LoginCodes(Protocol):
    """One-time codes that `up` prints in its login link."""

    def redeem(self, code: str, now: datetime) -> str:
        """The signed token behind the code, which then is void. Raises Unauthenticated."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    live: LiveView
    verify_token: Callable[[str, datetime], Principal]
    login_codes: LoginCodes
    assets: Assets
    read_entry: Callable[[str, int, int], Entry]
    account_source: Accounts | None = None
    replay: Callable[[Mapping[str, int]], Replayed] | None = None
    contracts: Contracts | None = None  # as the newest snapshots hold them
    contracts_at: Callable[[Mapping[str, int]], Contracts] | None = None
    ratio_cuts: Callable[[Mapping[str, int], Mapping[str, int]], TwoCuts] | None = None  # two past cuts, and between
    recovery_policy: RecoveryPolicy | None = None  # estimates behind expected recoveries
    depositors: LiveDepositors | None = None  # at the cut of the live view
    changes: ChangeReader | None = None  # why a position or a gap moved
    event_lineage: EventLineage | None = None  # what a decision touched
    past: PastReader | None = None  # views of past moments, by offset vector or instant
    ratio_policy: RatioPolicy | None = None  # mapping, factor tables and limits of the liquidity ratios
    papers: Papers | None = None  # documents from templates, attachments, batch upload
    allowed: Callable[[Principal, str, str, str | None], Mapping[str, Any]] | None = None  # commands open to a reader
    work: DecisionViews | None = None  # the work lists
    ledger_exports: LedgerExports | None = None  # asked freely, as files, as saved views
    ledgers: Ledgers | None = None  # any ledger at any two instants
    external_facts: Callable[[Principal, str], list[dict[str, Any]]] | None = None  # from neighbours, of a customer
    access: Access | None = None  # where refusals, sign-ins and papers taken are told
    counterfactuals: Counterfactuals | None = None  # pasts played again under other rules
    alert_rules: AlertRules | None = None  # rules of people: tried on stored cuts, and what they did
    archive: ArchiveReader | None = None  # the logs as Parquet
    audit: "AuditRoom | None" = None  # heads, proofs and verification of the decision log
    recent_cuts: RecentCuts | None = None  # newest first, of the log of recorded cuts
    pivots: "PivotRoom | None" = None  # reports: asked freely, kept, scheduled; dashboards
    privacy: Privacy | None = None  # erasure of subjects
    alert_centre: "AlertCentre | None" = None  # what was done about alerts
    deliveries: "Deliveries | None" = None  # of notifications: looked at, sent again
    masking: Masking = field(default_factory=lambda: Masking(None, frozenset()))  # what readers see of sealed values
    quotas: Quotas | None = None  # requests a minute; None: nobody counts
    nostro_statements: Callable[[], Sequence[NostroStatement]] | None = None  # of our accounts with other banks
    trust: TrustBoard | None = None  # which sources are late, silent or damaged
    operations: "Callable[[Services], Mapping[str, Any]] | None" = None  # how this installation is doing
    withdrawal_desk: "WithdrawalDesk | None" = None  # large withdrawals announced, approved, dispatched
    page_dir: Path | None = None  # the built page; None or absent: a page that says how to build it
    config_version: str = "-"  # of the policies behind the figures
    engine_version: str = "-"
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    on_start: Callable[[], None] = field(default=lambda: None)  # starts what reads Kafka; blocks briefly
    on_stop: Callable[[], None] = field(default=lambda: None)
    heartbeat_s: float = 15.0
    positions_interval_s: float = 0.1  # at most so often are changed positions sent to a stream
    stalled_client_s: float = 30.0  # a stream that takes nothing for so long is closed; it resumes by itself
    stream_clients_max: int = 12_000  # ten thousand, and room for those who come back before they are missed
