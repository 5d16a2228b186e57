"""Acceptance fee of a civil claim for money, by brackets.

Source: State Council Order 481 (2006), Measures on the Payment of Litigation Costs, article 13 (1); spec 7.5.
"""

from engines.exact_ratio import half_up
from engines.primitives.errors import InvalidInput

LOWEST_MINOR = 50_00  # whatever is claimed, up to the end of the first bracket
FIRST_MINOR = 10_000_00
#: (claim up to, rate in basis points of what lies in the bracket); the last bracket has no end.
BRACKETS = (
    (100_000_00, 250),
    (200_000_00, 200),
    (500_000_00, 150),
    (1_000_000_00, 100),
    (2_000_000_00, 90),
    (5_000_000_00, 80),
    (10_000_000_00, 70),
    (20_000_000_00, 60),
)
BEYOND_BP = 50


def court_fee(claim_minor: int) -> int:
    """Fee in fen for a claim in fen, both CNY; rounded HALF_UP once, at the end.

    `court_fee(8_272_671_38) == 69_708_70`. Raises InvalidInput for a negative claim.
    """
    if claim_minor < 0:
        raise InvalidInput("a claim is not negative", field="claim", record=str(claim_minor))
    below, scaled = FIRST_MINOR, 0  # scaled: fen times 10,000
    for end, rate_bp in BRACKETS:
        scaled += max(0, min(claim_minor, end) - below) * rate_bp
        below = end
    scaled += max(0, claim_minor - below) * BEYOND_BP
    return LOWEST_MINOR + half_up(scaled, 10_000)
