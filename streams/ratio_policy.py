"""Which line of a liquidity ratio an amount of the stream stands in: `live_liquidity.toml`, parsed and asked.

Policy, not code: an entry names the members it allows of each fact, and the lines it leads to. Codes are held against
the factor tables when the policy is read. Not for factors: those are the tables' (`engines.factor_tables`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from engines.factor_tables import FactorPolicy, FactorTable
from engines.limits import Limit, check_tree
from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent, to_minor
from projections.liquidity_tag import facts_of
from streams.ratio_limits import Scopes, parse_limits
from streams.views_windows import WINDOWS

NOWHERE = "-"  # in place of a code: in no line, on purpose
PARTS = ("insured_whole", "insured_part", "uninsured", "overdrawn")
ROLES = ("central_bank", "due_from_banks")
CASH = ("vault_cash", "excess_reserves", "required_reserves", "due_from_banks", "overdrawn")
FIGURES = ("lcr", "nsfr")
_LATER = WINDOWS[2:5]


@dataclass(frozen=True, slots=True)
class Rule:
    """`lines` maps (figure, part or window) to a code or NOWHERE; what it does not name is in no line either."""

    conditions: Mapping[str, frozenset[str]]
    lines: Mapping[tuple[str, str], str]
    note: str
    intragroup: bool = False
    role: str = ""  # of an own account
    net: tuple[str, str] | None = None  # of derivatives: codes of a net inflow and a net outflow

    def fits(self, facts: Mapping[str, str]) -> bool:
        return all(facts.get(name) in allowed for name, allowed in self.conditions.items())

    def code(self, figure: str, part: str) -> str:
        return self.lines.get((figure, part), NOWHERE)


@dataclass(frozen=True, slots=True)
class RatioVersion:
    """In force from `effective_from` until the next one."""

    name: str
    effective_from: date
    reporting_currency: str
    rules: Mapping[str, tuple[Rule, ...]]  # by kind: deposit, own_account, holding, contract
    cash: Rule
    encumbered: Mapping[str, str]  # NSFR code by remaining term of encumbrance
    reserve_limits: Mapping[tuple[str, str], int]  # minimum operating balance by entity and currency, minor units
    _found: dict[tuple[str, frozenset[tuple[str, str]]], Rule | None] = field(
        default_factory=dict, compare=False, repr=False
    )

    def reserve_limit(self, entity: str, currency: str) -> int | None:
        """None: the bank set none (LIQ-07)."""
        return self.reserve_limits.get((entity, currency))

    def find(self, kind: str, facts: Mapping[str, str]) -> Rule | None:
        """The first rule that fits; None: unmapped. Facts are few, and asked for at every tick: answers are kept."""
        asked = (kind, frozenset(facts.items()))
        if asked not in self._found:
            self._found[asked] = next((rule for rule in self.rules[kind] if rule.fits(facts)), None)
        return self._found[asked]


@dataclass(frozen=True, slots=True)
class RatioPolicy:
    """Mapping, factor tables and limits: everything that turns sums into ratios."""

    versions: tuple[RatioVersion, ...]  # rising effective_from
    lcr: FactorPolicy
    nsfr: FactorPolicy
    limits: tuple[Limit, ...]
    limit_scopes: Scopes

    def in_force(self, day: date) -> RatioVersion:
        """Raises InvalidInput before the first version."""
        found = [version for version in self.versions if version.effective_from <= day]
        if not found:
            raise InvalidInput(f"the mapping is in force from {self.versions[0].effective_from} only", field="as_of")
        return found[-1]

    @classmethod
    def parse(
        cls, data: Mapping[str, Any], lcr: FactorPolicy, nsfr: FactorPolicy, limits: Mapping[str, Any] | None = None
    ) -> "RatioPolicy":
        """From parsed policy files. Raises InvalidInput: `record` is the entry, as `version[0].deposit[2]`."""
        versions = [
            _version(entry, f"version[{at}]", {"lcr": lcr, "nsfr": nsfr})
            for at, entry in enumerate(data.get("version", ()))
        ]
        if not versions:
            raise InvalidInput("the policy has no version", field="version", record="live_liquidity")
        versions.sort(key=lambda version: version.effective_from)
        found, scopes = parse_limits(limits or {})
        check_tree(found)
        return cls(tuple(versions), lcr, nsfr, found, scopes)


def table_on(policy: FactorPolicy, day: date) -> FactorTable:
    """The table in force on `day`; before there was one the first, so that old logs have figures too."""
    return policy.in_force(max(day, policy.versions[0].effective_from))


def heavier(table: FactorTable, code: str, encumbered: str | None) -> str:
    """The code of the higher factor: encumbrance never lightens an asset (NSF30.20)."""
    if encumbered is None or code == NOWHERE:
        return code
    return max((code, encumbered), key=lambda one: (table.item(one).factor or 0, one == code))


def contract_rule(version: RatioVersion, entity: str, currency: str, product: str, liquidity_tag: str) -> Rule | None:
    """The rule of contracts of one product with the facts that a tag tells."""
    contract = facts_of(liquidity_tag)
    facts = {name: getattr(contract, name) for name in contract.__struct_fields__}
    return version.find("contract", facts | {"entity": entity, "product": product, "currency": currency})


def _version(entry: Mapping[str, Any], record: str, tables: Mapping[str, FactorPolicy]) -> RatioVersion:
    try:
        effective, currency = entry["effective_from"], str(entry["reporting_currency"])
        cash = entry["cash"]
        name = str(entry["name"])
    except KeyError as error:
        raise InvalidInput(f"{record} lacks {error.args[0]}", field=str(error.args[0]), record=record) from error
    if type(effective) is not date:
        raise InvalidInput(f"{record}: effective_from must be a date", field="effective_from", record=record)
    exponent(currency)
    known = _Codes(tables)
    rules = {
        kind: tuple(known.rule(kind, rule, f"{record}.{kind}[{at}]") for at, rule in enumerate(entry.get(kind, ())))
        for kind in ("deposit", "own_account", "holding", "contract")
    }
    lines = {
        (figure, part): known.code(figure, cash.get(part, {}).get(figure, NOWHERE), f"{record}.cash.{part}")
        for part in CASH
        for figure in FIGURES
    }
    encumbered = {
        term: known.code("nsfr", code, f"{record}.encumbered") for term, code in entry.get("encumbered", {}).items()
    }
    reserve_limits = {
        (str(limit["entity"]), str(limit["currency"])): to_minor(limit["amount"], str(limit["currency"]))
        for limit in entry.get("reserve_limit", ())
    }
    rule = Rule({}, lines, str(cash.get("note", "")))
    return RatioVersion(name, effective, currency, rules, rule, encumbered, reserve_limits)


class _Codes:
    """Reads rules and holds their codes against the newest factor tables."""

    def __init__(self, tables: Mapping[str, FactorPolicy]) -> None:
        self._tables = {figure: policy.versions[-1] for figure, policy in tables.items()}

    def code(self, figure: str, code: str, record: str) -> str:
        if code != NOWHERE and code not in self._tables[figure].buckets_by_code:
            raise InvalidInput(f"{record}: {code!r} is no code of the {figure} table", field=figure, record=record)
        return code

    def rule(self, kind: str, entry: Mapping[str, Any], record: str) -> Rule:
        lines = {
            (figure, part): self.code(figure, code, record) for figure, part, code in _lines(kind, entry, record)
        }
        net = entry.get("net")
        role = str(entry.get("role", ""))
        if kind == "own_account" and role not in ROLES:
            raise InvalidInput(f"{record}: role must be one of {', '.join(ROLES)}", field="role", record=record)
        return Rule(
            {
                name: frozenset(members)
                for name, members in entry.items()
                if isinstance(members, list) and all(isinstance(member, str) for member in members)
            },
            lines,
            str(entry.get("note", "")),
            bool(entry.get("intragroup", False)),
            role,
            None
            if net is None
            else (self.code("lcr", net["inflow"], record), self.code("lcr", net["outflow"], record)),
        )


def _lines(kind: str, entry: Mapping[str, Any], record: str) -> Iterator[tuple[str, str, str]]:
    """(figure, part, code) of an entry: of a holding `free`, `due` and `under_1_year`, else parts or windows."""
    if kind == "holding":
        named = {
            ("lcr", "free"): "lcr",
            ("lcr", "due"): "lcr_due",
            ("nsfr", "free"): "nsfr",
            ("nsfr", "under_1_year"): "nsfr_under_1_year",
        }
        yield from ((figure, part, entry[key]) for (figure, part), key in named.items() if key in entry)
        return
    allowed: Sequence[str] = PARTS if kind == "deposit" else (*WINDOWS, "later")
    for figure in FIGURES:
        given: Mapping[str, str] = entry.get(figure, {})
        for part, code in given.items():
            if part not in allowed:
                raise InvalidInput(f"{record}: no {part!r} here", field=f"{figure}.{part}", record=record)
            for window in _LATER if part == "later" else (part,):
                if part != "later" or window not in given:
                    yield figure, window, code
