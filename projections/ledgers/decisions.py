"""The ledger of decisions: one row for every event of the log, of any kind (alerts, parameters, rights, cases, all).

Filter by `aggregate`, `type` or `loan_no`. Rows are events, so nothing is folded: those that count by the day and are
known by the position.
"""

import numpy as np

from projections.ledgers.book import LedgerBook
from projections.ledgers.definition import Ledger
from projections.ledgers.effects import NOTHING
from projections.ledgers.frame import Frame


def decisions_frame(book: LedgerBook, ledger: Ledger, day: int, position: int) -> Frame:
    """The events as rows; branch and customer stay empty, `org` is that of who acted."""
    log = book.log
    columns = log.arrays()
    mask = (columns["valid_on"] <= day) & (columns["position"] <= position)
    found = {name: values[mask] for name, values in columns.items()}
    nothing = np.full(int(mask.sum()), NOTHING, np.int64)
    found |= {
        "recorded_at": found["recorded_us"],
        "valid_from": found["valid_on"],
        "known_from": found["recorded_us"],
    }
    found |= dict.fromkeys(("branch", "customer_no", "customer_name", "manager", "ccy"), nothing)
    # Keys are codes of texts elsewhere; here the position is the key, and its own rank.
    return Frame(ledger, day, position, found["position"], found)
