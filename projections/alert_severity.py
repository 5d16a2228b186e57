"""How severe an alert is: the one scale of alerts, in the order of its members.

A record says its severity since rules have one; of an older one it follows from the light of its limit.
"""

from enum import StrEnum


class Severity(StrEnum):
    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        return _RANK[self]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_FALLING = ("eased", "cleared")


def unsaid_severity(kind: str, light: str | None = None, light_before: str | None = None) -> Severity:
    """Of an alert that says none: CRITICAL where a light is red, else WARNING.

    One whose light has fallen is as severe as the light it left, so that who was told of a red light is told that it
    is gone. `light` is None of an alert without a limit.
    """
    return Severity.CRITICAL if (light_before if kind in _FALLING else light) == "red" else Severity.WARNING
