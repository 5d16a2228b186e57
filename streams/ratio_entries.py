"""From a class of amounts to what it comes to in the lines of the ratios: the mapping, applied on one date an entity.

One class, one entry, of its own sums alone: whoever keeps entries makes anew only those whose sums moved. Own money
is one class, since what counts of it hangs together. Not for adding up: that is `streams.ratio_book`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from engines.factor_tables import FactorTable
from projections.liquidity_tag import facts_of
from streams.ratio_parts import INWARD, Amount, Aside, Cash, Entry, Item, LiquidAsset, Undone
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
from streams.ratio_totals import Scheme, Weighing
from streams.views_deposits import DepositClass
from streams.views_securities import DealLeg, SecurityClass, Value
from streams.views_windows import UNDATED, WINDOWS, WITHIN, FlowClass, Sums, edges_of, window_of
from streams.views_wire import ReserveTotal, sum_minor

UNMAPPED = "no entry of the mapping fits"
NO_PRICE = "no price: without one a holding has no market value"
NO_REQUIREMENT = "no reserve record: what of the balance can be drawn is not known"
STATED = "the reserve record states the balance at the central bank"
ENCUMBERED = "encumbered: outside the stock"
CONTRARY = "flows against the side of the contract"


class _Place(NamedTuple):
    """Where one part of a class of deposits stands in one figure."""

    part: int
    figure: str
    code: str
    of: str
    rule: Rule | None


class Entries:
    """Makes entries by one policy for entities that have a date."""

    def __init__(self, policy: RatioPolicy, days: Mapping[str, date]) -> None:
        self.policy, self.days = policy, dict(days)
        self.edges = {entity: edges_of(day) for entity, day in days.items()}
        self._versions: dict[str, RatioVersion] = {entity: policy.in_force(day) for entity, day in days.items()}
        self._tables = {
            entity: (table_on(policy.lcr, day), table_on(policy.nsfr, day)) for entity, day in days.items()
        }
        self._places: dict[DepositClass, tuple[_Place, ...]] = {}

    def has(self, entity: str) -> bool:
        return entity in self.days

    def tables(self, entity: str) -> tuple[FactorTable, FactorTable]:
        """Of the LCR and the NSFR."""
        return self._tables[entity]

    def is_netted(self, flow: FlowClass) -> bool:
        """Whether what is paid and received of a class is one flow, of the entity as a whole."""
        if flow.entity not in self._versions:
            return False
        rule = contract_rule(self._versions[flow.entity], *flow[:4])
        return rule is not None and rule.net is not None

    def deposit(self, group: DepositClass, amounts: Sequence[int]) -> Entry:
        """Of customers. Where a class stands is asked once: deposits move with every batch."""
        into = Entry()
        for part, figure, code, of, rule in self._places_of(group):
            amount = amounts[part]
            if not amount:
                continue
            if rule is None:
                into.asides.append(Aside(figure, amount, of, UNMAPPED, mapped=False))
            elif code == NOWHERE:
                into.asides.append(Aside(figure, amount, of, rule.note))
            else:
                into.items.append(Item(figure, code, amount, of, rule.intragroup))
        return into

    def weighing(self, group: DepositClass, scheme: Scheme) -> Weighing | None:
        """What a minor unit of each part of a class adds to the totals of its entity."""
        return scheme.weighing(
            (
                (part, figure, None, rule is None)
                if rule is None or code == NOWHERE
                else (part, figure, code, rule.intragroup)
                for part, figure, code, _, rule in self._places_of(group)
            ),
            len(PARTS),
        )

    def _places_of(self, group: DepositClass) -> tuple[_Place, ...]:
        places = self._places.get(group)
        if places is None:
            places = self._places[group] = self._deposit_places(group)
        return places

    def _deposit_places(self, group: DepositClass) -> tuple[_Place, ...]:
        rule = self._versions[group.entity].find("deposit", _facts(group))
        name = f"deposit/{group.customer_class}/{group.product}"
        return tuple(
            _Place(at, figure, NOWHERE if rule is None else rule.code(figure, part), f"{name}/{part}", rule)
            for at, part in enumerate(PARTS)
            for figure in FIGURES
        )

    def own_money(
        self, entity: str, own: Iterable[tuple[DepositClass, Sequence[int]]], reserve: ReserveTotal | None
    ) -> tuple[Entry, Cash]:
        """Own accounts, reserves and cash of one currency of an entity, which decide together what of them counts."""
        into, cash = Entry(), Cash()
        version = self._versions[entity]
        for group, (_, _, held, overdrawn, *_) in own:
            rule = version.find("own_account", _facts(group))
            if rule is None:
                for part, amount in (("uninsured", held), ("overdrawn", overdrawn)):
                    _aside(into, amount, f"own account/{group.product}/{part}", UNMAPPED, mapped=False)
                continue
            setattr(cash, rule.role, getattr(cash, rule.role) + held)
            cash.overdrawn += overdrawn
        if reserve is not None:
            cash.required = sum_minor(reserve.required, reserve.currency)
            cash.vault_cash = sum_minor(reserve.vault_cash, reserve.currency)
            if reserve.central_bank_balance is not None:
                _aside(into, cash.central_bank, "own accounts at the central bank", STATED)
                cash.central_bank = sum_minor(reserve.central_bank_balance, reserve.currency)
        else:
            _aside(into, cash.central_bank, "own accounts at the central bank", NO_REQUIREMENT)
        _cash_lines(into, version.cash, cash)
        return into, cash

    def security(
        self, group: SecurityClass, value: Value, unpriced: Sequence[tuple[str, int]], deals: Sequence[DealLeg]
    ) -> Entry:
        into = Entry()
        for security_id, face_minor in unpriced:
            _aside(into, face_minor, f"security {security_id}/face", NO_PRICE, mapped=False)
        version = self._versions[group.entity]
        name = f"security/{group.hqla_level}/{group.issuer_type}"
        facts = {"hqla_level": group.hqla_level, "issuer_type": group.issuer_type, "currency": group.currency}
        rule = version.find("holding", facts | {"entity": group.entity})
        code = NOWHERE if rule is None else rule.code("lcr", "free")
        whole = value.free + value.encumbered
        if group.hqla_level != "none" and whole:
            into.liquid.append(LiquidAsset(name, group.hqla_level, code, whole, value.free))
        if rule is None:
            _aside(into, whole, name, UNMAPPED, mapped=False)
            return into
        edges = self.edges[group.entity]
        window = window_of(group.maturity, edges) if group.maturity else UNDATED
        if group.hqla_level != "none" and code != NOWHERE:
            into.undone += [
                Undone(leg.is_given, code, leg.value, leg.cash_minor)
                for leg in deals
                if window_of(leg.maturity, edges) == WITHIN
            ]
        if window == WITHIN and ("lcr", "due") in rule.lines:
            code = rule.code("lcr", "due")
        _add(into, "lcr", code, value.free, f"{name}/free", rule.note or "no inflow before it falls due")
        if value.encumbered:
            into.asides.append(Aside("lcr", value.encumbered, f"{name}/encumbered", ENCUMBERED))
        is_short = window in (1, 2, 3) and ("nsfr", "under_1_year") in rule.lines
        funding = rule.code("nsfr", "under_1_year" if is_short else "free")
        _add(into, "nsfr", funding, value.free, f"{name}/free", rule.note)
        held = heavier(self.tables(group.entity)[1], funding, version.encumbered.get(group.encumbrance))
        _add(into, "nsfr", held, value.encumbered, f"{name}/encumbered {group.encumbrance}", rule.note)
        return into

    def flow(self, group: FlowClass, sums: Sums) -> Entry:
        version = self._versions[group.entity]
        contract = facts_of(group.liquidity_tag)
        rule = contract_rule(version, *group[:4])
        into = Entry()
        name = f"contract/{group.product}/{group.liquidity_tag}"
        if rule is not None and rule.net is not None:
            _net(into, rule, rule.net, sums, name)
            return into
        intragroup = contract.intragroup != "-" or (rule is not None and rule.intragroup)
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
                        pledged = version.encumbered.get(contract.encumbrance)
                        code = heavier(self.tables(group.entity)[1], code, pledged)
                    _add(into, figure, code, amount, of, rule.note, intragroup=intragroup)
                if contrary:
                    into.asides.append(Aside(figure, contrary, of, CONTRARY, mapped=False))
        return into


def _facts(group: DepositClass) -> dict[str, str]:
    return {
        "owner": group.owner,
        "customer_class": group.customer_class,
        "product": group.product,
        "currency": group.currency,
        "entity": group.entity,
    }


def _net(into: Entry, rule: Rule, codes: tuple[str, str], sums: Sums, name: str) -> None:
    """Derivatives: what is paid and received within the horizon is one flow (BCBS 238 paragraph 116)."""
    net = sums[0][0] + sums[1][0] - sums[0][1] - sums[1][1]
    if net:
        _add(into, "lcr", codes[0 if net > 0 else 1], abs(net), f"{name}/net within_30_days", rule.note)
    later = sum(values[0] + values[1] for values in sums[2:])
    if later:
        into.asides.append(Aside("lcr", later, f"{name}/later", rule.note))
    principal = sum(values[2] + values[3] for values in sums)
    if principal:
        into.asides.append(Aside("nsfr", principal, name, rule.note))


def _cash_lines(into: Entry, rule: Rule, cash: Cash) -> None:
    amounts = {"due_from_banks": cash.due_from_banks, "overdrawn": cash.overdrawn}
    if cash.required is not None:
        amounts |= {
            "vault_cash": cash.vault_cash,
            "excess_reserves": cash.excess,
            "required_reserves": min(cash.required, cash.central_bank),
        }
    for part in CASH:
        amount = amounts.get(part, 0)
        for figure in FIGURES:
            _add(into, figure, rule.code(figure, part), amount, f"cash/{part}", rule.note)
        if amount and part in ("vault_cash", "excess_reserves"):
            into.liquid.append(LiquidAsset(part, "1", rule.code("lcr", part), amount, amount))


def _aside(into: Entry, amount: Amount, of: str, reason: str, *, mapped: bool = True) -> None:
    """Left out of both figures."""
    if amount:
        into.asides += [Aside(figure, amount, of, reason, mapped) for figure in FIGURES]


def _add(
    into: Entry, figure: str, code: str, amount: Amount, of: str, note: str, *, intragroup: bool = False
) -> None:
    if not amount:
        return
    if code == NOWHERE:
        into.asides.append(Aside(figure, amount, of, note))
    else:
        into.items.append(Item(figure, code, amount, of, intragroup))
