"""Guards of RiskAsset (spec/risk-assets.md 3.2): given, when, then, one by one."""

from typing import Any

import pytest

from engines.primitives.errors import NotFound
from tests.aggregates.world import CASE, ENTITY, LOAN, World

SYNC: dict[str, Any] = {"interest_on": "195386.67", "interest_off": "0", "penalty": "1700.00", "compound": "1226.78"}
RECOVERY: dict[str, Any] = {"flow_id": "F1", "mode": "CASH_VOLUNTARY", "amount": "100.00"}


def test_only_an_external_system_admits(world: World) -> None:
    world.refused("ROLE", lambda: world.do("AM", "Admit"))
    world.refused("ENTITY", lambda: world.admit(entity_id="BANK-B"))
    world.refused("RiskAsset.Admit.2", lambda: world.admit(classification="NORMAL"))
    world.refused("FIELD", lambda: world.admit(classification="GOOD"))
    world.admit()
    world.refused("RiskAsset.Admit.1", world.admit)


def test_the_entity_may_come_from_the_token(world: World) -> None:
    outcome = world.admit(entity_id=None)
    assert outcome.events[0].envelope.entity == ENTITY
    assert (
        world.refused("FIELD", lambda: world.admit("LN-2", entity_id=None, entities=("*",))).facts["field"]
        == "entity_id"
    )


def test_a_command_on_a_case_that_is_not_there_says_so_to_any_token(world: World) -> None:
    for entities in ((ENTITY,), (ENTITY, "BANK-B"), ("*",)):
        with pytest.raises(NotFound, match="no WriteOff 'WO-9'"):
            world.do("AM", "Withdraw", aggregate="WriteOff", key="WO-9", entities=entities)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("principal", 5),
        ("principal", 5.0),
        ("principal", "-1.00"),
        ("principal", "1.001"),
        ("principal", "NaN"),
        ("principal", None),
        ("ccy", "XXX"),
        ("customer_no", "a b"),
        ("customer_no", ""),
        ("overdue_since", "2022-13-01"),
        ("overdue_since", "20220301"),
        ("loan_no", "LN-other"),
        ("rate_terms", {"rate": 4.35}),
        ("rate_terms", {"_type_": "uuid_hex", "_data_": "zz"}),
        ("rate_terms", {"a": {"b": {"c": {"d": {"e": {"f": "deep"}}}}}}),
        ("rate_terms", {"note": "\ud800"}),
        ("collateral_ids", "C-1"),
        ("collateral_ids", ["C 1"]),
        ("segment", "lower"),
        ("surprise", "x"),
    ],
)
def test_a_bad_field_is_named(world: World, field: str, value: object) -> None:
    error = world.refused("FIELD", lambda: world.admit(**{field: value})) if field != "ccy" else None
    if error is not None:
        assert error.facts["field"] == field
        return
    from engines.primitives.errors import InvalidInput

    with pytest.raises(InvalidInput) as caught:
        world.admit(ccy=value)
    assert caught.value.facts["field"] == "ccy"


def test_nothing_counts_after_today_in_bank_time(world: World) -> None:
    world.refused("FIELD", lambda: world.admit(on="2022-03-12"))
    world.admit()
    world.refused("FIELD", lambda: world.do("CB", "SyncAccrual", as_of="2022-03-12", **SYNC))


def test_sync_takes_absolute_balances_in_order_of_days(world: World) -> None:
    world.admit()
    world.refused("ROLE", lambda: world.do("SY", "SyncAccrual", as_of="2022-03-11", **SYNC))
    world.do("CB", "SyncAccrual", day="2022-03-20", as_of="2022-03-20", **SYNC)
    world.do("CB", "SyncAccrual", as_of="2022-03-20", **(SYNC | {"penalty": "1800.00"}))
    assert world.state()["penalty"] == "1800.00"
    world.refused("RiskAsset.SyncAccrual.2", lambda: world.do("CB", "SyncAccrual", as_of="2022-03-19", **SYNC))
    world.refused("FIELD", lambda: world.do("CB", "SyncAccrual", as_of="2022-03-20", on="2022-03-19", **SYNC))


