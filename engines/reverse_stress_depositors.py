"""Who can break us now: the smallest set of depositors whose leaving breaks a limit, kept current (LIQ-34).

For one face of a limit the loss of a set is the sum of its members' losses, so the k largest losses do the most harm
k depositors can do, and the smallest breaking set is the shortest run from the top. Over several faces it is the
shortest of theirs. Exact, for any number of depositors; a change of a balance costs O(log n) for each different
way in which faces weigh the classes of deposits (one where there is one class), paid at the next question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd, lcm

from engines.primitives.errors import InvalidInput, NotFound
from engines.ranked_sums import RankedSums
from engines.reverse_stress_limits import DepositorLimit, Face


@dataclass(frozen=True, slots=True)
class BreakingSet:
    """`count` 0: broken already; null: even all of them leaving together does not break it."""

    limit: str
    count: int | None
    depositors: tuple[str, ...]  # the largest losses first
    amount_minor: int  # all that they take along


class BreakingDepositors:
    """Depositors by class of deposit in minor units, and limits whose surpluses are those of the book they are in."""

    def __init__(
        self, limits: Sequence[DepositorLimit], balances: Mapping[str, Mapping[str, int]] | None = None
    ) -> None:
        """Raises InvalidInput: a limit stands twice or has no face, a balance is negative."""
        self._balances = {name: dict(held) for name, held in (balances or {}).items()}
        for name, held in self._balances.items():
            if any(amount < 0 for amount in held.values()):
                raise InvalidInput("a balance is negative", field="balances", record=name)
        self._faces: dict[str, list[_Ranked]] = {}
        for limit in limits:
            if limit.name in self._faces or not limit.faces:
                raise InvalidInput(f"limit {limit.name!r} stands twice or has no face", field="limits")
            self._faces[limit.name] = [self._ranked(face) for face in limit.faces]
        directions = {face.direction: None for faces in self._faces.values() for face in faces}
        self._ranks = {
            direction: RankedSums({name: direction.loss(held) for name, held in self._balances.items()})
            for direction in directions
            if direction is not None
        }
        self._stale: set[str] = set()  # depositors whose ranks are still those of an earlier balance

    def change(self, depositor: str, deposit_class: str, amount_minor: int) -> None:
        """A deposit (plus) or withdrawal (minus) in cash: the balance moves, and with it every surplus.

        Raises:
            InvalidInput: the balance would fall below 0; nothing has changed.
        """
        held = self._balances.get(depositor, {})
        balance = held.get(deposit_class, 0) + amount_minor
        if balance < 0:
            raise InvalidInput("a balance would fall below 0", field="amount_minor", record=depositor)
        self._balances[depositor] = held | {deposit_class: balance}
        self._stale.add(depositor)
        for faces in self._faces.values():
            for face in faces:
                if face.direction is not None:
                    face.moved += amount_minor * face.direction.loss_by_class.get(deposit_class, 0)

    def set_surpluses(self, limit: str, surpluses: Sequence[Fraction]) -> None:
        """The surplus of each face, in the limit's order, after something other than a deposit moved it.

        Raises:
            NotFound: there is no such limit. InvalidInput: not one surplus a face.
        """
        faces = self._known(limit)
        if len(faces) != len(surpluses):
            raise InvalidInput(f"want {len(faces)} surpluses", field="surpluses")
        for face, surplus in zip(faces, surpluses, strict=True):
            face.base, face.moved = surplus, 0

    def surpluses(self, limit: str) -> tuple[Fraction, ...]:
        """Raises NotFound."""
        return tuple(face.surplus for face in self._known(limit))

    def smallest(self, limit: str) -> BreakingSet:
        """The fewest depositors whose leaving breaks the limit, of sets of that size the one that breaks it deepest.

        Raises:
            NotFound: there is no such limit.
        """
        self._rank_again()
        best: tuple[int, _Ranked] | None = None
        for face in self._known(limit):
            count = self._fewest(face)
            if count is not None and (best is None or count < best[0]):
                best = (count, face)
        if best is None:
            return BreakingSet(limit, None, (), 0)
        count, face = best
        names = tuple(self._ranks[face.direction].first(count)) if face.direction else ()
        return BreakingSet(limit, count, names, sum(sum(self._balances[name].values()) for name in names))

    def _rank_again(self) -> None:
        """Ranks are brought up to date when asked for: of many changes of one depositor the last is enough."""
        for depositor in sorted(self._stale):
            held = self._balances[depositor]
            for direction, ranks in self._ranks.items():
                ranks.set(depositor, direction.loss(held))
        self._stale.clear()

    def _fewest(self, face: "_Ranked") -> int | None:
        if face.surplus < 0:
            return 0
        if face.direction is None:
            return None
        # Ranks are whole numbers, so a sum is above the surplus exactly if it is above its whole part.
        return self._ranks[face.direction].fewest_above(floor(face.surplus / face.unit))

    @staticmethod
    def _ranked(face: Face) -> "_Ranked":
        losses = {key: loss for key, loss in face.loss_by_class.items() if loss}
        if not losses:
            return _Ranked(face.surplus, None, Fraction(1))
        scale = lcm(*(loss.denominator for loss in losses.values()))
        whole = {key: int(loss * scale) for key, loss in losses.items()}
        common = gcd(*whole.values())
        return _Ranked(
            face.surplus, _Direction({key: loss // common for key, loss in whole.items()}), Fraction(common, scale)
        )

    def _known(self, limit: str) -> "list[_Ranked]":
        if limit not in self._faces:
            raise NotFound(f"there is no limit {limit!r}", field="limit")
        return self._faces[limit]


class _Direction:
    """Losses by class in lowest whole numbers: faces that differ by a factor only share one ranking."""

    def __init__(self, loss_by_class: Mapping[str, int]) -> None:
        self.loss_by_class = loss_by_class
        self._key = frozenset(loss_by_class.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Direction) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def loss(self, held: Mapping[str, int]) -> int:
        losses = self.loss_by_class
        return sum(amount * losses.get(key, 0) for key, amount in held.items())


@dataclass(slots=True)
class _Ranked:
    base: Fraction  # the surplus as it was set
    direction: _Direction | None  # null: nobody's leaving moves it
    unit: Fraction  # of the direction's whole numbers, in the surplus's unit
    moved: int = 0  # since then, by deposits, in whole numbers: quicker than adding a fraction for each

    @property
    def surplus(self) -> Fraction:
        return self.base + self.moved * self.unit
