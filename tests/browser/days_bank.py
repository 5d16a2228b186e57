"""A whole bank for the tests that walk people's days: `tidemark up` with its feed, its people, and what others do.

Everything is real: broker, worker, core banking, notifier, API, page. What a person in the browser needs from
somebody else (an entry of core banking, a colleague's signature) comes by the ways that those take: Kafka and HTTP.
"""

import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec

from api.cli.admin import signed
from api.login_codes import LoginCodeFiles
from infra.kafka.archive import prepare
from infra.kafka.clients import producer_config
from infra.settings import Settings
from streams import topics
from streams.feeds.event import instant_text
from streams.feeds.simulated import bank_date
from streams.producer import RecordProducer
from streams.schemas import Direction, Txn
from tests.kafka.test_up import Running, until
from tests.kafka.test_write_off import ASSET

ENTITY, BRANCH = "BANK", "BANK-NORTH-02"

#: Who works at this bank, by what they do; segregation of duties wants one person for each.
ROLES: Mapping[str, tuple[str, str]] = {
    "subscriber": ("U-701", "TR"),
    "treasurer": ("U-702", "TR"),
    "approver": ("U-703", "TR"),
    "second treasurer": ("U-704", "TR"),
    "branch manager": ("U-710", "BR"),
    "clerk": ("U-711", "AM"),
    "officer": ("U-118", "AM"),
    "lawyer": ("U-205", "LG"),
    "head of assets": ("U-301", "HA"),
    "finance": ("U-410", "FN"),
    "finance checker": ("U-411", "FC"),
    "loan register": ("U-901", "EX"),
    "auditor": ("U-601", "IA"),
}