def test_an_earlier_day_needs_every_later_one_again(world: World) -> None:
    world.admit()
    for day in ("2022-03-20", "2022-03-25"):
        world.do("CB", "SyncAccrual", day=day, as_of=day, **SYNC)

    def resync(*days: str, basis: str = "RESYNC") -> Any:
        syncs = [{"as_of": day, "balances": SYNC | {"penalty": f"{n}.00"}} for n, day in enumerate(days, 1)]
        return world.do("CB", "SyncAccrual", day="2022-03-26", basis=basis, syncs=syncs)

    world.refused("RiskAsset.SyncAccrual.2", lambda: resync("2022-03-15"))
    world.refused("RiskAsset.SyncAccrual.2", lambda: resync("2022-03-15", "2022-03-25"))
    world.refused("FIELD", lambda: resync("2022-03-20", "2022-03-15", "2022-03-25"))
    world.refused("FIELD", lambda: resync("2022-03-15", "2022-03-20", "2022-03-25", basis="SYNC"))
    outcome = resync("2022-03-15", "2022-03-20", "2022-03-25")
    assert [event.envelope.valid_on.isoformat() for event in outcome.events] == [
        "2022-03-15",
        "2022-03-20",
        "2022-03-25",
    ]
    assert world.state()["penalty"] == "3.00"
    resync("2022-03-15", "2022-03-20", "2022-03-25")  # 03-15 is a recorded day now


def test_reclassify(world: World) -> None:
    world.admit()
    world.refused("ROLE", lambda: world.do("AM", "Reclassify", to_class="LOSS"))
    world.refused("FIELD", lambda: world.do("RM", "Reclassify", to_class="SPECIAL_MENTION"))
    world.refused("FIELD", lambda: world.do("RM", "Reclassify", to_class="LOSS", days_overdue=1))
    world.refused(
        "RiskAsset.Reclassify.1", lambda: world.do("RM", "Reclassify", from_class="DOUBTFUL", to_class="LOSS")
    )
    world.refused("RiskAsset.Reclassify.2", lambda: world.do("RM", "Reclassify", to_class="NORMAL"))
    world.do("RM", "Reclassify", to_class="LOSS", days_overdue=80)
    assert world.state()["classification"] == "LOSS"


def test_move_interest_off(world: World) -> None:
    world.admit()
    world.refused("RiskAsset.MoveInterestOff.2", lambda: world.do("CB", "MoveInterestOff", interest="1.00"))
    world.refused("RiskAsset.MoveInterestOff.1", lambda: world.do("CB", "MoveInterestOff", interest="195386.68"))
    world.refused("FIELD", lambda: world.do("CB", "MoveInterestOff", interest="0.00"))
    world.do("RM", "Reclassify", to_class="SUBSTANDARD")
    world.do("CB", "MoveInterestOff", interest="195386.67")
    assert (world.state()["interest_on"], world.state()["interest_off"]) == ("0.00", "195386.67")


def test_advance_cost(world: World) -> None:
    world.admit()
    for amount in ("0.00", "-5.00"):
        world.refused("RiskAsset.AdvanceCost.1", lambda a=amount: world.do("SY", "AdvanceCost", kind="FEE", amount=a))
    world.do("SY", "AdvanceCost", kind="FEE", amount="5.00")
    assert world.state()["costs"] == "5.00"


