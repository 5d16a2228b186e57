"""The writing desk: reads a case as it stood, fills a template, keeps the paper and tells the case of it.

Everything goes by what the reader may see, and each command by the roles of who asks; nothing here judges a case.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from aggregates.assets import Assets
from aggregates.commands import Command, Outcome
from aggregates.document_fields import document_fields, entered_fields, own_fields
from aggregates.envelope import Principal
from aggregates.past_cases import PastCase, past_case
from aggregates.registry import KINDS
from engines.primitives.errors import Conflict, InvalidInput, NotFound, Rejected
from infra.attachments import Attachment, Attachments
from infra.documents.catalogue import Catalogue, Template
from infra.documents.renderer import places_of, rendered
from infra.masking import NONE, Lens

ASSET = "RiskAsset"


@dataclass(frozen=True, slots=True)
class Wish:
    """One paper that is wanted. `known_at`: nothing recorded later is in it; default: all that is recorded now.
    `as_of`: nothing that counts later. `document_on`: the day it bears; default: `as_of`, else the bank day of
    `known_at`, else today. `version`: of the template; default: the one in force on that day. `aggregate`: kind of
    the case, where the asker wants it checked."""

    template: str
    key: str
    fields: Mapping[str, object] = field(default_factory=dict)
    as_of: date | None = None
    known_at: datetime | date | None = None
    document_on: date | None = None
    version: int | None = None
    aggregate: str | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A filled template. `document_no` follows from what the paper says, so the same paper has the same number."""

    document_no: str
    name: str
    content: bytes
    entity: str
    facts: Mapping[str, str]


class Desk:
    def __init__(
        self,
        assets: Assets,
        catalogue: Catalogue,
        attachments: Attachments,
        clock: Callable[[], datetime],
        lens: Callable[[Principal], Lens] | None = None,
    ) -> None:
        """`lens`: how a reader sees sealed values; a paper shows what its writer may see."""
        self.lens = lens or (lambda _reader: Lens(None, NONE))
        self.assets, self.catalogue, self.attachments, self.clock = assets, catalogue, attachments, clock

    def paper(self, wish: Wish, *, reader: Principal) -> Paper:
        """Fill the template; stores nothing. The same wish at the same state gives the same bytes.

        Raises NotFound (template, case), Rejected (the stage of the case has no such paper), MissingField,
        InvalidInput (a field that differs from what is recorded).
        """
        now = self.clock()
        cut = wish.known_at
        if isinstance(cut, datetime) and cut > now:
            raise InvalidInput("is in the future", field="known_at")
        # The template names the kind of aggregate, and the day that its version is chosen by needs the entity's zone.
        kind = self._kind(wish)
        subject = past_case(self.assets, kind, wish.key, reader=reader, known_at=cut, as_of=wish.as_of)
        entity = subject.case.entity_id
        seen_at = cut or now
        known_on = self.assets.bank_day(entity, seen_at) if isinstance(seen_at, datetime) else seen_at
        day = wish.document_on or wish.as_of or known_on
        template = self.catalogue.template(wish.template, on=day, version=wish.version)
        _check_stage(template, subject)
        notes = self._notes(subject, wish, cut, reader)
        linked = self._linked(template, subject, wish, cut, reader)
        known = document_fields(subject, notes, linked)
        values = known | entered_fields(wish.fields, known)
        sources = [subject, *notes, *([linked] if linked else [])]
        return _paper(template, subject, sources, values, day, self.lens(reader), self._keyed)

    def _keyed(self, value: Any) -> str:
        """A digest of what a paper says of people that nobody without the key can guess at (decision E8)."""
        digest = _digest(value)
        return self.assets.digests(digest.encode(), bytes.fromhex(digest))[0].hex()

    def draft(self, wish: Wish, *, cmd_id: str, writer: Principal) -> tuple[Attachment, Outcome | None]:
        """Fill, store, and give the command by which the case hears of it, where the template names one.

        The same `cmd_id` returns the document of the first time. Raises what `paper`, `Attachments.add` and
        `Assets.execute` raise; a paper whose command was refused is stored and cited nowhere.
        """
        text = repr((wish.template, wish.key, sorted(wish.fields.items()))).encode()
        asked = [digest.hex() for digest in self.assets.digests(text, sha256(text).digest())]
        stored = self.attachments.of_request(writer, cmd_id)
        if stored is None:
            paper = self.paper(wish, reader=writer)
            stored = self.attachments.add(
                [paper.content],
                paper.name,
                writer=writer,
                entity=paper.entity,
                at=self.clock(),
                doc_id=paper.document_no,
                facts={**paper.facts, "asked": asked[0]},
            )
            first = self.attachments.remember_request(writer, cmd_id, stored.doc_id)
            stored = stored if first == stored.doc_id else self.attachments.attachment(first, reader=writer)
        if stored.facts.get("asked") not in asked:
            raise Conflict("this cmd_id belongs to another document", field="cmd_id", cmd_id=cmd_id)
        return stored, self._tell(stored, cmd_id, writer)

    def _kind(self, wish: Wish) -> str:
        kinds = {header.aggregate for header in self.catalogue.headers() if header.name == wish.template}
        if not kinds:
            raise NotFound(f"no template {wish.template!r:.60}", template=wish.template[:60])
        if len(kinds) > 1:
            raise InvalidInput("its versions are for different aggregates", template=wish.template)
        kind = kinds.pop()
        if wish.aggregate not in (None, kind):
            raise InvalidInput(f"{wish.template} is a paper of {kind}", field="aggregate", template=wish.template)
        return kind

    def _notes(self, subject: PastCase, wish: Wish, cut: datetime | date | None, reader: Principal) -> list[PastCase]:
        """The loan notes of the case; one that was not admitted by then is left out."""
        found: list[PastCase] = []
        for loan_no in () if subject.case.NAME == ASSET else subject.case.asset_ids:
            try:
                found.append(past_case(self.assets, ASSET, loan_no, reader=reader, known_at=cut, as_of=wish.as_of))
            except NotFound:
                continue
        return found

    def _linked(
        self, template: Template, subject: PastCase, wish: Wish, cut: datetime | date | None, reader: Principal
    ) -> PastCase | None:
        link = template.header.linked
        key = None if link is None else subject.case.facts.get(link.field)
        if link is None or not key:
            return None
        return past_case(self.assets, link.aggregate, key, reader=reader, known_at=cut, as_of=wish.as_of)

    def _tell(self, stored: Attachment, cmd_id: str, writer: Principal) -> Outcome | None:
        facts = stored.facts
        aggregate, _, name = facts["records"].rpartition(".")
        if not name:
            return None
        key = stored.doc_id if aggregate else facts["key"]
        aggregate = aggregate or facts["aggregate"]
        row = KINDS[aggregate].rows_of(name)[0]
        known: dict[str, Any] = {
            "template": facts["template"],
            "template_version": int(facts["template_version"]),
            "fields_hash": facts["fields_hash"],
            "case_no": facts.get("case_no"),
            "doc_id": stored.doc_id,
            "copy_no": facts.get("copy_no") and int(facts["copy_no"]),
        }
        payload = {spec.name: known[spec.name] for spec in row.fields if known.get(spec.name) is not None}
        if row.makes:
            payload["entity_id"] = stored.entity
            told = self.assets.find(aggregate, key) is not None
            if told and self.assets.decisions.stored_command(cmd_id) is None:
                return None  # by another request for the very same paper
        command = Command(
            cmd_id=cmd_id,
            aggregate=aggregate,
            key=key,
            command=name,
            payload=payload,
            principal=writer,
            at=self.clock(),
            docs=(stored.doc_id,),
        )
        return self.assets.execute(command)


