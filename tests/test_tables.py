from tests.tables import PAGE, page


def test_the_page_shows_the_tables_as_they_are() -> None:
    """Run `python -m tests.tables` after a table has changed."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text