def test_apply_recovery_follows_its_order(world: World) -> None:
    world.admit()
    outcome = world.do("SY", "ApplyRecovery", flow_id="F1", mode="CASH_VOLUNTARY", amount="3000.00")
    assert outcome.events[0].payload["alloc"] == {"compound": "1226.78", "penalty": "1700.00", "interest_on": "73.22"}
    outcome = world.do("SY", "ApplyRecovery", day="2022-03-22", flow_id="F2", mode="CASH_VOLUNTARY", amount="3000.00")
    assert outcome.events[0].payload["alloc"] == {"principal": "3000.00"}  # 91 days overdue
    outcome = world.do(
        "SY", "ApplyRecovery", flow_id="F3", mode="LITIGATION_ENFORCEMENT", order="INTEREST_FIRST", amount="10.00"
    )
    assert outcome.events[0].payload["alloc"] == {"interest_on": "10.00"}  # as the judgment orders


def test_apply_recovery_guards(world: World) -> None:
    world.admit()

    def apply(**changes: Any) -> Any:
        return world.do("SY", "ApplyRecovery", **(RECOVERY | changes))

    world.refused("FIELD", lambda: apply(mode="WRITE_OFF"))
    world.refused("FIELD", lambda: apply(mode="REDUCTION_CASH"))
    world.refused("FIELD", lambda: apply(order="PRINCIPAL_FIRST"))
    world.refused("FIELD", lambda: apply(amount="0.00"))
    world.refused("FIELD", lambda: apply(alloc={"compound": "99.99"}))
    world.refused("FIELD", lambda: apply(alloc={"penalty": "100.00"}))  # compound comes first
    world.refused("FIELD", lambda: apply(alloc={"gold": "100.00"}))
    world.refused("FIELD", lambda: apply(overdue_since="2022-03-12"))
    world.refused("RiskAsset.ApplyRecovery.3", lambda: apply(amount="2000.00", alloc={"compound": "2000.00"}))
    world.refused("RiskAsset.ApplyRecovery.4", lambda: apply(amount="8198313.46"))
    apply(alloc={"compound": "100.00", "costs": "0.00"})
    world.refused("RiskAsset.ApplyRecovery.2", apply)
    apply(split_no=2)
    world.do("SY", "ApplyRecovery", flow_id="F9", mode="CASH_VOLUNTARY", amount="8198113.45")  # the whole claim
    assert world.state()["principal"] == "0.00"


def test_a_late_recovery_fits_its_day_and_every_later_one(world: World) -> None:
    """E15: penalty was 1,700.00 on the value date, and 40.00 on a day between it and today."""
    world.admit()
    for day, penalty in (("2022-03-20", "40.00"), ("2022-03-25", "9000.00")):
        world.do("CB", "SyncAccrual", day=day, as_of=day, **(SYNC | {"penalty": penalty}))
    outcome = world.do("SY", "ApplyRecovery", on="2022-03-12", **(RECOVERY | {"amount": "2000.00"}))
    alloc = outcome.events[0].payload["alloc"]
    assert alloc == {"compound": "1226.78", "penalty": "40.00", "interest_on": "733.22"}


def test_reverse_recovery(world: World) -> None:
    world.admit()
    applied = world.do("SY", "ApplyRecovery", **(RECOVERY | {"amount": "3000.00"})).events[0]

    def reverse(**changes: Any) -> Any:
        return world.do(
            "SY", "ReverseRecovery", day="2022-03-20", **({"flow_id": "F1", "kind": "ECONOMIC"} | changes)
        )

    world.refused("RiskAsset.ReverseRecovery.1", lambda: reverse(flow_id="F2", amount="1.00"))
    world.refused("RiskAsset.ReverseRecovery.1", lambda: reverse(amount="3000.01"))
    world.refused("FIELD", lambda: reverse(kind="WHIM", amount="1.00"))
    world.refused("FIELD", lambda: reverse(amount="100.00", alloc={"compound": "100.00"}))
    world.refused("FIELD", lambda: reverse(amount="100.00", reverses="6ba7b811"))
    world.refused("FIELD", lambda: reverse(amount="100.00", kind="CORRECTION", on="2022-03-20"))
    world.refused("FIELD", lambda: reverse(amount="100.00", on="2022-03-10"))
    part = reverse(amount="100.00", reverses=str(applied.id)).events[0]
    assert part.payload["alloc"] == {"interest_on": "73.22", "penalty": "26.78"}  # last bucket first
    assert part.envelope.valid_on.isoformat() == "2022-03-20"
    rest = reverse(kind="CORRECTION").events[0]
    assert rest.payload["amount"] == "2900.00"
    assert rest.envelope.valid_on.isoformat() == "2022-03-11"
    world.refused("RiskAsset.ReverseRecovery.1", reverse)
    state = world.state()
    assert (state["rec_cash"], state["income"], state["compound"]) == ("0.00", "0.00", "1226.78")


