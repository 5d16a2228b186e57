"""Behaviour rules conserve principal, agree with a month-by-month simulation, and do not mind the order of rows."""

from fractions import Fraction
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.actus.dates import add_months
from engines.behaviour_rules import KINDS, Kind, Parameters, Rule, apply_rules
from engines.flow_frame import DEMAND_DAY, UNDATED_DAY, pooled
from engines.primitives.errors import InvalidInput
from tests.flow_rows import AS_OF, Row, books, frame, row

PARAMETERS = {
    "core": {"core_share": "0.6", "decay_rate": "0.05", "horizon_months": "7"},
    "prepay": {"cpr": "0.12"},
    "early_withdraw": {"base_rate": "0.005", "sensitivity": "1.5", "market_rate": "0.03"},
    "rollover": {"rollover": "0.85", "tenor_months": "3", "renewals": "2"},
    "drawdown": {"drawdown_rate": "0.05", "months": "3"},
    "run_off": {"run_off_rate": "0.08", "horizon_days": "30"},
    "non_performing": {"default_share": "0.1", "horizon_days": "30"},
}


def rule(kind: str, where: dict[str, list[str]] | None = None, **changed: str) -> Rule:
    parameters = {name: Fraction(value) for name, value in (PARAMETERS[kind] | changed).items()}
    return Rule(f"{kind}-rule", kind, parameters, where or {})


def principal(flows: pl.DataFrame) -> dict[tuple[str, ...], int]:
    keys = ["contract", "currency", "organisation", "product", "intragroup"]
    sums = flows.filter(pl.col("kind") == "principal").group_by(keys).agg(pl.col("amount_minor").sum())
    return {line[:-1]: line[-1] for line in sums.iter_rows() if line[-1]}


def listed(flows: pl.DataFrame, kind: str = "principal") -> list[tuple[int, int, str]]:
    """(day, amount, rule) of one kind in time order."""
    found = flows.filter(pl.col("kind") == kind).sort("day", "rule").select("day", "amount_minor", "rule")
    return list(found.iter_rows())


def month_end(number: int) -> int:
    return int(add_months(np.array([AS_OF], np.int64), np.array([number], np.int64))[0])


@given(books, st.lists(st.sampled_from(sorted(KINDS)), unique=True))
def test_rules_conserve_principal_of_every_contract(rows: list[Row], kinds: list[str]) -> None:
    flows = frame(rows)
    moved = apply_rules(flows, [rule(kind) for kind in kinds], as_of_day=AS_OF)
    assert principal(moved) == principal(flows)
    assert (moved["amount_minor"] != 0).all() or not kinds or (flows["amount_minor"] == 0).any()


@given(books, st.sampled_from(sorted(KINDS)), st.randoms())
def test_order_of_rows_does_not_matter(rows: list[Row], kind: str, random: Random) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)
    one, two = (apply_rules(frame(each), [rule(kind)], as_of_day=AS_OF) for each in (rows, shuffled))
    assert one.equals(two)


@given(books, st.sampled_from(sorted(KINDS)))
def test_what_is_not_selected_stays(rows: list[Row], kind: str) -> None:
    flows = frame(rows)
    only = apply_rules(flows, [rule(kind, {"product": ["LOAN"]})], as_of_day=AS_OF)
    untouched = flows.filter(pl.col("product") != "LOAN").with_columns(rule=pl.lit(""))
    assert only.filter(pl.col("product") != "LOAN").equals(untouched.sort(untouched.columns))


instalments = st.lists(
    st.tuples(st.integers(-30, 1_500), st.integers(1, 10**14)),
    min_size=1,
    max_size=12,
    unique_by=lambda pair: pair[0],
)


