"""Paths on which money comes in without a court: by itself, by reminding, by an agency, by new terms."""

from datetime import timedelta

from streams.feeds.cases.acts import Story, text


def repaid(story: Story) -> None:
    """Reminded, promised, paid in full."""
    _reminded(story)
    story.on_loan(
        "SY", "ApplyRecovery", flow_id=f"{story.loan.loan_no}-F", mode="CASH_VOLUNTARY", amount=text(_owed(story))
    )


def paid_in_parts(story: Story) -> None:
    """Core tells of each payment; it is tagged by one person, confirmed by another, and laid on the claim."""
    loan = story.loan
    _planned(story, "COLLECT")
    for number in range(1, int(story.draw.integers(2, 5))):
        story.later(60)
        flow = f"{loan.loan_no}-R{number}"
        amount = text(story.part(loan.principal_minor, 5, 20))
        mode = story.one_of("CASH_VOLUNTARY", "CASH_GUARANTOR", "COLLATERAL_SELF_SALE")
        splits = [{"split_no": 1, "asset_no": loan.loan_no, "mode": mode, "amount": amount}]
        story.act(
            "CB",
            "RecoveryFlow",
            flow,
            "Receive",
            loan_no=loan.loan_no,
            amount=amount,
            value_date=story.day.isoformat(),
        )
        story.act("AM", "RecoveryFlow", flow, "Tag", splits=splits)
        story.act("BR", "RecoveryFlow", flow, "ConfirmTag", split_no=1, mode=mode, amount=amount)
        story.wait("RiskAsset", loan.loan_no, "RecoveryApplied")
    if story.chance(10):
        story.later(10)
        story.act(
            "CB", "RecoveryFlow", flow, "ReverseByCore", core_rev_no=f"{flow}-X", kind="ECONOMIC", amount=amount
        )
        story.wait("RiskAsset", loan.loan_no, "RecoveryReversed")
    story.later(90)
    _inspected(story)


def outsourced(story: Story) -> None:
    """An agency collects for a fee."""
    loan, key = story.loan, f"{story.loan.loan_no}-OUT"
    ends = story.day + timedelta(days=365)
    story.approved(
        "OutsourcingEngagement",
        key,
        agency="AGENCY-1",
        asset_ids=[loan.loan_no],
        from_date=story.day.isoformat(),
        until_date=ends.isoformat(),
        fee_rate="12.5",
    )
    story.act("AM", "OutsourcingEngagement", key, "Engage")
    story.later(120)
    amount = text(story.part(loan.principal_minor, 10, 40))
    story.on_loan("SY", "ApplyRecovery", flow_id=f"{loan.loan_no}-OUT", mode="OUTSOURCED", amount=amount)
    story.later(30)
    story.act("FN", "OutsourcingEngagement", key, "SettleFee", flow_ids=[f"{loan.loan_no}-OUT"], base=amount)
    story.act("AM", "OutsourcingEngagement", key, "Recall", cause="TERM_ENDED")


def restructured(story: Story) -> None:
    """New terms, posted by core, watched."""
    loan, key = story.loan, f"{story.loan.loan_no}-RS"
    story.approved(
        "Restructuring",
        key,
        decider="BR",
        asset_ids=[loan.loan_no],
        kind="EXTENSION",
        new_terms={"maturity": (story.today + timedelta(days=720)).isoformat()},
        observe_until=(story.day + timedelta(days=30)).isoformat(),
    )
    story.posted("Restructuring", key, "RestructuringPosted")
    story.later(60)
    amount = text(story.part(loan.principal_minor, 5, 15))
    story.on_loan("SY", "ApplyRecovery", flow_id=f"{loan.loan_no}-F", mode="CASH_VOLUNTARY", amount=amount)


def _owed(story: Story) -> int:
    return story.loan.claim_minor


def _reminded(story: Story) -> None:
    loan, key = story.loan, f"{story.loan.loan_no}-COL"
    story.act(
        "AM",
        "CollectionTask",
        key,
        "RequestCollection",
        asset_ids=[loan.loan_no],
        method=story.one_of("CALL", "VISIT"),
    )
    story.later(20)  # the collection system may answer meanwhile, or not
    story.act("AM", "CollectionTask", key, "Close", outcome="PROMISED")
    story.later(40)


def _planned(story: Story, strategy: str) -> None:
    loan = story.loan
    story.approved(
        "DisposalPlan",
        f"{loan.loan_no}-DP",
        asset_ids=[loan.loan_no],
        strategy=strategy,
        steps=["visit the debtor", "agree instalments"],
        est_recovery=text(story.part(loan.principal_minor, 30, 90)),
        est_cost=text(story.part(loan.principal_minor, 1, 3)),
        est_done_on=(story.today + timedelta(days=int(story.draw.integers(10, 300)))).isoformat(),
    )


def _inspected(story: Story) -> None:
    key = f"{story.loan.loan_no}-INS"
    story.act(
        "AM",
        "Inspection",
        key,
        "Schedule",
        kind="PERIODIC",
        subject_no=story.loan.loan_no,
        due_on=story.day.isoformat(),
        dimensions=["premises", "collateral"],
    )
    story.act(
        "AM",
        "Inspection",
        key,
        "Record",
        checked_on=story.day.isoformat(),
        results={"premises": "in use", "collateral": "in place"},
        findings=["pays late"],
    )
    story.act("BR", "Inspection", key, "Review", outcome="PASS", comment="seen")