def test_hold_is_exclusive(world: World) -> None:
    world.admit()
    hold = {"kind": "REDUCTION", "case_no": "R1"}
    world.refused("RiskAsset.ReleaseHold.1", lambda: world.do("SY", "ReleaseHold", **hold))
    world.refused("FIELD", lambda: world.do("SY", "PlaceHold", kind="HOLIDAY", case_no="R1"))
    world.do("SY", "PlaceHold", **hold)
    world.refused("RiskAsset.PlaceHold.1", lambda: world.do("SY", "PlaceHold", kind="TRANSFER", case_no="T1"))
    world.refused("RiskAsset.ReleaseHold.1", lambda: world.do("SY", "ReleaseHold", kind="REDUCTION", case_no="R2"))
    world.do("SY", "ReleaseHold", **hold)
    assert world.state()["hold"] is None


def test_close_and_reopen(world: World) -> None:
    world.admit()
    world.refused("RiskAsset.Close.1", lambda: world.do("SY", "Close", closed_as="REPAID"))
    world.refused("FIELD", lambda: world.do("SY", "Close", closed_as="TRANSFERRED"))
    world.do("SY", "ApplyRecovery", **(RECOVERY | {"amount": "8198313.45"}))
    world.do("SY", "Close", closed_as="REPAID")
    assert (world.state()["lifecycle"], world.state()["closed_as"]) == ("CLOSED", "REPAID")
    world.refused("RiskAsset.PlaceHold.2", lambda: world.do("SY", "PlaceHold", kind="TRANSFER", case_no="T1"))
    outcome = world.do("SY", "ReverseRecovery", flow_id="F1", kind="ECONOMIC", amount="1000.00")
    assert [event.type for event in outcome.events] == ["AssetReopened", "RecoveryReversed"]
    assert (world.state()["lifecycle"], world.state()["principal"]) == ("ACTIVE", "1000.00")


@pytest.mark.parametrize(
    ("name", "payload", "closed", "written_off"),
    [
        ("SyncAccrual", {"as_of": "2024-09-25", **SYNC}, "RiskAsset.SyncAccrual.1", "RiskAsset.SyncAccrual.1"),
        ("Reclassify", {"from_class": "DOUBTFUL", "to_class": "LOSS"}, "STATE", "STATE"),
        ("MoveInterestOff", {"interest": "1.00"}, "STATE", "STATE"),
        ("AdvanceCost", {"kind": "FEE", "amount": "1.00"}, "STATE", None),
        ("ApplyRecovery", {**RECOVERY, "flow_id": "F7"}, "RiskAsset.ApplyRecovery.1", "RiskAsset.ApplyRecovery.1"),
        ("ReverseRecovery", {"flow_id": "F1", "kind": "ECONOMIC", "amount": "1.00"}, None, None),
        ("PlaceHold", {"kind": "RESTRUCTURING", "case_no": "X"}, "RiskAsset.PlaceHold.2", "RiskAsset.PlaceHold.2"),
        ("PlaceHold", {"kind": "TRANSFER", "case_no": "X"}, "RiskAsset.PlaceHold.2", None),
        ("RecoverWrittenOff", {"flow_id": "F8", "amount": "1.00"}, "RiskAsset.RecoverWrittenOff.1", None),
        ("Close", {"closed_as": "REPAID"}, "STATE", "STATE"),
        ("Admit", {}, "RiskAsset.Admit.1", "RiskAsset.Admit.1"),
    ],
)
@pytest.mark.parametrize("lifecycle", ["closed", "written_off"])
def test_every_transition_out_of_the_end_states(
    world: World, lifecycle: str, name: str, payload: dict[str, Any], closed: str | None, written_off: str | None
) -> None:
    from aggregates.risk_asset import RiskAsset

    world.lost()
    world.do("SY", "ApplyRecovery", **RECOVERY)
    if lifecycle == "written_off":
        world.to_stage("POSTED")
    else:
        world.do("SY", "ApplyRecovery", flow_id="F2", mode="CASH_VOLUNTARY", amount="3700488.23")
        world.do("SY", "Close", closed_as="REPAID")
    role = next(row for row in RiskAsset.ROWS if row.command == name).roles[0]
    guard = written_off if lifecycle == "written_off" else closed

    def act() -> Any:
        return world.admit() if name == "Admit" else world.do(role, name, day="2024-09-25", **payload)

    if guard is None:
        act()
    else:
        world.refused(guard, act)


