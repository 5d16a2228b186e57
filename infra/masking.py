"""Opens sealed values for those who may see them, masks them for the others, and keeps them out of logs.

The one place where a token becomes text again: `Lens.text` for values on their way out (documents, exports), and
`Lens.body` for whole answers, which `api.masking` lays over every response. Not for deciding what is personal:
`aggregates.personal`.
"""

import json
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from aggregates.envelope import Principal
from aggregates.personal import CLASS_BY_KEY, PERSONAL
from aggregates.personal_tokens import AS_JSON, BEGIN, CLEAR_JSON, ERASED, SEALED_AS, TOKEN, Personal, clear_text
from infra.subject_keys import DAMAGED, UNREADABLE, SubjectKeys

HIDDEN = "***"
UNMASK = "UNMASK"
#: Roles that see masked values only, whatever they are granted (SD11), and administrators, who work on no case.
NEVER_UNMASKED = frozenset({"OP", "SA"})
LONG_DIGITS = re.compile(r"(?<![0-9A-Za-z.])[0-9]{7,18}[0-9Xx]?(?![0-9A-Za-z.])")
PHONE_DIGITS_MIN = 7
CSV, JSON, PLAIN = "csv", "json", "plain"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a reader sees of sealed values: `identifiers` in clear, `notes` (free text) with long numbers masked."""

    identifiers: bool = False
    notes: bool = False


def sees_masked_only(reader: Principal | None) -> bool:
    """A known reader whose roles show nothing in clear (SD11)."""
    return reader is not None and not frozenset(reader.roles) - NEVER_UNMASKED


def masked_accounts(text: str) -> str:
    """JSON text with the account numbers of entries and figures masked: those travel in clear, under these names."""
    return _ACCOUNTS.sub(lambda found: f"{found[1]}{_tail(found[2])}{found[3]}", text)


def _tail(number: str) -> str:
    return f"****{number[-4:]}" if len(number) > PHONE_DIGITS_MIN and number[-4:].isalnum() else HIDDEN


_ACCOUNTS = re.compile(r'("(?:account_id|account|account_no|card_no|iban)"\s*:\s*")([^"\\-][^"\\]*)(")')

ALL, NONE = Rights(True, True), Rights()


def rights_of(reader: Principal | None, unmask_roles: frozenset[str]) -> Rights:
    """A reader holds the rights of all his roles; OP and SA give none (SD11)."""
    if reader is None:
        return NONE
    roles = frozenset(reader.roles) - NEVER_UNMASKED
    return Rights(not roles.isdisjoint(unmask_roles), bool(roles))


def masked(value: str, kind: Personal) -> str:
    """A value as those see it who may not: `张**`, `138****1234`, `****6789`.

    Lengths are not told. Placeholders stay.
    """
    if value in ("", "-"):
        return value
    if kind is Personal.NAME:
        return f"{value[0]}**"
    if kind is Personal.PHONE:
        digits = re.sub(r"[^0-9+]", "", value)
        return f"{digits[:3]}****{digits[-4:]}" if len(digits) > PHONE_DIGITS_MIN + 2 else HIDDEN
    if len(value) > PHONE_DIGITS_MIN and value[:-1].isdigit():  # else somebody wrote more than the number
        if kind is Personal.ACCOUNT:
            return f"****{value[-4:]}"
        if kind is Personal.ID_NUMBER:
            return f"{value[0]}****{value[-1]}"
    return HIDDEN


class Lens:
    """How one reader sees sealed values."""

    def __init__(self, keys: SubjectKeys | None, rights: Rights) -> None:
        self._keys, self._rights = keys, rights

    def text(self, text: str) -> str:
        """The text with every token in it opened, masked or `⟂`."""
        if BEGIN not in text:
            return text
        return TOKEN.sub(self._seen, self._refreshed(text))

    def value(self, value: Any) -> Any:
        """The same for any JSON-like value; a number that was sealed is a number again."""
        if isinstance(value, str):
            token = TOKEN.fullmatch(value)
            if token is None or token[2] not in (AS_JSON, CLEAR_JSON):
                return self.text(value)
            self._refreshed(value)
            return _number(self._seen(token))
        if isinstance(value, Mapping):
            return {name: self.value(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def plain(self, value: Any, kind: Personal = Personal.NOTE) -> Any:
        """The same for a value that came unsealed, from a neighbour's record: its keys tell what its leaves are."""
        if isinstance(value, str):
            return self._shown(value, kind)
        if isinstance(value, Mapping):
            return {name: self.plain(item, CLASS_BY_KEY.get(name, kind)) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(item, kind) for item in value]
        return value

    def body(self, text: str, form: str) -> str:
        """A whole answer. `form`: JSON escapes what comes in, CSV quotes it."""
        if BEGIN not in text:
            return text
        return _QUOTED.sub(lambda found: self._replaced(found, form), self._refreshed(text))

    def _replaced(self, found: re.Match[str], form: str) -> str:
        seen = self._seen(TOKEN.fullmatch(found["token"]))  # type: ignore[arg-type]
        before, after = found["before"], found["after"]
        if form == JSON:
            if found["form"] in (AS_JSON, CLEAR_JSON) and before and after and _is_number(seen):
                return seen
            return f"{before}{json.dumps(seen, ensure_ascii=False)[1:-1]}{after}"
        if form == CSV:
            inner = seen.replace('"', '""').replace("\r", " ").replace("\n", " ")
            return f"{before}{inner}{after}" if before or after or "," not in inner else f'"{inner}"'
        return f"{before}{seen}{after}"

    def _refreshed(self, text: str) -> str:
        if self._keys is not None:
            self._keys.refresh()
        return text

    def _seen(self, token: "re.Match[str]") -> str:
        if token[2] in SEALED_AS:
            return self._shown(clear_text(token[3]), Personal(token[1]))
        if self._keys is None:
            return UNREADABLE
        plain = self._keys.open(*token.groups())
        if plain is None:
            return ERASED
        return plain if plain in (UNREADABLE, DAMAGED) else self._shown(plain, Personal(token[1]))

    def _shown(self, plain: str, kind: Personal) -> str:
        if self._rights.identifiers:
            return plain
        if kind is Personal.NOTE and self._rights.notes:
            return LONG_DIGITS.sub(lambda number: masked(number[0], Personal.PHONE), plain)
        return masked(plain, kind)


