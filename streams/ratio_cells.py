"""The cells of a liquidity ratio at one cut, for explaining how it moved: quantities that keep their identity (Q9).

A deposit class, a security, the flows of a class on one day, own money. The lines are the same as in
`streams.ratio_items`, which a test holds equal; here quantity, price, rate and factor stay apart, so that each can be
told from the others as the cause of a move.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from engines.explain_lines import Cell, Cut, Kind, Place
from engines.factor_tables import FactorTable
from projections.depositor_balances import OVERDRAWN, UNINSURED
from projections.liquidity_tag import facts_of
from streams.ratio_items import INWARD, Cash, Figure
from streams.ratio_policy import NOWHERE, PARTS, RatioPolicy, RatioVersion, contract_rule, heavier, table_on
from streams.views import RiskView
from streams.views_cells import DEMAND_DAY, UNDATED_DAY
from streams.views_securities import SCALE
from streams.views_windows import PAST, WINDOWS, FlowClass, edges_of, window_of
from streams.views_wire import Deposit, sum_minor

PAID = "past"
NO_DAY = -1
NET = "net"  # how the names of cells of netted contracts begin
SEPARATOR = "\x1f"  # between the words of a name or tag: no product or class has it
KINDS: Mapping[str, Kind] = {
    "HQLA Level 1": "level1",
    "HQLA Level 2A": "level2a",
    "HQLA Level 2B": "level2b",
    "outflow": "outflow",
    "inflow": "inflow",
    "ASF": "asf",
    "RSF": "rsf",
    "RSF off balance sheet": "rsf",
}

Pair = tuple[str, str]


class Quantity(NamedTuple):
    """A cell before it is known what a unit of it counts for."""

    pair: Pair
    tag: str
    window: str
    quantity: int
    price: Fraction = Fraction(1)
    day: int = NO_DAY  # what the window follows from
    security_id: str = ""  # whose price it is


Quantities = dict[str, Quantity]  # by name of the cell


@dataclass(slots=True)
class Sums:
    """Quantities being added up by name."""

    found: Quantities

    def add(self, name: str, one: Quantity) -> None:
        held = self.found.get(name)
        self.found[name] = one if held is None else held._replace(quantity=held.quantity + one.quantity)


def deposit_cell(cell: Iterable[str], part: int) -> str:
    """Name of the cell of one part of a deposit class: as the cells of
    `projections.depositor_balances`: entity, currency, owner, class, product, organisation, business line."""
    return _name("deposit", *cell, PARTS[part])


def flow_cell(figure: Figure, cell: tuple[str, ...], day: str) -> str:
    """Name of the cell of a class's flows on a day: entity, currency, product, liquidity tag."""
    return _name("flow" if figure == "lcr" else "principal", *cell, day)


def holding_cell(entity: str, currency: str, security_id: str, portfolio: str, part: str) -> str:
    return _name("security", entity, currency, security_id, portfolio, part)


def reserve_cell(entity: str, currency: str, part: str) -> str:
    return _name("reserve", entity, currency, part)


def quantities(figure: Figure, view: RiskView, policy: RatioPolicy, days: Mapping[str, date]) -> Quantities:
    """All cells of all entities that have a date, at one cut."""
    sums = Sums({})
    versions = {entity: policy.in_force(day) for entity, day in days.items()}
    cash: dict[Pair, Cash] = defaultdict(Cash)
    for reserve in view.reserve_rows():
        own = cash[reserve.entity, reserve.currency]
        own.required = sum_minor(reserve.required, reserve.currency)
        own.vault_cash = sum_minor(reserve.vault_cash, reserve.currency)
    stated = {
        (row.entity, row.currency): sum_minor(row.central_bank_balance, row.currency)
        for row in view.reserve_rows()
        if row.central_bank_balance is not None
    }
    for row in view.deposit_rows():
        if row.entity in versions:
            _deposit(sums, row, versions[row.entity], cash, stated)
    _reserves(sums, cash, stated, versions)
    _securities(sums, view, days)
    _flows(figure, sums, view, days, versions)
    return sums.found


def completed(found: Quantities, others: Quantities, view: RiskView, days: Mapping[str, date]) -> Quantities:
    """`found` with what only the other cut has: of nothing, but in the window and at the price of this one."""
    whole = dict(found)
    for name, other in others.items():
        if name not in whole:
            window, price = other.window, other.price
            if other.day != NO_DAY and other.pair[0] in days:
                window = _window(other.day, edges_of(days[other.pair[0]]))
            units = view.securities.price_units(other.security_id) if other.security_id else None
            if units is not None:
                price = Fraction(units, SCALE)
            whole[name] = other._replace(quantity=0, window=window, price=price)
    return whole


