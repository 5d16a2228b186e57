"""Paths on which a claim leaves the books and is still pursued, until it is recovered or given up."""

from streams.feeds.cases.acts import Story, text

CHECKLIST = {"claim_pursued": True, "nothing_left_to_seize": True}


def written_off(story: Story) -> None:
    """Reviewed, approved, posted; then some of it comes in after all."""
    key = _reviewed(story)
    story.submitted("WriteOff", key)
    _posted(story, key)
    _recovered(story)
    if story.chance(8):
        story.later(10)
        story.taken_back("WriteOff", key, "WriteOffReversed")
        story.later(5)
        story.on_loan("AM", "Tag", tag="WRITE_OFF_REVERSED", on=True)


def by_committee(story: Story) -> None:
    """The committee votes on it first, two thirds of those present."""
    key = _reviewed(story)
    meeting, rules = f"{key}-M", f"{key}-RULES"
    story.act(
        "CS",
        "MeetingRuleSet",
        rules,
        "PublishRules",
        version=1,
        quorum="2/3",
        pass_ratio="2/3",  # noqa: S106 - of votes
        base="PRESENT",
        ballot="OPEN",
        veto=True,
        min_notice_days=0,
    )
    members = ["simulated-voter-1", "simulated-voter-2", "simulated-voter-3"]
    story.act(
        "CS",
        "CommitteeMeeting",
        meeting,
        "Convene",
        at=f"{story.day}T02:00:00Z",
        rule_set=rules,
        members=members,
        mode="ON_SITE",
    )
    story.act("AM", "WriteOff", key, "Submit")
    story.act("CS", "CommitteeMeeting", meeting, "AddItem", item_no=1, case_kind="WRITE_OFF", case_no=key)
    story.act("CS", "WriteOff", key, "Refer", meeting_no=meeting, item_no=1)
    story.act("CS", "CommitteeMeeting", meeting, "Open", present=members)
    for number, member in enumerate(members, 1):
        vote = "AGAINST" if number == 3 and story.chance(30) else "FOR"
        story.act(
            f"CV{number}", "CommitteeMeeting", meeting, "Vote", item_no=1, member=member, vote=vote, opinion="-"
        )
    story.act("CS", "CommitteeMeeting", meeting, "CloseItem", item_no=1)
    story.act("CC", "CommitteeMeeting", meeting, "SignMinutes", doc_id=f"{meeting}-MIN")
    story.act("CC", "CommitteeMeeting", meeting, "Close")
    story.wait("WriteOff", key, "CommitteeOutcomeRecorded")
    story.later(5)
    story.act("HA", "WriteOff", key, "Approve", approval_no=f"A-{key}")
    _posted(story, key)
    _recovered(story)


def given_up(story: Story) -> None:
    """Nothing is left to pursue: no recourse."""
    key = _reviewed(story)
    story.submitted("WriteOff", key)
    _posted(story, key)
    story.later(60)
    no_recourse = f"{story.loan.loan_no}-NR"
    story.approved(
        "NoRecourseDetermination",
        no_recourse,
        asset_no=story.loan.loan_no,
        asset_ids=[story.loan.loan_no],
        ground="DEBTOR_DISSOLVED",
        evidence=["RULING-1", "DEREGISTRATION-1"],
    )


def _reviewed(story: Story) -> str:
    key = f"{story.loan.loan_no}-WO"
    if story.loan.classification != "LOSS":
        story.on_loan("RM", "Reclassify", to_class="LOSS", basis="NOTHING_TO_EXPECT")
        story.later(10)
    story.act(
        "AM", "WriteOff", key, "Draft", asset_no=story.loan.loan_no, ground=story.one_of("BANKRUPTCY", "COURT_ENDED")
    )
    story.later(10)
    story.act("LG", "WriteOff", key, "ReviewCompliance", outcome="PASS", checklist=CHECKLIST)
    return key


def _posted(story: Story, key: str) -> None:
    story.posted("WriteOff", key, "WriteOffPosted")
    story.later(3)
    story.act("FN", "WriteOff", key, "PrintNotice", copy_no=1)


def _recovered(story: Story) -> None:
    if story.chance(60):
        story.later(90)
        amount = text(story.part(story.loan.principal_minor, 2, 20))
        story.on_loan("SY", "RecoverWrittenOff", flow_id=f"{story.loan.loan_no}-AFTER", amount=amount)
