"""Requests and answers about a past played again, as pydantic models: `/counterfactuals`."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.models import Answer, Offsets

Where = Literal["both", "only_real", "only_branch"]


class Ask(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    start: str | Offsets | None = Field(None, alias="from", description="an instant, a date, or an offset vector")
    end: str | Offsets | None = Field(None, alias="to", description="as `from`; without it as far as the log reaches")
    what: list[Literal["alerts", "limits", "ratios"]] = Field([], description="empty: what the change is about")
    values: dict[str, str] = Field({}, alias="set", max_length=200, description="value by path into a policy")
    policies: dict[str, str | dict[str, Any]] = Field({}, description="whole policies: TOML text, or an object")
    step: int = Field(1, ge=1, le=100_000, description="of ratios: every so many cuts, and all where a light turns")
    from_snapshot: bool = Field(False, description="of alerts: begin at the newest stored state before the period")


class Progress(Answer):
    phase: str = Field(description="alerts, limits, ratios, crossings")
    done: int
    whole: int


class Failure(Answer):
    code: str
    message: str
    facts: dict[str, str | int]


class Asked(Answer):
    start: str | Offsets | None = Field(alias="from")
    end: str | Offsets | None = Field(alias="to")
    what: list[str]
    values: dict[str, str] = Field(alias="set")
    policies: list[str] = Field(description="names of those that were given whole")
    step: int
    from_snapshot: bool


class Control(Answer):
    """Whether the unchanged rules give again what was published."""

    reproduces: bool
    published: int | None = None
    refolded: int | None = None
    compared: int | None = None
    differing: int
    first: dict[str, Any] | None


class Summary(Answer):
    both: int
    only_real: int
    only_branch: int
    changed: int = Field(description="on both sides, with other figures")


class Compared(Answer):
    folded_from: Offsets = Field(description="where the folds began")
    control: Control
    summary: Summary
    first_difference: dict[str, Any] | None
    rows: list[dict[str, Any]] = Field(description="one a trigger: where, real, branch, differs")
    left_off: int
    cuts: int | None = None
    incidents: list[dict[str, Any]] | None = None
    incidents_summary: Summary | None = None
    actions: list[dict[str, Any]] | None = None
    actions_summary: Summary | None = None


class Ratios(Answer):
    cuts: int
    worked_out: int
    behind: list[int] = Field(description="cuts whose vector lies before an earlier cut's; not worked out")
    records: int
    control: Control
    digests: dict[str, str] = Field(description="of the whole paths, real and branch")
    paths: list[dict[str, Any]]


class Past(Answer):
    from_offsets: Offsets
    to_offsets: Offsets
    entries: int
    cuts: int


class RuleSets(Answer):
    changed: list[str]
    real: dict[str, str] = Field(description="SHA-256 of each policy")
    branch: dict[str, str]


class Compare(Answer):
    what: list[str]
    period: Past
    rules: RuleSets
    alerts: Compared | None
    limits: Compared | None
    ratios: Ratios | None
    digest: str = Field(description="of the whole answer: the same question over the same logs gives it again")


class JobShown(Answer):
    job_id: str = Field(alias="id")
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    asked_by: str
    asked_at: str
    question: Asked
    progress: Progress
    error: Failure | None


class JobAnswered(JobShown):
    answer: Compare | None


class Jobs(Answer):
    jobs: list[JobShown]