@given(instalments, st.fractions(0, 1, max_denominator=100))
def test_prepayment_is_the_monthly_simulation(schedule: list[tuple[int, int]], cpr: Fraction) -> None:
    """Each month: instalments scaled by what is left, then SMM of the rest; a balance is within a unit of exact."""
    flows = frame([row(AS_OF + after, amount) for after, amount in schedule])
    moved = apply_rules(flows, [rule("prepay", cpr=str(float(cpr)))], as_of_day=AS_OF)
    stay = float(1 - float(str(float(cpr)))) ** (1 / 12)
    scheduled = sorted((AS_OF + after, amount) for after, amount in schedule)
    last = scheduled[-1][0]
    ends = [day for number in range(1, 60) if (day := month_end(number)) < last]
    balance, kept, simulated = float(sum(amount for _, amount in scheduled)), 1.0, {}
    for day, is_end, amount in sorted([(d, 0, a) for d, a in scheduled] + [(d, 1, 0) for d in ends]):
        paid = balance * (1 - stay) if is_end else amount * kept
        kept *= stay if is_end else 1
        balance -= paid
        simulated[day, "prepay-rule" if is_end else ""] = paid
    shown = {(day, name): amount for day, amount, name in listed(moved)}
    size = sum(amount for _, amount in scheduled)
    for key, amount in simulated.items():
        assert abs(shown.get(key, 0) - amount) <= 2 + size * 1e-10
    assert set(shown) <= set(simulated)
    assert all(amount > 0 for amount in shown.values())


def test_prepayment_worked() -> None:
    """Two instalments of 500 due in 1 and 2 months at SMM 10%: 500; 10% of the 500 left; 450 (interest likewise)."""
    cpr = 1 - Fraction(9, 10) ** 12
    days = [month_end(1), month_end(2)]
    flows = frame([row(day, 50_000) for day in days] + [row(day, 1_000, kind="interest") for day in days])
    moved = apply_rules(flows, [Rule("p", "prepay", {"cpr": cpr})], as_of_day=AS_OF)
    assert listed(moved) == [(days[0], 50_000, ""), (days[0], 5_000, "p"), (days[1], 45_000, "")]
    assert listed(moved, "interest") == [(days[0], 1_000, ""), (days[1], 900, "")]


def test_prepaying_all_or_nothing() -> None:
    flows = frame([row(month_end(2), 100), row(AS_OF + 10, 7)])
    nothing = apply_rules(flows, [rule("prepay", cpr="0")], as_of_day=AS_OF)
    assert listed(nothing) == [(AS_OF + 10, 7, ""), (month_end(2), 100, "")]
    everything = apply_rules(flows, [rule("prepay", cpr="1")], as_of_day=AS_OF)
    assert listed(everything) == [(AS_OF + 10, 7, ""), (month_end(1), 100, "prepay-rule")]


def test_early_withdrawal_worked() -> None:
    """LIQ-13: w0 0.5%, k 1.5, incentive 1% on 400: 8.0 in the first month; a rate above the market: w0 alone."""
    flows = frame(
        [
            row(month_end(2), -40_000, contract="D1", rate_units=2 * 10**7),
            row(month_end(2), -40_000, contract="D2", rate_units=4 * 10**7),
        ]
    )
    moved = apply_rules(flows, [rule("early_withdraw")], as_of_day=AS_OF)
    first = moved.filter(pl.col("day") == month_end(1)).sort("contract")
    assert first["amount_minor"].to_list() == [-800, -200]


def test_core_worked() -> None:
    """1,000 on demand, core 900 decaying by 0.05 a month: after 6 months 666.7364 is left (LIQ-13)."""
    flows = frame([row(DEMAND_DAY, -100_000_000, product="DEMAND")])
    applied = rule("core", core_share="0.9", horizon_months="12")
    moved = apply_rules(flows, [applied], as_of_day=AS_OF)
    assert listed(moved)[0] == (DEMAND_DAY, -10_000_000, "")
    after_six = moved.filter(pl.col("day") > month_end(6))["amount_minor"].sum()
    assert after_six == -66_673_640
    assert listed(moved)[-1][0] == month_end(12)


