"""How a long-lived process gives memory back to the system.

glibc's malloc takes a large block as a mapping of its own and returns it whole; but each one freed raises the size
from which it does so, to as much as 32 MiB. Columns double and dumps grow with the state, so both soon come from the
heaps of the threads that make them, and leave holes there that the next, larger one does not fit into: measured, as
much again as the state (docs/benchmarks.md).
"""

import ctypes

MAPPED_BYTES_MIN = 8 * 1024 * 1024  # about what a full batch takes: to map those anew costs page faults
TRIM_BYTES = 64 * 1024 * 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def fix_mapping_threshold(size: int = MAPPED_BYTES_MIN) -> bool:
    """From now on blocks of `size` bytes and more that no hole takes are mappings, whatever was freed before.

    Call once, before there are heaps with holes. Returns whether it was done: not where the C library is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # Fixing one fixes the other, at a value that hands a heap's end back at every turn.
    return bool(mallopt(_M_MMAP_THRESHOLD, size)) and bool(mallopt(_M_TRIM_THRESHOLD, TRIM_BYTES))
