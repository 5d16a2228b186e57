"""What stands in which line of the liquidity ratios: every amount the stream knows, mapped by policy, none left out.

From the tables of the view at one cut to items by entity and currency, exact, before factors. An amount that no line
takes is an aside with its reason. Not for ratios: `streams.views_ratios` weighs and divides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal, NamedTuple, Protocol

from engines.factor_tables import FactorTable
from projections.liquidity_tag import facts_of
from streams.ratio_policy import (
    CASH,
    FIGURES,
    NOWHERE,
    PARTS,
    RatioPolicy,
    RatioVersion,
    Rule,
    contract_rule,
    heavier,
    table_on,
)
from streams.views_securities import Securities, SecurityClass, Value
from streams.views_windows import UNDATED, WINDOWS, FlowClass, Sums, edges_of, window_of
from streams.views_wire import Deposit, ReserveTotal, sum_minor

Figure = Literal["lcr", "nsfr"]
Amount = int | Fraction  # minor units of the item's currency, >= 0

UNMAPPED = "no entry of the mapping fits"
NO_PRICE = "no price: without one a holding has no market value"
NO_REQUIREMENT = "no reserve record: what of the balance can be drawn is not known"
STATED = "the reserve record states the balance at the central bank"
ENCUMBERED = "encumbered: outside the stock"
CONTRARY = "flows against the side of the contract"

INWARD = frozenset({"asset", "obs_in"})


class Item(NamedTuple):
    """An amount in a line; `of` says what it is an amount of."""

    figure: str
    code: str
    amount: Amount
    of: str
    intragroup: bool = False


class Aside(NamedTuple):
    """An amount in no line, and why. `mapped` is False where the policy has no entry for it: someone should look."""

    figure: str
    amount: Amount
    of: str
    reason: str
    mapped: bool = True


@dataclass(slots=True)
class Items:
    """Of one entity and currency."""

    items: list[Item]
    asides: list[Aside]
    liquid: list["LiquidAsset"]
    cash: "Cash"


class LiquidAsset(NamedTuple):
    """A class of liquid assets at market value, minor units (LIQ-17)."""

    asset_class: str
    level: str
    code: str  # of the LCR; `-`: in no line
    market_value: Amount
    unencumbered: Amount


@dataclass(slots=True)
class Cash:
    """Own money of one entity and currency, minor units; None: no reserve record."""

    central_bank: int = 0
    due_from_banks: int = 0
    overdrawn: int = 0
    required: int | None = None
    vault_cash: int = 0

    @property
    def excess(self) -> int:
        return max(0, self.central_bank - (self.required or 0))


class Tables(Protocol):
    """What a view offers here."""

    securities: Securities

    def deposit_rows(self) -> Iterator[Deposit]: ...

    def reserve_rows(self) -> Iterator[ReserveTotal]: ...

    def flow_sums(self, days: Mapping[str, date]) -> Mapping[FlowClass, Sums]: ...


Pair = tuple[str, str]  # entity, currency


def items_by_pair(tables: Tables, policy: RatioPolicy, days: Mapping[str, date]) -> dict[Pair, Items]:
    """Items of every entity that has a date in `days`, and currency; sorted."""
    maker = _Maker(policy, days)
    for deposit in tables.deposit_rows():
        maker.deposit(deposit)
    for reserve in tables.reserve_rows():
        maker.reserve(reserve)
    for group, value in tables.securities.values():
        maker.security(group, value)
    for group, security_id, face_minor in tables.securities.unpriced():
        maker.unpriced(group, security_id, face_minor)
    for flow_class, sums in tables.flow_sums(days).items():
        maker.flows(flow_class, sums)
    maker.close()
    return dict(sorted(maker.found.items()))


class _Maker:
    def __init__(self, policy: RatioPolicy, days: Mapping[str, date]) -> None:
        self._policy, self._days = policy, days
        self._versions: dict[str, RatioVersion] = {entity: policy.in_force(day) for entity, day in days.items()}
        self.found: dict[Pair, Items] = {}

    def deposit(self, row: Deposit) -> None:
        version = self._versions.get(row.entity)
        if version is None:
            return
        parts = {
            "insured_whole": sum_minor(row.insured_whole, row.currency),
            "insured_part": sum_minor(row.insured_part, row.currency),
            "uninsured": sum_minor(row.uninsured, row.currency),
            "overdrawn": sum_minor(row.overdrawn, row.currency),
        }
        facts = {
            "owner": row.owner,
            "customer_class": row.customer_class,
            "product": row.product,
            "currency": row.currency,
            "entity": row.entity,
        }
        into = self._of(row.entity, row.currency)
        if row.owner == "bank":
            self._own_account(into, version.find("own_account", facts), row, parts)
            return
        rule = version.find("deposit", facts)
        for part in PARTS:
            of = f"deposit/{row.customer_class}/{row.product}/{part}"
            _place(into, rule, part, parts[part], of)

    def _own_account(self, into: Items, rule: Rule | None, row: Deposit, parts: Mapping[str, int]) -> None:
        if rule is None:
            for part in ("uninsured", "overdrawn"):
                _place(into, None, part, parts[part], f"own account/{row.product}/{part}")
            return
        name = rule.role
        setattr(into.cash, name, getattr(into.cash, name) + parts["uninsured"])
        into.cash.overdrawn += parts["overdrawn"]

    def reserve(self, row: ReserveTotal) -> None:
        if row.entity not in self._versions:
            return
        into = self._of(row.entity, row.currency)
        cash = into.cash
        cash.required = sum_minor(row.required, row.currency)
        cash.vault_cash = sum_minor(row.vault_cash, row.currency)
        if row.central_bank_balance is not None:
            into.asides += [
                Aside(figure, cash.central_bank, "own accounts at the central bank", STATED)
                for figure in FIGURES
                if cash.central_bank
            ]
            cash.central_bank = sum_minor(row.central_bank_balance, row.currency)

    def security(self, group: SecurityClass, value: Value) -> None:
        version = self._versions.get(group.entity)
        if version is None:
            return
        into = self._of(group.entity, group.currency)
        name = f"security/{group.hqla_level}/{group.issuer_type}"
        facts = {"hqla_level": group.hqla_level, "issuer_type": group.issuer_type, "currency": group.currency}
        rule = version.find("holding", facts | {"entity": group.entity})
        code = NOWHERE if rule is None else rule.code("lcr", "free")
        if group.hqla_level != "none":
            liquid = LiquidAsset(name, group.hqla_level, code, value.free + value.encumbered, value.free)
            into.liquid.append(liquid)
        if rule is None:
            into.asides += [
                Aside(figure, value.free + value.encumbered, name, UNMAPPED, mapped=False) for figure in FIGURES
            ]
            return
        window = UNDATED
        if group.maturity:
            window = window_of(group.maturity, edges_of(self._days[group.entity]))
        if window == 1:
            code = rule.code("lcr", "due") if ("lcr", "due") in rule.lines else code
        _add(into, "lcr", code, value.free, f"{name}/free", rule.note or "no inflow before it falls due")
        if value.encumbered:
            into.asides.append(Aside("lcr", value.encumbered, f"{name}/encumbered", ENCUMBERED))
        is_short = window in (1, 2, 3) and ("nsfr", "under_1_year") in rule.lines
        funding = rule.code("nsfr", "under_1_year" if is_short else "free")
        _add(into, "nsfr", funding, value.free, f"{name}/free", rule.note)
        held = heavier(self._nsfr(group.entity), funding, version.encumbered.get(group.encumbrance))
        _add(into, "nsfr", held, value.encumbered, f"{name}/encumbered {group.encumbrance}", rule.note)

    def unpriced(self, group: SecurityClass, security_id: str, face_minor: int) -> None:
        if group.entity in self._versions:
            into = self._of(group.entity, group.currency)
            into.asides += [Aside(f, face_minor, f"security {security_id}/face", NO_PRICE, False) for f in FIGURES]

    def flows(self, group: FlowClass, sums: Sums) -> None:
        version = self._versions.get(group.entity)
        if version is None:
            return
        contract = facts_of(group.liquidity_tag)
        rule = contract_rule(version, *group)
        into = self._of(group.entity, group.currency)
        name = f"contract/{group.product}/{group.liquidity_tag}"
        intragroup = contract.intragroup != "-" or (rule is not None and rule.intragroup)
        if rule is not None and rule.net is not None:
            self._net(into, rule, sums, name)
            return
        main = 0 if contract.side in INWARD else 1
        for window, values in zip(WINDOWS, sums, strict=True):
            of = f"{name}/{window}"
            for figure, amount, contrary in (
                ("lcr", values[main], values[1 - main]),
                ("nsfr", values[2 + main], values[3 - main]),
            ):
                if amount and rule is None:
                    into.asides.append(Aside(figure, amount, of, UNMAPPED, mapped=False))
                elif amount and rule is not None:
                    code = rule.code(figure, window)
                    if figure == "nsfr" and contract.side == "asset":
                        code = heavier(self._nsfr(group.entity), code, version.encumbered.get(contract.encumbrance))
                    _add(into, figure, code, amount, of, rule.note, intragroup=intragroup)
                if contrary:
                    into.asides.append(Aside(figure, contrary, of, CONTRARY, mapped=False))

    def _net(self, into: Items, rule: Rule, sums: Sums, name: str) -> None:
        """Derivatives: what is paid and received within the horizon is one flow (BCBS 238 paragraph 116)."""
        assert rule.net is not None  # noqa: S101 - asked by the caller
        net = sums[0][0] + sums[1][0] - sums[0][1] - sums[1][1]
        if net:
            _add(into, "lcr", rule.net[0 if net > 0 else 1], abs(net), f"{name}/net within_30_days", rule.note)
        later = sum(values[0] + values[1] for values in sums[2:])
        if later:
            into.asides.append(Aside("lcr", later, f"{name}/later", rule.note))
        principal = sum(values[2] + values[3] for values in sums)
        if principal:
            into.asides.append(Aside("nsfr", principal, name, rule.note))

    def close(self) -> None:
        """Own money, once reserves and accounts are both known."""
        for (entity, _), into in self.found.items():
            rule, cash = self._versions[entity].cash, into.cash
            if cash.required is None:
                for figure in FIGURES:
                    if cash.central_bank:
                        into.asides.append(
                            Aside(figure, cash.central_bank, "own accounts at the central bank", NO_REQUIREMENT)
                        )
                amounts = {"due_from_banks": cash.due_from_banks, "overdrawn": cash.overdrawn}
            else:
                amounts = {
                    "vault_cash": cash.vault_cash,
                    "excess_reserves": cash.excess,
                    "required_reserves": min(cash.required, cash.central_bank),
                    "due_from_banks": cash.due_from_banks,
                    "overdrawn": cash.overdrawn,
                }
            for part in CASH:
                amount = amounts.get(part, 0)
                for figure in FIGURES:
                    _add(into, figure, rule.code(figure, part), amount, f"cash/{part}", rule.note)
                if amount and part in ("vault_cash", "excess_reserves"):
                    liquid = LiquidAsset(part, "1", rule.code("lcr", part), amount, amount)
                    into.liquid.append(liquid)

    def _of(self, entity: str, currency: str) -> Items:
        found = self.found.get((entity, currency))
        if found is None:
            found = self.found[entity, currency] = Items([], [], [], Cash())
        return found

    def _nsfr(self, entity: str) -> FactorTable:
        return table_on(self._policy.nsfr, self._days[entity])


def _place(into: Items, rule: Rule | None, part: str, amount: int, of: str) -> None:
    for figure in FIGURES:
        if not amount:
            return
        if rule is None:
            into.asides.append(Aside(figure, amount, of, UNMAPPED, mapped=False))
        else:
            _add(into, figure, rule.code(figure, part), amount, of, rule.note, intragroup=rule.intragroup)


def _add(
    into: Items, figure: str, code: str, amount: Amount, of: str, note: str, *, intragroup: bool = False
) -> None:
    if not amount:
        return
    if code == NOWHERE:
        into.asides.append(Aside(figure, amount, of, note))
    else:
        into.items.append(Item(figure, code, amount, of, intragroup))