def test_after_a_write_off(world: World) -> None:
    world.lost()
    world.do("SY", "ApplyRecovery", flow_id="F0", mode="CASH_VOLUNTARY", amount="1000.00")
    world.to_stage("POSTED")
    assert world.state()["loss"] == "2634308.70"
    world.do("SY", "AdvanceCost", day="2024-10-01", kind="FEE", amount="50.00")  # E16: memo cost, and a loss
    assert (world.state()["memo"]["costs"], world.state()["loss"]) == ("1650.00", "2634358.70")
    world.do("SY", "ReverseRecovery", flow_id="F0", kind="ECONOMIC", amount="1000.00")  # E16: restored into memo
    state = world.state()
    assert (state["memo"]["costs"], state["costs"], state["loss"]) == ("2650.00", "0.00", "2635358.70")
    recover = {"flow_id": "F4", "amount": "3000.00"}
    world.refused(
        "FIELD", lambda: world.do("SY", "RecoverWrittenOff", on="2024-09-24", **recover)
    )  # before the write-off
    world.refused(
        "RiskAsset.RecoverWrittenOff.2",
        lambda: world.do("SY", "RecoverWrittenOff", flow_id="F4", amount="9999999.00"),
    )
    world.refused("FIELD", lambda: world.do("SY", "RecoverWrittenOff", **recover, alloc={"principal": "3000.00"}))
    outcome = world.do("SY", "RecoverWrittenOff", **recover)
    assert outcome.events[0].payload["alloc"] == {"costs": "2650.00", "principal": "350.00"}
    world.refused("STATE", lambda: world.do("SY", "RecoverWrittenOff", **recover))  # applied already
    world.refused(
        "RiskAsset.ReverseRecovery.1",
        lambda: world.do("SY", "ReverseRecovery", flow_id="F4", kind="ECONOMIC", amount="1.00"),
    )


def test_the_claim_is_not_written_off_without_its_case(world: World) -> None:
    from engines.primitives.errors import InvalidInput

    world.lost()
    for name in ("WriteOff", "AssetWrittenOff", "drop table"):
        with pytest.raises(InvalidInput) as caught:
            world.do("CB", name, write_off_no=CASE)
        assert caught.value.facts["field"] == "command"


def test_a_command_may_be_named_by_its_event(world: World) -> None:
    world.admit()
    world.do("SY", "CostAdvanced", kind="FEE", amount="5.00")
    assert world.state(key=LOAN)["costs"] == "5.00"


def test_a_role_that_the_actor_does_not_hold(world: World) -> None:
    from dataclasses import replace

    world.admit()
    command = world.command("AM", "AdvanceCost", kind="FEE", amount="5.00")
    world.refused("ROLE", lambda: world.app.execute(replace(command, role="SY")))
