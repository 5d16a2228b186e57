"""Generated ACTUS terms: loans of the four basic types under all conventions, whole in themselves."""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from engines.actus.calendars import CALENDARS
from engines.actus.calendars import CONVENTIONS as BUSINESS_DAYS
from engines.actus.day_counts import CONVENTIONS as DAY_COUNTS

CYCLES = ("P1D", "P10D", "P1W", "P2W", "P1M", "P2M", "P1Q", "P1H", "P1Y")
LOANS = ("PAM", "LAM", "NAM", "ANN")


def iso(day: date) -> str:
    return f"{day.isoformat()}T00:00:00"


days = st.dates(date(2015, 1, 1), date(2024, 12, 31)).map(lambda day: day)
month_ends = st.builds(
    lambda year, month: date(year + month // 12, month % 12 + 1, 1) - timedelta(1),
    st.integers(2015, 2023),
    st.integers(1, 12),
)
anchors = days | month_ends


def cycles(longest: int) -> st.SearchStrategy[str]:
    """Cycles that give a contract of that many days between one and some 150 periods."""
    lengths = {"P1D": 1, "P10D": 10, "P1W": 7, "P2W": 14, "P1M": 30, "P2M": 61, "P1Q": 91, "P1H": 182, "P1Y": 365}
    fitting = [cycle for cycle in CYCLES if longest / 150 <= lengths[cycle]]
    return st.builds(lambda cycle, stub: f"{cycle}L{stub}", st.sampled_from(fitting), st.sampled_from("01"))


@st.composite
def loans(draw: st.DrawFn, kinds: tuple[str, ...] = LOANS) -> dict[str, Any]:
    """Raw terms of a PAM, LAM, NAM or ANN without scaling and prepayment; its rate resets read the series RATE."""
    kind = draw(st.sampled_from(kinds))
    start = draw(anchors)
    length = draw(st.integers(2, 365 * 8))
    end = start + timedelta(length)
    within = st.integers(0, length).map(lambda after: iso(start + timedelta(after)))
    age = draw(st.integers(-30, length - 1))
    status = start + timedelta(age)
    terms: dict[str, Any] = {
        "contractType": kind,
        "contractID": "generated",
        "contractRole": draw(st.sampled_from(("RPA", "RPL"))),
        "currency": "CNY",
        "statusDate": iso(status),
        "initialExchangeDate": iso(start),
        "maturityDate": iso(end),
        "notionalPrincipal": draw(st.floats(1, 1e12)),
        "nominalInterestRate": draw(st.floats(-0.02, 0.3)),
        "premiumDiscountAtIED": draw(st.floats(-1e6, 1e6)),
        "dayCountConvention": draw(st.sampled_from(DAY_COUNTS)),
        "businessDayConvention": draw(st.sampled_from(BUSINESS_DAYS)),
        "endOfMonthConvention": draw(st.sampled_from(("SD", "EOM"))),
        "calendar": draw(st.sampled_from(CALENDARS)),
    }
    optional = {
        "cycleOfInterestPayment": cycles(length),
        "cycleAnchorDateOfInterestPayment": within,
        "accruedInterest": st.floats(0, 1e6),
        "cycleOfRateReset": cycles(length),
        "cycleAnchorDateOfRateReset": within,
        "nextResetRate": st.floats(0, 0.2),
        "rateSpread": st.floats(-0.01, 0.05),
        "lifeCap": st.floats(0.05, 0.3),
        "lifeFloor": st.floats(-0.01, 0.05),
        "periodCap": st.floats(0, 0.02),
        "periodFloor": st.floats(0, 0.02),
        "capitalizationEndDate": within,
        "feeRate": st.floats(0, 0.01),
        "cycleOfFee": cycles(length),
    }
    for name, strategy in optional.items():
        if draw(st.booleans()):
            terms[name] = draw(strategy)
    terms |= {"feeBasis": draw(st.sampled_from("AN")), "marketObjectCodeOfRateReset": "RATE"}
    if kind != "PAM":
        terms["cycleOfPrincipalRedemption"] = draw(cycles(length))
        if draw(st.booleans()):
            terms["cycleAnchorDateOfPrincipalRedemption"] = draw(within)
        base = draw(st.sampled_from(("NT", "NTIED", "NTL")))
        terms["interestCalculationBase"] = base
        if base != "NT":
            terms["interestCalculationBaseAmount"] = draw(st.floats(1, 1e12))
            terms["cycleOfInterestCalculationBase"] = draw(cycles(length))
        if kind == "NAM" or draw(st.booleans()):
            terms["nextPrincipalRedemptionPayment"] = terms["notionalPrincipal"] * draw(st.floats(0, 0.5))
    if draw(st.booleans()):
        terms["terminationDate"] = iso(start + timedelta(draw(st.integers(max(age + 1, 0), length))))
        terms["priceAtTerminationDate"] = draw(st.floats(0, 1e12))
    return terms


RATES = {
    "RATE": [{"timestamp": "2010-01-01T00:00:00", "value": "0.03"}]
    + [
        {"timestamp": f"{year}-{month:02}-15T00:00:00", "value": str((year * 12 + month) % 23 / 400)}
        for year in range(2015, 2034)
        for month in range(1, 13)
    ]
}
