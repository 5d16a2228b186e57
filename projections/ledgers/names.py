"""One dictionary of texts for all ledgers: keys, codes and words as small integers, in the order they were first met.

Codes compare equal where texts do; they have no order of their own, so sorting goes by the texts behind them.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


class Names:
    """Text to code and back. Codes rise from 0 and are never given twice."""

    __slots__ = ("_codes", "texts")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}
        for text in texts:
            self.code(text)

    def __len__(self) -> int:
        return len(self.texts)

    def code(self, text: str) -> int:
        """The code of a text, a new one if it is new."""
        found = self._codes.get(text)
        if found is None:
            found = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return found

    def find(self, text: str) -> int:
        """The code of a text; -1 where it never occurred."""
        return self._codes.get(text, -1)

    def ranks(self, codes: Codes) -> Codes:
        """For each code a number that orders as the texts do."""
        distinct, inverse = np.unique(codes, return_inverse=True)
        order = np.array(sorted(range(len(distinct)), key=lambda at: self.texts[distinct[at]]), np.int64)
        ranks = np.empty(len(distinct), np.int64)
        ranks[order] = np.arange(len(distinct))
        return ranks[inverse.reshape(-1)] if len(distinct) else np.zeros(0, np.int64)
