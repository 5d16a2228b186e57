"""Paths through the courts: pre-suit plan, counsel, filing, preservation, judgment or mediation, enforcement."""

from datetime import timedelta

from streams.feeds.cases.acts import Story, text

COURT = "Hangzhou Intermediate People's Court"


def sued_and_sold(story: Story) -> None:
    """Judgment, enforcement, two auctions; the price is laid on the claim."""
    loan, key = story.loan, _filed(story)
    story.act(
        "LG",
        "LitigationCase",
        key,
        "Preserve",
        object="IMMOVABLE",
        from_date=story.day.isoformat(),
        until_date=(story.day + timedelta(days=1090)).isoformat(),
        amount=text(loan.principal_minor),
    )
    story.later(30)
    story.act("LG", "LitigationCase", key, "Hear", on=story.day.isoformat(), note="first hearing")
    story.later(30)
    _judged(story, key)
    story.act("LG", "LitigationCase", key, "ApplyEnforcement", applied_on=story.day.isoformat())
    story.later(40)
    appraised = story.part(loan.principal_minor, 60, 110)
    reserve = -(-appraised * 7 // 10)
    story.act(
        "LG", "LitigationCase", key, "AuctionFail", round_no=1, appraised=text(appraised), reserve=text(reserve)
    )
    story.later(25)
    price = min(story.part(reserve, 85, 105), loan.principal_minor)
    price = max(price, -(-reserve * 8 // 10))
    story.act("LG", "LitigationCase", key, "AuctionSell", round_no=2, price=text(price))
    story.later(20)
    story.on_loan(
        "SY", "ApplyRecovery", flow_id=f"{loan.loan_no}-AUC", mode="LITIGATION_ENFORCEMENT", amount=text(price)
    )
    story.act("LG", "LitigationCase", key, "Close", outcome="ENFORCED", recovered=text(price))


def mediated(story: Story) -> None:
    """The parties agree before the court; some of it is paid, the rest is still due."""
    loan, key = story.loan, _filed(story)
    story.act(
        "LG",
        "LitigationCase",
        key,
        "Mediate",
        terms={"instalments": 4},
        perform_by=(story.today + timedelta(days=90)).isoformat(),
    )
    story.later(30)
    amount = text(story.part(loan.principal_minor, 10, 30))
    story.on_loan("SY", "ApplyRecovery", flow_id=f"{loan.loan_no}-MED", mode="CASH_VOLUNTARY", amount=amount)


def _filed(story: Story) -> str:
    loan, key = story.loan, f"{story.loan.loan_no}-LC"
    story.approved(
        "LitigationCase",
        key,
        noun="CaseProposal",
        loan_nos=[loan.loan_no],
        asset_ids=[loan.loan_no],
        case_type="FINANCIAL_LOAN",
        route="LAWSUIT",
        segment=loan.segment,
        claim_amount=text(loan.claim_minor),
        claim_principal=text(loan.principal_minor),
        claim_interest=text(loan.claim_minor - loan.principal_minor),
        bank_role="PLAINTIFF",
        cause="LOAN_CONTRACT",
        why="the debtor does not answer",
    )
    if story.chance(60):
        _engaged(story, key)
    _paid_fee(story, key)
    story.act(
        "LG",
        "LitigationCase",
        key,
        "Docket",
        court=COURT,
        court_case_no=f"({story.day.year})-{key}",
        docketed_on=story.day.isoformat(),
    )
    story.later(15)
    return key


def _engaged(story: Story, case_no: str) -> None:
    key = f"{case_no}-CE"
    story.approved(
        "CounselEngagement",
        key,
        noun="CounselSelection",
        maker="LG",
        case_no=case_no,
        loan_nos=[story.loan.loan_no],
        firms=["FIRM-1", "FIRM-2"],
        quotes=[{"firm": "FIRM-1", "fee": "30000.00"}, {"firm": "FIRM-2", "fee": "35000.00"}],
    )
    story.act(
        "LG", "CounselEngagement", key, "Engage", firm="FIRM-1", lawyer="lawyer 7", fee_terms={"fixed": "30000.00"}
    )


def _paid_fee(story: Story, case_no: str) -> None:
    """A court fee that the debtor has to bear joins the claim."""
    key = f"{case_no}-FEE"
    story.act(
        "AM",
        "Expense",
        key,
        "Register",
        case_kind="LITIGATION",
        case_no=case_no,
        asset_no=story.loan.loan_no,
        kind="COURT_FEE",
        amount=text(story.part(story.loan.principal_minor, 1, 1)),
        payee=COURT,
        recoverable=True,
        invoice_doc=f"INV-{key}",
    )
    story.act("AM", "Expense", key, "Submit")
    story.act("BR", "Expense", key, "Approve")
    story.act("CB", "Expense", key, "Post", core_txn_no=f"CORE-{key}")
    story.wait("RiskAsset", story.loan.loan_no, "CostAdvanced")


def _judged(story: Story, key: str) -> None:
    served = story.day
    story.act(
        "LG",
        "LitigationCase",
        key,
        "ServeJudgment",
        kind="FIRST_INSTANCE",
        served_on=served.isoformat(),
        outcome="WON",
        awarded={"principal": text(story.loan.principal_minor)},
        appeal_by=(served + timedelta(days=15)).isoformat(),
    )
    story.day = min(story.today, served + timedelta(days=16))
    story.act(
        "LG",
        "LitigationCase",
        key,
        "BecomeEffective",
        effective_on=story.day.isoformat(),
        perform_by=(story.day + timedelta(days=10)).isoformat(),
        apply_enforcement_by=(story.day + timedelta(days=740)).isoformat(),
    )
    story.later(30)
