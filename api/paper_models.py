"""Answers about papers: templates, attachments, files of rows."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.decision_models import Outcome
from api.models import Answer


class Template(BaseModel):
    """One version of a template; `entered` are the fields that a person enters."""

    model_config = ConfigDict(extra="allow")

    name: str
    version: int
    effective_from: str
    aggregate: str
    title: str
    stages: list[str]
    entered: dict[str, str]
    optional: list[str]


class Templates(Answer):
    templates: list[Template]


class DocumentReference(Answer):
    """What goes into `docs` of a command."""

    doc_id: str
    sha256: str
    name: str
    size: int
    media_type: str


class Attachment(DocumentReference):
    entity: str
    uploaded_by: str
    at: str
    facts: dict[str, str]


class Verified(Answer):
    doc_id: str
    sha256: str
    size: int
    ok: Literal[True]


class Drafted(Answer):
    document: DocumentReference
    facts: dict[str, str]
    outcome: Outcome | None


class UploadKinds(Answer):
    kinds: list[str] = Field(description="Aggregate.Command")


class RowError(Answer):
    code: str
    column: str
    guard: str
    reason: str


class UploadedRow(Answer):
    row: int
    key: str
    result: str
    events: list[str] = Field(default_factory=list)
    error: RowError | None = None


class Uploaded(Answer):
    kind: str
    mode: str
    file: DocumentReference
    results: DocumentReference
    counts: dict[str, int]
    rows: list[UploadedRow]
