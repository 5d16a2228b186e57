"""Supporting and platform aggregates: work items, messages, notices, parameters, people, rights, forms, reports.

Source: spec/risk-assets.md 3.20, 3.21. Changes of parameters, forms and rights are made by one administrator and
approved by another (SD8).
"""

from typing import Any

from aggregates.steps.case import Case
from aggregates.steps.rows import Clause, Row, clause, row


def _other_administrator(part: str = "maker") -> Clause:
    return clause("SD8", "changes are maker-checker", lambda step: not step.case.has_played(step.actor, part))


def its_maker(command: str) -> Clause:
    """What a person arranged, others neither change nor share nor retire."""
    return clause(
        f"{command}.1",
        "its maker's own",
        lambda step: not step.exists or step.case.has_played(step.actor, "maker"),
    )


class WorkItem(Case):
    """Mirror of one approval task of the workflow system."""

    NAME = "WorkItem"
    KEY = "wf_no"
    ROWS = (
        row("Open", "WorkItemOpened", "WF", "case_no:I, level:E, assignee:I", makes=True, next="OPEN"),
        row("Decide", "WorkItemDecided", "WF", "decision:E, comment:S?", stages="OPEN", next="DECIDED"),
        row("Reassign", "WorkItemReassigned", "WF", "to:I", stages="OPEN"),
    )


class Notification(Case):
    """A message to a person: queued, delivered or failed."""

    NAME = "Notification"
    KEY = "message_id"
    ROWS = (
        row("Queue", "MessageQueued", "SY", "method:E, to:I, template:I", makes=True, next="QUEUED"),
        row("Deliver", "MessageDelivered", "EX SY", stages="QUEUED FAILED", next="DELIVERED"),
        row("Fail", "MessageFailed", "EX SY", "error_code:S", stages="QUEUED", next="FAILED"),
    )


class Notice(Case):
    """A notice to the users, published and withdrawn."""

    NAME = "Notice"
    KEY = "notice_no"
    ROWS = (
        row(
            "Publish",
            "NoticePublished",
            "SA",
            "title:S, body:S, audience:L?, until_date:D?",
            makes=True,
            next="PUBLISHED",
        ),
        row("Withdraw", "NoticeWithdrawn", "SA", stages="PUBLISHED", next="WITHDRAWN"),
    )


def _approved_value(case: Any, _facts: Any, who: Any) -> None:
    case.values.append((case.facts["effective_on"], case.facts["value"]))


class Parameter(Case):
    """A business or technical parameter; old values stay, so that a replay uses the one in force then."""

    NAME = "Parameter"
    KEY = "code"
    ROWS = (
        row(
            "Propose",
            "ParameterProposed",
            "SA RM OP",
            "code:I, value:S, effective_on:D",
            stages="ACTIVE PROPOSED",
            makes_if_absent=True,
            next="PROPOSED",
            default=lambda step: {"code": step.key, "effective_on": step.day},
            remember="maker",
        ),
        row(
            "Approve",
            "ParameterApproved",
            "SA",
            stages="PROPOSED",
            next="ACTIVE",
            clauses=(_other_administrator(),),
            effect=_approved_value,
        ),
        row("Freeze", "ParameterFrozen", "SA OP", stages="ACTIVE", next="FROZEN"),
        row("Unfreeze", "ParameterUnfrozen", "SA OP", stages="FROZEN", next="ACTIVE"),
        row("Delete", "ParameterDeleted", "SA OP", stages="ACTIVE FROZEN PROPOSED", next="DELETED"),
    )

    def start(self) -> None:
        self.values: list[tuple[Any, str]] = []

    def extra(self) -> dict[str, Any]:
        return {"values": [{"effective_on": day.isoformat(), "value": value} for day, value in self.values]}


def _master_data(noun: str, fields: str) -> tuple[Row, ...]:
    """Created, changed, disabled: master data that mirrors the workflow system where that is the source."""
    loose = ", ".join(f"{part.strip()}?" for part in fields.split(","))
    return (
        row("Create", f"{noun}Created", "SA EX", loose, makes=True, next="ACTIVE"),
        row("Change", f"{noun}Changed", "SA EX", loose, stages="ACTIVE"),
        row("Disable", f"{noun}Disabled", "SA EX", stages="ACTIVE", next="DISABLED"),
    )


class OrgUnit(Case):
    """An organisation: head office, branch or sub-branch."""

    NAME = "OrgUnit"
    KEY = "org_no"
    ROWS = _master_data("OrgUnit", "name:S, parent_no:I, org_level:E")


class Role(Case):
    """A role and what it is called."""

    NAME = "Role"
    KEY = "role_code"
    ROWS = _master_data("Role", "name:S")


class Post(Case):
    """A post in an organisation."""

    NAME = "Post"
    KEY = "post_no"
    ROWS = _master_data("Post", "name:S, org_no:I")


class User(Case):
    """A person who works with the system."""

    NAME = "User"
    KEY = "user_no"
    ROWS = _master_data("User", "name_ref:S, org_no:I, roles:L")


