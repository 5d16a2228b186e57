"""How calculations are found, how inputs are refused, what results look like."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from api.calculations import registry
from api.calculations.fields import Cents, Count, Day, Exact, Inputs, NonNegative, Positive, Share
from api.calculations.registry import Calculation, Variant
from api.calculations.texts import decimal_text, exact_text, not_computable, percent_text, plain_text
from engines.primitives.errors import InvalidInput, NotFound


class One(Inputs):
    amount: Exact
    days: Count = 0


class Line(Inputs):
    amount: Positive
    flows: list[One] = Field(default=[])


class Two(Inputs):
    amount: Exact
    lines: list[Line]
    yield_: Share | None = Field(default=None, alias="yield")


TWO_SHAPES = Calculation(
    "sample",
    "A sample.",
    (
        Variant("one", One, lambda inputs: {"shape": "one", "amount": plain_text(inputs.amount)}),
        Variant("two", Two, lambda inputs: {"shape": "two", "lines": len(inputs.lines)}),
    ),
)


def refused(calculation: Calculation, given_: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        calculation.compute(given_)
    return caught.value


# -- the registry


def test_every_module_brings_the_calculation_of_its_name() -> None:
    assert list(registry.names()) == sorted(set(registry.names()))
    for name in registry.names():
        found = registry.find(name)
        assert found.name == name
        assert registry.find(name.replace("_", "-")) is found
        assert found.description.endswith(".")
        assert "\n" not in found.description


def test_every_schema_is_json_and_names_the_variants() -> None:
    for name in registry.names():
        found = registry.find(name)
        schema = json.loads(json.dumps(found.schema()))
        if len(found.variants) > 1:
            assert [shape["title"] for shape in schema["oneOf"]] == [variant.name for variant in found.variants]


def test_every_variant_can_be_told_from_the_others() -> None:
    for name in registry.names():
        for one in registry.find(name).variants:
            for other in registry.find(name).variants:
                if one is not other:
                    assert not (one.required <= other.required <= one.known), (name, one.name, other.name)


def test_an_unknown_calculation_is_not_found() -> None:
    with pytest.raises(NotFound):
        registry.find("os")


# -- variants (decision Q4)


def test_the_keys_choose_the_variant() -> None:
    assert TWO_SHAPES.compute({"amount": "1.50"}) == {"shape": "one", "amount": "1.5"}
    assert TWO_SHAPES.compute({"amount": "1", "lines": []}) == {"shape": "two", "lines": 0}


def test_no_variant_names_the_missing_key_of_the_nearest() -> None:
    assert refused(TWO_SHAPES, {"lines": []}).facts["field"] == "amount"


def test_keys_of_two_variants_are_refused() -> None:
    error = refused(TWO_SHAPES, {"amount": "1", "lines": [], "days": 3})
    assert "one variant" in str(error)
    assert error.facts["field"] in {"days", "lines"}


def test_an_unknown_key_is_named() -> None:
    assert refused(TWO_SHAPES, {"amount": "1", "unheard": 1}).facts["field"] == "unheard"


# -- fields


@pytest.mark.parametrize("bad", [1.5, "1,5", "1e3", "", " 1", "NaN", True, None, "1." + "0" * 40, ["1"], "٣"])
def test_what_is_not_an_exact_number_is_refused(bad: Any) -> None:
    assert refused(TWO_SHAPES, {"amount": bad}).facts["field"] == "amount"


def test_a_float_is_told_apart() -> None:
    assert "not exact" in str(refused(TWO_SHAPES, {"amount": 1.5}))


def test_errors_name_field_and_record() -> None:
    lines = [{"amount": "1"}, {"amount": "1", "flows": [{"amount": "1"}, {"amount": "1", "days": -1}]}]
    error = refused(TWO_SHAPES, {"amount": "1", "lines": lines})
    assert error.facts == {"field": "lines[1].flows[1].days", "record": "lines[1].flows[1]"}
    error = refused(TWO_SHAPES, {"amount": "1", "lines": [{"amount": "0"}]})
    assert error.facts == {"field": "lines[0].amount", "record": "lines[0]"}
    assert refused(TWO_SHAPES, {"amount": "1", "lines": [], "yield": "1.1"}).facts == {"field": "yield"}
    assert refused(TWO_SHAPES, {"amount": "1", "lines": [{}]}).facts["field"] == "lines[0].amount"


def test_bounds_of_fields() -> None:
    class Bounds(Inputs):
        money: Cents = Fraction(0)
        above: NonNegative = Fraction(0)
        day: Day | None = None
        count: Count = 0

    bounds = Calculation("bounds", "Bounds.", (Variant("bounds", Bounds, lambda inputs: {"seen": repr(inputs)}),))
    for name, bad in [
        ("money", "0.001"),
        ("money", "-1"),
        ("above", "-0.1"),
        ("day", "2023-02-29"),
        ("day", "20230228"),
        ("day", 7),
        ("count", True),
        ("count", "1"),
        ("count", 1.0),
    ]:
        assert refused(bounds, {name: bad}).facts["field"] == name
    assert "2024, 2, 29" in bounds.compute({"day": "2024-02-29", "money": 3})["seen"]


# -- JSON


@pytest.mark.parametrize(
    "bad", [b"", b"[]", b"1", b'{"a": NaN}', b'{"a": 1', b"\xff{}", b"[" * 100_000, b"9" * 5_000]
)
def test_what_is_not_a_json_object_is_refused(bad: bytes) -> None:
    with pytest.raises(InvalidInput):
        registry.parse(bad)


def test_a_key_twice_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        registry.parse(b'{"lines": [{"amount": "1", "amount": "2"}]}')
    assert caught.value.facts["field"] == "amount"


# -- texts


@given(st.fractions(), st.integers(0, 12))
def test_rounding_is_half_up_and_symmetric(value: Fraction, digits: int) -> None:
    text = decimal_text(value, digits)
    assert abs(Fraction(text) - value) <= Fraction(1, 2 * 10**digits)
    assert len(text.partition(".")[2]) == digits
    if Fraction(text):
        assert decimal_text(-value, digits) == (text[1:] if value < 0 else f"-{text}")
    else:
        assert not text.startswith("-")


def test_texts() -> None:
    assert [decimal_text(Fraction(part, 8), 2) for part in (1, -1, 3)] == ["0.13", "-0.13", "0.38"]
    assert decimal_text(Fraction(5, 2), 0) == "3"
    assert (percent_text(Fraction(1, 3)), percent_text(None)) == ("33.333333", None)
    assert (exact_text(Fraction(0)), exact_text(Fraction(6, -4)), exact_text(None)) == ("0/1", "-3/2", None)
    assert (plain_text(Fraction("7.650")), plain_text(Fraction(100)), plain_text(Fraction(-1, 8))) == (
        "7.65",
        "100",
        "-0.125",
    )
    with pytest.raises(ValueError, match="no end"):
        plain_text(Fraction(1, 3))


def test_a_zero_denominator_is_null_with_its_reason() -> None:
    assert not_computable([]) == {}
    found = registry.find("duration_gap").compute(
        {"assets": [], "liabilities": [], "yield": "0.04", "yield_change": "0.01"}
    )
    assert found["status"] == "NOT_COMPUTABLE"
    assert "total assets are 0" in found["reason"]
    assert {name for name, value in found.items() if value is None} == {
        "asset_duration",
        "liability_duration",
        "duration_gap",
        "duration_gap_exact",
        "equity_change_pct_of_equity",
    }
    assert found["equity"] == "0.000000"


def test_duration_without_a_price_is_null() -> None:
    found = registry.find("duration").compute(
        {"face": "0", "coupon_rate": "0.1", "yield": "0.1", "periods_per_year": 1, "periods": 2}
    )
    assert (found["price"], found["macaulay_duration"], found["status"]) == ("0.00000000", None, "NOT_COMPUTABLE")


def test_books_measure_each_line_at_its_yield_and_name_a_bad_one() -> None:
    def flows(day: str, amount: str) -> list[dict[str, str]]:
        return [{"date": day, "amount": amount}]

    given_: dict[str, Any] = {
        "as_of": "2021-01-01",
        "yield": "0.04",
        "yield_change": "0.01",
        "assets": [{"name": "zero", "yield": "0.25", "flows": flows("2023-01-01", "156.25")}],
        "liabilities": [{"flows": flows("2022-01-01", "52")}],
    }
    found = registry.find("duration_gap").compute(given_)
    assert found["asset_lines"] == [{"name": "zero", "amount": "100.000000", "duration": "2.0000000000"}]
    assert found["liability_lines"] == [{"name": "", "amount": "50.000000", "duration": "1.0000000000"}]
    assert (found["duration_gap"], found["equity_change"]) == ("1.5000000000", "-1.44230769")
    given_["liabilities"].append({"flows": flows("2020-01-01", "1")})
    error = refused(registry.find("duration_gap"), given_)
    assert error.facts == {"field": "liabilities[1].flows[0].date", "record": "liabilities[1]"}
