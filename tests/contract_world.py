"""One server with as much behind it as fits into a second: what the whole contract is tried on.

A loan note and cases with their papers, ledgers, exports, work lists, audit room and archive, on the
live view of `tests.api_doubles`; pivots, the alert centre, its rules and deliveries, statements, trust and the
withdrawal desk. What needs a replay of logs is absent and answers 503, as it may.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from aggregates.envelope import Principal
from api.alert_centre import AlertCentre
from api.alert_rules import AlertRules, at_work, telling
from api.allowed import allowed
from api.audit_room import AuditRoom
from api.counterfactual_jobs import Counterfactuals
from api.ledger_exports import exports_of
from api.ledgers import Ledgers
from api.notifier_desk import Deliveries
from api.pivot_room import pivot_room
from api.services import Services
from api.trust_operations import Operations
from api.withdrawal_desk import WithdrawalDesk
from engines.primitives.errors import Unavailable
from infra.archive_store import ArchiveStore
from infra.deadline_policies import holiday_calendar
from infra.decision_views import DecisionViews
from infra.deliveries import DeliveryStore
from infra.ledger_views import LedgerViews
from infra.policies import load_policy
from infra.security import Unauthenticated
from infra.settings import Settings
from infra.withdrawal_policies import withdrawal_policies
from projections.alert_rules import check_rule
from projections.limit_policy import WatchPolicy
from projections.rule_cut_watch import CutWatchState
from projections.trust_policy import TrustPolicy
from streams.alert_rules_preview import Answer, PreviewQuestion, Told
from streams.archive_reader import ArchiveReader, by_topic
from streams.trust_board import TrustBoard
from tests.aggregates.world import BRANCH, ENTITY, open_world
from tests.api_doubles import services
from tests.desk_of_withdrawals import Topic
from tests.paper_world import open_paper_world

#: Everything but administration; and somebody of another bank.
PEOPLE = {
    "all": Principal("U-601", ("IA", "RM", "AM", "BR", "HM", "HA", "LG", "FN", "OP", "AD"), BRANCH, ("*",)),
    "north": Principal("north-reader", ("BR",), "N1", ("NORTH",)),
    "nobody": Principal("no-role", (), "-", ("*",)),
}


def verify_token(token: str, _now: datetime) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


def no_history(question: PreviewQuestion, told: Told, is_cancelled: Event) -> Answer:
    raise Unavailable("this world has no log of cuts", about=question.rule.rule_id)


@contextmanager
def contract_services(folder: Path, **changed: Any) -> Iterator[Services]:
    world = open_world(folder / "decisions")
    try:
        papers = open_paper_world(world, folder)
        settings = Settings(data_dir=folder)
        calendar = holiday_calendar()
        jobs: Counterfactuals[PreviewQuestion] = Counterfactuals(
            telling(no_history, world.app, world.clock), check=lambda asked: check_rule(asked.rule)
        )
        ledgers = Ledgers(LedgerViews(world.app.published_after), world.clock, world.app.bank_day)
        exports = exports_of(settings, ledgers, world.app, services().masking)
        fields: dict[str, Any] = {
            "assets": world.app,
            "verify_token": verify_token,
            "clock": world.clock,
            "ledgers": ledgers,
            "ledger_exports": exports,
            "work": DecisionViews(world.app.published_after, world.app.bank_day),
            "allowed": lambda *asked: allowed(world.app, world.clock(), *asked),
            "papers": papers.papers,
            "audit": AuditRoom(settings, world.store, world.app, world.clock),
            "archive": ArchiveReader(ArchiveStore(folder / "archive"), by_topic({})),
            "pivots": pivot_room(settings, world.app),
            "alert_centre": AlertCentre(world.app.decisions, world.app.decode, calendar),
            "alert_rules": AlertRules(
                jobs, lambda entities: at_work(CutWatchState(WatchPolicy("-", (), ())), entities)
            ),
            "deliveries": Deliveries(DeliveryStore(world.store)),
            "nostro_statements": lambda: (),
            "trust": TrustBoard(TrustPolicy.parse(load_policy("trust"), calendar), world.clock),
            "operations": Operations(settings).body,
            "withdrawal_desk": WithdrawalDesk(withdrawal_policies(), Topic()),
        }
        yield services(**fields | changed)
        exports.jobs.close()
    finally:
        world.store.close()


__all__ = ["ENTITY", "PEOPLE", "contract_services"]
