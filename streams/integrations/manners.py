"""How the simulated neighbours misbehave on demand.

Written as text, so that a setting or a test can ask for it: `smartcoll:silent:2; riskctl:late=3; *:twice`. A rule is
a pattern of systems, an act and, after a second colon, up to which asking of the same request; the first that fits
is the one. `garbage` answers something unreadable, `reorder` lets the next answer overtake. Core banking has its own
rules: `streams.core_behaviour`.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from engines.primitives.errors import InvalidInput

ACTS = ("silent", "late", "twice", "reorder", "refuse", "garbage", "approve")
DELAY_MAX_S = 3_600.0
_RULE = re.compile(r"(?P<systems>[^\s:;]+):(?P<act>[a-z]+)(?:=(?P<value>[0-9.]+))?(?::(?P<times>[1-9][0-9]?))?")


@dataclass(frozen=True, slots=True)
class Manner:
    """What happens instead of one prompt answer, up to the `times`th asking of the same request."""

    systems: str
    act: str
    delay_s: float = 0.0
    times: int | None = None

    def is_of(self, system: str, asked: int) -> bool:
        return (self.times is None or asked <= self.times) and fnmatchcase(system, self.systems)


def manners(text: str) -> tuple[Manner, ...]:
    """Rules of a text, in its order; the first that fits is the one. Empty text: none. Raises InvalidInput."""
    return tuple(_manner(part.strip()) for part in text.split(";") if part.strip())


def _manner(text: str) -> Manner:
    found = _RULE.fullmatch(text)
    if found is None or found["act"] not in ACTS or (found["act"] == "late") != (found["value"] is not None):
        raise InvalidInput(
            f"{text!r:.60}: want SYSTEM:ACT, ACT one of {', '.join(ACTS)} (late=SECONDS)", field="manner"
        )
    try:
        delay_s = float(found["value"] or 0)
    except ValueError:
        delay_s = -1.0
    if not 0 <= delay_s <= DELAY_MAX_S:
        raise InvalidInput(f"{text!r:.60}: want up to {DELAY_MAX_S:.0f} seconds", field="manner")
    return Manner(found["systems"], found["act"], delay_s, int(found["times"]) if found["times"] else None)
