"""What a sealed personal value looks like wherever it lies: in an event, a snapshot, a ledger, a Kafka record.

A token is text: U+E000, a letter for the class of the value, one for its form, the ciphertext, the place that it
was sealed for, U+E001. Nobody can enter one: `payload.check_text` and `check_id` refuse characters that are not
printable, as these two. What opens tokens is `infra.masking`; what makes them `infra.subject_keys`.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from typing import Any

BEGIN, END = "\ue000", "\ue001"
ERASED = "⟂"  # decision E8
#: class, form, ciphertext (base64url), field and number of the leaf in it
TOKEN = re.compile(f"{BEGIN}([a-z])([sjcd])\\.([A-Za-z0-9_-]*)\\.([A-Za-z0-9_.]+){END}")
AS_TEXT, AS_JSON = "s", "j"
#: Values of events from before there were keys: marked when they are read, so that they are masked like any other.
CLEAR_TEXT, CLEAR_JSON = "c", "d"
SEALED_AS = {CLEAR_TEXT: AS_TEXT, CLEAR_JSON: AS_JSON}


class Personal(StrEnum):
    """Classes of personal values, each masked in its own way. The letter stands in the token."""

    NAME = "n"
    ID_NUMBER = "i"
    PHONE = "p"
    ACCOUNT = "a"
    ADDRESS = "d"
    NOTE = "t"  # free text, which may say anything of anyone
    DEVICE = "m"  # network and hardware addresses


def is_sealed(value: object) -> bool:
    return isinstance(value, str) and value.startswith(BEGIN) and value.endswith(END)


def marked(plain: str, kind: Personal, form: str, field: str) -> str:
    """A token of a value that is stored in clear."""
    return f"{BEGIN}{kind.value}{form}.{urlsafe_b64encode(plain.encode()).decode().rstrip('=')}.{field}{END}"


def clear_text(encoded: str) -> str:
    return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def holds_sealed(value: Any) -> bool:
    """Whether a value is a token or holds one at any depth."""
    if isinstance(value, str):
        return BEGIN in value
    if isinstance(value, dict):
        return any(holds_sealed(item) for item in value.values())
    return isinstance(value, list | tuple) and any(holds_sealed(item) for item in value)
