"""PM11: which deadlines open, restart, end, and what stays as it is. Days: the vectors of section 5."""

from typing import Any

import pytest

from aggregates.process_managers import Runner
from tests.aggregates.deadline_world import BOOK, SUIT, Managed
from tests.aggregates.world import LOAN, World

TL01, TL02, TL03 = (f"{code}.{LOAN}.1" for code in ("TL01", "TL02", "TL03"))


@pytest.fixture
def managed(world: World) -> Managed:
    return Managed(world)


def admitted(managed: Managed, **changes: Any) -> Managed:
    managed.world.admit(**({"maturity": "2022-03-10"} | changes))
    managed.follow()
    return managed


def test_a_loan_opens_its_limitation_and_what_secures_it(managed: Managed) -> None:
    admitted(managed, collateral_ids=["C-1"], guarantor_nos=["G-1"])
    assert managed.days(TL01) == ("RUNNING", "2025-03-10", "2025-03-10", "2025-02-08")
    assert managed.days(TL02)[1] == "2025-03-10"
    assert managed.days(TL03) == ("RUNNING", "2022-09-10", "2022-09-13", "2022-09-07")
    state = managed.world.state("Deadline", TL01)
    assert (state["branch"], state["entity"], state["subject"]) == ("3301", "BANK-A", LOAN)


def test_an_unsecured_loan_opens_the_limitation_only(managed: Managed) -> None:
    admitted(managed)
    assert managed.keys() == [TL01]


def test_a_loan_due_before_the_table_is_for_people(managed: Managed) -> None:
    admitted(managed, maturity="2020-06-01", guarantor_nos=["G-1"])
    assert managed.keys() == []
    assert [refusal.facts["field"] for refusal in managed.refusals] == ["start_on", "start_on"]


def pay(managed: Managed, on: str, flow: str = "F1", mode: str = "CASH_VOLUNTARY") -> None:
    managed.do("SY", "ApplyRecovery", on=on, day=on, flow_id=flow, split_no=1, mode=mode, amount="1000.00")


def test_a_part_payment_restarts_the_limitation_and_not_the_guarantee(managed: Managed) -> None:
    admitted(managed, guarantor_nos=["G-1"])
    pay(managed, "2022-03-15")
    assert managed.days(TL01) == ("RUNNING", "2025-03-15", "2025-03-17", "2025-02-13")
    assert managed.days(TL03)[1] == "2022-09-10"


def test_a_payment_before_the_present_start_changes_nothing(managed: Managed) -> None:
    admitted(managed)
    pay(managed, "2022-04-15")
    before = managed.world.log_length
    late = {"flow_id": "F2", "split_no": 1, "mode": "CASH_VOLUNTARY", "amount": "1000.00"}
    found = managed.do("SY", "ApplyRecovery", on="2022-04-15", day="2022-04-20", **late)
    assert (found, managed.refusals) == ([], [])
    assert managed.world.log_length == before + 1


def test_a_guarantors_money_is_not_the_debtors_consent(managed: Managed) -> None:
    admitted(managed)
    pay(managed, "2022-03-15", mode="CASH_GUARANTOR")
    assert managed.days(TL01)[1] == "2025-03-10"


def test_a_payment_that_never_happened_restarted_nothing(managed: Managed) -> None:
    admitted(managed)
    pay(managed, "2022-03-15")
    pay(managed, "2022-04-15", "F2")
    managed.do("SY", "ReverseRecovery", day="2022-05-01", flow_id="F2", split_no=1, kind="CORRECTION")
    assert managed.days(TL01)[1] == "2025-03-15"
    managed.do("SY", "ReverseRecovery", day="2022-05-02", flow_id="F1", split_no=1, kind="CORRECTION")
    assert managed.days(TL01)[1] == "2025-03-10"
    assert managed.refusals == []


def test_money_given_back_later_had_acknowledged_the_debt(managed: Managed) -> None:
    admitted(managed)
    pay(managed, "2022-03-15")
    managed.do("SY", "ReverseRecovery", day="2022-05-01", flow_id="F1", split_no=1, kind="ECONOMIC")
    assert managed.days(TL01)[1] == "2025-03-15"


