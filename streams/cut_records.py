"""`tm.risk.cut.v1` on the wire: one record is the totals that limits look at, at one cut (decision S18).

Its order is the authority for every crossing of a limit. Written by `streams.cut_sequencer`, folded by
`streams.cut_folder`. Numbers are exact text: a decimal, or `n/d` where it does not end.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engines.primitives.money import exponent
from projections.alert_rules import RuleSet
from projections.limit_cuts import AssetKey, Decision, Due, LargeFlow, LiquidAsset, RecordedCut, Total
from projections.limit_policy import TotalKey
from streams.figure_digests import figure_digest

SCHEMA_VERSION = 1
_DIGITS_MAX = 40


class CutTotal(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One figure of one scope; a cut names those that changed."""

    metric: str
    scope: Literal["currency", "entity", "group"]
    entity: Annotated[str, Meta(description="`-` for the group")]
    currency: str
    as_of: Annotated[str, Meta(description="business date of the figure")] = ""
    value: Annotated[str | None, Meta(description="exact; a ratio as a fraction; null: not computable")] = None
    numerator: Annotated[str | None, Meta(description="of a ratio, in units of the currency")] = None
    denominator: str | None = None


class CutAssets(msgspec.Struct, kw_only=True):
    """Liquid assets of a scope one of whose lights has turned, or from which a large flow went; of one that is not
    green also now and then."""

    scope: Literal["currency", "entity", "group"]
    entity: str
    currency: str
    rows: list[LiquidAsset]


class CutFlow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A large-flow alert that was raised since the cut before (LIQ-02)."""

    alert_id: str
    entity: str
    currency: str
    amount: Annotated[str, Meta(description="of the entry, or of its window where that raised the alert")]
    txn_id: str
    window_minutes: Annotated[int, Meta(description="of the window that raised it; 0: one entry did")] = 0
    organisation: str = "-"
    customer_class: str = "-"
    account: str = "-"


class RiskCut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`tm.risk.cut.v1`, one partition, never compacted. Offsets are next offsets of the source logs."""

    schema_version: int = SCHEMA_VERSION
    epoch: Annotated[int, Meta(description="of the sequencer; records of a lower one than was seen count nothing")]
    number: Annotated[int, Meta(description="of the cut within its epoch, from 0")]
    taken_at: str
    event_time: Annotated[str | None, Meta(description="newest event time in the figures")] = None
    whole: Annotated[bool, Meta(description="all totals are here: what is not named is no more")] = False
    offsets: Annotated[dict[str, int], Meta(description="of ratios and gaps; goes into `at_offsets`")]
    position_offsets: Annotated[dict[str, int], Meta(description="of positions")]
    logs: dict[str, str]
    alert_vector: Annotated[dict[int, int], Meta(description="newest large-flow alert taken, by source partition")]
    config_version: str = "-"
    folds: Annotated[dict[str, int], Meta(description="version of the fold of each source topic")] = {}
    digest: Annotated[str, Meta(description="SHA-256 over all totals that hold at this cut, changed or not")] = ""
    totals: list[CutTotal] = []
    gone: list[CutTotal] = []
    flows: list[CutFlow] = []
    assets: list[CutAssets] = []
    decisions: Annotated[list[Decision], Meta(description="events stored since the cut before")] = []
    decided_to: Annotated[int | None, Meta(description="position in the decision log up to which they are told")] = (
        None
    )
    dues: Annotated[
        list[Due], Meta(description="past-due reservations, deadlines near or over: those that changed")
    ] = []
    settled: Annotated[list[TotalKey], Meta(description="of dues: those that are no more")] = []
    days: Annotated[dict[str, str], Meta(description="business dates that moved, by entity")] = {}
    rules: Annotated[
        RuleSet | None, Meta(description="alert rules in force from this cut on; null: as they were")
    ] = None


_decoder = msgspec.json.Decoder(RiskCut)
TOTALS = "totals"


def decode(value: bytes) -> RiskCut:
    """Raises msgspec.MsgspecError for what is no cut."""
    return _decoder.decode(value)


def total_of(key: TotalKey, total: Total) -> CutTotal:
    return CutTotal(
        metric=key.metric,
        scope=key.scope,  # type: ignore[arg-type]  # one of three, by construction
        entity=key.entity,
        currency=key.currency,
        as_of=total.as_of,
        value=total.value,
        numerator=total.numerator,
        denominator=total.denominator,
    )


def total_rows(totals: Mapping[TotalKey, Total]) -> list[CutTotal]:
    return [total_of(key, total) for key, total in sorted(totals.items())]


def totals_digest(totals: Mapping[TotalKey, Total]) -> str:
    """What a replay of the cut has to reproduce."""
    return figure_digest(None, {TOTALS: msgspec.to_builtins(total_rows(totals))})


def assets_of(assets: Mapping[AssetKey, Sequence[LiquidAsset]]) -> list[CutAssets]:
    return [
        CutAssets(scope=scope, entity=entity, currency=currency, rows=list(rows))  # type: ignore[arg-type]
        for (scope, entity, currency), rows in sorted(assets.items())
    ]


def recorded(cut: RiskCut, offset: int, taken_us: int, appended_us: int) -> RecordedCut:
    """The record as the fold takes it."""
    return RecordedCut(
        offset=offset,
        epoch=cut.epoch,
        taken_us=taken_us,
        taken_at=cut.taken_at,
        event_time=cut.event_time,
        whole=cut.whole,
        totals={_key(one): Total(one.as_of, one.value, one.numerator, one.denominator) for one in cut.totals},
        gone=[_key(one) for one in cut.gone],
        flows=[LargeFlow(**msgspec.structs.asdict(one)) for one in cut.flows],
        assets={(one.scope, one.entity, one.currency): tuple(one.rows) for one in cut.assets},
        offsets=cut.offsets,
        position_offsets=cut.position_offsets,
        appended_us=appended_us,
        decisions=cut.decisions,
        rules=cut.rules,
        dues=cut.dues,
        settled=cut.settled,
        days=cut.days,
    )


def exact_text(value: Fraction | int) -> str:
    """A decimal where it ends within 40 digits, else `n/d`; `Fraction(text)` gives the value back."""
    value = Fraction(value)
    rest, digits = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest //= prime
            count += 1
        digits = max(digits, count)
    if rest != 1 or digits > _DIGITS_MAX:
        return f"{value.numerator}/{value.denominator}"
    if not digits:
        return str(value.numerator)
    whole = str(abs(value.numerator) * 10**digits // value.denominator).rjust(digits + 1, "0")
    return f"{'-' if value < 0 else ''}{whole[:-digits]}.{whole[-digits:]}"


def amount_text(minor: Fraction | int, currency: str) -> str:
    """An exact amount of minor units, in units of the currency."""
    return exact_text(Fraction(minor) / 10 ** exponent(currency))


def _key(one: CutTotal) -> TotalKey:
    return TotalKey(one.metric, one.scope, one.entity, one.currency)