@dataclass
class DaysBank:
    """A running bank, and everybody in it."""

    directory: Path
    port: int
    _tokens: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.settings = Settings.model_validate({"data_dir": self.directory})
        self.http = httpx.Client(base_url=f"{self.address}/api/v1", trust_env=False, timeout=60)
        bootstrap = json.loads((self.directory / "run" / "kafka.json").read_bytes())["bootstrap"]
        self._producer = RecordProducer(producer_config(self.settings, bootstrap))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def today(self) -> str:
        return bank_date(datetime.now(UTC)).isoformat()

    # -- people -------------------------------------------------------------------------------------------------

    def token(self, who: str, *, signed_in_ago: timedelta = timedelta()) -> str:
        """As `tidemark token` issues it; `signed_in_ago` for somebody who came in earlier."""
        actor, role = ROLES[who]
        return signed(
            self.settings,
            actor=actor,
            roles=(role,),
            entities=("*",),
            organisation=BRANCH,
            now=datetime.now(UTC) - signed_in_ago,
            lifetime=timedelta(hours=8),
        )

    def code(self, who: str, *, signed_in_ago: timedelta = timedelta()) -> str:
        """The one-time code of a login link of theirs."""
        token = self.token(who, signed_in_ago=signed_in_ago)
        return LoginCodeFiles(self.directory / "login").issue(token, datetime.now(UTC))

    def link(self, who: str, *, signed_in_ago: timedelta = timedelta()) -> str:
        """As `tidemark login` prints it, for one of our people."""
        return f"{self.address}/login?code={self.code(who, signed_in_ago=signed_in_ago)}"

    def _headers(self, who: str) -> dict[str, str]:
        self._tokens.setdefault(who, self.token(who))
        return {"Authorization": f"Bearer {self._tokens[who]}"}

    def has_opened(self) -> bool:
        """A young bank is folded entity by entity: whoever looks at once may miss one, and its past has none."""
        answer = self.http.get("/positions", headers=self._headers("auditor"))
        return answer.status_code == 200 and {ENTITY, "LEASE", "CF"} <= {
            row["entity"] for row in answer.json()["rows"]
        }

    def get(self, who: str, path: str) -> Any:
        answer = self.http.get(path, headers=self._headers(who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, who: str, path: str, body: Mapping[str, Any]) -> Any:
        given = {"cmd_id": f"days-{next(self._numbers)}-{datetime.now(UTC).timestamp()}", **body}
        answer = self.http.post(path, json=given, headers=self._headers(who))
        assert answer.status_code < 300, answer.text
        return answer.json()

    def give(self, who: str, aggregate: str, key: str, command: str, **payload: Any) -> Any:
        """A command by somebody who is not at the browser."""
        return self.post(
            who, "/commands", {"aggregate": aggregate, "key": key, "command": command, "payload": payload}
        )

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """The API hangs meanwhile, as behind a line that is cut: connections stay open and say nothing."""
        pid = json.loads((self.directory / "run" / "api.json").read_bytes())["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    # -- core banking -------------------------------------------------------------------------------------------

    def book(self, txn_id: str, direction: Direction, amount: str, customer: str, *, branch: str = BRANCH) -> None:
        """One entry of core banking, as its connector sends it."""
        entry = Txn(
            txn_id=txn_id, source_system="core", event_time=instant_text(datetime.now(UTC)), value_date=self.today,
            entity_id=ENTITY, account_id=f"A-{customer}", ccy="CNY", direction=direction, amount=amount,
            customer_id=customer, org_id=branch, customer_class="CORPORATE", txn_type="TRANSFER",
        )  # fmt: skip
        key = topics.record_key(entry.entity_id, entry.customer_id, entry.account_id)
        self._producer.send(topics.TXN, key, msgspec.json.encode(entry))
        self._producer.flush()

    # -- the desk of withdrawals ---------------------------------------------------------------------------------

    def announce(self, number: str, amount: str, *, branch: str = BRANCH) -> None:
        """A clerk announces what a customer wants to withdraw tomorrow, and the branch agrees."""
        content = {
            "customer_no": f"C-{number}", "account_id": f"A-{number}", "amount": amount, "ccy": "CNY",
            "value_date": self.today, "organisation": branch, "entity_id": ENTITY,
        }  # fmt: skip
        told = self.post("clerk", "/withdrawal-desk", {"reservation_no": number, "payload": content, "submit": True})
        self.post(
            "branch manager", f"/withdrawal-desk/{number}/approve", {"seen": told["task"]["seen"], "payload": {}}
        )

    # -- loans at risk ------------------------------------------------------------------------------------------

    def admit(self, loan_no: str) -> None:
        self.give("loan register", "RiskAsset", loan_no, "Admit", **ASSET | {"loan_no": loan_no, "branch": BRANCH})

    def propose_write_off(self, loan_no: str, case_no: str) -> None:
        self.give("officer", "WriteOff", case_no, "Draft", asset_no=loan_no, ground="BANKRUPTCY")
        self.give("lawyer", "WriteOff", case_no, "ReviewCompliance", outcome="PASS", checklist={"papers": True})
        self.give("officer", "WriteOff", case_no, "Submit")

    def write_off(self, loan_no: str, case_no: str) -> None:
        """From the admission to core banking's confirmation."""
        self.admit(loan_no)
        self.propose_write_off(loan_no, case_no)
        self.give("head of assets", "WriteOff", case_no, "Approve", approval_no="A-1", level="HEAD_OFFICE")
        self.post_write_off(loan_no, case_no)

    def post_write_off(self, loan_no: str, case_no: str) -> None:
        self.give("finance", "WriteOff", case_no, "RequestPosting")
        self.give("finance checker", "WriteOff", case_no, "ConfirmInstruction")

        def is_written_off() -> bool:
            return bool(self.get("auditor", f"/risk-assets/{loan_no}")["lifecycle"] == "WRITTEN_OFF")

        until(is_written_off, f"core banking to write {loan_no} off")


@contextmanager
def days_bank(directory: Path) -> Iterator[DaysBank]:
    """The bank of one module: started with its feed, and stopped without a trace."""
    prepare()  # a first download would otherwise count as slowness
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    running = Running(directory, port, "--feed", "simulated", "--rate", "50")
    try:
        running.wait_up()
        bank = DaysBank(directory, port)
        until(bank.has_opened, "the opening balances of every entity to be shown")
        yield bank
    finally:
        running.stop()
