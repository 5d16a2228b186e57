"""What a contingency plan of a broken limit may draw on: `limits_funding.toml` and the liquid assets of the alert.

Policy says which sources there are, at what cost, how fast and how far; what can be pledged or sold, and after which
haircut, is what the bank held at the cut of the alert. Not for choosing among them: the plan is simulated and
compared by `aggregates.contingency_plan_request`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Any, Literal

from engines.funding_gates import Gate, Use
from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent, to_text
from projections.limit_cuts import WITHDRAWAL, LiquidAsset
from projections.limit_policy import METRICS

SECURITY = "security/"  # how the class of a security begins (streams.ratio_entries)
Worth = Literal["liquidity_value", "released_haircut"]


@dataclass(frozen=True, slots=True)
class FundingSource:
    """One entry. `assets` and `levels` name what it pledges, sells or draws; neither: `limit` alone bounds it.

    `worth` says what an asset brings. `liquidity_value`: its value after the table's haircut. `released_haircut`:
    only what the haircut takes, since an LCR counts the rest of the asset already.
    """

    name: str
    gate: int
    rate: str
    serves: frozenset[str]
    place: Mapping[str, str]
    lead_days: int = 0
    tenor_days: int | None = None
    use: str = Use.NONE
    assets: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    worth: Worth = "liquidity_value"
    limit: str | None = None
    owner: str = "TR"

    def takes(self, asset: LiquidAsset) -> bool:
        """Classes of assets are named one by one; levels mean securities, for money cannot be pledged or sold."""
        if self.assets:
            return asset.asset in self.assets
        return asset.hqla_level in self.levels and asset.asset.startswith(SECURITY)

    def serves_here(self, metric: str, entity: str, currency: str) -> bool:
        place = {"entity": entity, "currency": currency}
        return metric in self.serves and all(place[name] == member for name, member in self.place.items())


@dataclass(frozen=True, slots=True)
class FundingPolicy:
    """`stressed`: lines and market depth count as in stress (LIQ-39)."""

    name: str
    sources: tuple[FundingSource, ...]
    stressed: bool = True
    order: str = "gate"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "FundingPolicy":
        """From the parsed policy file. Raises InvalidInput: `record` is the entry, as `source[2]`."""
        sources = tuple(_source(entry, f"source[{at}]") for at, entry in enumerate(data.get("source", ())))
        for at, source in enumerate(sources):
            if source.name in {earlier.name for earlier in sources[:at]}:
                raise _wrong(f"source[{at}]", "name", "stands twice")
        return cls(
            str(data.get("name", "-")), sources, bool(data.get("stressed", True)), str(data.get("order", "gate"))
        )

    def funding(
        self, metric: str, entity: str, currency: str, shortfall: Fraction, assets: Sequence[LiquidAsset]
    ) -> dict[str, Any]:
        """The request of a plan (`aggregates.contingency_plan_request`): short of `shortfall` from day 1 on.

        Args:
            shortfall: > 0, in units of the currency; rounded up to whole minor units.
            assets: liquid assets of the entity in that currency.
        """
        pools = {f"{asset.asset} {asset.hqla_level}": asset for asset in assets if Fraction(asset.unencumbered) > 0}
        sources: list[dict[str, Any]] = []
        for source in self.sources:
            if source.serves_here(metric, entity, currency):
                sources += _lines(source, pools, currency)
        named = {source["securities"] for source in sources if "securities" in source}
        return {
            "shortfall": _money(shortfall, currency, up=True),
            "day": 1,
            "is_stressed": self.stressed,
            "order": self.order,
            "securities": [
                {"name": name, "market_value": _money(Fraction(asset.unencumbered), currency)}
                for name, asset in sorted(pools.items())
                if name in named
            ],
            "sources": sources,
        }


def _lines(source: FundingSource, pools: Mapping[str, LiquidAsset], currency: str) -> list[dict[str, Any]]:
    """One source of the request for each class of assets that this one takes."""
    common: dict[str, Any] = {"gate": source.gate, "rate": source.rate, "lead_days": source.lead_days}
    common |= {"owner": source.owner} | ({} if source.tenor_days is None else {"tenor_days": source.tenor_days})
    if not (source.assets or source.levels):
        return [{"name": source.name, **common, "limit": source.limit}]
    found = []
    for pool, asset in sorted(pools.items()):
        haircut = _haircut(source, asset)
        if not source.takes(asset) or haircut is None:
            continue
        name = f"{source.name}: {pool}"
        if source.use == Use.NONE:  # money that lies ready is drawn, not sold
            found.append({"name": name, **common, "limit": _money(Fraction(asset.liquidity_value), currency)})
            continue
        line = {"name": name, **common, "securities": pool, "use": source.use, "haircut": haircut}
        found.append(line if source.limit is None else line | {"limit": source.limit})
    return found


def _haircut(source: FundingSource, asset: LiquidAsset) -> str | None:
    """None: the asset brings nothing here."""
    kept = Fraction(asset.liquidity_value) / Fraction(asset.unencumbered)
    brings = kept if source.worth == "liquidity_value" else 1 - kept
    if brings <= 0:
        return None
    # Up, at six decimals: what is raised is never more than the table allows.
    millionths = min(ceil((1 - brings) * 10**6), 10**6 - 1)
    return f"0.{millionths:06d}"


def _money(amount: Fraction, currency: str, *, up: bool = False) -> str:
    minor = amount * 10 ** exponent(currency)
    return to_text(ceil(minor) if up else floor(minor), currency)


def _source(entry: Mapping[str, Any], record: str) -> FundingSource:
    unknown = set(entry) - {*FundingSource.__dataclass_fields__, "entity", "currency", "note"}
    if unknown:
        raise _wrong(record, min(unknown), "is unknown")
    for name in ("name", "gate", "rate", "serves"):
        if name not in entry:
            raise _wrong(record, name, "is missing")
    if not set(entry["serves"]) <= {*METRICS, WITHDRAWAL}:
        raise _wrong(record, "serves", f"want some of {', '.join((*METRICS, WITHDRAWAL))}")
    backed = bool(entry.get("assets") or entry.get("levels"))
    use = str(entry.get("use", Use.NONE))
    if entry["gate"] not in tuple(Gate) or use not in tuple(Use):
        raise _wrong(record, "gate", "want gate 1, 2 or 3, and use none, pledge or sale")
    if "limit" in entry and "currency" not in entry:
        raise _wrong(record, "currency", "an amount needs a currency")
    if not backed and ("limit" not in entry or use != Use.NONE):
        raise _wrong(record, "limit", "is needed where no assets bound the source")
    worth = str(entry.get("worth", "liquidity_value"))
    if worth not in ("liquidity_value", "released_haircut"):
        raise _wrong(record, "worth", "want liquidity_value or released_haircut")
    return FundingSource(
        str(entry["name"]),
        int(entry["gate"]),
        str(entry["rate"]),
        frozenset(map(str, entry["serves"])),
        {name: str(entry[name]) for name in ("entity", "currency") if name in entry},
        int(entry.get("lead_days", 0)),
        entry.get("tenor_days"),
        use,
        frozenset(map(str, entry.get("assets", ()))),
        frozenset(map(str, entry.get("levels", ()))),
        worth,  # type: ignore[arg-type]  # one of the two, checked above
        None if "limit" not in entry else str(entry["limit"]),
        str(entry.get("owner", "TR")),
    )


def _wrong(record: str, field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{record}: {field} {message}", field=field, record=record)
