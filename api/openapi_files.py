"""How answers that are files are told in OpenAPI."""

from typing import Any

from infra.exports import FORMS

ANY_TYPE = "*/*"
#: A JSON file is given out by its bytes, not by its fields.
JSON_FILE = {"type": ["object", "array"], "x-file": True}
#: Of whatever is exported.
FILE_TYPES = tuple(form.media_type.partition(";")[0] for form in FORMS.values())
BINARY = {"type": "string", "format": "binary"}
Responses = dict[int | str, dict[str, Any]]


def files(*media_types: str, partial: bool = False) -> Responses:
    """200 with a file of one of these types; `partial`: also 206 and 416, for a download that goes on by `Range`."""
    content = {kind: {"schema": JSON_FILE if kind == "application/json" else BINARY} for kind in media_types}
    found: Responses = {200: {"description": "the file", "content": content}}
    found[304] = {"description": "what you have still holds"}
    if partial:
        found[206] = {"description": "the part that `Range` names", "content": content}
        text = {"text/plain": {"schema": {"type": "string"}}}
        found[416] = {"description": "the file is shorter than `Range` says", "content": text}
    return found
