"""A bank small enough to work its LCR out by hand: one depositor, one government bond, one corporate bond, reserves.

Outflows are 40% of 1,000m of a corporate depositor. What is held is 100m above the required reserves, the government
bond at its face (Level 1) and half of 100m of the corporate bond (Level 2B): with 400m of the government bond the LCR
is 550/400, with 200m it is 350/400.
"""

from streams import topics
from streams.feeds.event import Event
from streams.schemas import BusinessDate, Holding, MarketPrice, ReserveState, Txn

DAY, AT = "2026-03-16", "2026-03-16T01:00:00.000000Z"
HELD, SOLD = "400000000.00", "200000000.00"  # faces of the government bond


def opening(entity: str = "BANK") -> list[Event]:
    """Everything there is in the morning, LCR 137.5%."""
    date = BusinessDate(entity_id=entity, business_date=DAY, event_time=AT)
    reserve = ReserveState(
        entity_id=entity, ccy="CNY", event_time=AT, required="50000000.00", cb_balance="150000000.00"
    )
    return [
        Event(topics.BUSINESS_DATE, entity.encode(), date),
        entry(entity, "in", "1000000000.00", "T-1", "OPENING"),
        *(price(security) for security in ("GOV", "CORP")),
        government_bond(entity, HELD),
        holding(entity, "CORP", "100000000.00", "2B", "corporate"),
        Event(topics.RESERVE, f"{entity}|CNY".encode(), reserve),
    ]


def government_bond(entity: str, face: str) -> Event:
    """Bought or sold to this face."""
    return holding(entity, "GOV", face, "1", "sovereign")


def holding(entity: str, security: str, face: str, level: str, issuer: str) -> Event:
    record = Holding(
        entity_id=entity,
        security_id=security,
        event_time=AT,
        ccy="CNY",
        face=face,
        hqla_level=level,  # type: ignore[arg-type]
        issuer_type=issuer,
        maturity_date="2031-03-16",
    )
    return Event(topics.HOLDING, f"{entity}|{security}".encode(), record)


def price(security: str) -> Event:
    record = MarketPrice(security_id=security, event_time=AT, dirty_price="100")
    return Event(topics.PRICE, security.encode(), record)


def entry(entity: str, direction: str, amount: str, txn_id: str, kind: str = "TRANSFER") -> Event:
    record = Txn(
        txn_id=txn_id,
        source_system="core",
        event_time=AT,
        value_date=DAY,
        entity_id=entity,
        account_id="A-1",
        customer_id="C-1",
        customer_class="CORPORATE",
        product_id="DEMAND",
        ccy="CNY",
        direction=direction,  # type: ignore[arg-type]
        amount=amount,
        txn_type=kind,
    )
    return Event(topics.TXN, f"{entity}|C-1".encode(), record)
