"""Pages of lists by a place: together they are the list, whatever comes and goes meanwhile."""

from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.cli.client import Api
from api.paging import PageAsked, cursor_of, page_after
from engines.primitives.errors import InvalidInput
from infra.settings import Settings

Row = tuple[int, str]
ROWS = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from("abcd")), unique=True, max_size=12).map(sorted)


@settings(max_examples=60)
@given(rows=ROWS, gone=st.sets(st.integers(0, 11)), late=ROWS, limit=st.integers(1, 4))
def test_rows_that_come_or_go_neither_repeat_nor_hide_others(
    rows: list[Row], gone: set[int], late: list[Row], limit: int
) -> None:
    page, cursor = page_after(rows, PageAsked(None, limit), lambda row: row)
    seen = list(page)
    rows_now = sorted({row for at, row in enumerate(rows) if at not in gone} | set(late))
    while cursor is not None:
        page, cursor = page_after(rows_now, PageAsked(cursor, limit), lambda row: row)
        assert len(page) <= limit
        seen += page
    assert seen == sorted(set(seen))
    if len(rows) > limit:
        assert set(seen[limit:]) == {row for row in rows_now if row > rows[limit - 1]}
    else:
        assert seen == rows


@pytest.mark.parametrize("cursor", ["", "7", "{}", "[1.5]", '["text"]', "[1", "[null]"])
def test_a_cursor_of_something_else_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        page_after([1, 2, 3], PageAsked(cursor, 1), lambda row: (row,))
    assert caught.value.facts["field"] == "cursor"


def test_the_last_page_has_no_cursor() -> None:
    assert page_after([1, 2], PageAsked(None, 2), lambda row: (row,)) == ([1, 2], None)
    assert page_after([1, 2], PageAsked(cursor_of((2,)), 2), lambda row: (row,)) == ([], None)


def test_the_command_line_reads_all_pages(tmp_path: Path) -> None:
    pages = {None: (["a", "b"], '["b"]'), '["b"]': (["c"], None)}

    def answer(request: httpx.Request) -> httpx.Response:
        rows, cursor = pages[request.url.params.get("cursor")]
        return httpx.Response(200, json={"views": rows, "cursor": cursor, "of": request.url.params["name"]})

    asked = Settings.model_validate({"data_dir": tmp_path, "token": "t"})
    with Api(asked, transport=httpx.MockTransport(answer)) as api:
        found = api.get_all("/somewhere", "views", name="N")
    assert found == {"views": ["a", "b", "c"], "cursor": None, "of": "N"}
