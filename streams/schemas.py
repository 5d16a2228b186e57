"""The records on our topics, as msgspec structs: what the world sends us and what we publish.

Inbound records carry the field names of docs/names.md (decisions Q8, S21); a missing dimension is `-`, never
null. Amounts are decimal strings (`^-?[0-9]{1,16}(\\.[0-9]{1,n})?$`, n from the currency), instants RFC 3339 UTC
ending in `Z`, dates ISO 8601. These structs serve producers and the AsyncAPI document; entries are decoded by
`streams/decode.py`, which reads the fields that folds need and says more precisely what is wrong.
Not for stored events of aggregates: those have their own registry in `aggregates/`.
"""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from projections.limit_cuts import LiquidAsset

Amount = Annotated[str, Meta(pattern=r"^-?[0-9]{1,16}(\.[0-9]{1,4})?$", description="decimal string")]
Instant = Annotated[str, Meta(description="RFC 3339 instant in UTC, ending in Z")]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="business date, ISO 8601")]
Dimension = Annotated[str, Meta(description="a dimension member; `-` where it does not apply")]
Direction = Literal["in", "out"]
Status = Literal["pending", "settled", "rejected"]

OPENING = "OPENING"  # txn_type of an opening balance (decision S14)


class Txn(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`tm.in.core.txn.v1`: one core-banking entry on one account. Key: `entity_id|customer_id` (S11)."""

    txn_id: str
    source_system: str
    event_time: Instant
    value_date: Day
    entity_id: str
    account_id: str
    ccy: str
    direction: Direction
    amount: Amount
    source_seq: int = 0
    customer_id: Dimension = "-"
    org_id: Dimension = "-"
    line_id: Dimension = "-"
    product_id: Dimension = "-"
    customer_class: Dimension = "-"
    txn_type: str = "-"
    channel: str = "-"
    cpty_bank_id: str = "-"
    status: Status = "settled"
    reversal_of: Annotated[str, Meta(description="txn_id of the entry this one takes back, or `-`")] = "-"
    intragroup: Annotated[bool, Meta(description="an on-us leg: both accounts in this bank (S22)")] = False
    payment_ref: str = "-"
    schema_version: int = 1


Side = Literal["asset", "liability", "obs_in", "obs_out"]
Amortisation = Literal["bullet", "equal_principal", "annuity", "zero", "custom"]
DayCount = Literal["ACT/360", "ACT/365", "30/360"]


Frequency = Annotated[str, Meta(description="1M, 3M, 6M, 1Y, or `-`")]
Security = Literal["-", "1", "2A", "2B", "central_bank", "other"]
Encumbrance = Literal["-", "<6m", "6m-<1y", ">=1y"]


class Repayment(msgspec.Struct, kw_only=True):
    """A part of a contract's principal and the day it is repaid."""

    date: Day
    principal: Amount


class Contract(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`tm.in.core.contract.v1`: the whole present state of one contract; a later record replaces it.

    `principal` is the outstanding principal at `start_date`, `rate` an annual decimal fraction as text.
    A contract whose `closed` is true has no flows any more. Key as a txn's (S11).

    Amortisation `custom` repays as `schedule` says, the rest at maturity; without one it is undated. `actus`, raw
    terms of the ACTUS dictionary of any contract type, governs the flows in place of the other terms. There is no
    market data here: a floating rate stays at `rate`, the last one fixed, and whatever else raw terms observe is
    held at its value in `fixings`.
    """

    contract_id: str
    event_time: Instant
    entity_id: str
    side: Side
    ccy: str
    principal: Amount
    start_date: Day
    maturity_date: Annotated[Day | None, Meta(description="null: undated")] = None
    rate: Annotated[str, Meta(description="annual rate, decimal fraction as text")] = "0"
    amort: Amortisation = "bullet"
    pay_freq: Annotated[Frequency, Meta(description="period between payments")] = "-"
    day_count: DayCount = "ACT/360"
    on_demand: Annotated[bool, Meta(description="undated and payable at call")] = False
    closed: bool = False
    customer_id: Dimension = "-"
    account_id: Dimension = "-"
    org_id: Dimension = "-"
    line_id: Dimension = "-"
    product_id: Dimension = "-"
    cpty_type: Dimension = "-"
    rate_type: Literal["fixed", "float"] = "fixed"
    index: Annotated[str, Meta(description="what a floating rate follows, or `-`")] = "-"
    spread: Annotated[str, Meta(description="over the index, annual decimal fraction as text")] = "0"
    next_reprice_date: Day | None = None
    reprice_freq: Frequency = "-"
    schedule: list[Repayment] = []
    actus: Annotated[dict[str, object], Meta(description="raw ACTUS terms by their dictionary names")] = {}
    fixings: Annotated[
        dict[str, str], Meta(description="for `actus`: by market object code, decimal numbers as text")
    ] = {}
    accrued: Amount = "0"
    loan_class: Annotated[str, Meta(description="NORMAL, SPECIAL_MENTION, SUBSTANDARD, DOUBTFUL, LOSS")] = "-"
    overdue_days: int = 0
    insured: Annotated[bool, Meta(description="a deposit insured in full, by a depositor with a relationship")] = (
        False
    )
    operational: Annotated[bool, Meta(description="held for clearing, custody or cash management")] = False
    secured_by: Annotated[Security, Meta(description="level of what backs it, `central_bank` if owed to that")] = "-"
    encumbrance: Annotated[Encumbrance, Meta(description="remaining term for which the asset is encumbered")] = "-"
    intragroup: Annotated[bool, Meta(description="with another entity of the group")] = False
    assumption: Annotated[str, Meta(description="what the sender assumed, where its source is silent")] = "-"
    source_system: str = "-"
    schema_version: int = 1


class Reservation(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`tm.in.channel.reservation.v1`: the whole present state of one announced withdrawal. Key as a txn's."""

    res_id: str
    event_time: Instant
    entity_id: str
    ccy: str
    amount: Amount
    value_date: Day
    status: Literal["draft", "submitted", "approved", "executed", "partial", "rejected", "cancelled", "expired"]
    customer_id: Dimension = "-"
    account_id: Dimension = "-"
    org_id: Dimension = "-"
    line_id: Dimension = "-"
    product_id: Dimension = "-"
    purpose: str = "-"
    channel: str = "-"
    executed_amount: Amount = "0"
    schema_version: int = 1


class BusinessDate(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`tm.in.core.business-date.v1`: from here on `entity_id` works on `business_date`. Key: entity_id (S13)."""

    entity_id: str
    business_date: Day
    event_time: Instant
    cut_off: Annotated[Instant | None, Meta(description="when this business date ends")] = None
    schema_version: int = 1


HqlaLevel = Literal["1", "2A", "2B", "none"]
HQLA_LEVELS, ENCUMBRANCES = get_args(HqlaLevel), get_args(Encumbrance)
Decimal9 = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$", description="decimal string above zero")]
Issuer = Annotated[
    str, Meta(description="sovereign, central_bank, policy_bank, bank, corporate, covered_bond, rmbs, equity, other")
]


class SecuredDeal(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Securities that a repo, reverse repo or collateral swap moved until it matures (LIQ-19, BCBS 238 Annex 1).

    A repo gives securities and receives `cash`, a reverse repo receives them and pays it; of a collateral swap each
    of the two securities tells its own leg, without cash. The flows of the cash are a contract's, told beside.
    """

    deal_id: str
    direction: Literal["given", "received"]
    face: Annotated[Amount, Meta(description="of this security, in its currency")]
    maturity_date: Annotated[Day, Meta(description="when the securities go back")]
    cash: Annotated[Amount, Meta(description="in the security's currency, as it was at the start")] = "0"


class Holding(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`tm.in.treasury.holding.v1`: the whole present state of one security position (LIQ-17); a later record
    replaces it, face 0 says that it is sold. Key: `entity_id|security_id`.

    Amounts are face values in the security's currency. `hqla_level` is the level that the security qualifies for,
    `none` if for no one; what is encumbered is outside the stock whatever its level. What secured deals gave is held
    and encumbered still; what they received counts in `face` where the bank may sell or pledge it.
    """

    entity_id: str
    security_id: str
    event_time: Instant
    ccy: str
    face: Amount
    encumbered_face: Amount = "0"
    encumbrance: Annotated[Encumbrance, Meta(description="remaining term of what is encumbered")] = "-"
    hqla_level: HqlaLevel = "none"
    issuer_type: Issuer = "other"
    maturity_date: Annotated[Day | None, Meta(description="null: none, as of shares")] = None
    portfolio_id: Annotated[Dimension, Meta(description="tells apart positions in one security")] = "-"
    org_id: Dimension = "-"
    line_id: Dimension = "-"
    deals: Annotated[list[SecuredDeal], Meta(description="secured deals in this security that have not matured")] = []
    source_system: str = "-"
    schema_version: int = 1


class MarketPrice(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`tm.in.market.price.v1`: the price of a security from here on. Key: `security_id`."""

    security_id: str
    event_time: Instant
    dirty_price: Annotated[Decimal9, Meta(description="per cent of face, accrued interest included")]
    source_system: str = "-"
    schema_version: int = 1


class FxRate(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`tm.in.market.fx.v1`: one unit of `base_ccy` is worth `mid` units of `quote_ccy`. Key: `base_ccy/quote_ccy`."""

    base_ccy: str
    quote_ccy: str
    event_time: Instant
    mid: Decimal9
    source_system: str = "-"
    schema_version: int = 1


class ReserveState(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`tm.in.treasury.reserve.v1`: required reserves and cash of one entity and currency (LIQ-10, LIQ-07).

    `cb_balance` is the central bank's statement; null: the bank's own accounts at the central bank tell it. Key:
    `entity_id|ccy`.
    """

    entity_id: str
    ccy: str
    event_time: Instant
    required: Amount
    vault_cash: Amount = "0"
    cb_balance: Amount | None = None
    source_system: str = "-"
    schema_version: int = 1


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Which log a figure was folded from, and how far: the state holds exactly the records in [0, offset)."""

    topic: str
    partition: int
    offset: Annotated[int, Meta(description="next offset: all records below it are in the figure")]
    log: Annotated[str, Meta(description="cluster id / topic id of the log (decision S5)")]
    fold: Annotated[int, Meta(description="fold version: grows when the same log gives another state")]


class Position(msgspec.Struct, kw_only=True):
    """`tm.risk.position.v1` (compacted): one cell of one source partition, absolute sums (LIQ-01).

    Amounts are signed from the bank account's own side: money in is positive. `pending_in` and `pending_out`
    are both >= 0. A total is the sum of the cell over partitions.
    """

    entity: str
    organisation: str
    business_line: str
    product: str
    currency: str
    intragroup: bool
    value_date: Day
    settled: Amount
    pending_in: Amount
    pending_out: Amount
    source: Source


class ReservationTotal(msgspec.Struct, kw_only=True):
    """`tm.risk.reservation.v1` (compacted): approved and not executed, per cell and value date; >= 0."""

    entity: str
    organisation: str
    currency: str
    value_date: Day
    approved: Amount
    source: Source


class GapFlow(msgspec.Struct, kw_only=True):
    """`tm.risk.gap.v1` (compacted): contractual flows of one cell on one flow date, absolute sums (LIQ-08).

    `flow_date` is an ISO date, `DEMAND` (payable at call: overnight) or `UNDATED`. Both amounts are >= 0.
    The reader puts dates into buckets, since a bucket depends on the day one asks (decision S13).
    """

    entity: str
    organisation: str
    business_line: str
    product: str
    currency: str
    flow_date: str
    inflow: Amount
    outflow: Amount
    contracts: Annotated[int, Meta(description="how many contracts have a flow here")]
    source: Source
    liquidity_tag: Annotated[
        str, Meta(description="regulatory facts of the contracts: projections/liquidity_tag.py")
    ] = "-"
    principal_in: Annotated[Amount, Meta(description="part of `inflow` that is principal")] = "0"
    principal_out: Annotated[Amount, Meta(description="part of `outflow` that is principal")] = "0"


class Deposit(msgspec.Struct, kw_only=True):
    """`tm.risk.deposit.v1` (compacted): booked balances of one cell of one source partition, split at the limit of
    deposit insurance for each depositor (LIQ-19). All amounts are >= 0.

    Deposits are `insured_whole` + `insured_part` + `uninsured`. Where `owner` is `bank` the accounts are the bank's
    own: `uninsured` is what it holds there, `overdrawn` what it owes.
    """

    entity: str
    currency: str
    owner: Literal["customer", "bank"]
    customer_class: str
    product: str
    insured_whole: Annotated[Amount, Meta(description="of depositors who are insured in full")]
    insured_part: Annotated[Amount, Meta(description="the insured part of all other depositors")]
    uninsured: Amount
    overdrawn: Annotated[Amount, Meta(description="owed to the bank: a loan, never a negative deposit")]
    source: Source
    organisation: str = "-"
    business_line: str = "-"


class HoldingState(msgspec.Struct, kw_only=True):
    """`tm.risk.holding.v1` (compacted): a security position as the newest record left it; amounts are face values."""

    entity: str
    organisation: str
    security_id: str
    portfolio: str
    currency: str
    issuer_type: str
    hqla_level: HqlaLevel
    face: Amount
    encumbered_face: Amount
    encumbrance: Encumbrance
    maturity_date: Day | None
    source: Source
    business_line: str = "-"
    deals: list[SecuredDeal] = []


class PriceState(msgspec.Struct, kw_only=True):
    """`tm.risk.price.v1` (compacted): the newest price of a security, per cent of face."""

    security_id: str
    dirty_price: Decimal9
    event_time: Instant
    source: Source


class FxState(msgspec.Struct, kw_only=True):
    """`tm.risk.fx.v1` (compacted): the newest mid rate of a pair of currencies."""

    base_currency: str
    quote_currency: str
    mid: Decimal9
    event_time: Instant
    source: Source


class ReserveTotal(msgspec.Struct, kw_only=True):
    """`tm.risk.reserve.v1` (compacted): required reserves and cash of one entity and currency."""

    entity: str
    currency: str
    required: Amount
    vault_cash: Amount
    central_bank_balance: Annotated[Amount | None, Meta(description="null: own accounts tell it")]
    source: Source


class Withdrawal(msgspec.Struct, kw_only=True):
    """`tm.risk.withdrawal.v1` (compacted): a customer whose outflows came near or above the rolling threshold."""

    entity: str
    organisation: str
    customer: str
    currency: str
    rolling: Amount
    threshold: Amount
    window_minutes: int
    above: bool
    event_time: Instant
    source: Source


class AlertEntry(msgspec.Struct, kw_only=True):
    """One entry behind an alert: where it stands in the log, when it happened, how much."""

    offset: int
    event_time: Instant
    amount: Amount


class LimitFacts(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a limit's alert stands on; numbers are exact text, a decimal or `n/d` (LIQ-36)."""

    limit_id: str
    metric: str
    scope: Literal["currency", "entity", "group"]
    as_of: str
    value: str
    light: Literal["green", "amber", "red"]
    light_before: Literal["green", "amber", "red"]
    incident: Annotated[str, Meta(description="the alert that opened it; one case for each")]
    cut: Annotated[int, Meta(description="offset in tm.risk.cut.v1")]
    offsets: Annotated[dict[str, int], Meta(description="the cut's offset vector, for `at_offsets`")]
    numerator: str | None = None
    denominator: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    headroom: Annotated[str | None, Meta(description="a share of the limit, or absolute where the limit is 0")] = None
    policy_ref: str = "-"
    owner: str = "-"
    deadline_days: int = 0
    plan: Annotated[bool, Meta(description="the policy wants a contingency plan proposed")] = False
    cause: Annotated[str | None, Meta(description="the large-flow alert behind a withdrawal")] = None
    assets: list[LiquidAsset] = []


class RuleFacts(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the alert of a rule of people stands on: the rule, what it was about, and the facts it speaks of."""

    rule_id: str
    version: int
    name: str
    about: str
    subject: Annotated[str, Meta(description="figure, large-flow alert or event that the rule holds for")]
    expression: str
    facts: Annotated[dict[str, bool | int | float | str], Meta(description="by name; money as decimal text")]
    incident: Annotated[str, Meta(description="the alert that opened it")]
    opened_at: Instant
    cut: Annotated[int, Meta(description="offset in tm.risk.cut.v1")]
    offsets: Annotated[dict[str, int], Meta(description="the cut's offset vector, for `at_offsets`")]
    name_zh: str = ""
    direction: Annotated[str, Meta(description="up or down, as the figure moved at this cut")] = "-"
    metric: str = "-"
    scope: str = "-"
    as_of: str = ""
    value: Annotated[str | None, Meta(description="of the figure, exact text, a decimal or `n/d`")] = None
    numerator: str | None = None
    denominator: str | None = None
    cause: Annotated[str | None, Meta(description="the large-flow alert, or the id of the stored event")] = None
    ended_by: Annotated[str, Meta(description="of a cleared one: readings, settled, disabled, unbound")] = ""
    owner: str = "-"


class Alert(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`tm.risk.alert.v1`: raised once, never compacted; `alert_id` is the same at every replay (S16).

    `sequence` counts the alerts of one source partition from 0 without a gap.
    """

    alert_id: str
    kind: Literal["raised", "corrected", "eased", "cleared"]
    rule: Literal["large-flow-single", "large-flow-rolling", "limit", "large-withdrawal", "rule"]
    rule_version: str
    sequence: int
    entity: str
    organisation: str
    customer: str
    customer_class: str
    account: str
    currency: str
    amount: Annotated[Amount, Meta(description="of the triggering entry")]
    threshold: Amount
    event_time: Instant
    txn_id: str
    reason: Annotated[str, Meta(description="one sentence a person can read")]
    source: Annotated[Source, Meta(description="offset is the triggering entry's offset + 1")]
    rolling: Annotated[Amount | None, Meta(description="window total, rolling rule only")] = None
    window_minutes: int | None = None
    late: Annotated[bool, Meta(description="the entry came after newer ones of its partition")] = False
    corrects: Annotated[str | None, Meta(description="the alert this correction answers")] = None
    entries: list[AlertEntry] = []
    appended_at: Annotated[Instant | None, Meta(description="when Kafka took the triggering entry")] = None
    limit: Annotated[LimitFacts | None, Meta(description="of the rules limit and large-withdrawal")] = None
    severity: Annotated[
        Literal["INFO", "WARNING", "CRITICAL"] | None, Meta(description="null: raised before there were any")
    ] = None
    rule_facts: Annotated[RuleFacts | None, Meta(description="of the rule `rule`: one that people wrote")] = None


class Cut(msgspec.Struct, kw_only=True):
    """Ends a tick in every `tm.risk.*` topic it wrote to, with key `cut`: readers publish whole ticks only (S17)."""

    source: Source
    from_offset: int
    count: Annotated[int, Meta(description="records of this tick in this topic, the cut not counted")]
    appended_at: Instant | None
    business_time: Annotated[Instant | None, Meta(description="newest event time folded so far")]
    statistics: dict[str, int]


class PostingRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`tm.out.core.posting-request.v1`: asks core banking to post. Key: instruction_id, also its idempotency key."""

    instruction_id: str
    attempt: int
    kind: str
    entity_id: str
    case_no: str
    asset_no: str
    ccy: str
    amount: Amount
    alloc: dict[str, Amount]
    value_date: Day
    reverses: str | None = None
    schema_version: int = 1


class TransferInstruction(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`tm.out.core.transfer-instruction.v1`: one approved transfer between branches. Key: instruction_id (LIQ-06)."""

    instruction_id: str
    proposal_no: str
    revision: int
    entity_id: str
    ccy: str
    source_org: str
    destination_org: str
    amount: Amount
    value_date: Day
    approved_by: str
    event_time: Instant
    schema_version: int = 1


class PostingReply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`tm.in.core.posting-reply.v1`: core banking's answer. Key: instruction_id."""

    instruction_id: str
    attempt: int
    outcome: Literal["accepted", "rejected"]
    core_txn_no: str | None = None
    value_date: Day | None = None
    error_code: str | None = None
    error_text: str | None = None
    schema_version: int = 1


class WorkflowCommand(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`tm.in.workflow.command.v1`: a command on an aggregate. Key: `aggregate/key`.

    `token` is the actor's signed token; a command without a valid one is a dead letter.
    """

    cmd_id: str
    aggregate: str
    key: str
    command: str
    payload: dict[str, object]
    token: str
    valid_on: Day | None = None
    reason: str = ""
    schema_version: int = 1


def cloud_event_headers(record_type: str, event_id: str, source: str, event_time: str) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 attributes in Kafka's binary mode; for others to read, the hot path never does (S25)."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_type": record_type,
        "ce_id": event_id,
        "ce_source": source,
        "ce_time": event_time,
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in attributes.items()]
