"""Random pairs of cuts with the movements between them, for tests of `engines.explain_change`. Not a test."""

from dataclasses import dataclass
from fractions import Fraction
from random import Random

from engines.explain_change import Caps, CoverageCut
from engines.explain_lines import Cell, Cut, Entry, Flag, Kind, Movement, Moving, Place
from engines.lcr import Levels

TAGS = ("a", "b", "c", "d")
WINDOWS = ("", "<=30d", ">30d")
CODES: dict[Kind, tuple[str, ...]] = {
    "level1": ("LCR.HQ1.03",),
    "level2a": ("LCR.HQ2A.01", "LCR.HQ2A.02"),
    "level2b": ("LCR.HQ2B.02",),
    "outflow": ("LCR.OF.RET.02", "LCR.OF.NFC.01"),
    "inflow": ("LCR.IF.CPT.01", "LCR.IF.CPT.03"),
    "asf": ("NSFR.ASF.95.01", "NSFR.ASF.50.01"),
    "rsf": ("NSFR.RSF.5.01", "NSFR.RSF.65.01"),
    "position": ("cash", "nostro"),
    "gap": ("ON", "D2_7", "D8_30"),
}
LCR_KINDS: tuple[Kind, ...] = ("level1", "level2a", "level2b", "outflow", "inflow")
FLAGS: tuple[Flag, ...] = ("late", "correction", "reversal")
ROUND_CAPS = (Caps(), Caps(Fraction(1, 2), Fraction(1, 10), Fraction(1)), Caps(Fraction(0), Fraction(0), Fraction(0)))

BASE = (
    Place("outflow", "LCR.OF.OLE.01"),
    Place("level1", "LCR.HQ1.02"),
    Place("asf", "NSFR.ASF.100.01"),
    Place("rsf", "NSFR.RSF.100.03"),
)


@dataclass(frozen=True)
class Pair:
    before: CoverageCut
    after: CoverageCut
    movements: tuple[Movement, ...]


def random_pair(random: Random, kinds: tuple[Kind, ...] = LCR_KINDS, cells: int = 5) -> Pair:
    """Two books: prices, rates, tags, windows, tables and caps may all differ; now and then nothing or zero does."""
    places = _places(random, kinds)
    later_places = places if random.random() < 0.6 else _places(random, kinds)
    first: dict[str, Cell] = {}
    last: dict[str, Cell] = {}
    movements: list[Movement] = []
    for at in range(random.randint(0, cells)):
        name = f"cell {at}"
        cell = Cell(
            random.choice(TAGS), random.choice(WINDOWS), random.randint(0, 2_000), _value(random), _value(random)
        )
        moves = _moves(random, name, at)
        # Negative quantities would make negative flows, which the LCR refuses; a gap or a position may have them.
        if kinds == LCR_KINDS and (short := cell.quantity + sum(one.quantity for one in moves)) < 0:
            moves.append(Movement(name, -short, "ENTRY", Entry(f"top-up {at}", 9, at)))
        later = Cell(
            random.choice((cell.tag, *TAGS)),
            random.choice((cell.window, *WINDOWS)),
            cell.quantity + sum(one.quantity for one in moves),
            random.choice((cell.price, _value(random))),
            random.choice((cell.fx, _value(random))),
        )
        movements += moves
        if cell.quantity or random.random() < 0.5:
            first[name] = cell
            if later.quantity or random.random() < 0.5:
                last[name] = later
        else:
            last[name] = later
    if random.random() < 0.9:  # else there may be nothing to divide by
        for side in (first, last):
            side.update({f"base {at}": Cell(f"base {at}", "", 1_000) for at in range(len(BASE))})
        for table in (places, later_places):
            table.update({(f"base {at}", ""): _base(random, kinds, place) for at, place in enumerate(BASE)})
    caps = random.choice(ROUND_CAPS)
    return Pair(
        CoverageCut(Cut(first, places), caps, _unwinding(random)),
        CoverageCut(Cut(last, later_places), random.choice((caps, *ROUND_CAPS)), _unwinding(random)),
        tuple(movements),
    )


def _places(random: Random, kinds: tuple[Kind, ...]) -> dict[tuple[str, str], Place | None]:
    found: dict[tuple[str, str], Place | None] = {}
    for tag in TAGS:
        for window in WINDOWS:
            kind = random.choice(kinds)
            place = Place(kind, random.choice(CODES[kind]), Fraction(random.randint(0, 20), 20))
            found[tag, window] = None if random.random() < 0.15 else place
    return found


def _base(random: Random, kinds: tuple[Kind, ...], place: Place) -> Place | None:
    return Place(place.kind, place.line, Fraction(random.randint(1, 20), 20)) if place.kind in kinds else None


def _moves(random: Random, name: str, partition: int) -> list[Movement]:
    causes: list[Moving] = random.choices(
        ["ENTRY", "ENTRY", "ENTRY", "TAG", "ROLL", "FACTOR"], k=random.randint(0, 4)
    )
    return [
        Movement(
            name,
            random.choice((random.randint(-500, 900), Fraction(random.randint(-500, 900), 2))),
            cause,
            Entry(f"{name}/{at}", partition, at, frozenset(random.sample(FLAGS, random.randint(0, 2))))
            if cause == "ENTRY"
            else None,
        )
        for at, cause in enumerate(causes)
    ]


def _value(random: Random) -> Fraction:
    return random.choice((Fraction(1), Fraction(random.randint(0, 300), 100)))


def _unwinding(random: Random) -> Levels:
    if random.random() < 0.5:
        return Levels()
    return Levels(*(Fraction(random.randint(-1_500, 1_500)) for _ in range(3)))
