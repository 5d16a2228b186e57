"""What ftp and ftp_simulation share at `calc`: curves, tenors in three units, and how a contract is priced."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, model_validator

from api.calculations.fields import Count, Exact, Inputs, Name, NonNegative, Share
from api.calculations.rate_fields import placed
from engines.ftp_curve import Curve, curve_from_nodes, curve_from_parts
from engines.ftp_methods import (
    AddOns,
    Agreed,
    IndexPlusSpread,
    MatchedDuration,
    MatchedMaturity,
    Method,
    Pooled,
    RequiredReserve,
    WeightedByFlows,
)
from engines.primitives.errors import InvalidInput

DAYS_PER_YEAR = 365

MethodName = Literal["agreed", "pool", "matched_maturity", "cash_flow_weighted", "duration", "index_plus_spread"]


class Tenor(Inputs):
    """A term in one of three units; days count by ACT/365, a month is a twelfth of a year."""

    tenor_days: Count | None = None
    tenor_months: NonNegative | None = None
    tenor_years: NonNegative | None = None

    @property
    def years(self) -> Fraction | None:
        if self.tenor_days is not None:
            return Fraction(self.tenor_days, DAYS_PER_YEAR)
        return self.tenor_years if self.tenor_months is None else self.tenor_months / 12

    @model_validator(mode="after")
    def _one_unit(self) -> "Tenor":
        given = [value for value in (self.tenor_days, self.tenor_months, self.tenor_years) if value is not None]
        if len(given) > 1:
            raise ValueError("want one of tenor_days, tenor_months and tenor_years")
        return self


class SetTenor(Tenor):
    @property
    def set_years(self) -> Fraction:
        assert self.years is not None  # noqa: S101 - the validator below
        return self.years

    @model_validator(mode="after")
    def _is_set(self) -> "SetTenor":
        if self.years is None:
            raise ValueError("want one of tenor_days, tenor_months and tenor_years")
        return self


class Node(SetTenor):
    rate: Exact


class CurveLine(Inputs):
    """Nodes, or the names of curves above it whose sum it is."""

    name: Name
    nodes: list[Node] | None = None
    parts: list[Name] | None = Field(default=None, description="as risk-free rate, own spread, liquidity premium")


class Flow(SetTenor):
    amount: NonNegative = Field(description="principal; with the duration method principal and interest")


class Terms(Inputs):
    """How to price; on a product it is the default of its contracts."""

    method: MethodName | None = None
    curve: Name | None = Field(default=None, description="default: the first curve")
    pool: Name | None = None
    index: Name | None = None
    spread: Exact | None = None
    liquidity_premium: Exact | None = None
    option_premium: Exact | None = None
    policy_add_on: Exact | None = Field(default=None, description="may be negative")
    reserve_ratio: Share | None = Field(default=None, description="deposits: the part held at the central bank")
    reserve_rate: Exact | None = Field(default=None, description="what the central bank pays on it")


class Priced(Terms, Tenor):
    """A contract's own terms win over its product's."""

    customer_rate: Exact
    product: Name | None = None
    agreed_rate: Exact | None = Field(default=None, description="method agreed: fixed when the contract began")
    flows: list[Flow] | None = None
    duration_years: NonNegative | None = Field(default=None, description="method duration; default: of the flows")


class ProductTerms(Terms):
    product: Name


def curves_of(lines: Sequence[CurveLine], field: str = "curves") -> dict[str, Curve]:
    """Curves by name, in the order given."""
    found: dict[str, Curve] = {}
    for at, line in enumerate(lines):
        with placed(f"{field}[{at}]"):
            if line.name in found:
                raise InvalidInput(f"the name {line.name!r} stands twice", field="name")
            if (line.nodes is None) == (line.parts is None):
                raise InvalidInput("want nodes or parts", field="nodes")
            if line.nodes is not None:
                found[line.name] = curve_from_nodes((node.set_years, node.rate) for node in line.nodes)
                continue
            for part in line.parts or ():
                if part not in found:
                    raise InvalidInput(f"no curve {part!r} stands above it", field="parts")
            found[line.name] = curve_from_parts([found[part] for part in line.parts or ()])
    return found


class Pricing:
    """The terms of each contract once its product's have filled what it leaves out."""

    def __init__(self, products: Sequence[ProductTerms], curves: Mapping[str, Curve]):
        self.default_curve = next(iter(curves), "")
        self.products: dict[str, ProductTerms] = {}
        for at, product in enumerate(products):
            if product.product in self.products:
                record = f"products[{at}]"
                message = f"the product {product.product!r} stands twice"
                raise InvalidInput(message, field=f"{record}.product", record=record)
            self.products[product.product] = product

    def method_name(self, contract: Priced) -> MethodName:
        name: MethodName | None = self._term(contract, "method")
        if name is None:
            raise InvalidInput("neither the contract nor its product has a method", field="method")
        return name

    def pool(self, contract: Priced) -> str:
        pool: str = self._needed(contract, "pool")
        return pool

    def method(self, contract: Priced) -> Method:
        curve = self._term(contract, "curve") or self.default_curve
        match self.method_name(contract):
            case "agreed":
                return Agreed(self._needed(contract, "agreed_rate"))
            case "pool":
                return Pooled(self.pool(contract))
            case "index_plus_spread":
                return IndexPlusSpread(self._needed(contract, "index"), self._needed(contract, "spread"))
            case "matched_maturity":
                if contract.years is None:
                    raise InvalidInput("this method wants a tenor", field="tenor_months")
                return MatchedMaturity(curve, contract.years)
            case "cash_flow_weighted":
                return WeightedByFlows(curve, _flows(self._needed(contract, "flows")))
            case "duration":
                flows = [] if contract.flows is None else _flows(contract.flows)
                return MatchedDuration(curve, contract.duration_years, flows, contract.customer_rate)

    def add_ons(self, contract: Priced) -> AddOns:
        names = ("liquidity_premium", "option_premium", "policy_add_on")
        return AddOns(*(self._term(contract, name) or Fraction(0) for name in names))

    def reserve(self, contract: Priced) -> RequiredReserve | None:
        ratio = self._term(contract, "reserve_ratio")
        return None if ratio is None else RequiredReserve(ratio, self._needed(contract, "reserve_rate"))

    def _term(self, contract: Priced, name: str) -> Any:
        own = getattr(contract, name)
        if own is not None or contract.product is None:
            return own
        if contract.product not in self.products:
            # A product without terms is a label, if the contract brings its own method.
            return None
        return getattr(self.products[contract.product], name, None)

    def _needed(self, contract: Priced, name: str) -> Any:
        found = self._term(contract, name)
        if found is None:
            raise InvalidInput(f"this way of pricing wants {name}", field=name)
        return found


def _flows(lines: Sequence[Flow]) -> list[tuple[Fraction, Fraction]]:
    return [(line.set_years, line.amount) for line in lines]
