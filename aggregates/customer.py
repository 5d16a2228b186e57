"""RiskCustomer and CustomerFile (spec/risk-assets.md 3.3, 3.5).

Names, numbers and addresses come in as references; the facts of a profile are the customer centre's own.
"""

from typing import Any

from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step


def _has_nothing_open(step: Step) -> bool:
    """No open asset and no memo claim of the customer is left."""
    for loan_no in step.work.keys_where("RiskAsset", customer_no=step.key):
        if step.asset(loan_no).stage != "CLOSED":
            return False
    return True


def _is_new_profile(step: Step) -> bool:
    known = step.case.facts.get("as_of")
    return known is None or step["as_of"] >= known


def _exit(step: Step) -> Facts:
    assets = [step.asset(loan_no) for loan_no in step.work.keys_where("RiskAsset", customer_no=step.key)]
    return {
        "exited_on": step.day,
        "recovered": sum(asset.rec_cash_minor + asset.rec_kind_minor for asset in assets),
        "loss": sum(asset.loss_minor for asset in assets),
    }


def _is_new_hash(step: Step) -> bool:
    if not step.exists:
        return True
    return step["sha256"] not in step.case.versions.get(step["doc_id"], [])


class RiskCustomer(Case):
    """At risk from the first admitted asset until the last one is gone."""

    NAME = "RiskCustomer"
    KEY = "customer_no"
    ROWS = (
        row(
            "Register",
            "CustomerRegistered",
            "EX",
            "customer_no:I, kind:E, name_ref:S",
            makes=True,
            next="AT_RISK",
            clauses=(clause("Register.1", "first risk asset admitted"),),
            default=lambda step: {"customer_no": step.key, "kind": "CORPORATE", "name_ref": "-"},
        ),
        row(
            "SyncProfile",
            "ProfileSynced",
            "EX",
            "source:E, facts:J, as_of:D",
            stages="AT_RISK EXITED",
            clauses=(clause("SyncProfile.1", "newer than stored", _is_new_profile),),
            default=lambda step: {"as_of": step.day, "facts": {}},
        ),
        row("SyncRelations", "RelationsSynced", "EX", "graph_hash:S, parties:O", stages="AT_RISK EXITED"),
        row(
            "AddTag",
            "TagAdded",
            "AM",
            "tag:S",
            stages="AT_RISK",
            clauses=(
                clause("AddTag.1", "tag in dictionary"),
                clause("AddTag.1", "not duplicate", lambda step: step["tag"] not in step.case.tags),
            ),
            effect=lambda case, facts, who: case.tags.append(facts["tag"]),
        ),
        row(
            "RemoveTag",
            "TagRemoved",
            "AM",
            "tag:S",
            stages="AT_RISK",
            clauses=(clause("RemoveTag.1", "present", lambda step: step["tag"] in step.case.tags),),
            effect=lambda case, facts, who: case.tags.remove(facts["tag"]),
        ),
        row(
            "RaiseWarning",
            "WarningRaised",
            "EX",
            "warning_id:I?, kind:E, level:E, detail:J",
            stages="AT_RISK",
            default=lambda step: {"detail": {}, "warning_id": f"W{len(step.case.warnings) + 1}"},
            effect=lambda case, facts, who: case.warnings.append(facts["warning_id"]),
        ),
        row(
            "Clear",
            "WarningCleared",
            "AM",
            "warning_id:I",
            stages="AT_RISK",
            clauses=(clause("STATE", "warning stands", lambda step: step["warning_id"] in step.case.warnings),),
            effect=lambda case, facts, who: case.warnings.remove(facts["warning_id"]),
        ),
        row(
            "Exit",
            "CustomerExited",
            "SY BR",
            "cause:E, exited_on:D, recovered:M, loss:G",
            stages="AT_RISK",
            next="EXITED",
            clauses=(clause("Exit.1", "no open RiskAsset and no memo claim", _has_nothing_open),),
            default=_exit,
        ),
        row(
            "ReEnter",
            "CustomerReentered",
            "SY BR",
            stages="EXITED",
            next="AT_RISK",
            clauses=(clause("ReEnter.1", "new admission"),),
        ),
    )

    def start(self) -> None:
        self.tags: list[str] = []
        self.warnings: list[str] = []

    def extra(self) -> dict[str, Any]:
        return {"tags": list(self.tags), "warnings": list(self.warnings)}


class CustomerFile(Case):
    """The credit file of a customer: an index of document versions, none of which is ever removed."""

    NAME = "CustomerFile"
    KEY = "customer_no"
    ROWS = (
        row(
            "FileDocument",
            "DocumentFiled",
            "AM",
            "doc_id:I, category:E, version:N, sha256:S, ecm_ref:S?",
            next="OPEN",
            makes_if_absent=True,
            clauses=(clause("FileDocument.1", "hash new", _is_new_hash),),
            default=lambda step: {"version": 1},
            effect=lambda case, facts, who: case.versions.setdefault(facts["doc_id"], []).append(facts["sha256"]),
            remember="filer",
        ),
        row(
            "ReviseDocument",
            "DocumentRevised",
            "AM",
            "doc_id:I, version:N, sha256:S, ecm_ref:S?",
            stages="OPEN",
            clauses=(clause("ReviseDocument.1", "hash new", _is_new_hash),),
            default=lambda step: {"version": len(step.case.versions.get(step.get("doc_id", ""), [])) + 1},
            effect=lambda case, facts, who: case.versions.setdefault(facts["doc_id"], []).append(facts["sha256"]),
            remember="filer",
        ),
        row(
            "VoidDocument",
            "DocumentVoided",
            "BR",
            "doc_id:I, version:N",
            stages="OPEN",
            clauses=(
                clause(
                    "SD1",
                    "who files a document does not void it",
                    lambda step: not step.case.has_played(step.actor, "filer"),
                ),
                clause("VoidDocument.2", "not cited by an open case"),
            ),
            default=lambda step: {"version": len(step.case.versions.get(step.get("doc_id", ""), [])) or 1},
        ),
    )

    def start(self) -> None:
        self.versions: dict[str, list[str]] = {}
