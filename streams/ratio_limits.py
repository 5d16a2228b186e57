"""Limits on the live ratios: read from `limits.toml`, asked by metric, entity and currency (LIQ-36).

The traffic light itself is `engines.limits`. Not for the breach case with its owner and waiver: that is a workflow.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from engines.limits import Headroom, Limit, headroom
from engines.primitives.errors import InvalidInput

Scopes = Mapping[str, Mapping[str, str]]  # by limit_id: entity and currency, where it names one


def parse_limits(data: Mapping[str, Any]) -> tuple[tuple[Limit, ...], Scopes]:
    """The list `limit` of a parsed policy file. Raises InvalidInput: `record` is the entry, as `limit[2]`."""
    limits: list[Limit] = []
    scopes: dict[str, Mapping[str, str]] = {}
    for at, entry in enumerate(data.get("limit", ())):
        record = f"limit[{at}]"
        try:
            limits.append(
                Limit(
                    str(entry["limit_id"]),
                    str(entry["metric"]),
                    _fraction(entry.get("minimum")),
                    _fraction(entry.get("maximum")),
                    Fraction(entry.get("amber_headroom", "0.05")),
                    str(entry.get("parent", "")),
                )
            )
        except KeyError as error:
            message = f"{record} lacks {error.args[0]}"
            raise InvalidInput(message, field=str(error.args[0]), record=record) from error
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"{record}: {error}", field="minimum", record=record) from error
        scopes[limits[-1].limit_id] = {name: str(entry[name]) for name in ("entity", "currency") if name in entry}
    return tuple(limits), scopes


def lights(
    limits: Sequence[Limit], scopes: Scopes, metric: str, entity: str, currency: str, value: Fraction | None
) -> list[tuple[Limit, Headroom | None]]:
    """Each limit that binds a figure, with the headroom; None: the figure is not computable, so no light is known."""
    place = {"entity": entity, "currency": currency}
    return [
        (limit, None if value is None else headroom(value, limit))
        for limit in limits
        if limit.metric == metric and all(place[name] == member for name, member in scopes[limit.limit_id].items())
    ]


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)
