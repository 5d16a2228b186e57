"""Weights ranked from the largest, with the sum of the first k, kept current as weights change.

Ranked entries lie in short sorted buckets; a Fenwick tree holds the number and the sum of each. A change and a
question take O(log n); a bucket that has filled up is halved, which counts the buckets anew, once in hundreds of
changes. Weights are Python integers of any size, so sums never overflow. Not for what the weights mean.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from itertools import chain, islice

BUCKET_MAX = 512
BUCKET_NEW = 128

Key = tuple[int, str]  # minus the weight, and the name: rising keys are falling weights


class RankedSums:
    """Names with weights above 0, largest first, of equals the lower name first."""

    def __init__(self, weights: Mapping[str, int] | None = None) -> None:
        self._weight = {name: weight for name, weight in (weights or {}).items() if weight > 0}
        keys = sorted((-weight, name) for name, weight in self._weight.items())
        self._buckets = [keys[at : at + BUCKET_NEW] for at in range(0, len(keys), BUCKET_NEW)] or [[]]
        self._count_anew()

    def __len__(self) -> int:
        return len(self._weight)

    def weight(self, name: str) -> int:
        """0 where the name is not held."""
        return self._weight.get(name, 0)

    def set(self, name: str, weight: int) -> None:
        """Give `name` this weight; 0 or less takes it out."""
        before = self._weight.get(name, 0)
        if before == max(0, weight):
            return
        if before:
            del self._weight[name]
            key = (-before, name)
            at = bisect_right(self._firsts, key)
            bucket = self._buckets[at]
            del bucket[bisect_left(bucket, key)]
            self._add(at, -1, -before)
        if weight > 0:
            self._weight[name] = weight
            at = bisect_right(self._firsts, (-weight, name))
            insort(self._buckets[at], (-weight, name))
            self._add(at, 1, weight)
            if len(self._buckets[at]) > BUCKET_MAX:
                self._halve(at)

    def fewest_above(self, threshold: int) -> int | None:
        """How many of the largest it takes until their sum is above `threshold`; null: all together are not."""
        if threshold < 0:
            return 0
        # Down the tree to the last bucket before which the sum is not yet above.
        at, taken, so_far = 0, 0, 0
        step = 1 << len(self._buckets).bit_length()
        while step:
            beyond = at + step
            if beyond < len(self._sums) and so_far + self._sums[beyond] <= threshold:
                at, taken, so_far = beyond, taken + self._counts[beyond], so_far + self._sums[beyond]
            step >>= 1
        if at == len(self._buckets):
            return None
        for key in self._buckets[at]:
            taken, so_far = taken + 1, so_far - key[0]
            if so_far > threshold:
                return taken
        raise AssertionError("a bucket holds less than its sum")

    def first(self, count: int) -> list[str]:
        """The names of the `count` largest, in order."""
        return [name for _, name in islice(chain.from_iterable(self._buckets), count)]

    def _add(self, at: int, count: int, weight: int) -> None:
        counts, sums, node = self._counts, self._sums, at + 1
        while node < len(sums):
            counts[node] += count
            sums[node] += weight
            node += node & -node

    def _halve(self, at: int) -> None:
        bucket = self._buckets[at]
        middle = len(bucket) // 2
        self._buckets[at : at + 1] = [bucket[:middle], bucket[middle:]]
        self._count_anew([*self._firsts[:at], bucket[middle], *self._firsts[at:]])

    def _count_anew(self, firsts: list[Key] | None = None) -> None:
        """Bounds between buckets (an emptied one keeps its own) and the tree of counts and sums over them."""
        self._firsts = [bucket[0] for bucket in self._buckets[1:]] if firsts is None else firsts
        size = len(self._buckets) + 1
        self._counts = [0, *map(len, self._buckets)]
        self._sums = [0, *(-sum(minus for minus, _ in bucket) for bucket in self._buckets)]
        for node in range(1, size):
            above = node + (node & -node)
            if above < size:
                self._counts[above] += self._counts[node]
                self._sums[above] += self._sums[node]
