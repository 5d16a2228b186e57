"""Splitting an amount over weights, exactly (spec/risk-assets.md 7.2, largest remainder)."""

from collections.abc import Mapping


def prorate(amount_minor: int, weight_by_key: Mapping[str, int]) -> dict[str, int]:
    """Parts that sum to the amount: the floor of each exact share, missing units to the largest fractions, ties by
    rising key. Weights are integers >= 0 of which one is positive.

    `prorate(5, {"a": 1, "b": 1, "c": 1}) == {"a": 2, "b": 2, "c": 1}`.
    """
    whole = sum(weight_by_key.values())
    shares = {key: divmod(amount_minor * weight, whole) for key, weight in weight_by_key.items()}
    parts = {key: floor for key, (floor, _) in shares.items()}
    left = amount_minor - sum(parts.values())
    for key in sorted(shares, key=lambda key: (-shares[key][1], key))[:left]:
        parts[key] += 1
    return parts
