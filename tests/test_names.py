"""docs/names.md says what the code does."""

import re
from pathlib import Path

from projections.entry_batch import POSITION_DIMENSIONS
from streams.schemas import Alert, Position, Txn

TABLE = Path(__file__).parent.parent / "docs" / "names.md"


def columns() -> list[tuple[list[str], list[str]]]:
    rows = [line.split("|")[1:-1] for line in TABLE.read_text().splitlines() if line.startswith("| ")][2:]
    return [(re.findall(r"`([a-z_]+)`", row[1]), re.findall(r"`([a-z_]+)`", row[2])) for row in rows]


def test_every_inbound_name_is_a_field_of_an_entry() -> None:
    inbound = {name for names, _ in columns() for name in names}
    assert inbound <= set(Txn.__struct_fields__)
    assert len(inbound) > 10


def test_every_outward_name_is_published() -> None:
    published = {*Position.__struct_fields__, *Alert.__struct_fields__}
    assert {name for _, names in columns() for name in names} <= published | {"product"}


def test_every_dimension_of_a_position_is_in_the_table() -> None:
    assert set(POSITION_DIMENSIONS) <= {name for _, names in columns() for name in names}
