"""What neighbour systems send us (spec/risk-assets.md 9.1), one struct a topic.

`record_id` is the sender's own number of the record: the same number is the same record, told again, and never stands
for another content. A field that we do not know is passed over, so that a neighbour may add one before we do.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.schemas import Amount, Day, Instant

Id = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=r"^[^\s/]+$", description="business id, no blank or slash")
]
Code = Annotated[str, Meta(pattern=r"^([A-Z0-9][A-Z0-9_]{0,39}|-)$", description="upper-case code")]
Text = Annotated[str, Meta(max_length=2_000)]
Class = Literal["NORMAL", "SPECIAL_MENTION", "SUBSTANDARD", "DOUBTFUL", "LOSS"]
Details = Annotated[dict[str, object], Meta(description="as the sender keeps it; at most four levels deep")]


class Told(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What every record from outside says of itself."""

    record_id: Id
    entity_id: Id
    occurred_at: Instant
    schema_version: int = 1


class Balances(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The six buckets of a claim."""

    principal: Amount
    interest_on: Amount = "0"
    interest_off: Amount = "0"
    penalty: Amount = "0"
    compound: Amount = "0"
    costs: Amount = "0"


class AssetSnapshot(Told, omit_defaults=True, kw_only=True):
    """`tm.in.postloan.asset-snapshot.v1` (IN-01): a loan as post-loan management sees it. Key: loan_no."""

    loan_no: Id
    as_of: Day
    classification: Class
    balances: Balances
    overdue_since: Day | None = None


class InspectionTask(Told, omit_defaults=True, kw_only=True):
    """`tm.in.postloan.inspection-task.v1` (IN-01): somebody is to be visited. Key: customer_no."""

    inspection_no: Id
    customer_no: Id
    due_on: Day
    subject_no: Annotated[Id, Meta(description="loan or customer, `-`: the customer")] = "-"
    kind: Literal["PERIODIC", "AD_HOC"] = "AD_HOC"
    branch: Id = "-"
    dimensions: list[Text] = []


class Handover(Told, omit_defaults=True, kw_only=True):
    """`tm.in.dataplat.handover.v1` (IN-02): a loan that becomes a risk asset. Key: loan_no."""

    loan_no: Id
    customer_no: Id
    branch: Id
    ccy: str
    as_of: Day
    classification: Class
    balances: Balances
    product: Code = "-"
    segment: Code = "-"
    customer_kind: Code = "CORPORATE"
    name_ref: Annotated[Text, Meta(description="reference of the name, never the name itself")] = "-"
    overdue_since: Day | None = None
    maturity: Day | None = None
    rate_terms: Details = {}
    collateral_ids: list[Id] = []
    guarantor_nos: list[Id] = []


class ExternalFact(Told, omit_defaults=True, kw_only=True):
    """`tm.in.dataplat.external-fact.v1` (IN-02): what others know of a customer. Key: customer_no."""

    customer_no: Id
    fact_no: Annotated[Id, Meta(description="of the fact: a later record with the same number replaces it")]
    kind: Annotated[Code, Meta(description="LITIGATION, EQUITY, ASSET, OTHER_BANK_CREDIT …")]
    as_of: Day
    detail: Details = {}


class NonCredit(Told, omit_defaults=True, kw_only=True):
    """`tm.in.dataplat.noncredit.v1` (IN-02, NC-01): the whole present state of a non-credit asset. Key: ext_no."""

    ext_no: Id
    kind: Code
    amount: Amount
    org_no: Id = "-"
    ccy: str = "CNY"
    closed: bool = False


class CustomerMaster(Told, omit_defaults=True, kw_only=True):
    """`tm.in.custcentre.customer.v1` (IN-03): master data by reference. Key: customer_no."""

    customer_no: Id
    as_of: Day
    kind: Code = "CORPORATE"
    name_ref: Text = "-"
    addresses: list[Text] = []


class GraphEdge(msgspec.Struct, kw_only=True):
    """`source` stands in this relation to `target`."""

    source: Id
    target: Id
    relation: Code


class RelationGraph(Told, omit_defaults=True, kw_only=True):
    """`tm.in.riskctl.graph.v1` (IN-04): who is related to a customer, or why we are not told. Key: customer_no."""

    query_id: Id
    customer_no: Id
    as_of: Day
    nodes: list[Id] = []
    edges: list[GraphEdge] = []
    error_code: Annotated[Code, Meta(description="`-` unless the query is refused")] = "-"


class CollectionAction(Told, omit_defaults=True, kw_only=True):
    """`tm.in.smartcoll.action.v1` (IN-05): a task accepted, worked on, closed or refused. Key: task_no."""

    task_no: Id
    step: Literal["ACCEPTED", "ACTION", "CLOSED", "REFUSED"]
    ext_no: Annotated[Id, Meta(description="the collection system's number of the task")] = "-"
    action_no: Id = "-"
    acted_at: Instant | None = None
    method: Code = "PHONE"
    contact: Code = "-"
    outcome: Code = "-"
    promise_amount: Amount | None = None
    promise_on: Day | None = None


class WarningSignal(Told, omit_defaults=True, kw_only=True):
    """`tm.in.warning.signal.v1` (IN-06): a suit, a collateral that lost value. Key: customer_no."""

    signal_no: Id
    customer_no: Id
    kind: Annotated[Code, Meta(description="SUIT, ENFORCEMENT_DEBTOR, COLLATERAL_VALUE, COLLATERAL_STATUS …")]
    level: Code
    detail: Details = {}


class Collateral(Told, omit_defaults=True, kw_only=True):
    """`tm.in.collmgmt.collateral.v1` (IN-07): the whole present state of a collateral. Key: collateral_id."""

    collateral_id: Id
    customer_no: Id
    kind: Code
    value: Amount
    as_of: Day
    ccy: str = "CNY"
    rank: int = 1
    status: Code = "-"


class FileStored(Told, omit_defaults=True, kw_only=True):
    """`tm.in.ecm.file-stored.v1` (IN-09): the archive has a file, or will not take it. Key: doc_id."""

    doc_id: Id
    customer_no: Id
    version: int
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    ecm_ref: Text = "-"
    error_code: Annotated[Code, Meta(description="`-` unless the archive refuses the file")] = "-"


class CreditLine(Told, omit_defaults=True, kw_only=True):
    """`tm.in.creditline.snapshot.v1` (IN-10): the line of a customer in this bank and elsewhere. Key: customer_no."""

    customer_no: Id
    as_of: Day
    total: Amount
    used: Amount
    ccy: str = "CNY"
    related_loans: list[Id] = []
    other_banks: Details = {}


class OrgMaster(Told, omit_defaults=True, kw_only=True):
    """`tm.in.workflow.org-master.v1` (IN-11): an organisation, post, role or user as it is now. Key: master_no."""

    master_no: Id
    kind: Literal["OrgUnit", "Post", "Role", "User"]
    name: Annotated[Text, Meta(description="of a user: the reference of the name")] = "-"
    parent_no: Id | None = None
    org_no: Id | None = None
    org_level: Code | None = None
    roles: list[Id] = []
    disabled: bool = False


class WorkflowDecision(Told, omit_defaults=True, kw_only=True):
    """`tm.in.workflow.decision.v1` (IN-11): who decided what. Only a final decision moves the case. Key: case_no."""

    wf_no: Id
    case_kind: Annotated[str, Meta(description="as in the approval request: the aggregate")]
    noun: Annotated[str, Meta(description="as in the approval request: what of it is decided")]
    case_no: Id
    outcome: Literal["APPROVED", "RETURNED", "REJECTED"]
    approver: Id
    decided_on: Day
    snapshot_hash: str
    level: Code = "-"
    final: bool = True
    approval_no: Id = "-"
    conditions: Text = "-"
    comment: Text = "-"
    valid_until: Day | None = None


class CoreFlow(Told, omit_defaults=True, kw_only=True):
    """`tm.in.core.flow.v1` (IN-13): money on a loan, or, with `reverses`, its return. Key: loan_no."""

    core_txn_no: Id
    loan_no: Id
    ccy: str
    amount: Amount
    value_date: Day
    payer_ref: Text = "-"
    core_alloc: dict[str, Amount] = {}
    reverses: Annotated[Id | None, Meta(description="core_txn_no of the flow that is taken back")] = None
    reversal_kind: Literal["CORRECTION", "ECONOMIC"] = "CORRECTION"


class CoreAccrual(Told, omit_defaults=True, kw_only=True):
    """`tm.in.core.accrual.v1` (IN-13): interest balances of a loan at the end of a day, absolute. Key: loan_no."""

    loan_no: Id
    as_of: Day
    ccy: str
    interest_on: Amount
    interest_off: Amount = "0"
    penalty: Amount = "0"
    compound: Amount = "0"


class CoreBalance(Told, omit_defaults=True, kw_only=True):
    """`tm.in.core.balance-eod.v1` (IN-13): all balances of a loan at the end of a day, to compare. Key: loan_no."""

    loan_no: Id
    as_of: Day
    ccy: str
    balances: Balances


class GatewayReceipt(Told, omit_defaults=True, kw_only=True):
    """`tm.in.gateway.receipt.v1`: what became of a message. Key: message_id."""

    message_id: Id
    outcome: Literal["DELIVERED", "FAILED"]
    error_code: Code = "-"
