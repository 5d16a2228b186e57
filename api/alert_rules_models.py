"""Requests and answers about alert rules: drafts, previews on stored history, vocabularies."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.case_commands import CaseCommand
from api.counterfactual_models import Failure, Progress
from api.decision_models import CaseState
from api.models import Answer, Offsets

Texts = list[str]


class Rule(BaseModel):
    """A rule as it is written. Empty selectors bind everything of what it is about."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: str = Field(min_length=1, max_length=2_000, description="CEL over the vocabulary of `about`")
    about: Literal["totals", "flow", "decision"] = "totals"
    severity: Literal["INFO", "WARNING", "CRITICAL"] = "WARNING"
    name: str = Field("-", min_length=1, max_length=200)
    name_zh: str = Field("", max_length=200)
    clear_expression: str = Field("", max_length=2_000, description="empty: once the expression holds no more")
    metrics: Texts = Field([], max_length=50, description="of totals; empty: all")
    scopes: Texts = Field([], max_length=3, description="of totals: currency, entity, group")
    entities: Texts = Field([], max_length=500)
    currencies: Texts = Field([], max_length=200)
    kinds: Texts = Field([], max_length=200, description="of decisions: event types")
    clear_readings: int = Field(1, ge=1, le=1_000, description="cuts in a row that clear it")
    clear_interval_s: int = Field(0, ge=0, le=86_400, description="readings nearer than this count as one")
    arming_s: int = Field(0, ge=0, le=86_400, description="a figure younger than this is still loading")


class Span(BaseModel):
    """Over which stored cuts a rule is tried; without ends as far as the log, or its archive, reaches."""

    model_config = ConfigDict(extra="forbid", strict=True)

    start: str | Offsets | None = Field(None, alias="from", description="an instant, a date, or an offset vector")
    end: str | Offsets | None = Field(None, alias="to", description="as `from`")


class Try(Span):
    """A rule that is tried without being drafted."""

    rule: Rule


class Draft(CaseCommand):
    """A rule to be drafted: `payload` holds the fields of a rule, and `why`."""

    rule_no: str = Field(
        min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="chosen by the caller"
    )


class Problems(Answer):
    """What could not be evaluated: it neither raised nor cleared anything."""

    count: int
    subjects_now: int = Field(description="for which it cannot be evaluated at the end")
    message: str | None
    subject: str | None = Field(description="of the newest one")
    cut: int | None


class AtWork(Answer):
    """What a rule in force has done, by the newest stored state of the fold."""

    version: int
    raised: int = Field(description="since this version is in force")
    cleared: int
    newest_cut: int | None = Field(description="at which it raised or cleared last")
    problems: Problems
    open: list[dict[str, Any]] = Field(description="incidents: subject, incident, opened_at")


class RuleState(CaseState):
    at_work: AtWork | None = None


class Rules(Answer):
    rows: list[RuleState]
    cursor: str | None


class Fact(Answer):
    name: str
    type: Literal["bool", "int", "double", "string", "money", "list<string>"]
    text: str
    text_zh: str


class Example(Answer):
    expression: str
    text: str
    text_zh: str


class Vocabulary(Answer):
    about: str
    text: str
    text_zh: str
    is_level: bool = Field(description="it holds until it clears; else it happens once")
    facts: list[Fact]
    selectors: list[str] = Field(description="fields of a rule that say what it binds")
    examples: list[Example]


class Vocabularies(Answer):
    vocabularies: list[Vocabulary]
    metrics: list[str]
    scopes: list[str]
    severities: list[str]
    functions: list[Example]


class Incident(Answer):
    alert_id: str
    raised_at: str
    cut: int = Field(description="offset in tm.risk.cut.v1")
    subject: str
    entity: str
    currency: str
    metric: str | None
    scope: str | None
    value: str | None
    amount: str
    direction: str
    facts: dict[str, bool | int | float | str]
    reason: str
    cleared_at: str | None
    cleared_cut: int | None
    seconds: float | None


class WouldHaveFired(Answer):
    fired: int
    open: int = Field(description="at the end of the span")
    longest_s: float | None = Field(description="of those that ended")
    average_s: float | None
    by_entity: dict[str, int]
    cuts: int
    first_cut: int
    end_cut: int
    first_at: str | None
    last_at: str | None
    folded_from: int = Field(description="where the fold began, so that the facts had their past")
    problems: Problems
    digest: str = Field(description="of all alerts; the same span and rule give the same")
    incidents: list[Incident]
    left_off: int


class Preview(Answer):
    job_id: str = Field(alias="id")
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    asked_by: str
    asked_at: str
    rule_no: str | None = Field(description="of the draft that it is about; once done it may be enabled")
    progress: Progress
    error: Failure | None
    answer: WouldHaveFired | None = None
