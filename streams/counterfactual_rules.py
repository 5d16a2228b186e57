"""The rules of a branch: the policies in force with a change laid over them, checked by the parsers of the files.

A change is a whole file in the policy's own form, or single values: `large_flow.BERKA.CZK.rolling=500000`,
`limits.lcr-board.minimum=1.20`, `lcr.LCR.OF.RET.03.factor=0.20`. Nothing is written anywhere. Not for what the rules
lead to: `streams.counterfactual`.
"""

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any, Self, TypeVar

import msgspec

from engines.factor_tables import parse_factor_policy
from engines.primitives.errors import InvalidInput
from infra.policies import load_policy
from infra.settings import Settings
from projections.deposit_insurance import DepositInsurance
from projections.large_flow_policy import LargeFlowPolicy
from projections.limit_policy import WatchPolicy
from streams.counterfactual_set import setters
from streams.ratio_limits import parse_limits
from streams.ratio_policy import RatioPolicy

#: Policy files that a branch may change, and what is asked of the past when one does.
ASKED_BY = {
    "large_flow": "alerts",
    "limits": "limits",
    "lcr": "ratios",
    "nsfr": "ratios",
    "live_liquidity": "ratios",
}
DATES = ("effective_from", "valid_from", "valid_to")

Data = Mapping[str, Mapping[str, Any]]
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Rules:
    """One set of rules, parsed. `digests` name what each file says, by policy."""

    large_flow: LargeFlowPolicy
    watch: WatchPolicy
    ratios: RatioPolicy
    insurance: DepositInsurance
    digests: Mapping[str, str]

    @classmethod
    def parse(cls, data: Data) -> Self:
        """Raises InvalidInput: `record` is the entry, `policy` the file."""
        limits = _read("limits", lambda: parse_limits(data["limits"]))
        tables = {
            name: _read(name, lambda name=name: parse_factor_policy(name, data[name]))  # type: ignore[misc]
            for name in ("lcr", "nsfr")
        }
        live = data["live_liquidity"]
        return cls(
            _read("large_flow", lambda: LargeFlowPolicy.parse(data["large_flow"])),
            _read("limits", lambda: WatchPolicy.parse(data["limits"], *limits)),
            _read("live_liquidity", lambda: RatioPolicy.parse(live, tables["lcr"], tables["nsfr"], data["limits"])),
            _read("live_liquidity", lambda: DepositInsurance.parse(live)),
            {name: digest_of(data[name]) for name in ASKED_BY},
        )


@dataclass(frozen=True, slots=True)
class RulePair:
    """The rules as they are and as they would have been. `changed` names the files that differ."""

    real: Rules
    branch: Rules
    changed: tuple[str, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """What the change is about: alerts, limits, ratios; all of it where nothing was changed."""
        about = {ASKED_BY[name] for name in self.changed} or set(ASKED_BY.values())
        return tuple(sorted(about))


def policies_of(settings: Settings) -> Data:
    """The policy files in force, as read."""
    return {name: load_policy(name, settings.policy_dir) for name in ASKED_BY}


def rule_pair(data: Data, files: Mapping[str, str | Mapping[str, Any]], values: Mapping[str, str]) -> RulePair:
    """The rules of a branch.

    Args:
        data: the policies in force, by name.
        files: whole policies by name, TOML text or an object in which dates are text.
        values: single values by path, laid over the files.
    Raises:
        InvalidInput: what cannot be; `field` and `record` say where.
    """
    changed: dict[str, dict[str, Any]] = {name: deepcopy(dict(held)) for name, held in data.items()}
    for name, given in files.items():
        _known(name, name)
        changed[name] = _parsed(name, given)
    for path, value in values.items():
        name, point, rest = path.partition(".")
        _known(name, path)
        if not point or not rest:
            raise InvalidInput(f"{path!r} names no value: want {name}.….FIELD", field=path)
        setters[name](changed[name], path, rest, str(value))
    pair = RulePair(Rules.parse(data), branch := Rules.parse(changed), ())
    differ = tuple(name for name in ASKED_BY if pair.real.digests[name] != branch.digests[name])
    if pair.real.insurance != branch.insurance:
        raise InvalidInput(
            "the limits of deposit insurance are folded into the balances, so that a branch cannot change them",
            field="insurance",
            record="live_liquidity",
        )
    return RulePair(pair.real, branch, differ)


def digest_of(value: Any) -> str:
    """Of anything that JSON can hold, whatever the order of its keys."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def _known(name: str, field: str) -> None:
    if name not in ASKED_BY:
        raise InvalidInput(f"{name!r} is no policy that can be changed: want {', '.join(ASKED_BY)}", field=field)


def _parsed(name: str, given: str | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, str):
        return {key: _dated(value) for key, value in given.items()}
    try:
        return tomllib.loads(given)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"the policy {name} is not TOML: {error}", field=name, record=name) from error


def _dated(value: Any) -> Any:
    """JSON knows no dates: those of the policies are found by name. Instants stay text, as in the files."""
    if isinstance(value, Mapping):
        return {key: _as_date(one) if key in DATES else _dated(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_dated(one) for one in value]
    return value


def _as_date(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-01-01") else value
    except ValueError:
        return value  # the parser says what is wrong with it


def _read(name: str, parse: Callable[[], Parsed]) -> Parsed:
    """With the policy's name beside whatever its parser says. A form that it does not expect is wrong input too."""
    try:
        return parse()
    except InvalidInput as error:
        facts = {"record": name} | error.facts
        raise InvalidInput(str(error), **(facts | {"policy": name})) from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"the policy {name} cannot be read: {error}", field=name, record=name, policy=name
        ) from error