def test_a_demand_restarts_and_a_call_that_nobody_took_does_not(managed: Managed) -> None:
    admitted(managed)
    task = {"aggregate": "CollectionTask", "key": "T-1"}
    managed.do("AM", "RequestCollection", day="2022-06-01", asset_ids=[LOAN], method="LETTER", **task)
    managed.do("EX", "Accept", ext_no="X-1", **task)
    managed.do("EX", "LogAction", day="2022-06-02", action_no="1", outcome="NO_ANSWER", **task)
    assert managed.days(TL01)[1] == "2025-03-10"
    managed.do("EX", "LogAction", day="2022-06-03", action_no="2", outcome="DEMAND_SERVED", **task)
    assert managed.days(TL01)[1] == "2025-06-03"


def test_a_suit_from_docketing_to_enforcement(managed: Managed) -> None:
    admitted(managed)
    managed.file_suit("2022-09-05")
    assert managed.days(TL01)[1] == "2025-09-05"
    assert managed.days(f"TL05.{SUIT}.1")[:2] == ("RUNNING", "2023-03-05")
    managed.suit("LG", "ServeJudgment", day="2022-12-15", kind="JUDGMENT", outcome="WON")
    assert managed.stage(f"TL05.{SUIT}.1") == "MET"
    assert managed.days(f"TL10.{SUIT}.1")[:3] == ("RUNNING", "2022-12-30", "2022-12-30")
    managed.suit("LG", "BecomeEffective", day="2023-01-03", perform_by="2023-01-10")
    assert managed.stage(f"TL10.{SUIT}.1") == "VOID"
    assert managed.days(f"TL09.{SUIT}.1")[1] == "2023-01-10"
    assert managed.days(f"TL11.{SUIT}.1")[1] == "2023-07-03"
    assert managed.days(f"TL12.{SUIT}.1")[:3] == ("RUNNING", "2025-01-10", "2025-01-10")
    managed.suit("AM", "ApplyEnforcement", day="2023-03-01")
    assert managed.stage(f"TL12.{SUIT}.1") == "MET"
    managed.suit("LG", "Close", day="2023-09-01", outcome="ENFORCED")
    assert managed.stage(f"TL11.{SUIT}.1") == "VOID"
    assert managed.days(TL01)[:2] == ("RUNNING", "2026-09-01")
    assert managed.refusals == []


def test_an_appeal_ends_its_term_and_the_second_judgment_opens_none(managed: Managed) -> None:
    admitted(managed)
    managed.file_suit("2022-09-05")
    managed.suit("LG", "ServeJudgment", day="2022-12-15", kind="JUDGMENT", outcome="LOST")
    managed.suit("LG", "Appeal", day="2022-12-20")
    assert managed.stage(f"TL10.{SUIT}.1") == "MET"
    assert managed.days(f"TL05.{SUIT}.2")[1] == "2023-03-20"
    managed.suit("LG", "ServeJudgment", day="2023-03-01", kind="JUDGMENT", outcome="WON")
    assert managed.stage(f"TL10.{SUIT}.2") is None


def test_a_ruling_is_appealed_within_ten_days(managed: Managed) -> None:
    admitted(managed)
    managed.file_suit("2022-09-05")
    managed.suit("LG", "ServeJudgment", day="2022-12-01", kind="RULING", outcome="DISMISSED")
    assert managed.days(f"TL10.{SUIT}.1")[1:3] == ("2022-12-11", "2022-12-12")