def cuts(
    figure: Figure,
    before: Quantities,
    after: Quantities,
    lines: "tuple[Lines, Lines]",
    rates: tuple[Mapping[Pair, Fraction], Mapping[Pair, Fraction]],
    *,
    group: bool,
) -> tuple[Cut, Cut]:
    """Both cuts of one scope: of the pairs that have a rate in both. Both tables know every tag in every window."""
    pairs = rates[0].keys() & rates[1].keys()
    # Every tag in every window: causes switch one by one, so that an old tag may meet a new window.
    tags: dict[str, set[str]] = defaultdict(set)
    windows: dict[str, set[str]] = defaultdict(set)
    for found in (before, after):
        for one in found.values():
            if one.pair in pairs:
                tags[one.pair[0]].add(one.tag)
                windows[one.pair[0]].add(one.window)
    made = []
    for found, mapping, rate in zip((before, after), lines, rates, strict=True):
        places = {
            (_name(entity, tag), window): mapping.place(figure, entity, tag, window, group=group)
            for entity, known in tags.items()
            for tag in known
            for window in windows[entity]
        }
        cells = {
            name: Cell(_name(one.pair[0], one.tag), one.window, one.quantity, one.price, rate[one.pair])
            for name, one in found.items()
            if one.pair in pairs
        }
        made.append(Cut(cells, places))
    return made[0], made[1]


@dataclass(frozen=True, slots=True)
class Lines:
    """Where tags lead at one cut: policy and tables in force on each entity's date."""

    policy: RatioPolicy
    days: Mapping[str, date]

    def place(self, figure: Figure, entity: str, tag: str, window: str, *, group: bool) -> Place | None:
        day = self.days.get(entity)
        if day is None or window == PAID:
            return None
        version = self.policy.in_force(day)
        code, intragroup = _code(figure, version, self._table("nsfr", day), entity, tag, window)
        if code == NOWHERE or (group and intragroup):
            return None
        item = self._table(figure, day).item(code)
        return Place(KINDS[item.category], code, item.factor or Fraction(0))

    def _table(self, figure: str, day: date) -> FactorTable:
        return table_on(self.policy.lcr if figure == "lcr" else self.policy.nsfr, day)


def _code(
    figure: Figure, version: RatioVersion, nsfr: FactorTable, entity: str, tag: str, window: str
) -> tuple[str, bool]:
    """(code, within the group) of a tag as the functions below write it."""
    kind, *words = tag.split(SEPARATOR)
    if kind == "deposit":
        currency, customer_class, product, part = words
        facts = {"owner": "customer", "customer_class": customer_class, "product": product, "currency": currency}
        rule = version.find("deposit", facts | {"entity": entity})
        return (NOWHERE, False) if rule is None else (rule.code(figure, part), rule.intragroup)
    if kind == "cash":
        return version.cash.code(figure, words[0]), False
    if kind == "security":
        return _security_code(figure, version, nsfr, entity, words, window), False
    if kind in ("net", "contract"):
        return _contract_code(figure, version, nsfr, entity, words, window)
    return NOWHERE, False


def _contract_code(
    figure: Figure, version: RatioVersion, nsfr: FactorTable, entity: str, words: Sequence[str], window: str
) -> tuple[str, bool]:
    currency, product, liquidity_tag, *net = words
    rule = contract_rule(version, entity, currency, product, liquidity_tag)
    if rule is None or bool(net) != (rule.net is not None):
        return NOWHERE, False
    if rule.net is not None:
        return (rule.net[net == ["outflow"]] if figure == "lcr" else NOWHERE), False
    contract = facts_of(liquidity_tag)
    code = rule.code(figure, window)
    if figure == "nsfr" and contract.side == "asset":
        code = heavier(nsfr, code, version.encumbered.get(contract.encumbrance))
    return code, contract.intragroup != "-" or rule.intragroup


def _security_code(
    figure: Figure, version: RatioVersion, nsfr: FactorTable, entity: str, words: Sequence[str], window: str
) -> str:
    currency, level, issuer_type, part, encumbrance = words
    facts = {"hqla_level": level, "issuer_type": issuer_type, "currency": currency, "entity": entity}
    rule = version.find("holding", facts)
    if rule is None or (figure == "lcr" and part == "encumbered"):
        return NOWHERE
    if figure == "lcr":
        is_due = window == WINDOWS[1] and ("lcr", "due") in rule.lines
        return rule.code("lcr", "due" if is_due else "free")
    is_short = window in WINDOWS[1:4] and ("nsfr", "under_1_year") in rule.lines
    code = rule.code("nsfr", "under_1_year" if is_short else "free")
    return heavier(nsfr, code, version.encumbered.get(encumbrance)) if part == "encumbered" else code


def _deposit(
    sums: Sums, row: Deposit, version: RatioVersion, cash: dict[Pair, Cash], stated: Mapping[Pair, int]
) -> None:
    pair = (row.entity, row.currency)
    cell = (
        row.entity,
        row.currency,
        row.owner,
        row.customer_class,
        row.product,
        row.organisation,
        row.business_line,
    )
    amounts = [sum_minor(getattr(row, part), row.currency) for part in PARTS]
    if row.owner == "customer":
        for part, amount in enumerate(amounts):
            tag = _name("deposit", row.currency, row.customer_class, row.product, PARTS[part])
            sums.add(deposit_cell(cell, part), Quantity(pair, tag, "", amount))
        return
    facts = {"owner": "bank", "customer_class": row.customer_class, "product": row.product, "currency": row.currency}
    rule = version.find("own_account", facts | {"entity": row.entity})
    role = "" if rule is None else rule.role
    overdrawn = _name("cash", "overdrawn") if role else "unmapped"
    sums.add(deposit_cell(cell, OVERDRAWN), Quantity(pair, overdrawn, "", amounts[OVERDRAWN]))
    tag = _name("cash", role) if role else "unmapped"
    if role == "central_bank":
        known = cash[pair].required is not None and pair not in stated
        tag = _name("cash", "excess_reserves") if known else "uncounted"
        cash[pair].central_bank += amounts[UNINSURED] if known else 0
    sums.add(deposit_cell(cell, UNINSURED), Quantity(pair, tag, "", amounts[UNINSURED]))


