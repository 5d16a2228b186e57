"""Estimators find again the parameters that made the data, and say how well; back-tests see only the past."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.behaviour_backtest import back_test
from engines.behaviour_fit import ESTIMATORS, Columns, fit
from engines.primitives.errors import InvalidInput

MONTHS = 48


def noise(size: float, months: int = MONTHS) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.random.default_rng(20260131).normal(0.0, size, months)


def histories(spread: float = 0.0) -> dict[str, Columns]:
    """Months made by known parameters: SMM 1%, w0 .5%, k 1.5, decay .05, rollover 85%, drawdown 5%."""
    balance = np.linspace(900.0, 500.0, MONTHS)
    incentive = 0.02 * np.sin(np.arange(MONTHS))
    flat = np.full(MONTHS, 1_000.0)
    return {
        "prepay": {
            "balance": balance,
            "scheduled": np.full(MONTHS, 100.0),
            "prepaid": (balance - 100) * (0.01 + noise(spread)),
        },
        "early_withdraw": {
            "balance": balance,
            "incentive": incentive,
            "withdrawn": balance * (0.005 + 1.5 * np.maximum(0, incentive) + noise(spread / 10)),
        },
        "rollover": {"maturing": balance, "renewed": balance * (0.85 + noise(spread))},
        "drawdown": {"undrawn": flat, "drawn": flat * (0.05 + noise(spread))},
        "decay": {"balance": 900 * np.exp(-0.05 * np.arange(MONTHS) + noise(spread))},
        "core": {"balance": 1_000.0 + np.arange(MONTHS) % 12},
    }


TRUE = {
    "prepay": {"smm": 0.01, "cpr": 1 - 0.99**12},
    "early_withdraw": {"base_rate": 0.005, "sensitivity": 1.5},
    "rollover": {"rollover": 0.85},
    "drawdown": {"drawdown_rate": 0.05},
    "decay": {"decay_rate": 0.05, "start_balance": 900.0},
}


@pytest.mark.parametrize("kind", sorted(TRUE))
def test_exact_data_gives_the_parameters_back(kind: str) -> None:
    found = fit(kind, histories()[kind])
    assert dict(found.parameters) == pytest.approx(TRUE[kind], rel=1e-9)
    assert found.rmse == pytest.approx(0, abs=1e-12)
    assert found.sample_size == MONTHS
    if kind in {"early_withdraw", "decay"}:
        assert found.r_squared == pytest.approx(1)
    else:
        assert found.r_squared is None  # a constant rate that never varies


@pytest.mark.parametrize("kind", sorted(TRUE))
def test_noisy_data_gives_them_nearly(kind: str) -> None:
    found = fit(kind, histories(0.002)[kind])
    assert dict(found.parameters) == pytest.approx(TRUE[kind], rel=0.15)
    assert found.rmse == pytest.approx(0.0002 if kind == "early_withdraw" else 0.002, rel=0.3)


@pytest.mark.parametrize("kind", sorted(set(TRUE) - {"decay"}))
@given(seed=st.integers(0, 2**32))
def test_order_of_months_does_not_matter(kind: str, seed: int) -> None:
    history = histories(0.002)[kind]
    order = np.random.default_rng(seed).permutation(MONTHS)
    one, two = fit(kind, history), fit(kind, {name: values[order] for name, values in history.items()})
    assert one.parameters == two.parameters  # to the bit
    assert replace(one, parameters={}, rmse=0, r_squared=0) == replace(two, parameters={}, rmse=0, r_squared=0)


def test_least_squares_agree_with_numpy() -> None:
    history = histories(0.02)["early_withdraw"]
    rate, incentive = history["withdrawn"] / history["balance"], np.maximum(0, history["incentive"])
    design = np.column_stack([np.ones(MONTHS), incentive])
    solved, residual, *_ = np.linalg.lstsq(design, rate, rcond=None)
    found = fit("early_withdraw", history)
    assert list(found.parameters.values()) == pytest.approx(solved.tolist(), rel=1e-9)
    assert found.rmse == pytest.approx(float(np.sqrt(residual[0] / (MONTHS - 2))), rel=1e-9)
    assert found.r_squared == pytest.approx(1 - residual[0] / np.sum((rate - rate.mean()) ** 2), rel=1e-9)


def test_pooled_rates_weigh_by_exposure() -> None:
    found = fit("rollover", {"maturing": np.array([100.0, 900.0]), "renewed": np.array([100.0, 450.0])})
    assert found.parameters["rollover"] == 0.55


def test_core_is_the_lowest_of_the_last_year() -> None:
    balance = np.array([1.0, *range(50, 62)])
    assert fit("core", {"balance": balance}).parameters == {"core": 50.0}


@pytest.mark.parametrize(
    ("kind", "history", "field"),
    [
        ("unheard-of", {}, "kind"),
        ("decay", {}, "balance"),
        ("decay", {"balance": np.ones(5), "spare": np.ones(5)}, "spare"),
        ("decay", {"balance": np.array([1.0, 0.0, 1.0])}, "balance"),
        ("decay", {"balance": np.array([1.0, np.nan, 1.0])}, "balance"),
        ("decay", {"balance": np.ones(2)}, "balance"),
        ("core", {"balance": np.ones(11)}, "balance"),
        ("rollover", {"maturing": np.ones(3), "renewed": np.ones(2)}, "renewed"),
        ("rollover", {"maturing": np.ones(2), "renewed": np.array([1.0, 2.0])}, "renewed"),
        ("rollover", {"maturing": np.array([1.0, 0.0]), "renewed": np.zeros(2)}, "renewed"),
        ("rollover", {"maturing": np.ones(1), "renewed": np.ones(1)}, "renewed"),
        ("drawdown", {"undrawn": np.ones(2), "drawn": np.array([0.5, -0.5])}, "drawn"),
        ("early_withdraw", {"balance": np.ones(4), "incentive": -np.ones(4), "withdrawn": np.ones(4)}, "incentive"),
    ],
)
def test_bad_history_is_refused(kind: str, history: Columns, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        fit(kind, history)
    assert caught.value.facts["field"] == field


@pytest.mark.parametrize("kind", sorted(ESTIMATORS))
def test_back_test_of_exact_data(kind: str) -> None:
    found = back_test(kind, histories()[kind], first_origin=24, horizon=3)
    assert found.forecasts["origin"].unique().sort().to_list() == list(range(24, MONTHS - 2))
    assert found.overall.forecasts == len(found.forecasts) == 3 * (MONTHS - 26)
    assert [part.forecasts for part in found.by_step] == [MONTHS - 26] * 3
    if kind == "core":
        assert found.overall.coverage == 1  # no balance fell below the core
        assert found.overall.bias < 0
    else:
        assert found.overall.mean_absolute_error == pytest.approx(0, abs=1e-9)
        assert found.overall.wape == pytest.approx(0, abs=1e-9)


def test_errors_by_hand() -> None:
    """Renewals 50%, 50%, then 40 and 60 of 100: forecasts 50 and (140/300 of 100)."""
    history = {"maturing": np.full(4, 100.0), "renewed": np.array([50.0, 50.0, 40.0, 60.0])}
    found = back_test("rollover", history, first_origin=2, horizon=1)
    predicted = 100 * 140 / 300
    assert found.forecasts["predicted"].to_list() == pytest.approx([50, predicted])
    assert found.forecasts["error"].to_list() == pytest.approx([10, predicted - 60])
    overall = found.overall
    assert overall.mean_absolute_error == pytest.approx((10 + 60 - predicted) / 2)
    assert overall.bias == pytest.approx((10 + predicted - 60) / 2)
    assert overall.mape == pytest.approx((10 / 40 + (60 - predicted) / 60) / 2)
    assert overall.wape == pytest.approx((10 + 60 - predicted) / 100)
    assert overall.coverage == 0  # the first band has no width, the second is +-z x 5.77 around 46.7


def test_the_band_covers_what_it_states() -> None:
    months = 600
    maturing = np.full(months, 1_000.0)
    history = {"maturing": maturing, "renewed": maturing * (0.5 + noise(0.05, months))}
    for confidence in (0.5, 0.9):
        found = back_test("rollover", history, first_origin=60, horizon=1, confidence=confidence)
        assert found.overall.coverage == pytest.approx(confidence, abs=0.05)
        assert found.overall.confidence == confidence


def test_a_forecast_sees_nothing_of_its_future() -> None:
    history = histories(0.002)
    for kind, columns in history.items():
        changed = {name: values.copy() for name, values in columns.items()}
        outcome = "balance" if kind in {"decay", "core"} else ESTIMATORS[kind][0][-1]
        changed[outcome][30:] *= 0.5
        one, two = (back_test(kind, each, first_origin=24, horizon=6) for each in (columns, changed))
        before = [found.forecasts.filter(found.forecasts["origin"] <= 30) for found in (one, two)]
        assert before[0]["predicted"].equals(before[1]["predicted"])
        assert not one.forecasts["predicted"].equals(two.forecasts["predicted"])


def test_the_band_of_a_decay_widens_with_the_root_of_the_step() -> None:
    found = back_test("decay", histories(0.002)["decay"], first_origin=40, horizon=4).forecasts
    first = found.filter(found["origin"] == 40)
    widths = (first["upper"] - first["predicted"]) / first["predicted"]
    assert (widths / widths[0]).to_list() == pytest.approx([1, 2**0.5, 3**0.5, 2])


def test_a_window_forgets() -> None:
    renewed = np.array([10.0] * 12 + [90.0] * 13)
    history = {"maturing": np.full(25, 100.0), "renewed": renewed}
    whole = back_test("rollover", history, first_origin=24, horizon=1)
    short = back_test("rollover", history, first_origin=24, horizon=1, window=12)
    assert whole.overall.mean_absolute_error == pytest.approx(40)
    assert short.overall.mean_absolute_error == pytest.approx(0)


def test_zero_actuals_leave_the_percentages_out() -> None:
    history = {"maturing": np.full(4, 100.0), "renewed": np.array([50.0, 50.0, 0.0, 0.0])}
    found = back_test("rollover", history, first_origin=2, horizon=2)
    assert (found.overall.mape, found.overall.wape) == (None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        {"first_origin": 46, "horizon": 3},
        {"first_origin": 0, "horizon": 3},
        {"first_origin": 24, "horizon": 0},
        {"first_origin": 24, "horizon": 3, "window": 0},
        {"first_origin": 24, "horizon": 3, "confidence": 1.0},
    ],
)
def test_bad_back_tests_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        back_test("rollover", histories()["rollover"], **arguments)
    with pytest.raises(InvalidInput):
        back_test("unheard-of", {}, first_origin=1, horizon=1)
