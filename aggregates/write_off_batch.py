"""WriteOffBatch: many write-offs under one approval, with a result for each (spec/risk-assets.md 3.13)."""

from typing import Any

from aggregates.steps.approval import Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.rows import clause, row
from aggregates.steps.step import Step


def _cases(step: Step) -> list[Any]:
    return [case for case in (step.find("WriteOff", key) for key in step["items"]) if case is not None]


def _is_uniform(step: Step) -> bool:
    """All items have the segment of their assets and the ground in common."""
    cases = _cases(step)
    kinds = {(case.facts.get("ground"), step.asset(case.asset_ids[0]).facts.get("segment")) for case in cases}
    return len(kinds) <= 1


def _result(kind: str) -> Any:
    return lambda case, facts, who: case.results.update({facts["case_no"]: kind})


def _open_items(case: Any) -> list[str]:
    return [item for item in case.facts.get("items", []) if item not in case.removed]


class WriteOffBatch(Case):
    """One approval, items that are posted or fail one by one."""

    NAME = "WriteOffBatch"
    KEY = "batch_no"
    ROWS = (
        *approval(
            Approval(
                "WriteOffBatch",
                "items:L",
                makers="HM",
                amount=lambda step: None,
                own=(
                    clause("Batch.1", "all items same `segment` and ground", _is_uniform),
                    clause("Batch.2", "one approval"),
                ),
            )
        ),
        row(
            "RemoveItem",
            "WriteOffBatchItemRemoved",
            "HM",
            "case_no:I",
            stages="DRAFT RETURNED SUBMITTED APPROVED",
            clauses=(clause("STATE", "in the batch", lambda step: step["case_no"] in _open_items(step.case)),),
            effect=lambda case, facts, who: case.removed.append(facts["case_no"]),
        ),
        row(
            "PostItem",
            "WriteOffBatchItemPosted",
            "SY",
            "case_no:I",
            stages="APPROVED",
            clauses=(clause("STATE", "in the batch", lambda step: step["case_no"] in _open_items(step.case)),),
            effect=_result("POSTED"),
        ),
        row(
            "FailItem",
            "WriteOffBatchItemFailed",
            "SY",
            "case_no:I, error_code:E",
            stages="APPROVED",
            clauses=(clause("STATE", "in the batch", lambda step: step["case_no"] in _open_items(step.case)),),
            effect=_result("FAILED"),
        ),
        row(
            "Complete",
            "WriteOffBatchCompleted",
            "SY HM",
            "posted:N, failed:N",
            stages="APPROVED",
            next="COMPLETED",
            derive=lambda step: {
                "posted": list(step.case.results.values()).count("POSTED"),
                "failed": list(step.case.results.values()).count("FAILED"),
            },
        ),
    )

    def start(self) -> None:
        self.removed: list[str] = []
        self.results: dict[str, str] = {}

    def extra(self) -> dict[str, Any]:
        return {"results": dict(self.results), "removed": list(self.removed)}
