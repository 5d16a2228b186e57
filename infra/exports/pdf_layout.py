"""How wide columns are, which of them stand side by side, and where a text breaks. Pure; widths in points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from projections.ledgers.table import Kind

SIZE = 7.5
PADDING = 3.0
WIDTH_MIN, WIDTH_MAX = 26.0, 132.0
STRETCH_MAX = 1.3
TITLE_UNBROKEN = 42.0
HALVINGS = 10
UNBROKEN = frozenset({Kind.MONEY, Kind.NUMBER, Kind.PER_CENT, Kind.DATE, Kind.INSTANT})
BREAKS_AFTER = frozenset(" ,;/|，。；、：）)-")
# Chinese lines never begin with these (GB/T 15834-2011, 5.1).
NOT_FIRST = frozenset("，。、；：？！）》」』】％%,.;:?!)")

Measure = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Band:
    """Columns that stand side by side on a page, each with its place and width."""

    columns: tuple[int, ...]
    lefts: tuple[float, ...]
    widths: tuple[float, ...]


def natural(kind: Kind, title: str, longest: float, measure: Measure) -> float:
    """Width of a column: amounts and days never break, texts do beyond a limit, a title breaks into two lines."""
    wanted = longest if kind in UNBROKEN else min(longest, WIDTH_MAX)
    heading = measure(title)
    heading = heading if heading <= TITLE_UNBROKEN else min(heading, WIDTH_MAX) / 2 + SIZE
    return max(WIDTH_MIN, wanted + 2 * PADDING, heading + 2 * PADDING)


def bands(widths: Sequence[float], room: float, left: float, kept: Sequence[int] = (0,)) -> list[Band]:
    """Columns dealt out from the left, to as few bands as there is room for, and about as wide a part to each. Those
    `kept`, which say what a row is about, stand first in every further band."""
    count = len(_dealt(widths, room, kept))
    low, high = 0.0, room
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if len(_dealt(widths, middle, kept)) == count else (middle, high)
    return [_band(columns, widths, room, left) for columns in _dealt(widths, high, kept)]


def _dealt(widths: Sequence[float], room: float, kept: Sequence[int]) -> list[list[int]]:
    dealt: list[list[int]] = [[]]
    used = 0.0
    for column, width in enumerate(widths):
        if column in dealt[-1]:
            continue
        if dealt[-1] and used + width > room and (len(dealt) == 1 or len(dealt[-1]) > len(kept)):
            dealt.append([*kept])
            used = sum(widths[one] for one in kept)
            if column in kept:
                continue
        dealt[-1].append(column)
        used += width
    return dealt


def _band(columns: Sequence[int], widths: Sequence[float], room: float, left: float) -> Band:
    total = sum(widths[column] for column in columns)
    stretch = min(room / total, STRETCH_MAX) if total else 1.0  # below 1 where one column is wider than the page
    shown = [widths[column] * stretch for column in columns]
    lefts = [left + sum(shown[:at]) for at in range(len(shown))]
    return Band(tuple(columns), tuple(lefts), tuple(shown))


def wrapped(text: str, room: float, measure: Measure) -> list[str]:
    """The text in lines no wider than `room`: broken after a blank or a mark where there is one, else anywhere."""
    if measure(text) <= room and "\n" not in text:
        return [text]
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line, width, breakable = "", 0.0, 0
        for letter in paragraph:
            step = measure(letter)
            while line and width + step > room:
                # A mark takes the letter before it along, rather than stand first in a line.
                cut = max(len(line) - 1, 1) if letter in NOT_FIRST else breakable or len(line)
                lines.append(line[:cut].rstrip())
                line = line[cut:].lstrip()
                width, breakable = measure(line), 0
            line, width = line + letter, width + step
            if letter in BREAKS_AFTER or letter >= "⺀":
                breakable = len(line)
        lines.append(line)
    return lines
