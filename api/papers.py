"""Papers of cases as the API offers them: the desk that writes them, the attachments, the batch upload."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message

from aggregates.assets import Assets
from api.batch_upload import Uploads
from api.masking import Masking
from engines.primitives.errors import InvalidInput
from infra.attachments import CHUNK_BYTES, Attachments
from infra.documents.catalogue import Catalogue
from infra.documents.desk import Desk
from infra.settings import Settings

#: What a multipart body holds beside the file.
ENVELOPE_BYTES_MAX = 65_536
FIELDS_MAX = 10


@dataclass(frozen=True, slots=True)
class Papers:
    desk: Desk
    attachments: Attachments
    uploads: Uploads


def open_papers(
    settings: Settings, assets: Assets, clock: Callable[[], datetime], masking: Masking | None = None
) -> Papers:
    """Raises InvalidInput where one of the bank's own templates cannot be read."""
    keys = None if masking is None else masking.keys
    attachments = Attachments(settings.attachments, bytes_max=settings.attachment_bytes_max, keys=keys)
    lens = None if masking is None else masking.lens
    desk = Desk(assets, Catalogue(settings.template_dir), attachments, clock, lens)
    return Papers(desk, attachments, Uploads(assets, attachments, clock))


@asynccontextmanager
async def form_of(request: Request, bytes_max: int) -> AsyncIterator[FormData]:
    """The multipart form of a request; its file goes to disk as it comes. Raises InvalidInput beyond the size."""
    limit, seen = bytes_max + ENVELOPE_BYTES_MAX, 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise InvalidInput(f"want at most {bytes_max} bytes", field="file")
        return message

    async with Request(request.scope, receive).form(max_files=1, max_fields=FIELDS_MAX) as form:
        yield form


def file_of(form: FormData) -> UploadFile:
    found = form.get("file")
    if not isinstance(found, UploadFile) or not found.filename:
        raise InvalidInput("want a multipart form with a file", field="file")
    return found


def field_of(form: FormData, name: str, *, required: bool = False) -> str | None:
    found = form.get(name)
    if isinstance(found, str) and found:
        return found
    if required:
        raise InvalidInput(f"{name} is missing", field=name)
    return None


def chunks_of(file: Any) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def disposition(name: str) -> str:
    """Content-Disposition of a download: saved, never shown in place; any name in RFC 8187's form."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def form_schema(**fields: str) -> dict[str, Any]:
    """For OpenAPI: a multipart form with a file and these fields."""
    properties: dict[str, Any] = {"file": {"type": "string", "format": "binary"}}
    properties |= {name: {"type": "string", "description": meaning} for name, meaning in fields.items()}
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
