"""A book of ledgers made large: the effects of real events repeated under other keys, array by array.

Everything a case of the template wrote (keys, texts, positions) is written again for each copy under names of its
own, as the fold would have; only the folding itself is spared. Positions and recorded times go on from copy to copy.
"""

import numpy as np
from numpy.typing import NDArray

from projections.ledgers.book import LedgerBook, text_columns
from projections.ledgers.effects import Effects
from projections.ledgers.event_log import COLUMNS, TEXTS, EventLog
from projections.ledgers.names import Names
from projections.ledgers.registry import LEDGERS

Ints = NDArray[np.int64]
DAY_BITS, COLUMN_BITS, MEMBERS = 22, 7, 1 << 40


def copied(book: LedgerBook, mine: str, copies: int) -> LedgerBook:
    """`copies` times the template; names with `mine` in them are each copy's own, the others are shared."""
    names = book.names.texts
    own = np.array([mine in text for text in names], np.bool_)
    rank = np.cumsum(own) - 1
    made, width, count = LedgerBook(), int(own.sum()), len(book.log)
    own_names = [text for text, is_own in zip(names, own.tolist(), strict=True) if is_own]
    whole = [text.replace(mine, f"S{number}-") for number in range(copies) for text in own_names]
    made.names = Names([*names, *whole])
    tables = [np.where(own, len(names) + number * width + rank, np.arange(len(names))) for number in range(copies)]
    made.log = EventLog(made.names, _log(book, tables, count))
    made.effects = {name: _effects(name, effects, tables, count) for name, effects in book.effects.items()}
    return made


def _log(book: LedgerBook, tables: list[Ints], count: int) -> dict[str, Ints]:
    arrays, span = book.log.arrays(), int(book.log.column("recorded_us")[-1]) + 1
    steps = {"position": count, "recorded_us": span - int(book.log.column("recorded_us")[0])}
    return {
        name: np.concatenate(
            [table[arrays[name]] if name in TEXTS else arrays[name] + steps.get(name, 0) * number
             for number, table in enumerate(tables)]
        )
        for name in COLUMNS
    }  # fmt: skip


def _effects(name: str, effects: Effects, tables: list[Ints], count: int) -> Effects:
    arrays = effects.arrays()
    cells, days = arrays["order"] >> DAY_BITS, arrays["order"] & (2**DAY_BITS - 1)
    plain = cells < MEMBERS
    members = np.stack([arrays["columns"], arrays["keys"], arrays["members"]], 1)
    column = np.where(plain, cells & (2**COLUMN_BITS - 1), 0)
    column[~plain] = members[cells[~plain] - MEMBERS, 0]
    texts = np.isin(column, sorted(text_columns(LEDGERS[name]))) & (arrays["value"] >= 0) & plain
    parts: dict[str, list[Ints]] = {"order": [], "position": [], "value": [], "sets": [], "places": []}
    for number, table in enumerate(tables):
        place = np.where(plain, table[np.where(plain, cells >> COLUMN_BITS, 0)] << COLUMN_BITS | column, 0)
        place[~plain] = cells[~plain] + number * len(members)
        parts["order"].append(place << DAY_BITS | days)
        parts["position"].append(arrays["position"] + number * count)
        parts["value"].append(np.where(texts, table[np.where(texts, arrays["value"], 0)], arrays["value"]))
        parts["sets"].append(arrays["sets"])
        parts["places"].append(np.stack([members[:, 0], table[members[:, 1]], table[members[:, 2]]], 1))
    whole = {part: np.concatenate(found) for part, found in parts.items()}
    order = np.argsort(whole["order"], kind="stable")
    places = whole.pop("places")
    sorted_ = {part: found[order] for part, found in whole.items()}
    return Effects.of(sorted_ | {"columns": places[:, 0], "keys": places[:, 1], "members": places[:, 2]})
