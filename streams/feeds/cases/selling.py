"""Paths on which the bank takes less than it is owed: a reduction against payment, a transfer, a package."""

from datetime import timedelta

from streams.feeds.cases.acts import Story, alloc, text

WAIVED = ("interest_off", "penalty", "compound")


def reduced(story: Story) -> None:
    """Principal and interest are paid, penalties are waived."""
    loan, key = story.loan, _agreed(story)
    flow = f"{loan.loan_no}-RF"
    paid = {name: minor for name, minor in loan.minor_by_bucket.items() if name not in WAIVED and minor}
    story.later(20)
    story.act(
        "FN",
        "DebtReduction",
        key,
        "AllocateProceeds",
        flow_id=flow,
        amount=text(sum(paid.values())),
        alloc=alloc(paid),
    )
    story.later(5)
    story.posted("DebtReduction", key, "ReductionPosted")
    story.wait("RiskAsset", loan.loan_no, "AssetClosed")


def given_up(story: Story) -> None:
    """Half is paid and no more comes: the bank ends the plan, what was paid stays paid."""
    loan, key = story.loan, _agreed(story)
    half = text(loan.principal_minor // 2)
    story.act(
        "FN",
        "DebtReduction",
        key,
        "AllocateProceeds",
        flow_id=f"{loan.loan_no}-RF",
        amount=half,
        alloc={"principal": half},
    )
    story.later(60)
    # By a person: a plan whose day has passed is ended by the timers of the running house.
    story.act("BR", "DebtReduction", key, "ChangeStatus", to_status="TERMINATED")


def transferred(story: Story) -> None:
    """Sold to one buyer."""
    loan, key = story.loan, f"{story.loan.loan_no}-TR"
    reserve = story.part(loan.principal_minor, 30, 60)
    story.approved(
        "DebtTransfer",
        key,
        asset_ids=[loan.loan_no],
        method="AUCTION",
        reserve=text(reserve),
        valuation=text(reserve),
    )
    price = text(reserve + story.part(reserve, 1, 20))
    story.act("AM", "DebtTransfer", key, "ConfirmBuyer", buyer_no="AMC-1", price=price)
    story.act("AM", "DebtTransfer", key, "SignContract", contract_no=f"K-{key}")
    story.later(10)
    story.act("FN", "DebtTransfer", key, "ReceivePrice", flow_id=f"{loan.loan_no}-TP", amount=price)
    story.posted("DebtTransfer", key, "TransferPosted")
    story.later(5)
    story.act("AM", "DebtTransfer", key, "NotifyDebtor", method="NEWSPAPER", on=story.day.isoformat())
    story.act("AM", "DebtTransfer", key, "RegisterResult", outcome="DELIVERED", delivered_on=story.day.isoformat())


def packaged(story: Story) -> None:
    """A package of one, through project, pool, due diligence, bids and delivery."""
    loan = story.loan
    project, package, value = _formed(story, "BATCH_TRANSFER")
    story.later(15)
    story.act("HM", "AssetPackage", package, "Invite", amc_nos=["AMC-1", "AMC-2"], on=story.day.isoformat())
    price = text(value + story.part(value, 1, 15))
    for buyer, amount in (("AMC-1", text(value)), ("AMC-2", price)):
        story.act("HM", "AssetPackage", package, "RecordBid", amc_no=buyer, amount=amount)
    story.act("HM", "AssetPackage", package, "Award", amc_no="AMC-2", price=price)
    signed = story.day.isoformat()
    story.act("HM", "AssetPackage", package, "RecordContract", contract_no=f"K-{package}", signed_on=signed)
    story.later(10)
    story.act("FN", "AssetPackage", package, "ReceivePrice", flow_id=f"{loan.loan_no}-PP", amount=price)
    story.posted("AssetPackage", package, "PackagePosted")
    story.act("HM", "AssetPackage", package, "Deliver", on=story.day.isoformat())
    story.act("HM", "BatchDisposalProject", project, "Complete")


def securitised(story: Story) -> None:
    """A trust buys the package with what investors pay for its notes; the bank goes on collecting."""
    project, package, value = _formed(story, "SECURITISATION")
    tranches = [{"name": "senior", "amount": text(value * 7 // 10), "rate": "3.2"}]
    story.later(30)
    story.act("HM", "AssetPackage", package, "EstablishTrust", trust_no=f"T-{package}", tranches=tranches)
    story.act("HM", "AssetPackage", package, "IssueSecurities", proceeds=text(value), retained=text(value // 20))
    story.act("HM", "AssetPackage", package, "AppointServicer", mandate_no=f"{package}-M")
    story.act("HM", "BatchDisposalProject", project, "Complete")


def income_right(story: Story) -> None:
    """The income is sold, the claim stays on the books."""
    project, package, value = _formed(story, "INCOME_RIGHT")
    story.later(30)
    sold = {"trust_no": f"T-{package}", "proceeds": text(value), "derecognised": False}
    story.act("HM", "AssetPackage", package, "TransferIncomeRight", **sold)
    story.act("HM", "BatchDisposalProject", project, "Complete")


def _formed(story: Story, method: str) -> tuple[str, str, int]:
    """Project, package and value of one asset that is ready to be offered."""
    loan = story.loan
    project, pool, package = (f"{loan.loan_no}-{end}" for end in ("PRJ", "POOL", "PKG"))
    based = story.day.isoformat()
    own = {"entity_id": loan.entity}
    story.approved("BatchDisposalProject", project, maker="HM", noun="Project", method=method, base_date=based, **own)
    story.act("HM", "AssetPool", pool, "OpenPool", project_no=project, **own)
    story.act("AM", "AssetPool", pool, "Add", asset_no=loan.loan_no)
    story.act("HM", "AssetPool", pool, "FreezePool", base_date=story.day.isoformat())
    story.act("HM", "AssetPool", pool, "LaunchPool")
    value = story.part(loan.principal_minor, 20, 50)
    valued = {"valuation": text(value), "recoverable": text(value), "by": "APPRAISER-1"}
    story.act("HM", "AssetPool", pool, "RecordDiligence", asset_no=loan.loan_no, **valued)
    story.act(
        "HM", "AssetPackage", package, "FormPackage", pool_no=pool, asset_ids=[loan.loan_no], reserve=text(value)
    )
    story.act("HM", "BatchDisposalProject", project, "SchemeDrafted", packages=[package])
    story.act("HM", "BatchDisposalProject", project, "SchemeSubmitted")
    story.act("HA", "BatchDisposalProject", project, "SchemeApproved")
    return project, package, value


def _agreed(story: Story) -> str:
    loan, key = story.loan, f"{story.loan.loan_no}-RD"
    paid = loan.claim_minor - sum(loan.minor_by_bucket[name] for name in WAIVED)
    story.approved(
        "DebtReduction",
        key,
        asset_ids=[loan.loan_no],
        repay_amount=text(paid),
        repay_by=(story.today + timedelta(days=int(story.draw.integers(10, 200)))).isoformat(),
        waive=alloc(loan.minor_by_bucket, WAIVED),
    )
    return key
