"""NoRecourseDetermination: the finding that nothing more can be recovered from a written-off asset (3.13, RA-49)."""

from aggregates.steps.approval import Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause
from aggregates.steps.step import Step


def _defaults(step: Step) -> Facts:
    loan_no = step.get("asset_no") or (step.asset_ids[0] if step.asset_ids else None)
    return {"evidence": [], **({"asset_no": loan_no, "asset_ids": [loan_no]} if loan_no else {})}


class NoRecourseDetermination(Case):
    """Drafted with its evidence, approved by another person; the memo claim is then closed."""

    NAME = "NoRecourseDetermination"
    KEY = "determination_no"
    ROWS = approval(
        Approval(
            "NoRecourse",
            "asset_no:I, asset_ids:L, ground:E, evidence:L",
            makers="AM LG",
            amount=lambda step: None,
            defaults=_defaults,
            own=(
                clause("NoRecourse.1", "asset WRITTEN_OFF", lambda s: s.asset(s["asset_no"]).stage == "WRITTEN_OFF"),
                clause("NoRecourse.2", "ground proved"),
            ),
        )
    )
