"""The tables of all aggregates as Markdown; `python -m tests.tables` rewrites them in `docs/risk-assets.md`.

They stand below a marker; what stands above it is written by hand. A test keeps both equal to the code.
"""

from collections.abc import Iterator
from pathlib import Path

from aggregates.registry import KINDS
from aggregates.steps.case import Case
from aggregates.steps.rows import IN_STAGE, Row

PAGE = Path(__file__).parent.parent / "docs" / "risk-assets.md"
MARKER = "<!-- Written by `python -m tests.tables` from here on. -->\n"
HEAD = ("command", "role", "from", "to", "refused unless (guard: clause)", "stores")


def page(text: str) -> str:
    """The page with its generated part renewed."""
    written, found, _ = text.partition(MARKER)
    if not found:
        raise ValueError("the page has no marker")
    return written + MARKER + "\n" + "\n".join(tables())


def tables() -> Iterator[str]:
    for kind in KINDS.values():
        yield from _table(kind)


def _table(kind: type[Case]) -> Iterator[str]:
    summary = (kind.__doc__ or "").strip().splitlines()[0]
    yield f"### {kind.NAME} (key `{kind.KEY}`)"
    yield summary
    yield ""
    yield _line(*HEAD)
    yield "|" + "---|" * len(HEAD)
    for row in kind.ROWS:
        yield _line(row.command, _roles(row), _from(row), _to(row), _guards(row), _event(row))
    yield ""


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _roles(row: Row) -> str:
    return " ".join(row.roles) + (", with its case" if row.partner else "")


def _from(row: Row) -> str:
    stages = ", ".join(row.stages)
    if row.makes:
        return "new"
    if row.makes_if_absent:
        return f"new, {stages or 'any'}"
    return "any" if row.any_stage else stages


def _to(row: Row) -> str:
    """Empty where the stage stays; a case's second process is named."""
    stage = "depends on what it says" if callable(row.next) else row.next
    return f"{stage} ({row.track})" if row.track and stage else stage


def _guards(row: Row) -> str:
    """In the order of judgement. In italics what happens outside of us: it counts as satisfied."""
    duties = [item for item in row.clauses if item.guard.startswith("SD")]
    others = [item for item in row.clauses if not item.guard.startswith("SD")]
    shown = []
    for item in (*duties, *others):
        if item.text == IN_STAGE:
            shown.append(f"{item.guard}: it is new" if row.makes else f"{item.guard}: from there")
        else:
            text = item.text if item.holds is not None else f"*{item.text}*"
            shown.append(f"{item.guard}: {text}")
    return "; ".join(shown)


def _event(row: Row) -> str:
    fields = ", ".join(spec.notation for spec in row.fields)
    more = f"; also takes {', '.join(spec.notation for spec in row.extra)}" if row.extra else ""
    return f"`{row.event}({fields})`{more}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
