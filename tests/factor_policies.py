"""The shipped factor tables, for tests of engines that take them as arguments."""

from engines.factor_tables import FactorPolicy, FactorTable, parse_factor_policy
from infra.policies import load_policy

NAMES = ("lcr", "nsfr", "lmr", "hqlaar", "liquidity_ratio")


def shipped(name: str) -> FactorPolicy:
    return parse_factor_policy(name, load_policy(name))


def newest(name: str) -> FactorTable:
    return shipped(name).in_force()
