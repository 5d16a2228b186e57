"""A bank of one desk: the API itself over risk assets on SQLite, without Kafka, and the process managers run by hand.

    python -m tests.browser.desk_bank

prints a login link and the people: a token is the person's name here, as in `tests.api_doubles`.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from aggregates.process_managers.runner import Runner
from api.allowed import allowed
from api.audit_room import AuditRoom
from api.batch_upload import Uploads
from api.ledger_exports import exports_of
from api.ledgers import Ledgers
from api.papers import Papers
from api.services import Services
from api.wiring import masking_of, opened_assets
from infra.attachments import Attachments
from infra.decision_views import DecisionViews
from infra.documents.catalogue import Catalogue
from infra.documents.desk import Desk
from infra.event_store import EventStore, utc_now
from infra.ledger_store import LedgerStore
from infra.ledger_views import LedgerViews
from infra.security import Unauthenticated
from infra.settings import Settings
from streams.lineage_events import EventLineage
from tests.api_doubles import OneTimeCodes, Running, running, services

DIST = Path(__file__).parents[2] / "api" / "page" / "dist"


def _person(actor: str, *roles: str) -> Principal:
    return Principal(actor, roles, "B1", ("BANK",))


#: One person for each duty; `wang` drafts and could approve, if it were not his own case.
PEOPLE = {
    person.actor: person
    for person in (
        _person("reader", "IA"),
        _person("feed", "EX"),
        _person("zhao", "RM"),
        _person("wang", "AM", "HA"),
        _person("lin", "LG"),
        _person("chen", "HA"),
        _person("he", "FN"),
        _person("gao", "FC"),
        _person("core", "CB"),
        _person("sun", "BR"),
    )
}


def verify(token: str, now: datetime) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


@dataclass
class DeskBank:
    assets: Assets
    server: Running
    clock: Any
    folder: str
    _managers: Runner = field(init=False)
    _numbers: int = 0

    def __post_init__(self) -> None:
        self._managers = Runner(self.assets)

    @property
    def address(self) -> str:
        return self.server.address

    def give(self, actor: str, aggregate: str, key: str, command: str, **payload: object) -> None:
        """A command as the person gives it elsewhere, past the page."""
        self._numbers += 1
        wish = Command(f"desk-{self._numbers}", aggregate, key, command, payload, PEOPLE[actor], self.clock())
        self.assets.execute(wish)

    def follow(self) -> None:
        """What the process managers do by themselves; in a running bank they follow the log."""
        for _ in self._managers.run(self.clock()):
            pass


@contextmanager
def desk_bank() -> Iterator[DeskBank]:
    with tempfile.TemporaryDirectory(prefix="tidemark-desk-") as folder:
        settings = Settings.model_validate({"data_dir": folder})
        with opened_assets(settings) as (store, assets), running(_services(settings, store, assets)) as server:
            yield DeskBank(assets, server, utc_now, folder)


def _services(settings: Settings, store: EventStore, assets: Assets) -> Services:
    attachments = Attachments(settings.data_dir / "attachments", bytes_max=1_000_000)
    ledger_store = LedgerStore(settings.data_dir / "ledgers")
    ledgers = Ledgers(LedgerViews(assets.published_after, ledger_store), utc_now, assets.bank_day)
    desk = Desk(assets, Catalogue(), attachments, utc_now)
    return services(
        verify_token=verify,
        assets=assets,
        allowed=lambda *asked: allowed(assets, utc_now(), *asked),
        page_dir=DIST,
        work=DecisionViews(assets.published_after, assets.bank_day),
        audit=AuditRoom(settings, store, assets, utc_now),
        event_lineage=EventLineage(assets),
        ledgers=ledgers,
        ledger_exports=exports_of(settings, ledgers, assets, masking_of(settings, assets)),
        papers=Papers(desk, attachments, Uploads(assets, attachments, utc_now)),
        clock=utc_now,
        login_codes=OneTimeCodes(**{f"code-{number}": "reader" for number in range(9)}),
    )


def fill(bank: DeskBank) -> None:
    """Three loans, one of them halfway to its write-off."""
    for number, (classification, principal) in enumerate(
        (("DOUBTFUL", "8000000.00"), ("SUBSTANDARD", "1250000.00"), ("SPECIAL_MENTION", "640000.00")), start=7001
    ):
        bank.give(
            "feed", "RiskAsset", f"LN-{number}", "Admit", customer_no=f"C-{number}", principal=principal,
            interest_on="195386.67", penalty="1700.00", compound="1226.78", classification=classification,
            overdue_since="2026-03-01", segment="CORPORATE", product="WORKING_CAPITAL",
        )  # fmt: skip
    bank.give("zhao", "RiskAsset", "LN-7001", "Reclassify", to_class="LOSS", basis="overdue since March")
    bank.give("wang", "WriteOff", "WO-1", "Draft", asset_no="LN-7001", ground="BANKRUPTCY")
    bank.give("lin", "WriteOff", "WO-1", "ReviewCompliance", outcome="PASS")
    bank.give("wang", "WriteOff", "WO-1", "Submit")


if __name__ == "__main__":
    with desk_bank() as desk:
        fill(desk)
        print(f"{desk.address}/login?code=code-0", *PEOPLE, flush=True)
        threading.Event().wait()
