"""Amounts and days as Chinese papers write them.

Source: 支付结算办法 (Yinfa [1997] 393), annex 1, rules for filling in instruments: capital numerals, 零 and 整.
"""

from datetime import date

from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent, to_minor

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLAIN_DIGITS = "〇一二三四五六七八九"
PLACES = ("", "拾", "佰", "仟")
NAME_BY_CURRENCY = {
    "CNY": "人民币",
    "USD": "美元",
    "EUR": "欧元",
    "HKD": "港币",
    "MOP": "澳门元",
    "JPY": "日元",
    "GBP": "英镑",
    "AUD": "澳大利亚元",
    "CAD": "加拿大元",
    "SGD": "新加坡元",
    "CHF": "瑞士法郎",
    "CZK": "捷克克朗",
}


def capital_amount(amount: str, ccy: str = "CNY") -> str:
    """Decimal text in capital numerals: `capital_amount("107000.53") == "人民币壹拾万柒仟元零伍角叁分"`.

    Of the spellings that the annex allows: 零 before 角 where the yuan place is zero, no 整 after 角. Raises
    InvalidInput: no decimal text, or a currency without a Chinese name here.
    """
    if ccy not in NAME_BY_CURRENCY:
        raise InvalidInput(f"no Chinese name is known for {ccy}", field="ccy")
    minor = to_minor(amount, ccy)
    yuan, rest = divmod(abs(minor), 10 ** exponent(ccy))
    jiao, fen = divmod(rest, 10)
    sign = "负" if minor < 0 else ""
    text = f"{_whole(yuan)}元" if yuan or not rest else ""
    if jiao:
        text += ("零" if yuan and yuan % 10 == 0 else "") + f"{DIGITS[jiao]}角"
    if fen:
        text += ("零" if yuan and not jiao else "") + f"{DIGITS[fen]}分"
    return NAME_BY_CURRENCY[ccy] + sign + text + ("" if rest else "整")


def grouped_amount(amount: str, ccy: str = "CNY") -> str:
    """Decimal text with groups of three and the currency's name: `人民币107,000.53元`."""
    digits = exponent(ccy)
    minor = to_minor(amount, ccy)
    whole, rest = divmod(abs(minor), 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{NAME_BY_CURRENCY.get(ccy, ccy)}{'-' if minor < 0 else ''}{whole:,}{fraction}元"


def chinese_day(day: str) -> str:
    """An ISO day as `2024年5月6日`."""
    read = _day(day)
    return f"{read.year}年{read.month}月{read.day}日"


def formal_day(day: str) -> str:
    """An ISO day as `二〇二四年五月六日`, for where a paper is signed."""
    read = _day(day)
    year = "".join(PLAIN_DIGITS[int(digit)] for digit in f"{read.year:04d}")
    return f"{year}年{_counted(read.month)}月{_counted(read.day)}日"


def _day(day: str) -> date:
    try:
        return date.fromisoformat(day[:10])
    except ValueError as error:
        raise InvalidInput(f"{day!r:.40} is not a day", field="day") from error


def _counted(number: int) -> str:
    tens, ones = divmod(number, 10)
    head = ("" if tens == 1 else PLAIN_DIGITS[tens]) + "十" if tens else ""
    return head + (PLAIN_DIGITS[ones] if ones else "")


def _whole(number: int) -> str:
    """A whole number in capital numerals; it is read in steps of 亿 and 万, each as a number of its own."""
    for step, name in ((10**8, "亿"), (10**4, "万")):
        if number >= step:
            head, rest = divmod(number, step)
            gap = "零" if 0 < rest < step // 10 else ""
            return _whole(head) + name + gap + (_whole(rest) if rest else "")
    if number == 0:
        return DIGITS[0]
    text, waiting = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if waiting and text else "") + DIGITS[digit] + PLACES[place]
        waiting = digit == 0
    return text