def _check_stage(template: Template, subject: PastCase) -> None:
    stages, stage = template.header.stages, subject.case.stage
    if stages and stage not in stages:
        raise Rejected(
            f"{template.name} is made in {', '.join(stages)}; {subject.case.NAME} {subject.case.key} is {stage}",
            guard="STATE",
            template=template.name,
        )


def _paper(
    template: Template,
    subject: PastCase,
    sources: list[PastCase],
    values: dict[str, Any],
    day: date,
    lens: Lens,
    keyed: Callable[[Any], str],
) -> Paper:
    """The cut of a paper is its newest source event: what was recorded later elsewhere does not change it."""
    case, header = subject.case, template.header
    known_at = max(source.events[-1].recorded_at for source in sources)
    places = places_of(template) | {"ccy"}
    used = {name: values[name] for name in sorted(places & values.keys())}
    fields_hash = keyed(used)  # of ciphertext, and of what was entered
    seen = lens.value(used)
    said = [header.name, header.version, template.digest, case.NAME, case.key, day.isoformat(), fields_hash]
    if seen != used:  # two readers may see two papers
        said = [*said, keyed(seen)]
    document_no = f"D{_digest([*said, known_at.isoformat()])[:24]}"
    content = rendered(
        template,
        seen | own_fields(document_no, day, header.name, header.version),
        aggregate=case.NAME,
        key=case.key,
        known_at=known_at,
        digest=fields_hash,
    )
    facts = {
        "template": header.name,
        "template_version": str(header.version),
        "template_digest": template.digest,
        "fields_hash": fields_hash,
        "aggregate": case.NAME,
        "key": case.key,
        "position": str(max(source.position for source in sources)),
        "known_at": known_at.isoformat(),
        "document_on": day.isoformat(),
        "records": header.records,
        "case_no": case.key if case.NAME == "LitigationCase" else str(case.facts.get("case_no", "")),
        "copy_no": str(case.facts.get("copy_no", 0) + 1),
    }
    facts = {name: value for name, value in facts.items() if value or name == "records"}
    return Paper(document_no, f"{header.name}-{case.key}.docx", content, case.entity_id, facts)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
