"""A ratio read from kept totals is the ratio of the lines, with caps, unwinding and all."""

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from engines.factor_lines import Line
from engines.lcr import CATEGORY_BY_LEVEL, Leg, Level, SecuredDeal, liquidity_coverage
from engines.live_coverage import COVERAGE_CATEGORIES, LEVELS, CoverageCaps, Weights, funding_ratio
from engines.nsfr import stable_funding
from tests.factor_policies import newest

LCR_TABLE, NSFR_TABLE = newest("lcr"), newest("nsfr")
COVERAGE, FUNDING = Weights.of_coverage(LCR_TABLE), Weights.of_funding(NSFR_TABLE)
CODE_OF_LEVEL = {"1": "LCR.HQ1.03", "2A": "LCR.HQ2A.01", "2B": "LCR.HQ2B.02"}

amounts = st.fractions(0, 10**16, max_denominator=10**6) | st.integers(0, 100).map(Fraction)


def lines(codes: Sequence[str]) -> st.SearchStrategy[list[Line]]:
    return st.lists(st.builds(Line, st.sampled_from(sorted(codes)), amounts), max_size=20)


def totals(weights: Weights, given_lines: Sequence[Line], width: int, scale: int) -> list[int]:
    found = [0] * width
    for line in given_lines:
        place, weight = weights.by_code[line.code]
        found[place] += int(line.amount * scale) * weight
    return found


deals = st.lists(st.tuples(st.sampled_from(LEVELS), amounts, amounts, st.booleans(), st.booleans()), max_size=4)


@given(lines(list(COVERAGE.by_code)), deals)
def test_an_lcr_from_totals_is_the_lcr_of_the_lines(
    held: list[Line], secured: list[tuple[Level, Fraction, Fraction, bool, bool]]
) -> None:
    known = [line.amount for line in held] + [amount for _, *two, _, _ in secured for amount in two]
    scale = 1
    for amount in known:
        scale *= Fraction(amount).denominator
    booked, undone = [], [0, 0, 0]
    for level, cash, value, is_given, is_swap in secured:
        code = CODE_OF_LEVEL[level]
        place, weight = COVERAGE.by_code[code]
        security = Leg(level, value, LCR_TABLE.factor(code))
        other = Leg("none", 0) if is_swap else Leg("1", cash)
        legs = (other, security) if is_given else (security, other)
        booked.append(SecuredDeal(*legs, 0, is_swap=is_swap))
        sign = 1 if is_given else -1
        undone[place] += sign * int(value * scale) * weight
        undone[0] -= 0 if is_swap else sign * int(cash * scale) * COVERAGE.denominator
    category = {line.code: LCR_TABLE.item(line.code).category for line in held}
    wanted = liquidity_coverage(
        [line for line in held if category[line.code] in CATEGORY_BY_LEVEL.values()],
        [line for line in held if category[line.code] == "outflow"],
        [line for line in held if category[line.code] == "inflow"],
        LCR_TABLE,
        deals=booked,
        minimum=Fraction(1),
    )
    sums = totals(COVERAGE, held, len(COVERAGE_CATEGORIES), scale)
    denominator = COVERAGE.denominator * scale
    found = CoverageCaps.of_table(LCR_TABLE).values(sums, undone, denominator, Fraction(1))
    assert (found.stock, found.net, found.ratio) == (wanted.stock, wanted.net, wanted.ratio)


@given(lines(list(FUNDING.by_code)))
def test_an_nsfr_from_totals_is_the_nsfr_of_the_lines(held: list[Line]) -> None:
    scale = 1
    for line in held:
        scale *= Fraction(line.amount).denominator
    asf = [line for line in held if NSFR_TABLE.item(line.code).category == "ASF"]
    rsf = [line for line in held if line not in asf]
    wanted = stable_funding(asf, rsf, NSFR_TABLE, minimum=Fraction(1))
    found = funding_ratio(totals(FUNDING, held, 2, scale), FUNDING.denominator * scale, Fraction(1))
    assert found == wanted.ratio


def test_a_line_whose_factor_is_to_be_configured_has_no_weight() -> None:
    empty = {item.code for item in LCR_TABLE.items.values() if item.factor is None}
    assert empty
    assert not empty & COVERAGE.by_code.keys()
