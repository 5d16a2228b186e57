"""What undoing secured deals adds to the levels of liquid assets at one cut, for explaining the LCR (Annex 1).

The same legs and the same undoing as in the live ratio (BCBS 238), which a test holds equal. Not for the caps that
they size: `engines.explain_change` tells what these did, as lines of their own (decision Q9).
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from engines.factor_tables import FactorTable
from engines.lcr import Levels, unwind
from streams.ratio_entries import Entries
from streams.ratio_items import Cash, Entry, Items, Pair, Tables
from streams.ratio_policy import RatioPolicy
from streams.views_ratios import Part, secured_deals
from streams.views_securities import Value

NOTHING_HELD = Value(Fraction(0), Fraction(0))


def deals_by_pair(tables: Tables, policy: RatioPolicy, days: Mapping[str, date]) -> dict[Pair, Items]:
    """The secured deals within the horizon of every entity that has a date, and currency; nothing else is in it."""
    entries = Entries(policy, days)
    found: dict[Pair, list[Entry]] = defaultdict(list)
    for group in tables.securities.classes():
        deals = tables.securities.deals_of(group) if entries.has(group.entity) else ()
        undone = entries.security(group, NOTHING_HELD, (), deals).undone if deals else ()
        if undone:
            found[group.entity, group.currency].append(Entry(undone=list(undone)))
    return {pair: Items(tuple(made), Cash()) for pair, made in found.items()}


def unwinding(deals: Mapping[Pair, Items], factors: Mapping[Pair, Fraction], table: FactorTable) -> Levels:
    """Adjusted less held, of the pairs of a scope; minor units of its currency, which `factors` convert to."""
    parts = [Part(deals[pair], pair[1], factor) for pair, factor in factors.items() if pair in deals]
    horizon_days = int(table.parameter("horizon_days"))
    return unwind(Levels(), secured_deals(parts, table), horizon_days=horizon_days)
