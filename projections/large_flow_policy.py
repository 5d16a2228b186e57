"""Thresholds of large-flow alerts as dated versions (LIQ-02). Data comes in parsed; files are infra's.

A version applies to entries whose event time is at or after its `effective_from_us`: adding one with a later
date leaves every past alert, and so the folded state, as it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor

NEVER = 2**62  # a threshold no sum reaches
_NAMED = ("entity", "currency", "organisation", "customer_class")
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    matches: tuple[str | None, ...]  # entity, currency, organisation, customer_class; None: any
    single_minor: int
    rolling_minor: int


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    name: str
    effective_from_us: int
    window_us: int
    lateness_us: int
    rules: tuple[Rule, ...]

    def thresholds(self, entity: str, currency: str, organisation: str, customer_class: str) -> tuple[int, int]:
        """(T_single, T_roll) in minor units; the rule that names most wins, the later one among equals."""
        asked = (entity, currency, organisation, customer_class)
        best = (-1, NEVER, NEVER)
        for rule in self.rules:
            if all(want is None or want == got for want, got in zip(rule.matches, asked, strict=True)):
                named = sum(want is not None for want in rule.matches)
                if named >= best[0]:
                    best = (named, rule.single_minor, rule.rolling_minor)
        return best[1], best[2]


@dataclass(frozen=True, slots=True)
class LargeFlowPolicy:
    versions: tuple[PolicyVersion, ...]  # by effective_from_us, ascending

    @property
    def retention_us(self) -> int:
        """How far behind the newest event time an outflow can still matter."""
        return max(version.window_us + version.lateness_us for version in self.versions)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "LargeFlowPolicy":
        """From the parsed policy file. Raises InvalidInput naming version, rule and field."""
        versions = [_version(number, raw) for number, raw in enumerate(data.get("version", []))]
        if not versions:
            raise InvalidInput("a large-flow policy needs at least one version", field="version")
        ordered = sorted(versions, key=lambda version: version.effective_from_us)
        if len({version.effective_from_us for version in ordered}) != len(ordered):
            raise InvalidInput("two versions take effect at the same instant", field="effective_from")
        return cls(tuple(ordered))


def _version(number: int, raw: Mapping[str, Any]) -> PolicyVersion:
    where = f"version {raw.get('name', number)}"
    try:
        start = datetime.fromisoformat(str(raw["effective_from"]))
        effective_from_us = int(start.astimezone(UTC).timestamp()) * _MICROSECONDS
        return PolicyVersion(
            str(raw["name"]),
            effective_from_us,
            int(raw["window_minutes"]) * 60 * _MICROSECONDS,
            int(raw["lateness_minutes"]) * 60 * _MICROSECONDS,
            tuple(_rule(where, index, rule) for index, rule in enumerate(_list(raw["rule"]))),
        )
    except KeyError as error:
        raise InvalidInput(f"{where} lacks {error.args[0]}", field=str(error.args[0])) from error
    except ValueError as error:
        raise InvalidInput(f"{where}: {error}", field="effective_from") from error


def _list(value: Any) -> Sequence[Mapping[str, Any]]:
    return value if isinstance(value, list) else [value]


def _rule(where: str, index: int, raw: Mapping[str, Any]) -> Rule:
    unknown = set(raw) - {*_NAMED, "single", "rolling"}
    if unknown:
        raise InvalidInput(f"{where}, rule {index}: unknown {sorted(unknown)}", field=min(unknown))
    if "currency" not in raw:
        raise InvalidInput(f"{where}, rule {index}: an amount needs a currency", field="currency")
    currency = str(raw["currency"])
    return Rule(
        tuple(str(raw[name]) if name in raw else None for name in _NAMED),
        to_minor(str(raw["single"]), currency),
        to_minor(str(raw["rolling"]), currency),
    )