def test_preservation_before_the_suit_asks_for_the_suit(managed: Managed) -> None:
    admitted(managed)
    draft = {"loan_nos": [LOAN], "asset_ids": [LOAN], "route": "LAWSUIT", "claim_amount": "8000000.00"}
    managed.suit(
        "AM", "CaseProposalDrafted", day="2022-08-01", claim_principal="8000000.00", claim_interest="0.00", **draft
    )
    managed.suit("LG", "Preserve", day="2022-08-10", object="DEPOSIT", until_date="2023-08-09")
    assert managed.days(f"TL04.{SUIT}.1")[1] == "2022-09-09"
    assert managed.days(f"TL07.{SUIT}.1") == ("RUNNING", "2023-08-09", "2023-08-02", "2023-07-10")
    managed.suit("LG", "Preserve", day="2022-08-10", object="IMMOVABLE", until_date="2025-08-09")
    assert managed.days(f"TL07.{SUIT}.2")[2] == "2025-08-02"
    assert managed.stage(f"TL04.{SUIT}.2") is None
    managed.suit("LG", "Renew", day="2025-07-20", until_date="2028-07-19")
    assert (managed.stage(f"TL07.{SUIT}.1"), managed.stage(f"TL07.{SUIT}.2")) == ("RUNNING", "MET")
    assert managed.days(f"TL07.{SUIT}.3")[1] == "2028-07-19"
    managed.suit("LG", "Lift", day="2025-07-30")
    stages = [managed.stage(f"{name}.{SUIT}.{at}") for name, at in (("TL07", 1), ("TL07", 3), ("TL04", 1))]
    assert stages == ["VOID", "VOID", "VOID"]
    assert managed.refusals == []


def test_a_preservation_longer_than_the_law_allows_is_for_people(managed: Managed) -> None:
    admitted(managed)
    managed.file_suit("2022-08-01")
    managed.suit("LG", "Preserve", day="2022-08-10", object="DEPOSIT", until_date="2024-08-09")
    assert managed.stage(f"TL07.{SUIT}.1") is None
    assert [refusal.facts["field"] for refusal in managed.refusals] == ["agreed_last_day"]


def test_a_written_off_claim_is_reviewed_every_year(managed: Managed) -> None:
    managed.world.lost()
    managed.world.to_stage("POSTED")
    managed.follow()
    first = f"TL24.{LOAN}.1"
    assert managed.days(first)[1] == "2025-09-25"
    managed.do("AM", "Meet", aggregate="Deadline", key=first, day="2025-08-01")
    assert managed.days(f"TL24.{LOAN}.2")[:2] == ("RUNNING", "2026-08-01")


def test_a_closed_claim_has_no_deadlines(managed: Managed) -> None:
    admitted(managed, principal="1000.00", interest_on="0", penalty="0", compound="0")
    pay(managed, "2022-03-15")
    managed.follow()
    assert managed.world.state()["lifecycle"] == "CLOSED"
    assert managed.stage(TL01) == "VOID"


def test_following_the_log_again_stores_nothing(managed: Managed) -> None:
    admitted(managed, collateral_ids=["C-1"], guarantor_nos=["G-1"])
    pay(managed, "2022-03-15")
    managed.file_suit("2022-09-05")
    managed.suit("LG", "Preserve", day="2022-09-10", object="DEPOSIT", until_date="2023-09-09")
    managed.suit("LG", "Renew", day="2023-08-20", until_date="2024-08-19")
    managed.suit("LG", "ServeJudgment", day="2023-12-15", kind="JUDGMENT", outcome="WON")
    before = managed.world.log_length
    again = Runner(managed.world.app, book=BOOK)
    for event in managed.world.app.published_after(0, 500):
        assert list(again.follow(event, managed.world.clock.now)) == []
    assert managed.world.log_length == before


def test_a_missed_term_is_corrected_by_what_was_learnt_late(managed: Managed) -> None:
    admitted(managed)
    managed.tick("2025-03-11")
    assert managed.stage(TL01) == "MISSED"
    managed.do("SY", "ApplyRecovery", on="2025-03-05", day="2025-03-20", flow_id="F", split_no=1,
               mode="CASH_VOLUNTARY", amount="1000.00")  # fmt: skip
    assert managed.days(TL01)[:2] == ("RUNNING", "2028-03-05")
    managed.tick("2028-03-10")
    managed.do("SY", "ApplyRecovery", day="2028-03-20", flow_id="G", split_no=1, mode="CASH_VOLUNTARY",
               amount="1000.00")  # fmt: skip
    assert managed.stage(TL01) == "MISSED"  # after the end: a new consent is for counsel
    assert managed.refusals[-1].facts["field"] == "restart_on"
