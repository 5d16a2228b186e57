"""Paths on which the bank takes an asset for its claim: received, kept, checked, then sold or taken into use."""

from datetime import timedelta

from streams.feeds.cases.acts import Story, text


def sold(story: Story) -> None:
    """Let for a while, impaired, then sold."""
    fa_no, value = _received(story)
    ends = (story.day + timedelta(days=180)).isoformat()
    story.act(
        "FK",
        "ForeclosedAsset",
        fa_no,
        "StartUse",
        kind="LEASE",
        counterparty="tenant 1",
        from_date=story.day.isoformat(),
        until_date=ends,
        rent="3000.00",
    )
    story.act(
        "FK", "ForeclosedAsset", fa_no, "RecordIncome", kind="RENT", amount="3000.00", period=f"{story.day:%Y-%m}"
    )
    story.act(
        "FK", "ForeclosedAsset", fa_no, "RecordExpense", kind="REPAIR", amount="1200.00", period=f"{story.day:%Y-%m}"
    )
    story.later(60)
    story.act("FK", "ForeclosedAsset", fa_no, "EndUse")
    story.act("FN", "ForeclosedAsset", fa_no, "Impair", recoverable=text(value * 9 // 10))
    reserve = value * 8 // 10
    key = _disposed(story, fa_no, kind="SALE", method="AUCTION", reserve=text(reserve))
    story.act("FK", "FaDisposal", key, "Award", buyer="buyer 3", price=text(reserve + story.part(reserve, 1, 25)))
    story.posted("FaDisposal", key, "FaDisposalPosted")


def converted(story: Story) -> None:
    """The bank moves in itself."""
    fa_no, _ = _received(story)
    key = _disposed(story, fa_no, kind="CONVERT")
    story.posted("FaDisposal", key, "FaDisposalPosted")


def _received(story: Story) -> tuple[str, int]:
    loan, key, fa_no = story.loan, f"{story.loan.loan_no}-FC", f"{story.loan.loan_no}-FA"
    value = story.part(loan.principal_minor, 40, 90)
    items = [{"fa_no": fa_no, "fa_kind": "IMMOVABLE", "quantity": 1, "settlement": text(value)}]
    story.approved(
        "Foreclosure",
        key,
        asset_ids=[loan.loan_no],
        method="COURT_RULING",
        settlement_amount=text(value),
        appraised=text(value),
        items=items,
    )
    story.act("LG", "Foreclosure", key, "RecordInstrument", doc_no=f"RULING-{key}", acquired_on=story.day.isoformat())
    story.posted("Foreclosure", key, "ForeclosurePosted")
    story.later(10)
    story.act("AM", "Foreclosure", key, "TransferTitle", registry_no=f"REG-{key}", on=story.day.isoformat())
    story.act("DP", "ForeclosedAsset", fa_no, "Distribute", manager="simulated-fk")
    story.act("FK", "ForeclosedAsset", fa_no, "Accept")
    story.later(30)
    story.act(
        "FK",
        "ForeclosedAsset",
        fa_no,
        "Check",
        asset_class="A",
        condition="GOOD",
        status="IDLE",
        matched=True,
        findings="as in the ruling",
    )
    return fa_no, value


def _disposed(story: Story, fa_no: str, **draft: object) -> str:
    key = f"{fa_no}-D"
    story.later(30)
    story.act("FK", "FaDisposal", key, "Draft", fa_no=fa_no, portion="100", **draft)
    story.later(5)
    story.submitted("FaDisposal", key, maker="FK")
    return key
