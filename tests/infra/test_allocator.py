"""Large blocks go back to the system, also after larger ones were freed."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys
from infra.allocator import MAPPED_BYTES_MIN, fix_mapping_threshold
class Info(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]
libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    raise SystemExit(3)
libc.mallinfo2.restype = Info
if sys.argv[1] == "fixed":
    assert fix_mapping_threshold()
bytearray(3 * MAPPED_BYTES_MIN)  # freed at once
kept = bytearray(2 * MAPPED_BYTES_MIN)
print(libc.mallinfo2().hblkhd >= len(kept))
"""


@pytest.mark.parametrize(("mode", "mapped"), [("fixed", "True"), ("as it comes", "False")])
def test_a_large_block_is_a_mapping_after_a_larger_one_was_freed(mode: str, mapped: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, timeout=60, check=False
    )
    if ran.returncode == 3:
        pytest.skip("no glibc with mallinfo2 here")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == mapped
