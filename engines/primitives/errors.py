"""The error kinds of the house: one root, six kinds, each named for what the caller can do about it.

A specific error subclasses a kind and brings its own `code`, a stable slug for clients, logs and metrics.
Not for foreign exceptions: the folder that meets one translates it with `raise Kind(...) from error`.
"""


class TidemarkError(Exception):
    code = "internal"

    def __init__(self, message: str, **facts: str | int) -> None:
        super().__init__(message)
        self.facts = facts


class InvalidInput(TidemarkError):
    """The caller can correct it: `facts` name the field and the record."""

    code = "invalid-input"


class NotFound(TidemarkError):
    """Nothing of that name exists, or the caller may not know that it does."""

    code = "not-found"


class Rejected(TidemarkError):
    """A business rule said no; nothing was recorded."""

    code = "rejected"


class Forbidden(Rejected):
    """The actor's role, or a segregation-of-duties rule, does not allow it; nothing was recorded."""

    code = "forbidden"


class Conflict(TidemarkError):
    """Someone was first: reload and decide again."""

    code = "conflict"


class Unavailable(TidemarkError):
    """A part we depend on is not there now: try later."""

    code = "unavailable"


class CorruptRecord(TidemarkError):
    """A record or a log that cannot be what it claims: dead letter, or a partition that stops loudly."""

    code = "corrupt-record"
