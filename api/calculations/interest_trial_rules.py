"""The rules that an interest trial applied, each in a sentence with its source, for the reader of the sheet."""

from collections.abc import Iterable, Sequence

from api.calculations.texts import plain_text
from engines.interest_trial_terms import (
    COMPONENTS_BY_ORDER,
    PAYMENTS,
    CompoundBase,
    DayCount,
    Event,
    Kind,
    Order,
    Params,
)

CONTRACT = "the loan contract"
PRACTICE = "PBC practice"
OVERDUE = "PBC Yin Fa [2003] 251"

_DAY_COUNT = {
    DayCount.ACT_360: "Interest = base × rate × days / 360; actual days, the first counted, the last not.",
    DayCount.ACT_365: "Interest = base × rate × days / 365; actual days, the first counted, the last not.",
    DayCount.E30_360: "Interest = base × rate × days / 360; every month has 30 days, the 31st is the 30th.",
}
_COMPOUND = {
    CompoundBase.INTEREST: "Compound interest runs on interest billed and unpaid",
    CompoundBase.INTEREST_COMPOUND: "Compound interest runs on interest and compound interest billed and unpaid",
    CompoundBase.ALL: "Compound interest runs on interest, compound interest and penalty billed and unpaid",
}
_ORDER_SOURCE = {
    Order.INTEREST_FIRST: "Civil Code, article 561",
    Order.PRINCIPAL_FIRST: "bank practice past 90 days overdue, or the judgment",
    Order.IN_KIND: "terms of the settlement in kind",
}


def rules(params: Params | None, events: Sequence[Event], *, has_judgment: bool) -> list[dict[str, str]]:
    """`[{rule, source}]`; `params` None where nothing but delayed performance was computed."""
    found = [] if params is None else [*_accrual(params), *_settlement(params), *_payments(params, events)]
    if has_judgment:
        text = "Delayed performance: unpaid judgment debt without general interest × 0.000175 × days; paid last."
        found.append((text, "SPC Fa Shi [2014] 8, articles 1 to 4"))
    return [{"rule": rule, "source": source} for rule, source in found]


def _accrual(params: Params) -> Iterable[tuple[str, str]]:
    yield _DAY_COUNT[params.day_count], PRACTICE if params.day_count is DayCount.ACT_360 else CONTRACT
    rates = ", ".join(f"{plain_text(rate)}% from {from_day}" for from_day, rate in params.rates)
    yield f"Contract rate {rates}; a change acts from its day on.", CONTRACT
    yield (
        f"Overdue principal bears the contract rate × (1 + {plain_text(params.penalty_markup)}%) "
        f"in place of interest.",
        OVERDUE,
    )
    if params.compound_base is CompoundBase.NONE:
        yield "Simple interest: nothing bears compound interest.", CONTRACT
    else:
        yield f"{_COMPOUND[params.compound_base]}, at the contract rate, from maturity at the overdue rate.", OVERDUE
    if params.stop_on is not None:
        yield (
            f"Nothing accrues from {params.stop_on} on.",
            "write-off, or bankruptcy acceptance (Enterprise Bankruptcy Law, article 46)",
        )


def _settlement(params: Params) -> Iterable[tuple[str, str]]:
    if params.settle_months:
        months = ", ".join(str(month) for month in sorted(set(params.settle_months)))
        yield (
            f"Settlement on day {params.settle_day} of months {months}: at the start of the next day all that has "
            f"accrued is billed.",
            PRACTICE,
        )
    if params.maturity is not None:
        yield f"On {params.maturity} the principal is overdue and the interest accrued is billed.", CONTRACT
    yield (
        "At each settlement, maturity, payment and on the chosen day every component is rounded half up to 0.01, "
        "and nowhere else; the rounding on the chosen day is for this sheet only.",
        "method of the trial",
    )


def _payments(params: Params, events: Sequence[Event]) -> Iterable[tuple[str, str]]:
    used = {
        event.order or (Order.IN_KIND if event.kind is Kind.IN_KIND else params.order)
        for event in events
        if event.kind in PAYMENTS and not event.alloc
    }
    for order in sorted(used):
        yield f"{order}: a payment meets {', '.join(COMPONENTS_BY_ORDER[order])}.", _ORDER_SOURCE[order]
    if any(event.alloc for event in events):
        yield "Payments with an allocation meet the components it names.", "the payment's own allocation"
