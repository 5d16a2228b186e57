"""Machine code that is made from functions of other modules is never that of functions as they once were."""

import os

import pytest

from engines.primitives.compiled import compiled_with


def half(number: float) -> float:
    return number * 0.5


def other_half(number: float) -> float:
    return number / 2.0 + 0.0 * number


def third(number: float) -> float:
    return number / 3.0


def sixth(number: float) -> float:
    return third(half(number))


def whole(number: float) -> float:
    return sixth(number) * 6.0 + half(number)


def test_parts_call_those_before_them_and_are_called_under_their_names() -> None:
    made = compiled_with(whole, {"half": half, "third": third, "sixth": sixth})
    assert made(4.0) == whole(4.0)
    changed = compiled_with(whole, {"half": third, "third": half, "sixth": half})
    assert changed(6.0) == 6.0 / 2.0 * 6.0 + 6.0 / 3.0


def test_what_is_kept_bears_a_digest_of_its_parts() -> None:
    def name(**parts: object) -> str:
        return compiled_with(whole, {"half": half, "third": third, "sixth": sixth, **parts}).__name__  # type: ignore[dict-item]

    assert name() == name() != name(half=other_half)
    assert name(third=half) != name()


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_a_number_of_a_module_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiled_with(scaled, {})
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    after = compiled_with(scaled, {})
    assert (before.__name__ == after.__name__, before(2.0), after(2.0)) == (False, 4.0, 6.0)


SCALE = 2.0


def scaled(number: float) -> float:
    return number * SCALE
