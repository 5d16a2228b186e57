"""Carries out one row: reads the payload, derives what the state determines, judges, stores, lets partners follow.

The order of judgement is decision E20: role (the application's), fields, state, segregation of duties, the clauses of
the guard column; the first failure is named. A fixture (`given` in a scenario) is stored without any of it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from aggregates.commands import Work
from aggregates.envelope import Envelope
from aggregates.personal_sealing import is_personal, sealed_envelope, sealed_facts
from aggregates.personal_subjects import subject_of
from aggregates.refusals import not_found, unless, unless_field, unless_segregated
from aggregates.steps.case import Case, event_id
from aggregates.steps.fields import missing, read
from aggregates.steps.rows import IN_STAGE, Clause, Facts, Row
from engines.primitives.errors import Conflict, InvalidInput, Rejected

SEGREGATION, STATE = "SD", "STATE"
DEFAULT_CURRENCY = "CNY"
ASSET_FIELDS = ("asset_no", "loan_no", "asset_ids", "loan_nos")  # that name what a case is about


class Step:
    """One row being carried out. Checks and effects of the tables see the world through it."""

    def __init__(self, work: Work, kind: type[Case], row: Row, key: str, cause: "Step | None" = None) -> None:
        """`cause` is the step whose partner this one is."""
        self.work, self.kind, self.row, self.key, self.cause = work, kind, row, key, cause
        self._case: Case | None = work.find(kind.NAME, key)
        self.fields: dict[str, Any] = {}
        self.who: Envelope
        self.entity_id: str
        self.branch: str
        self.ccy: str
        self.entity_id, self.branch, self.ccy = ABSENT_HOME

    # --- What checks ask -----------------------------------------------------------------------------------

    @property
    def case(self) -> Any:
        """The aggregate; only rows that make it have none before they are stored."""
        if self._case is None:
            raise not_found(self.kind.NAME, self.key)
        return self._case

    @property
    def exists(self) -> bool:
        return self._case is not None

    @property
    def actor(self) -> str:
        """Who acts; for a decision, the person on whose behalf the workflow system calls."""
        return str(self.fields.get("decided_by") or self.work.command.principal.actor)

    @property
    def day(self) -> date:
        return self.who.valid_on

    @property
    def policy(self) -> Any:
        return self.work.policy

    def __getitem__(self, name: str) -> Any:
        """A field that the row needs by now: InvalidInput names it where it is missing."""
        unless_field(self.fields.get(name) is not None, name, "is missing")
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.fields.get(name, default)

    def asset(self, loan_no: str | None = None) -> Any:
        """The risk asset of that number, by default the only one that the case is about."""
        if loan_no is None:
            names = [name for name in ASSET_FIELDS if name in {spec.name for spec in self.row.fields}]
            unless_field(bool(self.asset_ids), names[0] if names else "asset_ids", "is missing")
            loan_no = self.asset_ids[0]
        return self.load("RiskAsset", loan_no)

    @property
    def asset_ids(self) -> list[str]:
        if self._case is not None and self._case.asset_ids:
            return self._case.asset_ids
        for name in ("asset_ids", "loan_nos"):
            if self.fields.get(name):
                return list(self.fields[name])
        one = self.fields.get("asset_no") or self.fields.get("loan_no")
        return [one] if one else []

    @property
    def assets(self) -> list[Any]:
        return [self.asset(loan_no) for loan_no in self.asset_ids]

    def find(self, aggregate: str, key: str) -> Any:
        """Another aggregate of the same store, or None."""
        return self.work.find(aggregate, key)

    def load(self, aggregate: str, key: str) -> Any:
        found = self.work.find(aggregate, key)
        if found is None:
            raise not_found(aggregate, key)
        return found

    # --- What partners are made with -----------------------------------------------------------------------

    def also(
        self, aggregate: str, key: str, event: str, values: Facts | None = None, *, system: bool = False
    ) -> None:
        """A partner event in the same save, judged by its own row but for the role. `system`: it follows by itself
        from the newest event of this case (process managers, 3.22)."""
        kind = self.work.kinds[aggregate]
        row = kind.rows_of(event)[0]
        who = self.who.following(str(event_id(self.case.id, self.case.version))) if system else self.who
        Step(self.work, kind, row, key, cause=self).carry_out(values or {}, who)

    # --- Carrying out --------------------------------------------------------------------------------------

    def perform(self) -> None:
        """The row as the command asked for it."""
        unless_field(not self.row.partner, "command", "follows from the posting of its case, in the same save")
        self._judge_and_store(self._read(), None)

    def fixture(self) -> None:
        """The event as given, without guards; missing fields stay missing."""
        self.fields = self._read()
        self.who = self.work.envelope(self.entity_id, self.branch)
        self._store(self.fields, fixture=True)

    def carry_out(self, values: Facts, who: Envelope) -> None:
        """The row as the partner of another one, with values that need no reading."""
        self._settle_home(values)
        self._judge_and_store(dict(values), who)

    def _read(self) -> dict[str, Any]:
        """Values of the payload. It may repeat the key, and name entity and currency of what is made."""
        payload = dict(self.work.command.payload)
        self._unless_stale(payload.pop("expected_version", None))
        self._settle_home(payload)
        known = {spec.name for spec in self.row.fields}
        if self.row.makes or self._case is None:
            for name in ("entity_id", "ccy"):
                payload.pop(name, None)
        if self.kind.KEY in payload:
            key = payload[self.kind.KEY] if self.kind.KEY in known else payload.pop(self.kind.KEY)
            unless_field(key == self.key, self.kind.KEY, "is not the key of the command")
        return read(payload, (*self.row.fields, *self.row.extra), self.ccy)

    def _unless_stale(self, expected: object) -> None:
        """A command may carry the version that its sender saw, so that nobody approves what changed meanwhile."""
        if expected is None or self._case is None:
            return
        unless_field(isinstance(expected, int), "expected_version", "want an integer")
        if expected != self._case.version:
            message = "this has changed since you read it: reload and decide again"
            raise Conflict(message, version=self._case.version)

    def _judge_and_store(self, values: dict[str, Any], who: Envelope | None) -> None:
        row = self.row
        self.fields = values
        self._unless_whole()
        if self._case is None and not (row.makes or row.makes_if_absent):
            raise not_found(self.kind.NAME, self.key)
        self.who = who or self.work.envelope(
            self.entity_id, self.branch
        )  # of the day given; a derived one comes below
        if row.repeats is not None and row.repeats(self):
            return
        if not self._is_in_stage():
            # What is derived has no meaning in a wrong state. A guard column that names it comes after the duties.
            guard = self._state_guard()
            if guard != STATE:
                self._judge_duties()
            self._refuse_stage(guard)
        self._derive()
        counts_on = None if row.counts_on is None else row.counts_on(self)
        if who is None:
            self.who = self.work.envelope(self.entity_id, self.branch, counts_on)
        elif counts_on is not None:
            self.who = who.on(counts_on)
        self._judge()
        if row.instead is not None and (event := row.instead(self)) is not None:
            self.row = self.kind.rows_of(event)[0]
            self._store(self.fields)
            return
        if row.before is not None:
            row.before(self)
        if row.split is None:
            self._store(self.fields)
        else:
            for one in row.split(self):
                self._store(one, counts_on=one.get("as_of"))
        if row.then is not None:
            row.then(self)

    def _derive(self) -> None:
        row = self.row
        for name, value in (row.default(self) if row.default else {}).items():
            if self.fields.get(name) is None:
                self.fields[name] = value
        for name, value in (row.derive(self) if row.derive else {}).items():
            if value is None:
                continue
            given = self.fields.get(name)
            unless_field(given is None or given == value, name, f"differs from what it derives from: {value}")
            self.fields[name] = value
        absent = missing(self.fields, row.fields)
        unless_field(absent is None, absent or "", "is missing")
        self._unless_whole()

    def _unless_whole(self) -> None:
        alloc, amount = self.fields.get("alloc"), self.fields.get("amount")
        whole = alloc is None or amount is None or sum(alloc.values()) == amount
        unless_field(whole, "alloc", "its parts do not sum to the amount")

    def _judge_duties(self) -> None:
        for item in self.row.clauses:
            if item.guard.startswith(SEGREGATION):
                unless_segregated(item.holds is None or item.holds(self), item.guard, item.text)

    def _judge(self) -> None:
        self._judge_duties()
        for item in self.row.clauses:
            if item.holds is not None and not item.guard.startswith(SEGREGATION):
                unless(item.holds(self), self._guard(item), f"refused unless: {item.text}")

    def _guard(self, item: Clause) -> str:
        return f"{self.kind.NAME}.{item.guard}" if "." in item.guard else item.guard

    def _state_guard(self) -> str:
        return next((self._guard(item) for item in self.row.clauses if item.text == IN_STAGE), STATE)

    def _is_in_stage(self) -> bool:
        if self.row.makes:
            return self._case is None
        if self._case is None:
            return self.row.makes_if_absent
        return self.row.any_stage or self.case.stage_of(self.row) in self.row.stages

    def _refuse_stage(self, guard: str) -> None:
        if self.row.makes:
            raise Rejected(f"{self.kind.NAME} {self.key} exists already", guard=guard, state=self.case.stage)
        stage = self.case.stage_of(self.row)
        possible = " or ".join(sorted(self.row.stages))
        raise Rejected(
            f"{self.row.command} is not possible while {stage}, only while {possible}", guard=guard, state=stage
        )

    def _store(self, values: Facts, *, counts_on: date | None = None, fixture: bool = False) -> None:
        work, row = self.work, self.row
        who = self.who if counts_on is None else self.who.on(counts_on)
        stream_id = work.store.stream_for(self.kind, self.key) if self._case is None else self._case.id
        values, who = self._sealed(
            values, who, event_id(stream_id, 1 if self._case is None else self._case.version + 1)
        )
        if self._case is None:
            home: dict[str, Any] = {"branch": self.branch, "ccy": self.ccy, "stream_id": stream_id}
            self._case = self.kind.open(self.key, row.event, values, who, work.at, fixture=fixture, **home)
        else:
            self._case.record(row.event, values, who, work.at, fixture=fixture)
        work.add(self._case)

    def _sealed(self, values: Facts, who: Envelope, event: UUID) -> tuple[Facts, Envelope]:
        """What is personal, as ciphertext: from here on nothing that is kept holds it in clear (decision E8)."""
        keys = self.work.protection
        if keys is None or not is_personal(self.kind.EVENTS[self.row.event], values, who):
            return values, who
        subject = subject_of(self, values)
        sealed = sealed_facts(values, self.kind.EVENTS[self.row.event], event, subject, keys)
        return sealed, sealed_envelope(who, self.kind.NAME, event, subject, keys)

    def _settle_home(self, payload: Mapping[str, Any]) -> None:
        """Entity, branch and currency: of the aggregate, else of the first loan note that the payload names."""
        if self._case is not None:
            self.entity_id, self.branch, self.ccy = self._case.entity_id, self._case.branch, self._case.ccy
            return
        loan_no = _first_loan(payload)
        asset = None if loan_no is None else self.find("RiskAsset", loan_no)
        if self.cause is not None:
            self.entity_id, self.branch, self.ccy = self.cause.entity_id, self.cause.branch, self.cause.ccy
        elif asset is not None:
            self.entity_id, self.branch, self.ccy = asset.entity_id, asset.branch, asset.ccy
        else:
            try:
                self.entity_id, self.branch, self.ccy = self.work.own_home(payload)
            except InvalidInput:
                if self.row.makes or self.row.makes_if_absent:
                    raise
                raise not_found(
                    self.kind.NAME, self.key
                ) from None  # nobody is to name the entity of what is not there


def one_of(name: str, allowed: Sequence[str]) -> Callable[[Step], Facts]:
    """For `derive`: the field must be there and hold one of these codes."""

    def derive(step: Step) -> Facts:
        unless_field(step.get(name) in allowed, name, f"want one of {', '.join(allowed)}")
        return {}

    return derive


ABSENT_HOME = ("-", "-", DEFAULT_CURRENCY)


def _first_loan(payload: Mapping[str, Any]) -> str | None:
    for name in ("asset_no", "loan_no"):
        if isinstance(payload.get(name), str):
            return str(payload[name])
    for name in ("asset_ids", "loan_nos"):
        given = payload.get(name)
        if isinstance(given, list | tuple) and given and isinstance(given[0], str):
            return str(given[0])
    return None
