"""Pivots as a reader may ask them: sources with their fields, an answer of one cut, its file, the rows behind a cell.

Entities are the reader's, ledgers' rows by the ledgers' own rule; for who sees masked values only, personal
dimensions are masked before anything is grouped, filtered or drilled by them. Every answer names its cut; asked again
at that cut it is the same to the byte.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from aggregates.envelope import Principal
from api import past, trust
from api.auth import permitted
from api.figures import PAIR, Query
from api.ledger_desk import LedgerDesk, Question
from api.ledger_exports import Exported, form_of
from api.moments import moment as read_moment
from api.pivot_entries import NAME as ENTRIES
from api.pivot_entries import SOURCE as ENTRY_SOURCE
from api.pivot_entries import archived, entry_facts
from api.pivot_facts import (
    ACCOUNTS,
    GAP,
    LEDGER,
    POSITIONS,
    account_rows,
    facts_of,
    gap_rows,
    ledger_rows,
    ledger_source,
    position_rows,
)
from api.routes.figures import require_ready
from api.services import Services
from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from infra import pivot, pivot_table
from infra.exports import Language, stamp_of
from infra.exports.cells import exact
from infra.masking import sees_masked_only
from infra.pivot_cube import Rates
from infra.pivot_definition import Definition, Function, Moment, check
from infra.pivot_fields import Source
from infra.pivot_query import Facts, Limits, behind, opened
from projections.ledgers.frame import fields_of
from projections.ledgers.query import Query as LedgerQuery
from projections.ledgers.registry import LEDGERS, ledger_of
from projections.ledgers.table import LedgerTable
from streams.topics import BUSINESS_DATE, FX_STATE, POSITION, TXN
from streams.topics import GAP as GAP_TOPIC
from streams.views import RiskView

#: The figure of `/trust` that the rows of each source stand on; those of a ledger on the ledgers'.
TRUSTED_AS = {
    POSITIONS.name: "positions",
    ACCOUNTS.name: "positions",
    GAP.name: "gap",
    ENTRIES: "positions-by-date",
}
NO_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
TITLE_MAX = 200
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cut:
    """What an answer stands on. `known_at` and `position` stand in a file's stamp."""

    offsets: Mapping[str, int] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    days: Mapping[str, str] = field(default_factory=dict)
    as_of: date | None = None
    known_at: datetime = NO_INSTANT
    position: int = 0

    def to_json(self) -> Json:
        return {
            "offsets": dict(sorted(self.offsets.items())),
            "log": dict(sorted(self.logs.items())),
            "days": dict(sorted(self.days.items())),
            "as_of": self.as_of and self.as_of.isoformat(),
            "known_at": exact(self.known_at),
            "position": self.position,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    pivot: pivot.Pivot
    cut: Cut
    body: Json

    def table(self, name: str, title: str) -> LedgerTable:
        day = self.cut.as_of or self.cut.known_at.date()
        return pivot_table.to_table(
            self.pivot,
            name=name,
            title=title,
            as_of=day,
            known_at=self.cut.known_at,
            position=self.cut.position,
        )


@dataclass(frozen=True, slots=True)
class Pivots:
    """`partitions` and `horizon_days` are those of the entries' log and of its fold; `limits` bound one question."""

    partitions: int
    horizon_days: int
    limits: Limits = field(default_factory=Limits)

    def run(self, ours: Services, asked: Definition, reader: Principal, *, masked: bool = False) -> Answer:
        """The answer as `reader` may see it; `masked`: with personal values masked whatever the reader's rights are.

        Raises InvalidInput naming the part that cannot be; NotFound: no such source; Unavailable: no facts here.
        """
        check(asked, source_of(asked.source))
        with tempfile.TemporaryDirectory(prefix="tidemark-facts-") as folder:
            facts, cut, rates = self._facts(ours, asked, asked.moment, reader, Path(folder), masked=masked)
            before, cut_before, rates_before = None, None, None
            if asked.compare is not None and any(one.function is Function.CHANGE for one in asked.measures):
                place = Path(folder) / "before"
                place.mkdir()
                then = self._facts(ours, asked, asked.compare, reader, place, masked=masked)
                before, cut_before, rates_before = then
            found = pivot.run(facts, asked, rates, before=before, rates_before=rates_before, limits=self.limits)
        body = pivot_table.to_json(found)
        body["cut"] = cut.to_json()
        body["compared_with"] = cut_before and cut_before.to_json()
        body["rates"] = None if rates is None else {ccy: str(rate) for ccy, rate in sorted(rates.items()) if rate}
        body["masked"] = masked or sees_masked_only(reader)
        digest = pivot_table.digest_of(body)
        body["provenance"] = {
            "digest": digest,
            "engine_version": ours.engine_version,
            "config_version": ours.config_version,
        }
        if asked.moment.known_at is None:  # nothing is known of the feeds of a past moment
            allowed = permitted(reader, None)
            figure: Json = {"figure": TRUSTED_AS.get(asked.source, "ledgers")}
            figure["filters"] = {} if allowed is None else {"entity": allowed}
            # Beside the digest: the same cut has the same answer, whatever became of its feeds.
            marked = trust.compact(ours, figure, dict(cut.offsets), () if rates is None else ("rates",))
            if marked is not None:
                body["provenance"]["trust"] = marked
        return Answer(found, cut, body)

    def export(
        self,
        ours: Services,
        asked: Definition,
        reader: Principal,
        form: str,
        language: Language,
        *,
        name: str = "pivot",
        title: str = "",
        masked: bool = False,
    ) -> Exported:
        """The answer as a file with its stamp: the same question at the same cut by the same user, the same bytes."""
        made = form_of(form)
        answer = self.run(ours, asked, reader, masked=masked)
        table = answer.table(name, (title or "Pivot")[:TITLE_MAX])
        digest = answer.body["provenance"]["digest"]
        stamp = stamp_of(table, user=reader.actor, language=language, asked=f"{_asked(answer)}; result {digest}")
        out = BytesIO()
        made.write(table, stamp, out)
        return Exported(out.getvalue(), stamp, made)

    def drill(
        self,
        ours: Services,
        asked: Definition,
        reader: Principal,
        row: list[str],
        column: list[str],
        limit: int,
        offset: int,
    ) -> Json:
        """The facts behind one cell, named by its members from the outermost on."""
        check(asked, source_of(asked.source))
        with tempfile.TemporaryDirectory(prefix="tidemark-facts-") as folder:
            facts, cut, rates = self._facts(ours, asked, asked.moment, reader, Path(folder), masked=False)
            found = pivot.run(facts, asked, rates, limits=self.limits)
            whole = found.asked
            if len(row) > len(whole.rows) or len(column) > len(whole.columns):
                raise InvalidInput("more members than dimensions", field="row")
            members = dict(zip(whole.rows, row, strict=False)) | dict(zip(whole.columns, column, strict=False))
            with opened(facts, self.limits) as database:
                columns, rows, count = behind(database, whole, members, found.tops, limit, offset)
        shown = [dict(zip(columns, (_plain(cell) for cell in line), strict=True)) for line in rows]
        if asked.source == ENTRIES:
            shown = [{**one, "place": f"{TXN}/{one['partition']}/{one['offset']}"} for one in shown]
        return {"columns": columns, "rows": shown, "row_count": count, "cut": cut.to_json(), "members": members}

    def _facts(
        self, ours: Services, asked: Definition, moment: Moment, reader: Principal, folder: Path, *, masked: bool
    ) -> tuple[Facts, Cut, Rates | None]:
        if asked.source.startswith(LEDGER):
            facts, cut = _ledger_facts(ours, asked.source, moment, reader, folder, masked=masked)
            return facts, *_rated(ours, asked, moment, cut)
        entities = permitted(reader, None)
        view = _view(ours, moment, asked.source)
        if isinstance(view, RiskView):
            facts, cut, rates = self._of_view(ours, view, asked, moment, entities, folder)
        else:
            facts, cut, rates = ours.live.read(
                lambda live: self._of_view(ours, live, asked, moment, entities, folder)
            )
        if masked or sees_masked_only(reader):
            facts = replace(facts, source=_masked(facts.source))
        return facts, cut, rates

    def _of_view(
        self,
        ours: Services,
        view: RiskView,
        asked: Definition,
        moment: Moment,
        entities: frozenset[str] | None,
        folder: Path,
    ) -> tuple[Facts, Cut, Rates | None]:
        as_of = view.as_of(moment.as_of)
        days = {entity: day.isoformat() for entity, day in as_of.by_entity.items()}
        topics = {POSITIONS.name: (POSITION, BUSINESS_DATE), GAP.name: (GAP_TOPIC, BUSINESS_DATE)}.get(
            asked.source, (BUSINESS_DATE,)
        )
        offsets, logs = view.offsets(*topics), view.logs(*topics)
        if asked.source == POSITIONS.name:
            facts = facts_of(POSITIONS, position_rows(view, as_of), folder, "facts", entities)
        elif asked.source == GAP.name:
            facts = facts_of(GAP, gap_rows(view, as_of), folder, "facts", entities)
        elif asked.source == ACCOUNTS.name:
            accounts = ours.account_source
            if accounts is None or moment.at_offsets is not None or moment.known_at is not None:
                raise Unavailable("accounts are asked of the newest snapshots; take entries for a past cut")
            folded, found = accounts(as_of, {})
            offsets = dict(folded) | offsets
            facts = facts_of(ACCOUNTS, account_rows(found), folder, "facts", entities)
        else:
            facts, read = self._entries(ours, view, moment, entities)
            offsets = read | offsets
        rates = _rates(view, asked.reporting_currency)
        if rates is not None:
            offsets, logs = offsets | view.offsets(FX_STATE), logs | view.logs(FX_STATE)
        newest = view.last_event_time(GAP_TOPIC if asked.source == GAP.name else POSITION)
        used = [day for day in as_of.by_entity.values()] if moment.as_of is None else [moment.as_of]
        known_at = NO_INSTANT if newest is None else datetime.fromisoformat(newest).astimezone(UTC)
        cut = Cut(offsets, logs, days, max(used, default=None), known_at, sum(offsets.values()))
        return facts, cut, rates

    def _entries(
        self, ours: Services, view: RiskView, moment: Moment, entities: frozenset[str] | None
    ) -> tuple[Facts, dict[str, int]]:
        if ours.archive is None:
            raise Unavailable("this server reads no archive")
        wanted = moment.at_offsets
        if moment.known_at is not None:
            wanted = past.reader(ours).vector_at(_instant(moment.known_at), (TXN,))
        cut = archived(ours.archive, self.partitions, wanted)
        facts = entry_facts(ours.archive, cut, view.as_of(moment.as_of), entities, self.horizon_days)
        return facts, cut


# --- Sources -------------------------------------------------------------------------------------------------------

SOURCES: Mapping[str, Source] = {one.name: one for one in (POSITIONS, ACCOUNTS, GAP, ENTRY_SOURCE)}


def source_of(name: str) -> Source:
    """Raises NotFound: there is none of this name."""
    if name in SOURCES:
        return SOURCES[name]
    if not name.startswith(LEDGER):
        raise NotFound(f"no source {name!r:.60}; one of {', '.join(SOURCES)}, {LEDGER}NAME", field="source")
    ledger = ledger_of(name.removeprefix(LEDGER))
    return ledger_source(ledger.name, ledger.title, ledger.title_zh, [one.column for one in fields_of(ledger)])


def described(ours: Services) -> list[Json]:
    """Every source with its fields and what can be asked of each."""
    ledgers = [source_of(LEDGER + name) for name in LEDGERS] if ours.ledger_exports is not None else []
    return [_told(source) for source in (*SOURCES.values(), *ledgers)]


def _told(source: Source) -> Json:
    return {
        "name": source.name,
        "title": source.title,
        "title_zh": source.title_zh,
        "closing_date": source.closing_date or None,
        "has_currency": bool(source.currency),
        "fields": [
            {
                "name": one.name,
                "title": one.title,
                "title_zh": one.title_zh,
                "kind": one.kind.value,
                "grain": one.grain and one.grain.value,
                "personal": one.personal,
            }
            for one in source.fields.values()
        ],
    }


def _masked(source: Source) -> Source:
    """Personal members are masked before anything is asked about them."""

    def hidden(expression: str) -> str:
        return (
            f"CASE WHEN {expression} = '-' THEN '-' WHEN length({expression}) > 7 "
            f"THEN '****' || right({expression}, 4) ELSE '***' END"
        )

    fields = {
        name: replace(one, expression=hidden(one.expression)) if one.personal else one
        for name, one in source.fields.items()
    }
    return replace(source, fields=fields)


def _ledger_facts(
    ours: Services, name: str, moment: Moment, reader: Principal, folder: Path, *, masked: bool
) -> tuple[Facts, Cut]:
    if ours.ledger_exports is None:
        raise Unavailable("this server keeps no ledgers")
    desk = ours.ledger_exports.desk
    if masked and ours.ledgers is not None:
        unseen = ours.masking.lens(None).text
        desk = LedgerDesk(ours.ledgers, ours.assets, lambda _reader: unseen)
    known_at = read_moment(moment.known_at, "known_at")
    table = desk.answer(Question(name.removeprefix(LEDGER), LedgerQuery(), moment.as_of, known_at), reader)
    source = ledger_source(table.name, table.title, table.title_zh, table.columns)
    cut = Cut(as_of=table.as_of, known_at=table.known_at, position=table.position)
    return facts_of(source, ledger_rows(table), folder, "facts", None), cut


def _rated(ours: Services, asked: Definition, moment: Moment, cut: Cut) -> tuple[Cut, Rates | None]:
    """A ledger's cut with the rates in force; its currency is converted at the newest, or at the cut asked for."""
    if asked.reporting_currency is None:
        return cut, None
    view = _view(ours, Moment(at_offsets=moment.at_offsets), POSITIONS.name)

    def rated(found: RiskView) -> tuple[Cut, Rates | None]:
        places = replace(cut, offsets=found.offsets(FX_STATE), logs=found.logs(FX_STATE))
        return places, _rates(found, asked.reporting_currency)

    return rated(view) if isinstance(view, RiskView) else ours.live.read(rated)


def _view(ours: Services, moment: Moment, name: str) -> RiskView | None:
    """The view at a past cut; None: the live one, which is ready."""
    if moment.at_offsets is None and moment.known_at is None:
        require_ready(ours)
        return None
    instant = None if moment.known_at is None else _instant(moment.known_at)
    figure = GAP.name if name == GAP.name else POSITIONS.name
    return past.replayed(ours, Query(PAIR, moment.as_of, {}, moment.at_offsets, instant), figure).view


def _instant(text: str) -> datetime:
    found = read_moment(text, "known_at")
    if not isinstance(found, datetime):
        raise InvalidInput("the records of a log want an instant with its zone", field="known_at")
    return found


def _rates(view: RiskView, reporting: str | None) -> Rates | None:
    if reporting is None:
        return None
    known = view.fx_rates()
    currencies = {currency for pair in known.mids for currency in pair} | {reporting}
    return {currency: known.rate(currency, reporting) for currency in sorted(currencies)}


def _asked(answer: Answer) -> str:
    """What a file's stamp says of the question."""
    whole = answer.pivot.asked
    parts = {
        "source": whole.source,
        "rows": ", ".join(whole.rows),
        "columns": ", ".join(whole.columns),
        "measures": ", ".join(map(str, whole.measures)),
        "where": "; ".join(map(str, whole.where)),
        "in": whole.reporting_currency or "",
    }
    return "; ".join(f"{name}: {text}" for name, text in parts.items() if text)


def _plain(cell: object) -> str | int | bool | None:
    if cell is None or isinstance(cell, bool | int | str):
        return cell
    return f"{cell:f}" if hasattr(cell, "as_tuple") else str(cell)