def _reserves(
    sums: Sums, cash: Mapping[Pair, Cash], stated: Mapping[Pair, int], versions: Mapping[str, RatioVersion]
) -> None:
    for pair, own in cash.items():
        if own.required is None or pair[0] not in versions:
            continue
        if pair in stated:
            own.central_bank = stated[pair]
        held = min(own.required, own.central_bank)
        excess, required = _name("cash", "excess_reserves"), _name("cash", "required_reserves")
        # Excess is what is above the requirement, at least 0: the balance, less the requirement, plus what lacks.
        for part, tag, amount in (
            ("stated", excess, stated.get(pair, 0)),
            ("required", excess, -own.required),
            ("lacking", excess, own.required - held),
            ("held", required, held),
            ("vault", _name("cash", "vault_cash"), own.vault_cash),
        ):
            if amount:
                sums.add(reserve_cell(*pair, part), Quantity(pair, tag, "", amount))


def _securities(sums: Sums, view: RiskView, days: Mapping[str, date]) -> None:
    portfolios = {key: row.portfolio for key, row in view.holding_book.rows.items()}
    for key, group, security_id, free, encumbered, units in view.securities.positions():
        if group.entity not in days:
            continue
        window = ""
        if group.maturity:
            window = _window(group.maturity, edges_of(days[group.entity]))
        price = Fraction(0) if units is None else Fraction(units, SCALE)
        tag = _name("security", group.currency, group.hqla_level, group.issuer_type)
        pair = (group.entity, group.currency)
        for part, face in (("free", free), ("encumbered", encumbered)):
            name = holding_cell(*pair, security_id, portfolios[key], part)
            shown = _name(tag, part, group.encumbrance if part == "encumbered" else "-")
            sums.add(name, Quantity(pair, shown, window, face, price, group.maturity or NO_DAY, security_id))


def _flows(
    figure: Figure, sums: Sums, view: RiskView, days: Mapping[str, date], versions: Mapping[str, RatioVersion]
) -> None:
    net: dict[tuple[Pair, str, str], int] = defaultdict(int)
    edges = {entity: edges_of(day) for entity, day in days.items()}
    is_net: dict[FlowClass, bool] = {}
    for flow, day, values in flows_by_day(view):
        entity, currency, product, liquidity_tag, _ = flow
        if entity not in days:
            continue
        if flow not in is_net:
            rule = contract_rule(versions[entity], *flow[:4])
            is_net[flow] = rule is not None and rule.net is not None
        pair = (entity, currency)
        window = _window(day, edges[entity])
        if is_net[flow]:
            due = values[0] - values[1] if window in WINDOWS[:2] else 0
            net[pair, product, liquidity_tag] += due
            continue
        main = (0 if facts_of(liquidity_tag).side in INWARD else 1) + (2 if figure == "nsfr" else 0)
        name = flow_cell(figure, flow[:4], str(day))
        tag = _name("contract", currency, product, liquidity_tag)
        sums.add(name, Quantity(pair, tag, window, values[main], day=day))
    for (pair, product, liquidity_tag), amount in net.items():
        for direction, part in (("inflow", max(amount, 0)), ("outflow", max(-amount, 0))):
            tag = _name(NET, pair[1], product, liquidity_tag, direction)
            sums.add(_name(NET, *pair, product, liquidity_tag, direction), Quantity(pair, tag, "", part))


def flows_by_day(view: RiskView) -> Iterator[tuple[FlowClass, int, list[int]]]:
    """(class, day, [inflow, outflow, principal in, principal out]) of every cell that is not nought."""
    classes = [view.flow_class(group) for group in range(len(view.gap_table.members))]
    for groups, days, values in view.gap_table.iterate():
        columns = [values[at].tolist() for at in (0, 1, 3, 4)]
        for group, day, *amounts in zip(groups.tolist(), days.tolist(), *columns, strict=True):
            if any(amounts):
                yield classes[group], day, amounts


def day_name(flow_date: str) -> str:
    """A flow date of the gap as the view's tables name its day."""
    if flow_date == "DEMAND":
        return str(DEMAND_DAY)
    return str(UNDATED_DAY if flow_date == "UNDATED" else date.fromisoformat(flow_date).toordinal())


def _window(day: int, edges: tuple[int, ...]) -> str:
    window = window_of(day, edges)
    return PAID if window == PAST else WINDOWS[window]


def _name(*words: str) -> str:
    return SEPARATOR.join(words)
