"""Which module knows which contract type. Modules are imported when a contract asks for them."""

from functools import cache
from importlib import import_module
from typing import cast

from engines.actus.contract_type import ContractType
from engines.primitives.errors import InvalidInput

CODES = (
    *("PAM", "LAM", "LAX", "NAM", "ANN", "CLM", "UMP", "CSH", "STK", "COM", "FXOUT", "SWPPV", "SWAPS", "CAPFL"),
    *("OPTNS", "FUTUR", "CEG", "CEC"),
)


def contract_type(code: str, *, record: str = "") -> ContractType:
    """The contract type of a code of the dictionary.

    Raises:
        InvalidInput: no such type; field contractType, record the contract.
    """
    if code not in CODES:
        rule = f"{code!r} is none of {', '.join(CODES)}"
        raise InvalidInput(f"contractType: {rule}", field="contractType", record=record)
    return _load(code)


@cache
def _load(code: str) -> ContractType:
    return cast(ContractType, import_module(f"engines.actus.contracts.{code.lower()}").CONTRACT)
