"""The work lists as a reader sees them: to-dos, what was done, deadlines, messages, search, tags.

Every answer stands at one position of the decision log, which it carries, and holds only what the reader may see.
Amounts are decimal strings. For totals and rankings see `work_totals.py`, for one customer or asset `work_views.py`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from aggregates.envelope import Principal
from api.auth import permitted
from api.paging import PageAsked, Place, page_after
from engines.primitives.money import to_text
from projections.work import deadlines as dated
from projections.work.cases import CaseRow
from projections.work.search import Query, search
from projections.work.sight import Sight, sight
from projections.work.state import Deed, WorkState
from projections.work.todos import Todo, todos

Json = dict[str, Any]
Days = Mapping[str, date]
LISTED = 500  # where a reader does not say how many
TOP = 10


@dataclass(frozen=True, slots=True)
class View:
    """The state as one reader sees it on a day. `today`: the bank day of each entity; `as_of`: one day instead."""

    state: WorkState
    reader: Principal
    today: Days
    as_of: date | None = None
    entity: str | None = None
    org: str | None = None

    @property
    def days(self) -> Days:
        return self.today if self.as_of is None else _OneDay(self.as_of)

    @property
    def seen(self) -> Sight:
        reader = self.reader
        entities = permitted(reader, self.entity)
        return sight(self.state, reader.roles, reader.organisation, entities, self.org)

    def stamped(self, **body: Any) -> Json:
        """An answer with the place of the log that it stands at."""
        state = self.state
        return {"position": state.position, "recorded_at": state.recorded_at or None, **body}


class _OneDay(dict[str, date]):
    def __init__(self, day: date) -> None:
        super().__init__()
        self._day = day

    def __missing__(self, _entity: str) -> date:
        return self._day


# --- To-dos, deadlines, messages -----------------------------------------------------------------------------------


def todo_list(
    view: View, asked: PageAsked, *, kind: str | None = None, mine: bool = False, everyone: bool = False
) -> Json:
    """What waits for the reader: most urgent first. `mine`: assigned to the reader, or to nobody in particular;
    `everyone`: for whatever role, to see where things wait."""
    reader, seen, state = view.reader, view.seen, view.state
    found = [
        todo
        for todo in todos(state, view.days)
        if (everyone or todo.is_for(reader.actor, reader.roles))
        and not (todo.kind == "VOTE" and not everyone and todo.assignee != reader.actor)
        and not (mine and todo.assignee not in (None, reader.actor))
        and seen.sees(state, state.cases[todo.aggregate, todo.key])
    ]
    counts = Counter(todo.kind for todo in found)
    shown = [todo for todo in found if kind in (None, todo.kind)]
    shown.sort(key=_todo_place)
    page, cursor = page_after(shown, asked, _todo_place)
    rows = [_todo(view, todo) for todo in page]
    return view.stamped(total=len(shown), counts=dict(sorted(counts.items())), rows=rows, cursor=cursor)


def done_list(view: View, asked: PageAsked) -> Json:
    """The reader's own newest deeds."""
    deeds = view.state.done.get(view.reader.actor, ())
    found = [deed for deed in reversed(deeds) if _may_see_deed(view, deed)]
    page, cursor = page_after(found, asked, lambda deed: (-deed.position,))
    return view.stamped(rows=[deed._asdict() for deed in page], cursor=cursor)


def deadline_list(view: View, asked: PageAsked, *, colour: str | None = None, rule: str | None = None) -> Json:
    """Every open term and date, most urgent first; lapsed ones stay until an event settles them."""
    state, seen = view.state, view.seen
    found = [
        line for line in dated.lines(state, view.days) if seen.sees(state, state.cases[line.aggregate, line.key])
    ]
    counts = Counter(line.colour for line in found)
    shown = [line for line in found if colour in (None, line.colour) and rule in (None, line.rule_code)]
    shown.sort(key=_line_place)
    page, cursor = page_after(shown, asked, _line_place)
    rows = [asdict(line) for line in page]
    return view.stamped(total=len(shown), counts=dict(sorted(counts.items())), rows=rows, cursor=cursor)


def message_list(view: View, asked: PageAsked, *, everyone: bool = False) -> Json:
    """Reminders sent to the reader or to one of the reader's roles, with what became of the message; notices."""
    state, seen, reader = view.state, view.seen, view.reader
    to = {reader.actor, *reader.roles}
    rows = []
    for term in state.of_kind("Deadline"):
        if seen.sees(state, term):
            facts = {name: term.facts.get(name) for name in ("rule_code", "subject", "act_by", "legal_due_on")}
            sent = [one for one in term.listed("reminders") if everyone or one.get("to") in to]
            rows += [{"deadline_no": term.key, **facts, **one, "delivery": _delivery(state, one)} for one in sent]
    rows.sort(key=_message_place)
    page, cursor = page_after(rows, asked, _message_place)
    return view.stamped(rows=page, notices=_notices(view), cursor=cursor)