_QUOTED = re.compile(
    f'(?P<before>"?)(?P<token>{BEGIN}[a-z](?P<form>[sjcd])\\.[A-Za-z0-9_-]*\\.[A-Za-z0-9_.]+\ue001)(?P<after>"?)'
)


def _is_number(seen: str) -> bool:
    return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", seen) is not None


def _number(seen: str) -> Any:
    return json.loads(seen) if _is_number(seen) else seen


# --- Logs ----------------------------------------------------------------------------------------------------------

#: Names of log fields that would hold personal values: nothing of them is written.
_NEVER_LOGGED = frozenset({*PERSONAL, *CLASS_BY_KEY, "payload", "q", "text"}) - {"by", "name", "reason"}


def masked_log(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: fields that are personal by name are hidden, tokens shortened, long numbers masked."""
    for name, value in event.items():
        if name in _NEVER_LOGGED and not isinstance(value, int | float | None):
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = scrubbed(value)
    return event


def scrubbed(text: str) -> str:
    """A text without tokens and without numbers that could be a phone's, a person's or an account's."""
    found = TOKEN.sub(HIDDEN, text)
    return _IN_LOGS.sub(lambda number: f"{number[0][:3]}****{number[0][-4:]}", found)


#: Mobile, identity and card numbers of the People's Republic; offsets and times are shorter or differ.
_IN_LOGS = re.compile(r"(?<![0-9A-Za-z.-])(?:1[3-9][0-9]{9}|[0-9]{17}[0-9Xx]|62[0-9]{14,17})(?![0-9A-Za-z.-])")

Opener = Callable[[Principal | None], Lens]
