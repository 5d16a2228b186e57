"""Search over every aggregate: by key, text fields (Chinese too, any part of a word), tags and filters; paged.

A row's text is normalised when it is first searched after a change (NFKC, case folded): a search is a plain scan.
Results are ordered by the position of the first event, newest first: new events never move a row between pages.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.primitives.errors import InvalidInput
from projections.work.cases import CaseRow
from projections.work.subjects import customers_of

if TYPE_CHECKING:
    from projections.work.state import WorkState

PAGE_MAX = 200
QUERY_LENGTH_MAX = 200
GLUE = "\x1f"  # between fields, so that no match runs across two of them
_LISTS = ("tags",)
#: Facts that are digests or machine text: nobody looks for them, and they would match by chance.
_NOT_SEARCHED = frozenset(("snapshot_hash", "sha256", "fields_hash", "graph_hash", "rate_terms", "claim_snapshot"))


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions hold together; None asks nothing. `text`: words that each occur somewhere in the row."""

    text: str = ""
    aggregate: str | None = None
    stage: str | None = None
    entity: str | None = None
    org: str | None = None
    classification: str | None = None
    customer_no: str | None = None
    tag: str | None = None
    is_open: bool | None = None
    before: int | None = None  # the cursor: rows that were made before this position
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    rows: tuple[CaseRow, ...]
    cursor: int | None  # None: this was the last page


def normalised(text: str) -> str:
    """Compatibility forms made one (full-width digits, ligatures) and case folded."""
    return unicodedata.normalize("NFKC", text).casefold()


def text_of(case: CaseRow) -> str:
    """All that a row can be found by."""
    found = [case.key, *(str(tag) for name in _LISTS for tag in case.listed(name))]
    for name, value in case.facts.items():
        if name not in _NOT_SEARCHED:
            found.extend(_texts(value))
    for profile in case.named.get("profile", {}).values():
        found.extend(_texts(profile["facts"]))
    return normalised(GLUE.join(found))


def search(state: "WorkState", query: Query, may_see: Callable[[CaseRow], bool]) -> Page:
    """One page of what a reader may see. Raises InvalidInput: limit or text out of bounds."""
    if not 1 <= query.limit <= PAGE_MAX:
        raise InvalidInput(f"limit is 1 to {PAGE_MAX}", field="limit")
    if len(query.text) > QUERY_LENGTH_MAX:
        raise InvalidInput(f"a query has at most {QUERY_LENGTH_MAX} characters", field="q")
    rows = []
    for case in _matching(state, query):
        if may_see(case):
            rows.append(case)
        if len(rows) > query.limit:
            break
    more = len(rows) > query.limit
    shown = tuple(rows[: query.limit])
    return Page(shown, shown[-1].made_at if more else None)


def _matching(state: "WorkState", query: Query) -> Iterator[CaseRow]:
    words = normalised(query.text).split()
    known = state.of_kind(query.aggregate) if query.aggregate is not None else state.cases.values()
    for case in reversed(list(known)):
        if query.before is not None and case.made_at >= query.before:
            continue
        if _fits(state, query, case):
            text = state.text(case) if words else ""
            if all(word in text for word in words):
                yield case


def _fits(state: "WorkState", query: Query, case: CaseRow) -> bool:
    asked = ((query.stage, case.stage), (query.entity, case.entity), (query.org, case.branch))
    if any(wanted not in (None, value) for wanted, value in asked):
        return False
    if query.tag is not None and query.tag not in case.tags:
        return False
    if query.is_open is not None and query.is_open != state.is_open(case):
        return False
    if query.classification is not None:
        claim = state.claims.get(case.key) if case.aggregate == "RiskAsset" else None
        if claim is None or claim.classification != query.classification:
            return False
    return query.customer_no is None or query.customer_no in customers_of(state, case)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