class AccessGrant(Case):
    """Function and data rights of a role or a subject."""

    NAME = "AccessGrant"
    KEY = "grant_no"
    ROWS = (
        row(
            "GrantFunction",
            "FunctionGranted",
            "SA",
            "role:I, function:S",
            makes_if_absent=True,
            stages="ACTIVE",
            next="ACTIVE",
            remember="maker",
        ),
        row("RevokeFunction", "FunctionRevoked", "SA", "role:I, function:S", stages="ACTIVE"),
        row(
            "GrantDataScope",
            "DataScopeGranted",
            "SA",
            "subject:I, scope:J",
            makes_if_absent=True,
            stages="ACTIVE",
            next="ACTIVE",
            remember="maker",
        ),
        row("RevokeDataScope", "DataScopeRevoked", "SA", "subject:I, scope:J", stages="ACTIVE"),
    )


class FormDefinition(Case):
    """A form that people design themselves; a record keeps the version it was entered with."""

    NAME = "FormDefinition"
    KEY = "form_no"
    ROWS = (
        row(
            "Draft",
            "FormDrafted",
            "OP SA",
            "fields:O",
            makes_if_absent=True,
            stages="ACTIVE INACTIVE DRAFT APPROVED",
            next="DRAFT",
            remember="maker",
        ),
        row("Submit", "FormSubmitted", "OP SA", stages="DRAFT", next="SUBMITTED"),
        row(
            "Approve",
            "FormApproved",
            "SA",
            stages="SUBMITTED",
            next="APPROVED",
            clauses=(_other_administrator(),),
        ),
        row("Return", "FormReturned", "SA", "comment:S?", stages="SUBMITTED", next="DRAFT"),
        row(
            "Activate",
            "FormActivated",
            "OP SA",
            "version:N",
            stages="APPROVED INACTIVE",
            next="ACTIVE",
            default=lambda step: {"version": step.case.facts.get("version", 0) + 1},
        ),
        row("Deactivate", "FormDeactivated", "OP SA", stages="ACTIVE", next="INACTIVE"),
    )


class ServiceEndpoint(Case):
    """An offered interface, opened or closed per calling system."""

    NAME = "ServiceEndpoint"
    KEY = "endpoint_no"
    ROWS = (
        row("Register", "EndpointRegistered", "OP", "name:S?", makes=True, next="REGISTERED"),
        row("Open", "EndpointOpened", "OP", "consumer:S", stages="REGISTERED"),
        row("Close", "EndpointClosed", "OP", "consumer:S", stages="REGISTERED"),
        row("ReportHealth", "HealthChanged", "OP SY", "status:E", stages="REGISTERED"),
    )


class UserPreference(Case):
    """How a user arranged the home view."""

    NAME = "UserPreference"
    KEY = "user_no"
    ROWS = (
        row(
            "SaveLayout",
            "HomeLayoutSaved",
            "AM BR HM HA RM CM LG CS CV CC DP FK FN FC IA SA OP TR AC",
            "widgets:L, shortcuts:L",
            makes_if_absent=True,
            stages="SAVED",
            next="SAVED",
            clauses=(clause("SaveLayout.1", "a person's own", lambda step: step.actor == step.key),),
            default=lambda step: {"widgets": [], "shortcuts": []},
        ),
    )


class UserSession(Case):
    """One session of a user, which an administrator may end."""

    NAME = "UserSession"
    KEY = "session_no"
    ROWS = (
        row(
            "Start",
            "SessionStarted",
            "SY",
            "user:I, ip:S, mac:S?, at:S",
            makes=True,
            next="RUNNING",
            default=lambda step: {"at": step.work.at.isoformat()},
        ),
        row("End", "SessionEnded", "SY", stages="RUNNING", next="ENDED"),
        row(
            "Kick",
            "SessionKicked",
            "SA",
            "by:I, why:S",
            stages="RUNNING",
            next="ENDED",
            default=lambda step: {"by": step.actor, "why": step.who.reason or "-"},
        ),
    )


class ReportDefinition(Case):
    """A saved combination of ledger fields, filters and layout."""

    NAME = "ReportDefinition"
    KEY = "report_no"
    ROWS = (
        row(
            "Define",
            "ReportDefined",
            "AM BR HM HA RM CM LG IA",
            "fields:L, filters:J, sort:L, layout:J",
            makes_if_absent=True,
            stages="DEFINED",
            next="DEFINED",
            clauses=(its_maker("Define"),),
            default=lambda step: {"filters": {}, "sort": [], "layout": {}},
            remember="maker",
        ),
        row(
            "Share",
            "ReportShared",
            "AM BR HM HA RM CM LG IA",
            "with_roles:L?",
            stages="DEFINED",
            clauses=(its_maker("Share"),),
        ),
        row(
            "Retire",
            "ReportRetired",
            "AM BR HM HA RM CM LG IA",
            stages="DEFINED",
            next="RETIRED",
            clauses=(its_maker("Retire"),),
        ),
    )


class NonCreditAsset(Case):
    """A non-credit risk asset from the data platform (NC-01, a reserved interface)."""

    NAME = "NonCreditAsset"
    KEY = "ext_no"
    ROWS = (
        row("Admit", "NonCreditAdmitted", "HM EX", "kind:E, amount:M, org:I?", makes=True, next="ACTIVE"),
        row("Update", "NonCreditUpdated", "HM EX", "kind:E?, amount:M?, org:I?", stages="ACTIVE"),
        row("Close", "NonCreditClosed", "HM EX", "why:S?", stages="ACTIVE", next="CLOSED"),
    )


PLATFORM = (
    WorkItem,
    Notification,
    Notice,
    Parameter,
    OrgUnit,
    Role,
    Post,
    User,
    AccessGrant,
    FormDefinition,
    ServiceEndpoint,
    UserPreference,
    UserSession,
    ReportDefinition,
    NonCreditAsset,
)
