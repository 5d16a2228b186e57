"""How the simulated core misbehaves on demand: it rejects with a code, answers twice, late, garbled or never.

Written as text, so that a setting or a test can ask for it: `WO-1*:reject=ACCT_BUSY:2; WO-7:twice; R-*:late=2.5;
F-3:never`. A rule is a pattern of case numbers, an act and, after a second colon, up to which attempt; the first rule
that fits a request is the one. It depends on nothing but the request, so that a repeated answer is the same.

`never` posts and answers nothing, not even a query. `mute` posts, and tells so only when it is asked (PM6). `lost`:
the request did not arrive; asked about it, core says NOT_FOUND. `garbage`: it posts and answers what nobody can read.
`reorder`: the answer comes after the next one.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from engines.primitives.errors import InvalidInput
from streams.schemas import PostingRequest

DELAY_MAX_S = 3_600.0
ACTS = "reject=CODE, late=SECONDS, twice, never, mute, lost, garbage or reorder"
_RULE = re.compile(r"(?P<cases>[^\s:;]+):(?P<act>[a-z]+)(?:=(?P<value>[A-Z0-9_.]+))?(?::(?P<attempts>[1-9][0-9]?))?")


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What happens instead of one prompt answer."""

    cases: str  # pattern of case numbers, as of file names
    error_code: str | None = None
    answers: int = 1  # 0: never, 2: twice
    delay_s: float = 0.0
    is_lost: bool = False  # the request, not the answer
    is_mute: bool = False  # tells only when it is asked
    is_garbled: bool = False
    is_overtaken: bool = False  # the answer waits for the next one
    attempts: int | None = None  # up to this one; afterwards the core behaves

    def is_of(self, request: PostingRequest) -> bool:
        in_time = self.attempts is None or request.attempt <= self.attempts
        return in_time and fnmatchcase(request.case_no, self.cases)


def misbehaviours(text: str) -> tuple[Misbehaviour, ...]:
    """Rules of a text, in its order; empty text: none. Raises InvalidInput."""
    return tuple(_rule(part.strip()) for part in text.split(";") if part.strip())


def of_request(rules: tuple[Misbehaviour, ...], request: PostingRequest) -> Misbehaviour | None:
    return next((rule for rule in rules if rule.is_of(request)), None)


def _rule(text: str) -> Misbehaviour:
    found = _RULE.fullmatch(text)
    if found is None:
        raise _wrong(text, "want PATTERN:ACT, as WO-1*:reject=ACCT_BUSY:2")
    cases, act, value = found["cases"], found["act"], found["value"]
    attempts = None if found["attempts"] is None else int(found["attempts"])
    if (act in ("reject", "late")) != (value is not None):
        raise _wrong(text, "reject wants a code and late wants seconds; the others want nothing")
    if act == "reject":
        return Misbehaviour(cases, error_code=value, attempts=attempts)
    if act == "late":
        return Misbehaviour(cases, delay_s=_seconds(value, text), attempts=attempts)
    if act in ("twice", "never"):
        return Misbehaviour(cases, answers=2 if act == "twice" else 0, attempts=attempts)
    if act in ("mute", "lost"):
        return Misbehaviour(cases, answers=0, is_mute=True, is_lost=act == "lost", attempts=attempts)
    if act == "garbage":
        return Misbehaviour(cases, is_garbled=True, attempts=attempts)
    if act == "reorder":
        return Misbehaviour(cases, is_overtaken=True, attempts=attempts)
    raise _wrong(text, f"an act is {ACTS}")


def _seconds(value: str, text: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        raise _wrong(text, f"{value!r} is no number of seconds") from None
    if not 0 < seconds <= DELAY_MAX_S:
        raise _wrong(text, f"want seconds above 0 and up to {DELAY_MAX_S:.0f}")
    return seconds


def _wrong(text: str, message: str) -> InvalidInput:
    return InvalidInput(f"{text!r:.60}: {message}", field="core_behaviour")
