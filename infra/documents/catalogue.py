"""The templates of the house: versioned data, those shipped with Tidemark and a bank's own.

A template is a TOML file, and beside it perhaps a .docx of the same stem whose text takes the place of its `body`. Of
the versions of one name the newest that is effective on the day of the paper is used. A bank's folder adds names and
versions; it takes the place of a shipped version that it repeats.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aggregates.registry import KINDS
from engines.primitives.errors import InvalidInput, NotFound
from infra.documents.composer import composed
from infra.files import read_bytes, read_bytes_or_none

SHIPPED = Path(__file__).parent / "templates"
FILE_BYTES_MAX = 4 * 1_048_576


class Linked(BaseModel):
    """The case whose fields come in as `linked_…`: its kind, and the field of the subject that holds its key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aggregate: str
    field: str


class Header(BaseModel):
    """What a template says about itself. `stages`: in which its paper may be made, none: any. `records`: the command
    that tells of the paper, as `LegalDocument.Generate`, or `PrintNotice` of the subject itself; none: the reference
    goes into the `docs` of a command that follows. `entered`: fields a person fills, with their Chinese labels.
    `optional`: fields that the text asks for by `is defined`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,50}$")
    version: int = Field(ge=1)
    effective_from: date
    aggregate: str
    title: str
    stages: tuple[str, ...] = ()
    records: str = ""
    linked: Linked | None = None
    entered: Mapping[str, str] = {}
    optional: tuple[str, ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A header, the .docx with unfilled places, and the digest of the files it was read from."""

    header: Header
    docx: bytes
    digest: str

    @property
    def name(self) -> str:
        return self.header.name

    def to_json(self) -> dict[str, Any]:
        told = self.header.model_dump(mode="json", exclude={"body"})
        return told | {"digest": self.digest}


class Catalogue:
    def __init__(self, own: Path | None = None) -> None:
        """Raises InvalidInput, naming the file, where a template cannot be read."""
        self._files: dict[tuple[str, int], Path] = {}
        self._headers: dict[tuple[str, int], Header] = {}
        for folder in (SHIPPED, own):
            seen: set[tuple[str, int]] = set()
            for path in sorted(folder.glob("*.toml")) if folder is not None else ():
                header = _header(path)
                place = (header.name, header.version)
                if place in seen:
                    raise InvalidInput(
                        f"version {header.version} of {header.name} stands twice", template=str(path.name)
                    )
                seen.add(place)
                self._files[place], self._headers[place] = path, header

    def headers(self) -> Iterator[Header]:
        """All versions of all templates, by name."""
        return (self._headers[place] for place in sorted(self._headers))

    def template(self, name: str, *, on: date, version: int | None = None) -> Template:
        """The version in force on a day, or the one asked for. Raises NotFound."""
        numbers = [
            place[1]
            for place, header in self._headers.items()
            if place[0] == name and (header.effective_from <= on if version is None else place[1] == version)
        ]
        if not numbers:
            raise NotFound(f"no template {name!r:.60}, or none in force on {on}", template=name)
        place = (name, max(numbers))
        path, header = self._files[place], self._headers[place]
        text = read_bytes(path)
        word = read_bytes_or_none(path.with_suffix(".docx"))
        digest = sha256(text + (word or b"")).hexdigest()
        return Template(header, composed(header.body, template=name) if word is None else word, digest)


def _header(path: Path) -> Header:
    word = path.with_suffix(".docx")
    for file in (path, word):
        if file.is_file() and file.stat().st_size > FILE_BYTES_MAX:
            raise InvalidInput(f"{file.name} is larger than {FILE_BYTES_MAX} bytes", template=path.stem)
    try:
        header = Header.model_validate(tomllib.loads(read_bytes(path).decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} is not TOML: {error}", template=path.stem) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{path.name}: {field}: {first['msg']}", template=path.stem, field=field) from error
    unknown = [name for name in (header.aggregate, *_linked(header)) if name not in KINDS]
    if unknown:
        raise InvalidInput(f"{path.name}: no aggregate {unknown[0]}", template=path.stem, field="aggregate")
    if not header.body and not word.is_file():
        raise InvalidInput(f"{path.name} has no body and no .docx beside it", template=path.stem, field="body")
    return header


def _linked(header: Header) -> tuple[str, ...]:
    return () if header.linked is None else (header.linked.aggregate,)
