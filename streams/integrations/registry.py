"""The contract of each topic that we share with a neighbour: whose it is, its record, its key, how large it may be.

The AsyncAPI document, the decoder, the contract tests and the guide all read this table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from streams.integrations import inbound_schemas as inbound
from streams.integrations import names
from streams.integrations import outbound_schemas as outbound

KIB = 1024
RECORD_BYTES_MAX = 64 * KIB
GRAPH_BYTES_MAX = 512 * KIB


class Integration(NamedTuple):
    """`sender` is the actor that the events of its records name; `key` the field that the Kafka key repeats."""

    number: str
    topic: str
    struct: type[msgspec.Struct]
    key: str
    sender: str
    note: str
    bytes_max: int = RECORD_BYTES_MAX

    @property
    def is_inbound(self) -> bool:
        return self.topic in names.INBOUND


_ROWS = (
    Integration("IN-01", names.ASSET_SNAPSHOT, inbound.AssetSnapshot, "loan_no", "postloan", "Loans as managed."),
    Integration("IN-01", names.INSPECTION_TASK, inbound.InspectionTask, "customer_no", "postloan", "Visits to make."),
    Integration(
        "IN-01", names.INSPECTION_RESULT, outbound.InspectionResult, "customer_no", "postloan", "Visits made."
    ),
    Integration("IN-01", names.ASSET_STATUS, outbound.AssetStatus, "loan_no", "postloan", "Changes of risk assets."),
    Integration("IN-02", names.HANDOVER, inbound.Handover, "loan_no", "dataplat", "Loans that become risk assets."),
    Integration("IN-02", names.EXTERNAL_FACT, inbound.ExternalFact, "customer_no", "dataplat", "Facts from outside."),
    Integration("IN-02", names.NON_CREDIT, inbound.NonCredit, "ext_no", "dataplat", "Non-credit assets (NC-01)."),
    Integration(
        "IN-03", names.CUSTOMER, inbound.CustomerMaster, "customer_no", "custcentre", "Customer master data."
    ),
    Integration("IN-04", names.GRAPH_QUERY, outbound.GraphQuery, "customer_no", "riskctl", "Asks for relations."),
    Integration(
        "IN-04", names.GRAPH, inbound.RelationGraph, "customer_no", "riskctl", "The relations.", GRAPH_BYTES_MAX
    ),
    Integration("IN-05", names.TASK_REQUEST, outbound.TaskRequest, "task_no", "smartcoll", "Collection tasks."),
    Integration("IN-05", names.COLLECTION_ACTION, inbound.CollectionAction, "task_no", "smartcoll", "What was done."),
    Integration("IN-06", names.WARNING, inbound.WarningSignal, "customer_no", "warning", "Warning signals."),
    Integration("IN-07", names.COLLATERAL, inbound.Collateral, "collateral_id", "collmgmt", "Collateral."),
    Integration(
        "IN-07", names.DISPOSAL_STATUS, outbound.DisposalStatus, "collateral_id", "collmgmt", "Use of collateral."
    ),
    Integration("IN-07", names.FA_CARD, outbound.FaCard, "fa_no", "collmgmt", "Cards of foreclosed assets."),
    Integration("IN-09", names.FILE_REQUEST, outbound.FileRequest, "doc_id", "ecm", "Files to take."),
    Integration("IN-09", names.FILE_STORED, inbound.FileStored, "doc_id", "ecm", "Files taken."),
    Integration("IN-10", names.CREDIT_LINE, inbound.CreditLine, "customer_no", "creditline", "Credit lines."),
    Integration("IN-11", names.ORG_MASTER, inbound.OrgMaster, "master_no", "workflow", "Organisations and people."),
    Integration("IN-11", names.APPROVAL_REQUEST, outbound.ApprovalRequest, "case_no", "workflow", "Cases to decide."),
    Integration("IN-11", names.DECISION, inbound.WorkflowDecision, "case_no", "workflow", "Decisions."),
    Integration("IN-13", names.FLOW, inbound.CoreFlow, "loan_no", "core-banking", "Cash on loans."),
    Integration("IN-13", names.ACCRUAL, inbound.CoreAccrual, "loan_no", "core-banking", "Interest balances."),
    Integration("IN-13", names.BALANCE_EOD, inbound.CoreBalance, "loan_no", "core-banking", "End-of-day balances."),
    Integration("IN-13", names.POSTING_QUERY, outbound.PostingQuery, "instruction_id", "core-banking", "Asks again."),
    Integration("gateway", names.MESSAGE, outbound.GatewayMessage, "message_id", "gateway", "Messages to people."),
    Integration("gateway", names.RECEIPT, inbound.GatewayReceipt, "message_id", "gateway", "What became of them."),
)

#: By topic, in the order of the specification.
INTEGRATIONS: Mapping[str, Integration] = MappingProxyType({row.topic: row for row in _ROWS})
