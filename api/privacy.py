"""Erasures as an administrator asks for them: request, approval by another, destruction of the keys, completion.

Approval and destruction are two steps, and a process may die between them: `finish` takes up what was approved, and
erases again what a restored copy of the key store brought back.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any

import structlog

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from aggregates.personal_erasure import STAFF, erased_subject, matters_of
from aggregates.personal_sealing import Subject
from aggregates.registry import KINDS
from api.paging import PageAsked, page_after, page_of
from engines.primitives.errors import Forbidden, TidemarkError
from infra.attachment_sealing import document_subject
from infra.event_store_chain import microseconds
from infra.subject_keys import SubjectKeys

log = structlog.get_logger()

ERASURE = "ErasureRequest"
SYSTEM = Principal("system", ("SY",), "-", ("*",))
KEEPER_ROLE = "SA"
#: Fields of events that hold document ids.
PAPER_FIELDS = ("doc_id", "docs", "evidence", "invoice_doc", "letter_doc", "reply_doc", "document")
IDLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Privacy:
    assets: Assets
    keys: SubjectKeys
    clock: Callable[[], datetime]

    def finish(self, *, restored: bool = False) -> int:
        """Complete every approved erasure; returns how many subjects lost keys. With `restored` completed ones are
        looked at too: the key store may be an older copy. Raises Unavailable."""
        count = 0
        for state in self.assets.list_cases(ERASURE, reader=SYSTEM):
            if state["state"] == "APPROVED":
                count += self._complete(state) > 0
            elif restored and state["state"] == "COMPLETED":
                count += self._erase_again(state) > 0
        return count

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Finish erasures until `stop` is set, looking whenever the log has grown, and once at the start."""
        seen = -1
        while not stop.is_set():
            try:
                position = self.assets.decisions.max_notification_id() or 0
                if position != seen:
                    self.finish(restored=seen < 0)
                    seen = position
            except TidemarkError as error:
                log.warning("erasure_delayed", code=error.code)
            stop.wait(idle_s)

    def status(self, reader: Principal, asked: PageAsked) -> dict[str, Any]:
        """A page of the requests as they stand, and how many subjects and keys there are."""
        unless_keeper(reader)
        subjects = self.keys.subjects()
        page = page_of(self.assets.list_cases(ERASURE, reader=reader), *asked)
        return {
            "subjects": len(subjects),
            "erased": sum(one.destroyed > 0 and one.keys == 0 for one in subjects),
            "keys": sum(one.keys for one in subjects),
            "keys_destroyed": sum(one.destroyed for one in subjects),
            "requests": page["rows"],
            "cursor": page["cursor"],
        }

    def subjects(self, reader: Principal, asked: PageAsked) -> dict[str, Any]:
        unless_keeper(reader)
        page, cursor = page_after(self.keys.subjects(), asked, lambda one: (one.token,))
        rows = [
            {"subject": one.label or "⟂", "token": one.token, "keys": one.keys, "destroyed": one.destroyed}
            for one in page
        ]
        return {"rows": rows, "cursor": cursor}

    def named(self, name: str, reader: Principal, asked: PageAsked) -> dict[str, Any]:
        """Customers of exactly this name whom the reader may see; an erased one is not found any more."""
        found = [subject.removeprefix("customer:") for subject in self.keys.subjects_named(name)]
        with self.assets.model.current() as model:
            seen = {case.key for case in model.of_kind("RiskCustomer") if reader.may_act_for(case.entity_id)}
        page, cursor = page_after((no for no in found if no in seen), asked, lambda no: (no,))
        return {"rows": [{"customer_no": no} for no in page], "cursor": cursor}

    def _complete(self, state: dict[str, Any]) -> int:
        destroyed = sum(self.keys.erase(subject) for subject in self._subjects(state))
        command = Command(
            cmd_id=f"erased/{state['erasure_no']}".replace("/", ":"),
            aggregate=ERASURE,
            key=state["erasure_no"],
            command="Complete",
            payload={"keys_destroyed": destroyed},
            principal=SYSTEM,
            at=self.clock(),
        )
        try:
            self.assets.execute(command)
        except TidemarkError as error:
            if error.code not in ("conflict", "rejected"):  # another process completed it
                raise
        log.info("subject_erased", erasure_no=state["erasure_no"], keys=destroyed)
        return destroyed

    def _subjects(self, state: dict[str, Any]) -> list[Subject]:
        """Whom a request is about: the person, what neighbours told of his loans, and the papers of his cases."""
        whole = erased_subject(state["subject_kind"], state["subject_no"])
        if state["subject_kind"] == STAFF:
            return [whole]
        with self.assets.model.current() as model:
            matters = list(matters_of(model, state["subject_no"], KINDS))
        loans = [Subject.customer(case.key) for case in matters if case.NAME == "RiskAsset"]
        papers = sorted({doc_id for case in matters for doc_id in self._papers(case)})
        return [whole, *loans, *(document_subject(doc_id) for doc_id in papers)]

    def _papers(self, case: Any) -> Iterator[str]:
        """Document ids that the events of a case name."""
        if case.NAME == "LegalDocument":
            yield case.key
        for recorded in self.assets.decisions.select_recorded(originator_id=case.id):
            event = self.assets.view(recorded)
            yield from event.envelope.docs
            for name in PAPER_FIELDS:
                found = event.payload.get(name) or ()
                yield from (found,) if isinstance(found, str) else found

    def _erase_again(self, state: dict[str, Any]) -> int:
        """Keys made before the erasure and alive after it came back with a copy of the key store."""
        history = self.assets.history(ERASURE, state["erasure_no"], reader=SYSTEM)
        until = microseconds(history[-1].recorded_at)
        subjects = [subject for subject in self._subjects(state) if self.keys.lives(subject, until)]
        destroyed = sum(self.keys.erase(subject, made_before_us=until) for subject in subjects)
        if destroyed:
            log.warning("subject_erased_again", erasure_no=state["erasure_no"], keys=destroyed)
        return destroyed


def unless_keeper(reader: Principal) -> None:
    """Raises Forbidden: only administrators look after erasures."""
    if KEEPER_ROLE not in reader.roles:
        raise Forbidden(f"{reader.actor} does not hold role {KEEPER_ROLE}", guard="ROLE")
