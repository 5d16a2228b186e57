"""Pages of lists, the same everywhere: `limit` and `cursor` in, `cursor` out, and the next page as a `Link`.

A cursor is to be given back as it came, and means nothing else; null: there is no further page. What a page holds is
what the list holds when it is asked, after the row that the cursor names: rows that come or go meanwhile neither
repeat nor hide others.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request, Response

from engines.primitives.errors import InvalidInput

LIMIT_MAX = 10_000
PLACE_MAX = 10_000_000

Cursor = Annotated[
    str | None,
    Query(min_length=1, max_length=20_000, description="`cursor` of the page before; default: the first page"),
]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="rows at most")]


def page_of(rows: Sequence[Mapping[str, Any]], cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of states. Each begins with its business key, by which the cursor names the last one of a page.

    Raises InvalidInput: no row of the list has that key.
    """
    start = 0
    if cursor is not None:
        start = next((place for place, row in enumerate(rows, 1) if _key(row) == cursor), 0)
        if not start:
            raise InvalidInput("no such page: give back the cursor of the page before", field="cursor")
    page = rows[start : start + limit]
    more = start + limit < len(rows)
    return {"rows": page, "cursor": _key(page[-1]) if more else None}


def place_of(cursor: str | None, start: int) -> int:
    """How many rows to pass over, from a cursor that is a number. Raises InvalidInput."""
    if cursor is None:
        return start
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 8 and int(cursor) <= PLACE_MAX):
        raise InvalidInput("give back the cursor of the page before", field="cursor")
    return int(cursor)


def next_place(start: int, shown: int, count: int) -> str | None:
    """The cursor after `shown` rows from `start` on, of `count`."""
    return str(start + shown) if shown and start + shown < count else None


def paged(request: Request, body: Mapping[str, Any]) -> Response:
    """A body with a `cursor`, and the link that follows from it."""
    answer = Response(msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-store"})
    return linked(answer, request, body["cursor"])


def linked(answer: Response, request: Request, cursor: str | int | None) -> Response:
    """The answer with the address of the next page (RFC 8288), where there is one."""
    if cursor is not None:
        following = request.url.include_query_params(cursor=cursor)
        answer.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return answer


def _key(row: Mapping[str, Any]) -> str:
    return str(next(iter(row.values())))
