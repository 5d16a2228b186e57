"""Names of the topics that we share with neighbour systems (spec/risk-assets.md 9.1, IN-01 to IN-13 and gateway).

Apart from everything else, so that `streams.topics` can declare them. Another form of a record is a `.v2` beside the
`.v1`, never a changed `.v1` (IN-12). IN-08 is HTTP and has no topic.
"""

ASSET_SNAPSHOT = "tm.in.postloan.asset-snapshot.v1"
INSPECTION_TASK = "tm.in.postloan.inspection-task.v1"
HANDOVER = "tm.in.dataplat.handover.v1"
EXTERNAL_FACT = "tm.in.dataplat.external-fact.v1"
NON_CREDIT = "tm.in.dataplat.noncredit.v1"
CUSTOMER = "tm.in.custcentre.customer.v1"
GRAPH = "tm.in.riskctl.graph.v1"
COLLECTION_ACTION = "tm.in.smartcoll.action.v1"
WARNING = "tm.in.warning.signal.v1"
COLLATERAL = "tm.in.collmgmt.collateral.v1"
FILE_STORED = "tm.in.ecm.file-stored.v1"
CREDIT_LINE = "tm.in.creditline.snapshot.v1"
ORG_MASTER = "tm.in.workflow.org-master.v1"
DECISION = "tm.in.workflow.decision.v1"
FLOW = "tm.in.core.flow.v1"
ACCRUAL = "tm.in.core.accrual.v1"
BALANCE_EOD = "tm.in.core.balance-eod.v1"
RECEIPT = "tm.in.gateway.receipt.v1"

INSPECTION_RESULT = "tm.out.postloan.inspection-result.v1"
ASSET_STATUS = "tm.out.postloan.asset-status.v1"
GRAPH_QUERY = "tm.out.riskctl.graph-query.v1"
TASK_REQUEST = "tm.out.smartcoll.task-request.v1"
DISPOSAL_STATUS = "tm.out.collmgmt.disposal-status.v1"
FA_CARD = "tm.out.collmgmt.fa-card.v1"
FILE_REQUEST = "tm.out.ecm.file-request.v1"
APPROVAL_REQUEST = "tm.out.workflow.approval-request.v1"
POSTING_QUERY = "tm.out.core.posting-query.v1"
MESSAGE = "tm.out.gateway.message.v1"

INBOUND = (
    ASSET_SNAPSHOT,
    INSPECTION_TASK,
    HANDOVER,
    EXTERNAL_FACT,
    NON_CREDIT,
    CUSTOMER,
    GRAPH,
    COLLECTION_ACTION,
    WARNING,
    COLLATERAL,
    FILE_STORED,
    CREDIT_LINE,
    ORG_MASTER,
    DECISION,
    FLOW,
    ACCRUAL,
    BALANCE_EOD,
    RECEIPT,
)
OUTBOUND = (
    INSPECTION_RESULT,
    ASSET_STATUS,
    GRAPH_QUERY,
    TASK_REQUEST,
    DISPOSAL_STATUS,
    FA_CARD,
    FILE_REQUEST,
    APPROVAL_REQUEST,
    POSTING_QUERY,
    MESSAGE,
)
