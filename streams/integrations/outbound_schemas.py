"""What we tell neighbour systems, and ask of them (spec/risk-assets.md 9.1), one struct a topic.

`event_id` is the stored event that a record follows from: a record told again has the same one and the same content.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.schemas import Amount, Day, Instant


class Said(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What every record of ours says of itself."""

    event_id: str
    entity_id: str
    occurred_at: Instant
    schema_version: int = 1


class AssetStatus(Said, omit_defaults=True, kw_only=True):
    """`tm.out.postloan.asset-status.v1` (IN-01): what became of a risk asset. Key: loan_no."""

    loan_no: str
    change: Annotated[str, Meta(description="name of the event")]
    version: Annotated[int, Meta(description="rises with each event of the loan")]
    valid_on: Day
    lifecycle: Annotated[str | None, Meta(description="ACTIVE, WRITTEN_OFF, CLOSED; null: as before")] = None
    classification: str | None = None
    closed_as: str | None = None


class InspectionResult(Said, omit_defaults=True, kw_only=True):
    """`tm.out.postloan.inspection-result.v1` (IN-01): what an inspection found. Key: customer_no."""

    inspection_no: str
    customer_no: str
    subject_no: str
    step: Literal["RECORDED", "REVIEWED"]
    valid_on: Day
    findings: list[str] = []
    results: dict[str, object] = {}
    outcome: str = "-"


class GraphQuery(Said, omit_defaults=True, kw_only=True):
    """`tm.out.riskctl.graph-query.v1` (IN-04): asks who is related to a customer. Key: customer_no."""

    query_id: str
    customer_no: str
    depth: int = 2


class TaskRequest(Said, omit_defaults=True, kw_only=True):
    """`tm.out.smartcoll.task-request.v1` (IN-05): collect, or stop. Key: task_no."""

    task_no: str
    step: Literal["START", "STOP"]
    asset_nos: list[str] = []
    targets: list[str] = []
    method: str = "-"


class DisposalStatus(Said, omit_defaults=True, kw_only=True):
    """`tm.out.collmgmt.disposal-status.v1` (IN-07): a collateral's claim left or came back. Key: collateral_id."""

    collateral_id: str
    loan_no: str
    usage: Literal["FORECLOSED", "FORECLOSURE_REVERSED", "TRANSFERRED", "TRANSFER_UNWOUND"]
    case_no: str
    valid_on: Day


class FaCard(Said, omit_defaults=True, kw_only=True):
    """`tm.out.collmgmt.fa-card.v1` (IN-07): one more line on the card of a foreclosed asset. Key: fa_no."""

    fa_no: str
    change: Annotated[str, Meta(description="name of the event")]
    version: Annotated[int, Meta(description="rises with each line of the card")]
    valid_on: Day
    detail: dict[str, object] = {}


class FileRequest(Said, omit_defaults=True, kw_only=True):
    """`tm.out.ecm.file-request.v1` (IN-09): the archive is to take a file. Key: doc_id."""

    doc_id: str
    customer_no: str
    version: int
    sha256: str
    category: str = "-"


class ApprovalRequest(Said, omit_defaults=True, kw_only=True):
    """`tm.out.workflow.approval-request.v1` (IN-11): a case waits for a decision. Key: case_no."""

    wf_no: str
    case_kind: str
    noun: str
    case_no: str
    snapshot_hash: Annotated[str, Meta(description="of what is to be decided; the decision repeats it")]
    submitted_by: str
    ccy: str
    amount: Amount | None = None


class PostingQuery(Said, omit_defaults=True, kw_only=True):
    """`tm.out.core.posting-query.v1` (IN-13, PM6): what became of an instruction? Key: instruction_id.

    The answer comes as a posting reply; `rejected` with code NOT_FOUND says that core does not know the attempt, and
    promises that it will not post it any more.
    """

    instruction_id: str
    attempt: int
    case_no: str


class GatewayMessage(Said, omit_defaults=True, kw_only=True):
    """`tm.out.gateway.message.v1`: a message to a person, by reference. Key: message_id."""

    message_id: str
    method: str
    template: str
    to: str
