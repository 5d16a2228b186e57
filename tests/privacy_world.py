"""A world whose store seals what is personal, with one planted value that must not be found in clear anywhere."""

from pathlib import Path
from typing import Any

from aggregates.assets import Assets
from aggregates.envelope import Principal
from infra.event_store import EventStore
from infra.masking import ALL, Lens
from infra.subject_keys import SubjectKeys
from infra.subject_keys_master import LocalMasterKey
from infra.subject_keys_store import SqliteKeyDatabase
from tests.aggregates.world import LOAN, Clock, World

PLANTED = "甲乙丙-PLANTED"
PHONE, ID_NUMBER, ACCOUNT = "13812341234", "110101199003071233", "6222021234567890123"
CUSTOMER = "C-9"
MASTER = LocalMasterKey(bytes(range(32)))

#: A person in every way in which events can hold one: aggregate, key, role, command, payload.
PERSONAL_COMMANDS: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("RiskCustomer", CUSTOMER, "EX", "Register", {"kind": "PERSONAL", "name_ref": PLANTED, "entity_id": "BANK-A"}),
    (
        "RiskCustomer",
        CUSTOMER,
        "EX",
        "SyncProfile",
        {
            "source": "CUSTOMER_CENTRE",
            "facts": {
                "name": PLANTED,
                "phone": PHONE,
                "id_no": ID_NUMBER,
                "account": ACCOUNT,
                "children": 2,
                "employed": True,
                "told": [PLANTED, {"deeper": f"{PLANTED}, twice"}],
            },
        },
    ),
    (
        "RiskCustomer",
        CUSTOMER,
        "EX",
        "SyncRelations",
        {"graph_hash": "00", "parties": [{"customer_no": "C-10", "relation": "SPOUSE", "name": PLANTED}]},
    ),
    ("RiskCustomer", CUSTOMER, "EX", "RaiseWarning", {"kind": "K", "level": "L", "detail": {"said": PLANTED}}),
    (
        "Inspection",
        "IN-1",
        "AM",
        "Schedule",
        {"kind": "AD_HOC", "subject_no": LOAN, "due_on": "2022-04-01", "dimensions": ["loan"], "entity_id": "BANK-A"},
    ),
    (
        "Inspection",
        "IN-1",
        "AM",
        "Record",
        {"results": {"loan": f"{PLANTED} pays"}, "findings": [f"{PLANTED} moved", PHONE]},
    ),
    (
        "LitigationCase",
        "SU1",
        "AM",
        "CaseProposalDrafted",
        {
            "asset_ids": [LOAN],
            "route": "LAWSUIT",
            "claim_amount": "5.00",
            "claim_principal": "5.00",
            "claim_interest": "0.00",
            "why": f"{PLANTED} does not pay",
        },
    ),
    ("LitigationCase", "SU1", "AM", "CaseProposalAmended", {"changes": {"why": f"again {PLANTED}", "cause": "LOAN"}}),
    (
        "RecoveryFlow",
        "F-1",
        "CB",
        "Receive",
        {"loan_no": LOAN, "amount": "1.00", "value_date": "2022-03-11", "payer_ref": f"{ACCOUNT} {PLANTED}"},
    ),
    (
        "Expense",
        "E-1",
        "AM",
        "ExpenseRegistered",
        {
            "case_kind": "LITIGATION",
            "case_no": "SU1",
            "asset_no": LOAN,
            "kind": "COURT_FEE",
            "amount": "1.00",
            "payee": PLANTED,
        },
    ),
)


def subject_keys(folder: Path) -> SubjectKeys:
    return SubjectKeys(SqliteKeyDatabase(folder / "privacy" / "keys.db"), lambda name: MASTER)


class PrivacyWorld(World):
    """`plant` gives every command above; `seen` is the history of an aggregate through a lens."""

    def __init__(self, store: EventStore, clock: Clock, keys: SubjectKeys) -> None:
        super().__init__(store, clock)
        self.keys = keys
        self.app = Assets(store.factory, protection=keys)

    def plant(self) -> None:
        self.admit(customer_no=CUSTOMER)
        for aggregate, key, role, name, payload in PERSONAL_COMMANDS:
            self.do(role, name, aggregate=aggregate, key=key, **payload)

    def history(self, aggregate: str, key: str, lens: Lens | None = None) -> list[dict[str, Any]]:
        lens = lens or Lens(self.keys, ALL)
        auditor = Principal("U-601", ("IA",), "-", ("*",))
        found = self.app.history(aggregate, key, reader=auditor)
        return [lens.value(event.to_json()) for event in found]
