"""The regulatory facts of a contract as a stable text: what its line in a liquidity ratio depends on.

Facts only, as core banking tells them: which line they lead to is policy, applied by the reader
(`live_liquidity.toml`), so that another policy needs no other fold. No date decides here: what is left of a term is
the reader's question (S13).
"""

from functools import lru_cache

import msgspec

NON_PERFORMING = frozenset({"SUBSTANDARD", "DOUBTFUL", "LOSS"})
SECURED_BY = ("-", "1", "2A", "2B", "central_bank", "other")
OVERDUE_DAYS_MAX = 90  # beyond it a loan is non-performing (Basel Framework CRE20.104)


class LiquidityFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`-` where a fact does not apply; `counterparty` is the sender's own word, the others are of fixed lists."""

    side: str  # asset, liability, obs_in, obs_out
    standing: str = "performing"  # performing, watch, non_performing
    insured: str = "-"  # insured
    operational: str = "-"  # operational
    secured_by: str = "-"  # one of SECURED_BY: the level of what backs the contract
    encumbrance: str = "-"  # <6m, 6m-<1y, >=1y: remaining term, as told
    intragroup: str = "-"  # intragroup: with another entity of the group
    counterparty: str = "-"

    @property
    def tag(self) -> str:
        """The facts in their order, counterparty last; the same text for the same facts."""
        return "/".join(getattr(self, name) for name in LiquidityFacts.__struct_fields__)


@lru_cache(maxsize=4_096)
def facts_of(tag: str) -> LiquidityFacts:
    """The facts that `LiquidityFacts.tag` tells; of `-`, the tag of records from before there were tags, none."""
    names = LiquidityFacts.__struct_fields__
    return LiquidityFacts(**dict(zip(names, tag.split("/", len(names) - 1), strict=False)))


def standing(loan_class: str, overdue_days: int) -> str:
    """How a loan stands by its five-grade class and days overdue; the worse of both."""
    if loan_class in NON_PERFORMING or overdue_days > OVERDUE_DAYS_MAX:
        return "non_performing"
    return "watch" if loan_class == "SPECIAL_MENTION" or overdue_days > 0 else "performing"
