"""Made-up ratios, limits, cases, depositors and recoveries for the page's liquidity room.

The shapes are those of the API, which `tests/api` holds to their models; the figures are a script's.
"""

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

Row = dict[str, Any]
DAY = "2026-11-22"
PLACE = "tm.in.core.txn.v1/0"
PLAN = "CFP-lcr-board-1"
BREACH = "LB-lcr-board-1"


@dataclass
class MockLiquidity:
    """One group of two entities. `level1` of TIDE-CN is what a script moves; amounts in whole yuan."""

    level1: int = 900_000_000
    offset: int = 100
    failing: set[str] = field(default_factory=set)  # names of answers that are a 500
    missing: set[str] = field(default_factory=set)  # names of answers that this server has no policy for
    entities: tuple[str, ...] = ("TIDE-CN", "TIDE-HK")
    breaches: list[Row] = field(default_factory=list)
    plans: list[Row] = field(default_factory=list)

    def ratios(self, by: str | None = None) -> Row:
        if by in ("organisation", "business_line"):
            rows = [
                row
                for entity in self.entities
                for member in ("-", "NORTH", "SOUTH")
                for row in self._pair(by, entity, 500_000_000, member=member, limit=None)
            ]
        else:
            rows = self._pair("group", "-", self.level1 + 800_000_000)
            for at, entity in enumerate(self.entities):
                level1 = self.level1 if at == 0 else 800_000_000
                rows += self._pair("entity", entity, level1)
                for currency in ("CNY", "USD"):
                    rows += self._pair("currency", entity, level1 // 2, currency=currency, limit=None)
        return {"as_of": DAY, "offsets": {PLACE: self.offset}, "log": {}, "rows": rows, "positions": []}

    def _pair(
        self,
        scope: str,
        entity: str,
        level1: int,
        *,
        currency: str = "CNY",
        member: str | None = None,
        limit: int | None = 110,
    ) -> list[Row]:
        level2a, level2b, cap15, cap40 = 400_000_000, 200_000_000, 50_000_000, 100_000_000
        stock, outflows, inflows = level1 + level2a + level2b - cap15 - cap40, 1_600_000_000, 700_000_000
        of = {"scope": scope, "entity": entity, "currency": currency, "as_of": DAY, "unmapped": "0.00"}
        of |= {} if member is None else {"member": member}
        net = outflows - inflows
        lcr = self._figure("lcr", of, stock, net, limit) | {
            "level1": f"{level1}.00",
            "level2a": f"{level2a}.00",
            "level2b": f"{level2b}.00",
            "cap15_adjustment": f"{cap15}.00",
            "cap40_adjustment": f"{cap40}.00",
            "outflows": f"{outflows}.00",
            "inflows": f"{inflows}.00",
            "inflow_cap": "1200000000.00",
            "recognised_inflows": f"{inflows}.00",
            "inflow_cap_binds": False,
        }
        return [lcr, self._figure("nsfr", of, 2_120_000_000, 2_000_000_000, 104 if limit else None)]

    @staticmethod
    def _figure(figure: str, of: Row, numerator: int, denominator: int, limit: int | None) -> Row:
        ratio = numerator * 100 / denominator
        room = 0.0 if limit is None else (ratio - limit) / limit * 100
        light = "red" if room < 0 else "amber" if room < 5 else "green"
        limits = [
            {
                "limit_id": f"{figure}-board",
                "minimum_pct": f"{limit}.000000",
                "maximum_pct": None,
                "headroom_pct": f"{room:.6f}",
                "light": light,
            }
        ]
        return of | {
            "figure": figure,
            "ratio_pct": f"{ratio:.6f}",
            "numerator": f"{numerator}.00",
            "denominator": f"{denominator}.00",
            "minimum_pct": "100.000000",
            "meets_minimum": ratio >= 100,
            "surplus": f"{numerator - denominator}.00",
            "limits": [] if limit is None else limits,
        }

    def limits(self) -> list[Row]:
        red = [
            row
            for row in self.ratios()["rows"]
            if row["limits"] and row["limits"][0]["light"] == "red" and row["figure"] == "lcr"
        ]
        shown = [
            {
                "limit_id": "lcr-board",
                "metric": "lcr",
                "scope": row["scope"],
                "entity": row["entity"],
                "currency": row["currency"],
                "light": "red",
                "value": f"{row['numerator'].split('.')[0]}/{row['denominator'].split('.')[0]}",
                "minimum": "1.1",
                "headroom": "-0.2",
                "as_of": DAY,
                "breach_no": BREACH,
                "plan_no": PLAN,
                "reason": "The liquidity coverage ratio is below the limit.",
            }
            for row in red
        ]
        position = {
            "limit_id": "usd-position",
            "metric": "available_position",
            "scope": "currency",
            "entity": "TIDE-HK",
            "currency": "USD",
            "light": "amber",
            "value": "1250000",
            "minimum": "1000000",
            "headroom": "0.25",
            "as_of": DAY,
            "breach_no": None,
            "plan_no": None,
            "reason": "The available position of TIDE-HK is near its limit.",
        }
        return [*shown, position]

    def sell(self, amount: int) -> None:
        """A sale of Level 1 assets; what breaks the limit opens its case and has a plan drawn up."""
        self.level1 -= amount
        self.offset += 1
        if not self.plans:
            self.breaches.append(breach())
            self.plans.append(plan())

    def alert(self) -> Row:
        """The facts of the alert on TIDE-CN's LCR, for `MockBank.raise_alert`."""
        (row,) = [one for one in self.ratios()["rows"] if one["figure"] == "lcr" and one["entity"] == "TIDE-CN"][:1]
        stock, net = row["numerator"].split(".")[0], row["denominator"].split(".")[0]
        limit: Row = {
            "limit_id": "lcr-board",
            "metric": "lcr",
            "scope": "entity",
            "as_of": DAY,
            "value": f"{stock}/{net}",
        }
        limit |= {"light": "red", "light_before": "green", "incident": "incident-1", "cut": 1, "offsets": {}}
        limit |= {"minimum": "1.1", "headroom": "-0.080808"}
        nobody = {"customer": "-", "customer_class": "-", "account": "-", "organisation": "-", "txn_id": "-"}
        told = {"rule": "limit", "severity": "CRITICAL", "reason": "The LCR is below its limit."}
        return told | {"limit": limit} | nobody


def breach() -> Row:
    return {
        "breach_no": BREACH,
        "entity": "TIDE-CN",
        "ccy": "CNY",
        "state": "OPEN",
        "limit_id": "lcr-board",
        "metric": "lcr",
        "last_value": "1.01111",
        "worst_value": "0.9944",
        "minimum": "1.1",
        "maximum": None,
        "owner": "U-701",
        "deadline": "2026-11-27",
        "cause": None,
    }


def plan() -> Row:
    def line(number: str, action: str, source: str, gate: int, planned: str, **more: object) -> Row:
        dates = {"order_by": DAY, "needed_on": "2026-11-23", "executed": "0.00", "securities": None}
        return {"line": number, "action": action, "source": source, "gate": gate, "planned": planned} | (
            dates | {"rate": "0.0260", "market_value": None} | more
        )

    uncovered = {
        "cost_order": ("0.00", "5100.00"),
        "gate_order": ("0.00", "5342.47"),
        "nothing": ("80000000.00", "0"),
    }
    return {
        "plan_no": PLAN,
        "entity": "TIDE-CN",
        "ccy": "CNY",
        "state": "ALERT",
        "mode": "LIVE",
        "trigger": "LIMIT_BREACH",
        "trigger_reason": "The liquidity coverage ratio of TIDE-CN is 101.11%, below 110.00% (lcr-board).",
        "as_of": DAY,
        "strategy": "gate_order",
        "shortfall": "80000000.00",
        "need": "80000000.00",
        "planned": "80000000.00",
        "residual": "0.00",
        "cost": "5342.47",
        "restored_on": "2026-11-23",
        "lines": [
            line("1-1", "borrow", "term interbank line", 2, "50000000.00"),
            line(
                "1-2",
                "sale",
                "sale of Level 2 assets",
                3,
                "30000000.00",
                securities="security/2B/corporate 2B",
                market_value="60000000.00",
            ),
        ],
        "ranking": [
            {"rank": rank, "strategy": name, "uncovered": left, "cost_in_horizon": cost}
            for rank, (name, (left, cost)) in enumerate(uncovered.items(), 1)
        ],
    }


def breaking() -> list[Row]:
    of = {"entity": "TIDE-CN", "currency": "CNY", "scope": "entity", "as_of": DAY, "deposits": "9000000000.00"}
    names = [("C-••81", "210000000.00"), ("C-••07", "90000000.00")]
    leaving = [{"entity": "TIDE-CN", "customer": name, "amount": amount} for name, amount in names]
    nobody: Row = {"count": None, "amount": None, "share_pct": None, "depositors": []}
    return [
        of
        | {"figure": "nsfr", "limit_id": "nsfr-board", "minimum": "104", "value": "106", "status": "unbreakable"}
        | {"reason": "All depositors together do not break it."}
        | nobody,
        of
        | {"figure": "lcr", "limit_id": "lcr-board", "minimum": "110", "value": "150", "status": "breakable"}
        | {"reason": "", "count": 3, "amount": "340000000.00", "share_pct": "3.777777", "depositors": leaving},
    ]


def recoveries(by: str) -> Row:
    names = {"entity": "TIDE-CN", "currency": "CNY", "kind": "LitigationCase"}
    sums = {"promised": "900000.00", "received": "250000.00", "outstanding": "650000.00", "overdue": "100000.00"}
    rows: list[Row] = [names | {"disposals": 2, "expected": "390000.00"} | sums]
    if by == "case":
        rows = [
            names
            | {"case": case, "stage": "ENFORCING", "outstanding": outstanding, "expected": "195000.00"}
            | {"due_on": due_on, "days_late": late}
            for case, outstanding, due_on, late in (
                ("LC2", "550000.00", "2026-12-15", 0),
                ("LC1", "100000.00", "2026-11-10", 12),
            )
        ]
    return {"as_of": DAY, "offsets": {}, "log": {}, "by": by, "total": 2, "rows": rows}


def install_liquidity(app: FastAPI, bank: MockLiquidity) -> None:
    def told(name: str, body: Row) -> Response:
        if name in bank.failing:
            return JSONResponse({"title": "internal", "status": 500, "detail": "broken on purpose"}, 500)
        if name in bank.missing:
            return JSONResponse({"title": "unavailable", "status": 503, "detail": "no policy here"}, 503)
        return JSONResponse(body)

    @app.get("/api/v1/ratios")
    async def ratios(by: str | None = None) -> Response:
        return told("ratios", bank.ratios(by))

    @app.get("/api/v1/limits")
    async def limits() -> Response:
        return told("limits", {"offsets": {}, "rows": bank.limits()})

    @app.get("/api/v1/breaches")
    async def breaches() -> Response:
        return told("breaches", {"rows": bank.breaches})

    @app.get("/api/v1/plans")
    async def plans() -> Response:
        return told("plans", {"rows": bank.plans})

    @app.get("/api/v1/reverse-stress")
    async def reverse_stress() -> Response:
        return told("reverse-stress", {"as_of": DAY, "offsets": {}, "log": {}, "rows": breaking()})

    @app.get("/api/v1/recoveries")
    async def all_recoveries(by: str = "case") -> Response:
        return told("recoveries", recoveries(by))
