"""Capital amounts by the published examples, and against an independent reading of them back into numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor, to_text
from infra.documents.chinese import capital_amount, chinese_day, formal_day, grouped_amount

#: 支付结算办法 (Yinfa [1997] 393), annex 1: its own examples, then amounts at the edges of 万 and 亿.
EXAMPLES = {
    "1409.50": "壹仟肆佰零玖元伍角",
    "6007.14": "陆仟零柒元壹角肆分",
    "1680.32": "壹仟陆佰捌拾元零叁角贰分",
    "107000.53": "壹拾万柒仟元零伍角叁分",
    "16409.02": "壹万陆仟肆佰零玖元零贰分",
    "325.04": "叁佰贰拾伍元零肆分",
    "1000000.00": "壹佰万元整",
    "0": "零元整",
    "0.05": "伍分",
    "0.50": "伍角",
    "10": "壹拾元整",
    "10000": "壹万元整",
    "10001": "壹万零壹元整",
    "11000": "壹万壹仟元整",
    "100000001": "壹亿零壹元整",
    "100010000": "壹亿零壹万元整",
    "110000000": "壹亿壹仟万元整",
    "1000000000000": "壹万亿元整",
    "1234567890123.45": "壹万贰仟叁佰肆拾伍亿陆仟柒佰捌拾玖万零壹佰贰拾叁元肆角伍分",
    "-20.10": "负贰拾元零壹角",
}


@pytest.mark.parametrize(("amount", "capitals"), EXAMPLES.items())
def test_the_published_examples(amount: str, capitals: str) -> None:
    assert capital_amount(amount) == f"人民币{capitals}"


@given(st.integers(0, 10**16))
def test_capitals_read_back_as_the_amount(minor: int) -> None:
    text = capital_amount(to_text(minor, "CNY")).removeprefix("人民币")
    assert "零零" not in text
    assert text.endswith("整") == (minor % 100 == 0)
    assert _minor(text.removesuffix("整")) == minor


def test_other_currencies_and_what_cannot_be_written() -> None:
    assert capital_amount("500", "JPY") == "日元伍佰元整"
    assert capital_amount("12.50", "USD") == "美元壹拾贰元伍角"
    assert grouped_amount("-1234567.80") == "人民币-1,234,567.80元"
    assert grouped_amount("5000", "JPY") == "日元5,000元"
    for amount, ccy in (("12.345", "CNY"), ("x", "CNY"), ("1.00", "KWD"), ("1e3", "CNY")):
        with pytest.raises(InvalidInput):
            capital_amount(amount, ccy)


def test_days() -> None:
    assert chinese_day("2024-05-06") == "2024年5月6日"
    assert [formal_day(day) for day in ("2024-10-20", "2030-11-01", "2009-02-12")] == [
        "二〇二四年十月二十日",
        "二〇三〇年十一月一日",
        "二〇〇九年二月十二日",
    ]
    assert formal_day("2024-01-30") == "二〇二四年一月三十日"
    with pytest.raises(InvalidInput):
        chinese_day("6 May 2024")


def _minor(text: str) -> int:
    whole, sign, rest = text.rpartition("元")
    rest = rest if sign else text
    minor = _number(whole) * 100
    for unit, worth in (("角", 10), ("分", 1)):
        if unit in rest:
            minor += "零壹贰叁肆伍陆柒捌玖".index(rest[rest.index(unit) - 1]) * worth
    return minor


def _number(text: str) -> int:
    """Split at 亿, then at 万: the grammar backwards, not the writer's recursion."""
    total = 0
    for part, worth in zip(reversed(text.split("亿")), (1, 10**8), strict=False):
        for inner, scale in zip(reversed(part.split("万")), (1, 10**4), strict=False):
            number, digit = 0, 0
            for letter in inner:
                if letter in "拾佰仟":
                    number += digit * 10 ** ("拾佰仟".index(letter) + 1)
                    digit = 0
                else:
                    digit = "零壹贰叁肆伍陆柒捌玖".index(letter)
            total += (number + digit) * scale * worth
    return total


def test_the_reader_of_this_test_reads() -> None:
    assert _number("壹拾万柒仟") == 107_000
    assert _minor("伍分") == to_minor("0.05", "CNY")