def _notices(view: View) -> list[Json]:
    found = []
    for notice in view.state.of_kind("Notice"):
        audience = notice.facts.get("audience") or []
        until = notice.facts.get("until_date")
        reader = view.reader
        wanted = not audience or bool({reader.actor, reader.organisation, *reader.roles} & set(audience))
        current = until is None or str(until) >= view.days[notice.entity].isoformat()
        entities = view.seen.entities  # a notice is for its audience, wherever that works
        permitted_here = entities is None or notice.entity in entities
        if notice.stage == "PUBLISHED" and wanted and current and permitted_here:
            shown = {name: notice.facts.get(name) for name in ("title", "body", "until_date")}
            found.append({"notice_no": notice.key, "published_on": notice.since, **shown})
    return list(reversed(found))


def _todo_place(todo: Todo) -> Place:
    return (todo.due_on or "9999", todo.since, todo.aggregate, todo.key, todo.kind, _number(todo))


def _line_place(line: dated.DatedLine) -> Place:
    return (*dated.urgency(line), line.rule_code, line.subject)


def _message_place(row: Json) -> Place:
    return (-int(row["position"]), row["deadline_no"], *(str(row.get(name)) for name in ("step", "to", "message_id")))


def _number(todo: Todo) -> str:
    """What tells the to-dos of one kind and case apart, digits in their order; empty: there is one only."""
    found = todo.detail.get("item_no", todo.detail.get("split_no", todo.detail.get("warning_id", "")))
    return f"{found:>6}"


def _delivery(state: WorkState, reminder: Mapping[str, Any]) -> str | None:
    message = state.case("Notification", str(reminder.get("message_id", "-")))
    return None if message is None else message.stage


def _todo(view: View, todo: Todo) -> Json:
    shown = {name: value for name, value in asdict(todo).items() if name != "not_by"}
    today = view.days[todo.entity]
    due = None if todo.due_on is None else (date.fromisoformat(todo.due_on) - today).days
    colour = None if due is None else dated.colour_of(due, due, todo.state)
    return shown | {
        "id": "/".join(part for part in (todo.aggregate, todo.key, todo.kind, _number(todo).strip()) if part),
        "days_left": due,
        "colour": todo.detail.get("colour", colour),
        "days_waiting": (today - date.fromisoformat(todo.since)).days,
        "mine": todo.assignee == view.reader.actor,
    }


def _may_see_deed(view: View, deed: Deed) -> bool:
    return view.seen.sees(view.state, view.state.cases[deed.aggregate, deed.key])


# --- Search and tags -----------------------------------------------------------------------------------------------


def search_page(view: View, query: Query) -> Json:
    """One page of rows, newest first; `cursor` asks for the next one."""
    seen, state = view.seen, view.state
    page = search(state, query, lambda case: seen.sees(state, case))
    return view.stamped(rows=[found_row(state, case) for case in page.rows], cursor=page.cursor)


def tag_list(view: View, asked: PageAsked) -> Json:
    """The tags in use on loan notes and customers, with how many of each carry them."""
    state, seen = view.state, view.seen
    found: Counter[tuple[str, str]] = Counter()
    for kind in ("RiskAsset", "RiskCustomer"):
        for case in state.of_kind(kind):
            if case.tags and seen.sees(state, case):
                found.update((kind, tag) for tag in case.tags)
    page, cursor = page_after(sorted(found.items()), asked, lambda row: row[0])
    return view.stamped(rows=[{"aggregate": k, "tag": tag, "count": n} for (k, tag), n in page], cursor=cursor)


def found_row(state: WorkState, case: CaseRow) -> Json:
    """One row of a list of cases."""
    claim = state.claims.get(case.key) if case.aggregate == "RiskAsset" else None
    own = (
        {}
        if claim is None
        else {"classification": claim.classification, "claim": to_text(claim.claim_minor, case.ccy)}
    )
    return {
        "aggregate": case.aggregate,
        "key": case.key,
        "entity": case.entity,
        "org": case.branch,
        "ccy": case.ccy,
        "state": case.stage,
        "open": state.is_open(case),
        "since": case.since,
        "version": case.version,
        "changed_at": case.changed_at,
        "asset_nos": case.asset_nos,
        "customer_no": case.facts.get("customer_no") if claim is None else claim.customer_no,
        "tags": list(case.tags),
        **own,
    }
