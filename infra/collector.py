"""Python's cyclic garbage collector in a long-lived process: seldom, and not over what was imported.

Left as it is, it walks every object at once whenever their number has grown by a quarter: an API that followed 5,000
entries a second stood still for two seconds, and alerts with it (docs/benchmarks.md).
"""

import gc

#: New objects before a look at the young ones; such looks before one at those that survived, and so on.
SELDOM = (50_000, 20, 50)
#: A fold makes tens of thousands of short-lived tuples a batch and no cycles: looking at them costs a third of
#: decoding.
FOLDING = (200_000, 20, 20)


def collect_seldom(thresholds: tuple[int, int, int] = SELDOM) -> None:
    """Call once everything is imported and set up: what is there now is never looked at again."""
    gc.freeze()
    gc.set_threshold(*thresholds)
