"""Golden cases run through the registry of calculations, compared as the reference says: numbers within the
case's tolerance, fractions and words exactly. A case may expect a part of the result only."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from api.calculations.registry import find

GOLDEN = Path(__file__).parents[1] / "golden"


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return found


def differences(case: dict[str, Any]) -> list[str]:
    """What the result has otherwise than the case expects; empty: it passes."""
    result = find(case["family"]).compute(case["inputs"])
    return list(_differences(case["expected"], result, Fraction(case.get("tolerance", "0")), "result"))


def _differences(expected: Any, found: Any, tolerance: Fraction, path: str) -> list[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        named = [(f"{path}.{key}", value, found.get(key, "absent")) for key, value in expected.items()]
        return [line for key, value, own in named for line in _differences(value, own, tolerance, key)]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for at, pair in pairs for line in _differences(*pair, tolerance, f"{path}[{at}]")]
    if expected == found:
        return []
    if not path.endswith("_exact") and isinstance(expected, str) and isinstance(found, str):
        try:
            if abs(Fraction(expected) - Fraction(found)) <= tolerance:
                return []
        except ValueError:
            pass
    return [f"{path}: want {expected!r}, found {found!r}"]
