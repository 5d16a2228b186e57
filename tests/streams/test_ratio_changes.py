"""Why a live ratio moved: the parts add up exactly, from the records between two cuts, however these were read."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from itertools import islice

import pytest

from api.ratio_changes import changes_row
from engines.primitives.errors import InvalidInput
from streams import topics
from streams.feeds.event import Event
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.ratio_changes import ExplainedRatio, TwoCuts, explained
from streams.ratio_items import Figure, items_by_pair
from streams.ratio_movements import check_range
from streams.schemas import BusinessDate, Contract, FxRate, Holding, MarketPrice, ReserveState, Txn
from streams.views_ratios import ratio_figures, scopes
from tests.live_bank import LiveBank, live_policy, offsets, two_cuts_of

DAY = date(2026, 3, 16)
NOON = "2026-03-16T12:00:00Z"
POLICY = live_policy()


@pytest.fixture(scope="module")
def moved() -> TwoCuts:
    """A simulated bank around the turn of a day: entries, prices, rates, pledges, contracts, and a new date."""
    source = SimulatedBank(Simulation(7, DAY, 5_000, 500, treasury=True))
    events = list(islice(source.events(), source.opening_events + 7_000))
    bank = LiveBank().feed(events[: source.opening_events + 4_300])
    before = offsets(bank)
    bank.feed(events[source.opening_events + 4_300 :])
    return two_cuts_of(bank, before, offsets(bank))


@pytest.mark.parametrize("figure", ["lcr", "nsfr"])
def test_the_parts_are_the_move_and_its_ends_are_the_ratios(moved: TwoCuts, figure: Figure) -> None:
    found = explained(figure, moved, POLICY, lambda scope: True)
    assert {one.scope.kind for one in found} == {"currency", "entity", "group"}
    for view, at in ((moved.before, "before"), (moved.after, "after")):
        days = view.as_of(None).by_entity
        of = scopes(items_by_pair(view, POLICY, days), view.fx_rates(), "CNY", group=True)
        ratios = {one.scope: one.ratio for one in ratio_figures(figure, of, POLICY, days)}
        for one in found:
            values, ratio = getattr(one.explanation, at), ratios[one.scope]
            assert ratio is not None
            assert (values.numerator, values.denominator) == (ratio.numerator, ratio.denominator)
    for one in found:
        explanation = one.explanation
        assert explanation.residual("numerator") == explanation.residual("denominator") == 0
        assert explanation.ratio_residual in (0, None)
    group = next(one for one in found if one.scope.kind == "group")
    causes = {part.cause for part in group.explanation.parts}
    assert {"ENTRY", "PRICE", "FX", "ROLL"} <= causes
    unnamed = [part for part in group.explanation.parts if part.cause == "ENTRY" and part.entry is None]
    assert {part.line for part in unnamed} <= {"LCR.IF.DER.01", "LCR.OF.ADD.01"}  # netted over contracts


def entry(number: int, amount: str, direction: str = "in", **more: str) -> Event:
    record = Txn(
        txn_id=f"T{number}",
        source_system="core",
        event_time=more.pop("event_time", NOON),
        value_date="2026-03-16",
        entity_id="BANK",
        account_id="A1",
        customer_id="C1",
        customer_class="RETAIL",
        product_id="SAVINGS",
        ccy="CNY",
        direction="in" if direction == "in" else "out",
        amount=amount,
    )
    return Event(topics.TXN, b"BANK|C1", replace_fields(record, more))


def replace_fields(record: Txn, more: dict[str, str]) -> Txn:
    for name, value in more.items():
        setattr(record, name, value)
    return record


def holding(face: str, pledged: str = "0", security: str = "CGB") -> Event:
    record = Holding(
        entity_id="BANK", security_id=security, event_time=NOON, ccy="CNY", face=face, encumbered_face=pledged,
        hqla_level="1", issuer_type="sovereign", encumbrance="-" if pledged == "0" else "<6m",
    )  # fmt: skip
    return Event(topics.HOLDING, b"BANK|CGB", record)


def price(text: str) -> Event:
    return Event(topics.PRICE, b"CGB", MarketPrice(security_id="CGB", event_time=NOON, dirty_price=text))


def on(day: str) -> Event:
    return Event(topics.BUSINESS_DATE, b"BANK", BusinessDate(entity_id="BANK", business_date=day, event_time=NOON))


START = [on("2026-03-16"), entry(1, "400000.00"), holding("1000000.00"), price("100.00")]


def explained_of(first: Sequence[Event], then: Sequence[Event], figure: Figure = "lcr") -> ExplainedRatio:
    bank = LiveBank(partitions=1).feed(first)
    before = offsets(bank)
    bank.feed(then)
    (found,) = explained(figure, two_cuts_of(bank, before, offsets(bank)), POLICY, lambda one: one.kind == "currency")
    return found


def parts_of(found: ExplainedRatio) -> dict[tuple[str, str, str | None], Fraction]:
    return {
        (part.cause, part.line, None if part.entry is None else part.entry.entry_id.split(" ")[1]): part.amount
        for part in found.explanation.parts
    }


def test_an_entry_over_the_limit_of_insurance_moves_both_lines_by_name() -> None:
    found = explained_of(START, [entry(2, "150000.00"), entry(3, "50000.00", "out")])
    # 400,000 insured at 5%; 550,000: 500,000 insured, 50,000 not; then 500,000 all insured.
    assert parts_of(found) == {
        ("ENTRY", "LCR.OF.RET.02", "T2"): 10_000_000 * Fraction(5, 100),
        ("ENTRY", "LCR.OF.RET.03", "T2"): 5_000_000 * Fraction(10, 100),
        ("ENTRY", "LCR.OF.RET.03", "T3"): -5_000_000 * Fraction(10, 100),
    }


def test_late_entries_and_reversals_say_so() -> None:
    late = entry(2, "10.00", event_time="2026-03-16T11:00:00Z")
    back = entry(3, "10.00", "out", reversal_of="T2")
    found = explained_of(START, [late, back])
    flags = {part.entry.entry_id: part.entry.flags for part in found.explanation.parts if part.entry}
    assert flags == {f"{topics.TXN} T2": {"late"}, f"{topics.TXN} T3": {"reversal"}}


def test_a_price_a_purchase_and_a_pledge_are_told_apart() -> None:
    found = explained_of(START, [price("102.00"), holding("1500000.00", "500000.00")])
    parts = parts_of(found)
    # 1,000,000 at 100% before; 1,000,000 free at 102% after: bought 500,000 and pledged 500,000.
    assert parts.keys() == {
        ("PRICE", "LCR.HQ1.03", None), ("TAG", "LCR.HQ1.03", None), ("ENTRY", "LCR.HQ1.03", "CGB"),
    }  # fmt: skip
    assert parts["PRICE", "LCR.HQ1.03", None] == 2_000_000
    assert parts["ENTRY", "LCR.HQ1.03", "CGB"] == -parts["TAG", "LCR.HQ1.03", None] == 50_500_000


def test_what_is_new_and_due_since_the_date_moved_is_shared_by_both_causes() -> None:
    loan = Contract(
        contract_id="K1", event_time=NOON, entity_id="BANK", side="asset", ccy="CNY", principal="100.00",
        start_date="2026-03-01", maturity_date="2026-04-18", cpty_type="CORPORATE", product_id="CORPORATE-LOAN",
    )  # fmt: skip
    # Due in 33 days on the 16th, in 29 on the 20th: it counts only if it is there and the date has moved.
    found = explained_of(START, [Event(topics.CONTRACT, b"BANK|C1", loan), on("2026-03-20")])
    assert parts_of(found) == {
        ("ROLL", "LCR.IF.CPT.02", None): -10_000 * Fraction(50, 100) / 2,
        ("ENTRY", "LCR.IF.CPT.02", "K1"): -10_000 * Fraction(50, 100) / 2,
    }


def test_a_security_bought_while_its_price_moved_shares_that_too() -> None:
    found = explained_of([*START, other_price("100.00")], [other_price("102.00"), holding("100.00", security="NEW")])
    parts = parts_of(found)
    assert parts == {
        ("PRICE", "LCR.HQ1.03", None): 10_000 * Fraction(2, 100) / 2,
        ("ENTRY", "LCR.HQ1.03", "NEW"): 10_100,
    }


def other_price(text: str) -> Event:
    return Event(topics.PRICE, b"NEW", MarketPrice(security_id="NEW", event_time=NOON, dirty_price=text))


def test_a_requirement_that_rises_takes_from_the_reserves_that_can_be_drawn() -> None:
    own = entry(9, "800.00", customer_id="-", customer_class="-", product_id="SETTLEMENT", account_id="OWN")
    own = own._replace(key=b"BANK|OWN")

    def reserve(required: str) -> Event:
        record = ReserveState(entity_id="BANK", ccy="CNY", event_time=NOON, required=required, vault_cash="10.00")
        return Event(topics.RESERVE, b"BANK|CNY", record)

    found = explained_of([*START, own, reserve("500.00")], [reserve("900.00")])
    # Excess was 300.00; of the 400.00 asked for more, 100.00 is not there: it cannot be less than nothing.
    assert parts_of(found) == {
        ("ENTRY", "LCR.HQ1.02", "BANK"): -40_000,
        ("ENTRY", "LCR.HQ1.02", None): 10_000,
    }


def test_a_cut_and_its_reverse_negate_each_line(moved: TwoCuts) -> None:
    forth = explained("lcr", moved, POLICY, lambda scope: scope.kind == "group")[0].explanation
    swapped = TwoCuts(moved.after, moved.before, moved.moved.negated())
    back = explained("lcr", swapped, POLICY, lambda scope: scope.kind == "group")[0].explanation
    there = {(part.cause, part.line, part.side, part.entry): part.amount for part in forth.parts}
    again = {(part.cause, part.line, part.side, part.entry): -part.amount for part in back.parts}
    assert there == again


def test_what_is_shown_adds_up_to_the_move_that_is_shown(moved: TwoCuts) -> None:
    for figure in ("lcr", "nsfr"):
        (found,) = explained("lcr" if figure == "lcr" else "nsfr", moved, POLICY, lambda scope: scope.kind == "group")
        row = changes_row(found, 20)
        assert row["residual"] == "0.00"
        assert len([part for part in row["parts"] if part["entry"]]) == 20
        named = sum(part.entry is not None for part in found.explanation.parts)
        assert sum(part["entries"] for part in row["parts"]) == named
        assert sum(Fraction(part["ratio_share_pct"]) for part in row["parts"]) == Fraction(row["change_pct"])
        for side in ("numerator", "denominator"):
            shown = sum(Fraction(part["amount"]) for part in row["parts"] if part["side"] == side)
            assert shown == Fraction(row[f"{side}_change"])


def test_a_cut_that_goes_back_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_range({(topics.TXN, 0): 5}, {(topics.TXN, 0): 4})
    assert caught.value.facts["field"] == "from_offsets"
    with pytest.raises(InvalidInput):
        check_range({}, {(topics.TXN, 0): 10**9})


def test_a_rate_alone_moves_the_consolidated_ratio() -> None:
    def rate(mid: str) -> Event:
        return Event(topics.FX, b"USD/CNY", FxRate(base_ccy="USD", quote_ccy="CNY", event_time=NOON, mid=mid))

    dollars = entry(5, "1000.00", ccy="USD")
    bank = LiveBank(partitions=1).feed([*START, dollars, rate("7.1")])
    before = offsets(bank)
    bank.feed([rate("7.3")])
    (found,) = explained("lcr", two_cuts_of(bank, before, offsets(bank)), POLICY, lambda one: one.kind == "entity")
    assert parts_of(found) == {("FX", "LCR.OF.RET.03", None): 100_000 * Fraction(10, 100) * Fraction(2, 10)}