def test_rollover_worked() -> None:
    """500 maturing, 85% renewed twice for 3 months: 75 leave, then 15% of 425, then the rest; overdue ones stay."""
    due = month_end(1)
    flows = frame([row(due, -50_000), row(AS_OF - 1, -1_000)])
    moved = apply_rules(flows, [rule("rollover")], as_of_day=AS_OF)
    again, last = (int(add_months(np.array([due]), np.array([months]))[0]) for months in (3, 6))
    name = "rollover-rule"
    assert listed(moved) == [
        (AS_OF - 1, -1_000, ""),
        (due, -7_500, ""),
        (again, -6_375, name),
        (last, -36_125, name),
    ]


def test_drawdown_worked() -> None:
    """1,000 undrawn, 5%: 50 over three months, the rest UNDATED; at once with 0 months (LIQ-13)."""
    flows = frame([row(UNDATED_DAY, -100_000)])
    moved = apply_rules(flows, [rule("drawdown")], as_of_day=AS_OF)
    ends = [month_end(number) for number in (1, 2, 3)]
    assert [(day, amount) for day, amount, _ in listed(moved)] == [
        (ends[0], -1_667),
        (ends[1], -1_666),
        (ends[2], -1_667),
        (UNDATED_DAY, -95_000),
    ]
    at_once = apply_rules(flows, [rule("drawdown", months="0")], as_of_day=AS_OF)
    assert [(day, amount) for day, amount, _ in listed(at_once)] == [(AS_OF, -5_000), (UNDATED_DAY, -95_000)]


def test_stress_worked() -> None:
    """8% of deposits leave within 30 days; 10% of loans due within 30 days are not paid (LIQ-33)."""
    flows = frame(
        [
            row(DEMAND_DAY, -100_000, contract="D1"),
            row(AS_OF + 10, -50_000, contract="D2"),
            row(AS_OF + 90, -50_000, contract="D3"),
            row(AS_OF + 30, 60_000, contract="L1"),
            row(AS_OF + 31, 60_000, contract="L2"),
            row(AS_OF + 5, 1_000, contract="L1", kind="interest"),
            row(AS_OF - 1, 3_000, contract="L3"),
        ]
    )
    moved = apply_rules(flows, [rule("run_off"), rule("non_performing")], as_of_day=AS_OF)
    by_day = moved.group_by("day", "kind").agg(pl.col("amount_minor").sum()).sort("day", "kind")
    assert {(day, kind): amount for day, kind, amount in by_day.iter_rows()} == {
        (AS_OF - 1, "principal"): 3_000,  # overdue already
        (AS_OF + 5, "interest"): 900,
        (AS_OF + 10, "principal"): -50_000,
        (AS_OF + 30, "principal"): -8_000 - 4_000 + 54_000,
        (AS_OF + 31, "principal"): 60_000,
        (AS_OF + 90, "principal"): -46_000,
        (UNDATED_DAY, "interest"): 100,
        (UNDATED_DAY, "principal"): -92_000 + 6_000,
    }


def test_rules_run_in_order_on_what_is_still_contractual() -> None:
    """After early withdrawal only what reaches its maturity is renewed."""
    flows = frame([row(month_end(2), -100_000)])
    rules = [rule("early_withdraw", base_rate="0.1", sensitivity="0"), rule("rollover", renewals="1")]
    moved = apply_rules(flows, rules, as_of_day=AS_OF)
    renewed_to = int(add_months(np.array([month_end(2)]), np.array([3]))[0])
    assert listed(moved) == [
        (month_end(1), -10_000, "early_withdraw-rule"),
        (month_end(2), -13_500, ""),
        (renewed_to, -76_500, "rollover-rule"),
    ]


def test_a_pool_behaves_as_its_contracts() -> None:
    loans = [
        row(month_end(month), 1_000_000 + 7 * number, contract=f"L{number}")
        for number in range(40)
        for month in range(1, 13)
    ]
    single = apply_rules(frame(loans), [rule("prepay")], as_of_day=AS_OF)
    pool = apply_rules(pooled(frame(loans), ["product"]), [rule("prepay")], as_of_day=AS_OF)
    one, two = (flows.group_by("day").agg(pl.col("amount_minor").sum()).sort("day") for flows in (single, pool))
    assert one["day"].equals(two["day"])
    assert (one["amount_minor"] - two["amount_minor"]).abs().max() <= 40


