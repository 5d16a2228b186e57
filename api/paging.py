"""Pages of lists, the same everywhere: `limit` and `cursor` in, `cursor` out, and the next page as a `Link`.

A cursor is to be given back as it came, and means nothing else; null: there is no further page. What a page holds is
what the list holds when it is asked, after the row that the cursor names: rows that come or go meanwhile neither
repeat nor hide others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import dropwhile, islice
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from fastapi import Query, Request, Response

from engines.primitives.errors import InvalidInput

LIMIT_MAX = 10_000
PLACE_MAX = 10_000_000
NO_SUCH_PAGE = "no such page: give back the cursor of the page before"

Cursor = Annotated[
    str | None,
    Query(min_length=1, max_length=20_000, description="`cursor` of the page before; default: the first page"),
]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="rows at most")]

Row = TypeVar("Row")
Place = tuple[str | int, ...]


class PageAsked(NamedTuple):
    """Which rows of a list: so many after the place that the cursor names."""

    cursor: str | None = None
    limit: int = LIMIT_MAX


def page_of(rows: Sequence[Mapping[str, Any]], cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of states. Each begins with its business key, by which the cursor names the last one of a page.

    Raises InvalidInput: no row of the list has that key.
    """
    start = 0
    if cursor is not None:
        start = next((place for place, row in enumerate(rows, 1) if _key(row) == cursor), 0)
        if not start:
            raise InvalidInput(NO_SUCH_PAGE, field="cursor")
    page = rows[start : start + limit]
    more = start + limit < len(rows)
    return {"rows": page, "cursor": _key(page[-1]) if more else None}


def page_after(rows: Iterable[Row], asked: PageAsked, place: Callable[[Row], Place]) -> tuple[list[Row], str | None]:
    """A page of rows that stand in the order of `place`, which no two share, and the cursor of the next one.

    The cursor is the place of the page's last row: the next page begins right after it even where that row, a to-do
    that was done, has gone meanwhile. Raises InvalidInput: the cursor is none of this list's.
    """
    if asked.cursor is not None:
        last = place_named(asked.cursor)
        rows = dropwhile(lambda row: place(row) <= last, rows)
    try:
        page = [*islice(rows, asked.limit + 1)]
    except TypeError as error:  # a number where another list has a text
        raise InvalidInput(NO_SUCH_PAGE, field="cursor") from error
    if len(page) <= asked.limit:
        return page, None
    return page[:-1], cursor_of(place(page[-2]))


def cursor_of(place: Place) -> str:
    return msgspec.json.encode(place).decode()


def place_named(cursor: str) -> Place:
    """The place in a cursor. Raises InvalidInput."""
    try:
        return tuple(msgspec.json.decode(cursor, type=list[str | int]))
    except msgspec.MsgspecError as error:
        raise InvalidInput(NO_SUCH_PAGE, field="cursor") from error


def place_of(cursor: str | None, start: int) -> int:
    """How many rows to pass over, from a cursor that is a number. Raises InvalidInput."""
    if cursor is None:
        return start
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 8 and int(cursor) <= PLACE_MAX):
        raise InvalidInput(NO_SUCH_PAGE, field="cursor")
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
