"""Dense codes for keys, in order of first offset (decision S1), with a tail for snapshot deltas.

A key is a tuple of strings. polars' physical category codes differ between runs, so they never reach a
state; the codes given here do, and are the same wherever the same log was folded from its start.
"""

from collections.abc import Iterable, Sequence

Key = tuple[str, ...]


class KeyDictionary:
    __slots__ = ("_code_by_key", "_keys")

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys: list[Key] = []
        self._code_by_key: dict[Key, int] = {}
        self.extend(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, code: int) -> Key:
        return self._keys[code]

    def find(self, key: Key) -> int | None:
        return self._code_by_key.get(key)

    def code(self, key: Key) -> int:
        """The code of `key`; the next free one if it is new."""
        code = self._code_by_key.setdefault(key, len(self._keys))
        if code == len(self._keys):
            self._keys.append(key)
        return code

    def codes(self, keys: Sequence[Key]) -> list[int]:
        """`code` of each, for many at once."""
        code_by_key = self._code_by_key
        fresh = [key for key in dict.fromkeys(keys) if key not in code_by_key]
        code_by_key.update(zip(fresh, range(len(self._keys), len(self._keys) + len(fresh)), strict=True))
        self._keys += fresh
        return list(map(code_by_key.__getitem__, keys))

    def tail(self, start: int = 0) -> list[Key]:
        """The keys with codes from `start` on, in order: what a snapshot that knew `start` of them lacks."""
        return self._keys[start:]

    def extend(self, keys: Iterable[Iterable[str]]) -> None:
        """Append what `tail` gave, in the same order."""
        for key in keys:
            self.code(tuple(key))
