"""How the stored fields of an event change from one version to the next: pure, total, and without a word to storage.

Stored bytes never change: chain and proofs stand over them as they were written (decision E6). What is old is read
through these functions instead, every time. Names are those of storage (`amount_minor`), values what the transcoder
gives. Not for what an event does to its aggregate: that is the row's effect, which knows the newest form only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Fields = Mapping[str, Any]
Upcast = Callable[[Fields], dict[str, Any]]

#: What every event has beside its row's fields; no upcast may touch these.
ENVELOPE_FIELDS = frozenset({"originator_id", "originator_version", "timestamp", "who", "fixture"})


@dataclass(frozen=True, slots=True)
class Rename:
    """The same value under another name. Where both stand, the new name wins."""

    old: str
    new: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.old, self.new)

    def __call__(self, fields: Fields) -> dict[str, Any]:
        rest = {name: value for name, value in fields.items() if name != self.old}
        return {self.new: fields[self.old], **rest} if self.old in fields else rest


@dataclass(frozen=True, slots=True)
class Add:
    """A field that old events lack: a constant, or what `default` reads from the other fields (None: it stays away).

    The value must be what was true then, not what would be convenient now.
    """

    name: str
    default: Any

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.name,)

    def __call__(self, fields: Fields) -> dict[str, Any]:
        if self.name in fields:
            return dict(fields)
        value = self.default(MappingProxyType(dict(fields))) if callable(self.default) else self.default
        return dict(fields) if value is None else {**fields, self.name: value}


@dataclass(frozen=True, slots=True)
class Drop:
    """A field that nobody reads any more. It stays in the stored bytes, and in the proofs."""

    name: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.name,)

    def __call__(self, fields: Fields) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if name != self.name}


@dataclass(frozen=True, slots=True)
class Split:
    """One field becomes several. `into` gets the old value, whatever it is, and gives the new fields by name."""

    name: str
    into: Callable[[Any], Fields]
    names: tuple[str, ...]

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.name, *self.names)

    def __call__(self, fields: Fields) -> dict[str, Any]:
        rest = {name: value for name, value in fields.items() if name != self.name}
        if self.name not in fields:
            return rest
        parts = self.into(fields[self.name])
        return {**{name: parts[name] for name in self.names if parts.get(name) is not None}, **rest}


Step = Rename | Add | Drop | Split


@dataclass(frozen=True, slots=True)
class Change:
    """From one version to the next; `why` is for whoever meets an old event in ten years.

    Raises TypeError: a step touches the envelope, which has a `schema` of its own.
    """

    why: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        touched = sorted(ENVELOPE_FIELDS & {name for step in self.steps for name in step.touches})
        if touched:
            raise TypeError(f"no upcast touches {', '.join(touched)}")
        if not self.why or not self.steps:
            raise TypeError("a change wants a reason and at least one step")

    def __call__(self, fields: Fields) -> dict[str, Any]:
        found = dict(fields)
        for step in self.steps:
            found = step(found)
        return found


@dataclass(frozen=True, slots=True)
class History:
    """Everything that ever changed about one event: `changes[0]` leads from version 1 to 2, and so on.

    `formerly`: topics it was stored under before. An event under an old topic counts its versions on the same line.
    """

    changes: tuple[Change, ...] = ()
    formerly: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        return len(self.changes) + 1

    def upcast(self, fields: Fields, version: int) -> dict[str, Any]:
        """Fields as stored in `version`, in the newest form."""
        found = dict(fields)
        for change in self.changes[version - 1 :]:
            found = change(found)
        return found
