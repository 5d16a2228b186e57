"""Where texts break and how columns are dealt out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.exports.pdf_layout import NOT_FIRST, bands, wrapped

LETTERS = st.text("未断开的客户 ab,，。-01", max_size=60)


def measure(text: str) -> float:
    return float(sum(2 if letter >= "⺀" else 1 for letter in text))


@given(LETTERS, st.integers(3, 30))
@settings(max_examples=40)
def test_lines_fit_and_no_letter_is_lost(text: str, room: int) -> None:
    lines = wrapped(text, room, measure)
    assert all(measure(line) <= room for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_line_breaks_after_a_mark_and_never_begins_with_one() -> None:
    assert wrapped("甲方：乙银行。丙", 12, measure) == ["甲方：乙银", "行。丙"]
    assert wrapped("one two three", 8, measure) == ["one two", "three"]
    assert wrapped("abcdefghij", 4, measure) == ["abcd", "efgh", "ij"]
    assert not {line[0] for line in wrapped("甲，" * 20, 7, measure)} & NOT_FIRST


@given(st.lists(st.floats(20, 150), min_size=1, max_size=40), st.integers(0, 8))
@settings(max_examples=25)
def test_every_column_stands_once_and_the_key_in_every_band(widths: list[float], key: int) -> None:
    kept = (min(key, len(widths) - 1),)
    found = bands(widths, 780.0, 30.0, kept)
    fresh = [column for band in found for column in band.columns if band is found[0] or column not in kept]
    assert sorted({*fresh, *kept}) == list(range(len(widths)))
    assert len(fresh) == len({*fresh})
    for band in found:
        assert band is found[0] or band.columns[:1] == kept
        assert sum(band.widths) <= 780.001
        assert all(shown >= 0.99 * widths[at] for at, shown in zip(band.columns, band.widths, strict=True))