def test_a_plugged_in_kind() -> None:
    def late(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
        return selected.with_columns(day=pl.col("day") + int(parameters["days"]), rule=pl.lit(name))

    def lossy(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
        return selected.with_columns(amount_minor=pl.col("amount_minor") - 1)

    kinds = dict(KINDS) | {"late": Kind(late, ("days",), pl.lit(True)), "lossy": Kind(lossy, (), pl.lit(True))}
    flows = frame([row(AS_OF, 5)])
    moved = apply_rules(flows, [Rule("mine", "late", {"days": Fraction(3)})], as_of_day=AS_OF, kinds=kinds)
    assert listed(moved) == [(AS_OF + 3, 5, "mine")]
    with pytest.raises(InvalidInput, match="conserve") as caught:
        apply_rules(flows, [Rule("bad", "lossy", {})], as_of_day=AS_OF, kinds=kinds)
    assert caught.value.facts["record"] == "bad"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (Rule("r", "unheard-of", {}), "kind"),
        (Rule("r", "prepay", {}), "cpr"),
        (Rule("r", "prepay", {"cpr": Fraction(1), "spare": Fraction(1)}), "spare"),
        (Rule("r", "prepay", {"cpr": Fraction(2)}), "cpr"),
        (Rule("r", "prepay", {"cpr": Fraction(1)}, {"segment": ["X"]}), "segment"),
        (Rule("", "prepay", {"cpr": Fraction(1)}), "rules"),
        (rule("rollover", renewals="1.5"), "renewals"),
        (rule("rollover", renewals="0"), "renewals"),
        (rule("rollover", tenor_months="600", renewals="3"), "renewals"),
        (rule("core", decay_rate="-0.01"), "decay_rate"),
        (rule("early_withdraw", sensitivity="-1"), "sensitivity"),
    ],
)
def test_bad_rules_are_refused(wrong: Rule, field: str) -> None:
    flows = frame([row(AS_OF + 1, 5), row(AS_OF + 1, -5), row(DEMAND_DAY, -5)])
    with pytest.raises(InvalidInput) as caught:
        apply_rules(flows, [wrong], as_of_day=AS_OF)
    assert caught.value.facts["field"] == field


def test_names_of_rules_differ_and_early_withdrawal_wants_rates() -> None:
    flows = frame([row(AS_OF + 1, -5)])
    with pytest.raises(InvalidInput, match="names that differ"):
        apply_rules(flows, [rule("prepay"), rule("prepay")], as_of_day=AS_OF)
    unknown = flows.with_columns(rate_units=pl.lit(None, pl.Int64))
    for lacking in (flows.drop("rate_units"), unknown):
        with pytest.raises(InvalidInput) as caught:
            apply_rules(lacking, [rule("early_withdraw")], as_of_day=AS_OF)
        assert caught.value.facts["field"] == "rate_units"
    assert apply_rules(unknown, [rule("rollover")], as_of_day=AS_OF)["amount_minor"].sum() == -5


def test_balances_beyond_exact_products_are_refused() -> None:
    loan = [row(month_end(month), 2**59) for month in (2, 3)]
    with pytest.raises(InvalidInput, match="2\\*\\*60"):
        apply_rules(frame(loan), [rule("prepay")], as_of_day=AS_OF)
    assert apply_rules(frame(loan[:1]), [rule("prepay")], as_of_day=AS_OF)["amount_minor"].sum() == 2**59


def test_no_rules_and_no_flows() -> None:
    assert apply_rules(frame([]), [rule(kind) for kind in KINDS], as_of_day=AS_OF).is_empty()
    assert listed(apply_rules(frame([row(AS_OF, 5)]), [], as_of_day=AS_OF)) == [(AS_OF, 5, "")]
