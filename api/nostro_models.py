"""What `/nostro/reconciliations` answers, for the OpenAPI document."""

from typing import Literal

from pydantic import BaseModel, Field

Status = Literal["matched", "timing", "break"]


class NostroEntryShown(BaseModel):
    entry: str = Field(description="id of the entry, its txn_id where the feed told it")
    amount: str = Field(description="decimal string, money in is positive")
    booking_date: str
    value_date: str
    reference: str


class StatementFindingShown(BaseModel):
    check: str
    expected: str
    found: str
    message: str


class StatementShown(BaseModel):
    id: str
    sequence: int
    page: int
    file: str
    sha256: str = Field(description="of the file as it was received")
    refused: int = Field(description="entries that could not be read")
    entries_left_out: int
    findings: list[StatementFindingShown] = Field(description="what does not add up within the statement")


class NostroRow(BaseModel):
    entity: str
    account: str
    currency: str
    date: str = Field(description="of the closing balance")
    status: Status
    closing: str = Field(description="booked closing balance of the statement")
    position: str = Field(description="our settled position of value dates up to that day")
    known_account: bool = Field(description="false: we have no entry on this account")
    difference: str = Field(description="closing - position = timing + break")
    timing: str = Field(description="booked by then and valued later")
    break_: str = Field(alias="break")
    timing_entries: list[NostroEntryShown]
    suspects: list[NostroEntryShown] = Field(description="the statement's entries that can be behind the break")
    missing: list[NostroEntryShown] = Field(description="our entries that no statement has, where ours are known")
    statement: StatementShown


class StatementGap(BaseModel):
    entity: str
    account: str
    statement: str
    check: Literal["sequence", "opening"]
    currency: str
    expected: str
    found: str
    message: str


class NostroReconciliations(BaseModel):
    counts: dict[Status, int]
    rows: list[NostroRow]
    gaps: list[StatementGap] = Field(description="missing numbers, and openings that are not the closing before")
