"""The policy of announced withdrawals and dispatch (infra/policies/withdrawals.toml), read and checked.

Not for the decisions themselves: those are `aggregates.withdrawal_reservation` and `aggregates.dispatch_proposal`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from fractions import Fraction
from pathlib import Path
from typing import Any

from engines.primitives.errors import InvalidInput, TidemarkError
from engines.primitives.money import to_minor
from infra.policies import load_policy

POLICY = "withdrawals"
LEVELS = ("BRANCH", "TREASURY")
ANY = "*"


@dataclass(frozen=True, slots=True)
class Level:
    currency: str
    from_minor: int
    approvals: tuple[str, ...]
    proof: bool


#: What a currency needs that the policy does not know: nobody may slip through for want of an entry.
STRICTEST = Level("-", 0, ("BRANCH", "TREASURY", "TREASURY"), True)


@dataclass(frozen=True, slots=True)
class Target:
    """What a branch should keep; None minds no entity, currency or branch."""

    amount: str
    entity: str | None = None
    currency: str | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class RoutePrice:
    source: str
    destination: str
    cost_bp: Fraction
    cut_off_second: int | None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class WithdrawalPolicy:
    """One version."""

    name: str
    effective_from: date
    expire_after_days: int
    proof_minutes: int
    forecast_days: int
    history_weeks: int
    proposal_minutes: int
    levels: tuple[Level, ...]
    targets: tuple[Target, ...]
    routes: tuple[RoutePrice, ...]

    def level(self, currency: str, amount_minor: int) -> Level:
        fitting = [one for one in self.levels if one.currency == currency and one.from_minor <= amount_minor]
        return max(fitting, key=lambda one: one.from_minor, default=STRICTEST)

    def target_minor(self, entity: str, organisation: str, currency: str) -> int | None:
        asked = (entity, organisation, currency)
        for one in self.targets:
            named = (one.entity, one.organisation, one.currency)
            if all(wanted in (None, given) for wanted, given in zip(named, asked, strict=True)):
                return to_minor(one.amount, currency)
        return None

    def route(self, source: str, destination: str, currency: str) -> RoutePrice | None:
        for one in self.routes:
            if (
                one.currency in (None, currency)
                and one.source in (ANY, source)
                and one.destination in (ANY, destination)
            ):
                return one
        return None


@dataclass(frozen=True, slots=True)
class WithdrawalPolicies:
    """All versions, oldest first."""

    versions: tuple[WithdrawalPolicy, ...]

    def in_force(self, day: date) -> WithdrawalPolicy:
        """The version of a day; before the first one the first."""
        found = [one for one in self.versions if one.effective_from <= day]
        return found[-1] if found else self.versions[0]


def withdrawal_policies(directory: Path | None = None) -> WithdrawalPolicies:
    """As shipped where the directory holds none.

    Raises InvalidInput: an amount, approval, price or time that cannot be, or no version.
    """
    own = directory is not None and (directory / f"{POLICY}.toml").is_file()
    read = load_policy(POLICY, directory if own else None)
    try:
        versions = [_version(entry) for entry in read["version"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"this policy cannot be read: {error!r}", field="version", record=POLICY) from error
    if not versions:
        raise InvalidInput("want at least one version", field="version", record=POLICY)
    return WithdrawalPolicies(tuple(sorted(versions, key=lambda one: one.effective_from)))


def _version(entry: Mapping[str, Any]) -> WithdrawalPolicy:
    return WithdrawalPolicy(
        name=entry["name"],
        effective_from=entry["effective_from"],
        expire_after_days=_count(entry, "expire_after_days", 0),
        proof_minutes=_count(entry, "proof_minutes", 1),
        forecast_days=_count(entry, "forecast_days", 1),
        history_weeks=_count(entry, "history_weeks", 1),
        proposal_minutes=_count(entry, "proposal_minutes", 1),
        levels=tuple(_level(one, f"level[{at}]") for at, one in enumerate(entry.get("level", ()))),
        targets=tuple(Target(**one) for one in entry.get("target", ())),
        routes=tuple(_route(one, f"route[{at}]") for at, one in enumerate(entry.get("route", ()))),
    )


def _count(entry: Mapping[str, Any], name: str, least: int) -> int:
    value = entry[name]
    if type(value) is not int or value < least:
        raise InvalidInput(f"want a whole number from {least}", field=name, record=POLICY)
    return value


def _level(entry: Mapping[str, Any], record: str) -> Level:
    approvals: Sequence[str] = entry["approvals"]
    # The branch knows the customer and comes first; what treasury's members are asked for comes after it.
    if not approvals or approvals[0] != "BRANCH" or any(one != "TREASURY" for one in approvals[1:]):
        raise InvalidInput("want BRANCH, then any number of TREASURY", field="approvals", record=record)
    try:
        from_minor = to_minor(entry["from"], entry["currency"])
    except TidemarkError as error:
        raise InvalidInput(str(error), field="from", record=record) from error
    return Level(entry["currency"], from_minor, tuple(approvals), bool(entry.get("proof", False)))


def _route(entry: Mapping[str, Any], record: str) -> RoutePrice:
    cost_bp = Fraction(entry["cost_bp"])
    if cost_bp < 0:
        raise InvalidInput("a price is negative", field="cost_bp", record=record)
    until = None if entry.get("cut_off") is None else time.fromisoformat(entry["cut_off"])
    second = None if until is None else until.hour * 3_600 + until.minute * 60 + until.second
    return RoutePrice(entry["source"], entry["destination"], cost_bp, second, entry.get("currency"))
