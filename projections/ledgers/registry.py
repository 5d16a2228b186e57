"""All ledgers by name: the 18 of spec/risk-assets.md 4.1 in their order, then those beside them."""

from collections.abc import Mapping
from types import MappingProxyType

from engines.primitives.errors import NotFound
from projections.ledgers import of_assets, of_cases, of_control, of_foreclosed, of_recoveries, of_sales, of_write_offs
from projections.ledgers.definition import Ledger

LEDGERS: Mapping[str, Ledger] = MappingProxyType(
    {
        ledger.name: ledger
        for ledger in (
            of_assets.RISK_ASSET,
            of_recoveries.RECOVERY,
            of_recoveries.CUSTOMER_EXIT,
            of_foreclosed.FA_DETAIL,
            of_foreclosed.FA_RECEIPT,
            of_foreclosed.DISPOSAL,
            of_cases.MANDATE,
            of_cases.LITIGATION,
            of_cases.RESTRUCTURING,
            of_cases.REDUCTION,
            of_sales.SINGLE_TRANSFER,
            of_sales.BATCH_TRANSFER,
            of_cases.EXPENSE,
            of_cases.OUTSOURCED,
            of_foreclosed.IDLE,
            of_assets.DESIGNATED,
            of_write_offs.WRITE_OFF,
            of_write_offs.CARD_WRITE_OFF,
            of_assets.CUSTOMER,
            of_control.LIMIT_BREACH,
            of_control.CONTINGENCY,
            of_control.PARAMETER,
            of_control.RISK_FACTOR,
            of_control.ACCESS_GRANT,
            of_control.DECISIONS,
        )
    }
)


def ledger_of(name: str) -> Ledger:
    """Raises NotFound: no ledger has this name."""
    if (found := LEDGERS.get(name)) is None:
        raise NotFound(f"no ledger {name!r:.40}", field="name")
    return found
