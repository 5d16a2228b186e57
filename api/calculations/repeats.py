"""Names that may stand only once in a list of the input: a record sent twice would count twice."""

from collections.abc import Sequence

from engines.primitives.errors import InvalidInput


def refuse_repeats(names: Sequence[str | int | None], records: str, field: str) -> None:
    """Raises InvalidInput at the second of two equal names, as `deposits[1].deposit`; null is no name."""
    seen = set()
    for place, name in enumerate(names):
        if name is not None and name in seen:
            record = f"{records}[{place}]"
            raise InvalidInput(f"{name!r} stands twice", field=f"{record}.{field}", record=record)
        seen.add(name)
