"""Trust in figures: one feed that stops marks exactly what stands on it, in time, and recovers by itself."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.work_calendar import work_calendar
from infra.deadline_policies import holiday_calendar
from infra.policies import load_policy
from projections import trust
from projections.trust import Letter, Numbers, Sighting, TrustState
from projections.trust_judgement import FIGURES, Judgement, State, judge
from projections.trust_policy import Rhythm, SourceKey, TrustPolicy
from streams import topics

POLICY = TrustPolicy.parse(load_policy("trust"), holiday_calendar())
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)  # a Tuesday
BANK, CF = SourceKey("entries", "BANK", "core"), SourceKey("entries", "CF", "core")
QUIET = work_calendar(date(2026, 1, 1), date(2026, 12, 31), [date(2026, 11, 25)], [])
ALL = (
    BANK, CF, SourceKey("contracts", "BANK", "core"), SourceKey("contracts", "CF", "core"),
    SourceKey("reservations", "BANK"), SourceKey("reservations", "CF"),
    SourceKey("business-dates", "BANK"), SourceKey("business-dates", "CF"),
    SourceKey("holdings", "BANK", "treasury"), SourceKey("reserves", "BANK", "treasury"),
    SourceKey("prices", "-", "market"), SourceKey("rates", "-", "market"),
    SourceKey("cuts"), SourceKey("decisions"),
)  # fmt: skip


#: What nobody can know who hears no entries; the gap, recoveries and ledgers stand without them.
ON_ENTRIES = {
    "positions", "positions-by-date", "withdrawals", "lcr", "nsfr", "consolidated-lcr", "consolidated-nsfr",
    "liquid-assets", "limits", "alerts",
}  # fmt: skip


def seconds(number: float) -> datetime:
    return NOW + timedelta(seconds=number)


def heard(state: TrustState, at: datetime, keys: tuple[SourceKey, ...] = ALL) -> None:
    trust.take(state, [Sighting(key, at.isoformat(), at) for key in keys])
    trust.look(state, at, {}, {})


def marked(judgement: Judgement) -> set[tuple[str, str]]:
    """(figure, entity) of all that is not fresh."""
    return {
        (figure, entity)
        for figure in FIGURES
        for entity in ("BANK", "CF")
        if judgement.of(figure, frozenset({entity})).state is not State.FRESH
    }


def after_silence_of(dead: SourceKey, span_s: int) -> tuple[TrustState, Judgement]:
    """All sources are heard each second, but for one that stops at 0."""
    state = TrustState()
    heard(state, NOW)
    for second in range(1, span_s + 1):
        heard(state, seconds(second), tuple(key for key in ALL if key != dead))
    return state, judge(state, POLICY, seconds(span_s))


@pytest.mark.parametrize("dead", [BANK, CF], ids=lambda key: key.text)
def test_a_feed_that_stops_marks_its_dependants_and_no_others_within_ten_seconds_and_recovers(
    dead: SourceKey,
) -> None:
    state, found = after_silence_of(dead, 9)
    assert marked(found) == {(figure, dead.entity) for figure in ON_ENTRIES}
    assert found.verdicts[dead].state is State.SILENT
    assert found.verdicts[dead].reasons == ("silent",)
    assert found.of("positions", frozenset({dead.entity})).sources == (dead,)
    assert found.of("positions").state is State.SILENT  # over all entities it is blind too
    assert found.of("gap").state is State.FRESH
    heard(state, seconds(10))
    assert marked(judge(state, POLICY, seconds(10))) == set()


def test_before_it_is_silent_a_source_is_late_and_before_that_it_is_fresh() -> None:
    assert [after_silence_of(BANK, span)[1].verdicts[BANK].state for span in (5, 6, 8, 9)] == [
        State.FRESH, State.LATE, State.LATE, State.SILENT,
    ]  # fmt: skip


def test_market_rates_mark_consolidated_ratios_and_not_those_of_one_currency() -> None:
    state = TrustState()
    rates = SourceKey("rates", "-", "market")
    heard(state, NOW)
    heard(state, seconds(901), tuple(key for key in ALL if key != rates))
    found = judge(state, POLICY, seconds(901))
    assert {figure for figure, _ in marked(found)} == {
        "consolidated-lcr", "consolidated-nsfr", "withdrawals", "limits",
    }  # fmt: skip
    assert found.of("lcr").state is State.FRESH


@pytest.mark.parametrize("name", ["contracts", "reservations", "holdings", "reserves", "decisions"])
def test_a_source_without_a_rhythm_is_never_late(name: str) -> None:
    state, key = TrustState(), next(key for key in ALL if key.name == name)
    heard(state, NOW)
    trust.look(state, seconds(900_000), {}, {})
    assert judge(state, POLICY, seconds(900_000)).verdicts[key].state is State.FRESH


def test_records_that_wait_to_be_folded_mark_what_stands_on_them() -> None:
    state = TrustState()
    heard(state, NOW)
    place = f"{topics.CONTRACT}/0"
    states = []
    for second in range(11):
        heard(state, seconds(second))
        trust.look(state, seconds(second), {place: 100 + second}, {place: 90})  # the worker stands still
        states.append(judge(state, POLICY, seconds(second)))
    contracts = [found.verdicts[SourceKey("contracts", "BANK", "core")].state for found in states]
    assert contracts == [State.FRESH] * 4 + [State.LATE] * 5 + [State.SILENT] * 2
    on_contracts = {figure for figure, inputs in FIGURES.items() if "contracts" in inputs}
    assert {figure for figure, _ in marked(states[-1])} == on_contracts
    trust.look(state, seconds(11), {place: 111}, {place: 105})  # it caught up with what had waited longest
    waits = judge(state, POLICY, seconds(11)).verdicts[SourceKey("contracts", "BANK", "core")]
    assert waits.state is State.LATE
    assert waits.lag_records == 6
    trust.look(state, seconds(12), {place: 111}, {place: 111})
    assert marked(judge(state, POLICY, seconds(12))) == set()


def test_a_dead_letter_damages_its_source_until_it_is_sent_again_or_its_time_is_over() -> None:
    state = TrustState()
    heard(state, NOW)
    letter = Letter("tm.in.core.contract.v1/0/7", SourceKey("contracts", "CF", "core"), NOW)
    for _ in range(2):  # told twice, counted once
        trust.take_letters(state, [letter])
    found = judge(state, POLICY, NOW)
    assert found.verdicts[letter.source].state is State.DAMAGED
    assert found.verdicts[letter.source].dead_letters == 1
    assert {entity for _, entity in marked(found)} == {"CF"}
    heard(state, seconds(86_401))
    assert judge(state, POLICY, seconds(86_401)).verdicts[letter.source].state is State.FRESH
    again = TrustState()
    heard(again, NOW)
    trust.take_letters(again, [letter])
    trust.take(again, [Sighting(letter.source, None, seconds(1), retry_of=letter.id)])
    assert judge(again, POLICY, seconds(1)).verdicts[letter.source].state is State.FRESH


def test_a_dead_letter_that_names_nobody_marks_every_source_of_its_input() -> None:
    state = TrustState()
    heard(state, NOW)
    trust.take_letters(state, [Letter("x", SourceKey("contracts"), NOW)])
    assert {key.entity for key, v in judge(state, POLICY, NOW).verdicts.items() if v.dead_letters} == {"BANK", "CF"}


def test_a_number_that_is_missing_may_still_come() -> None:
    numbers = Numbers()
    for second, number in enumerate((4, 5, 9, 7)):
        numbers.take(number, seconds(second))
    assert numbers.missing_since(seconds(1)) == 0  # noticed at 2
    assert numbers.missing_since(seconds(2)) == 2  # 6 and 8
    numbers.take(6, seconds(9))
    numbers.take(8, seconds(9))
    assert numbers.missing_since(seconds(99)) == 0


def test_numbers_count_only_for_systems_that_number_and_not_over_unread_records() -> None:
    state = TrustState()
    heard(state, NOW)
    for number in (1, 2, 5):
        trust.take(state, [Sighting(BANK, None, NOW, number)])
    assert judge(state, POLICY, seconds(4)).verdicts[BANK].state is State.FRESH  # patience
    trust.look(state, seconds(6), {}, {})
    assert judge(state, POLICY, seconds(5.5)).verdicts[BANK].missing_numbers == 2
    trust.look(state, seconds(6), {}, {}, {"entries"})
    trust.take(state, [Sighting(BANK, None, seconds(6), 3)])
    assert judge(state, POLICY, seconds(6)).verdicts[BANK].missing_numbers == 0


def test_a_reader_that_is_blind_says_so_of_every_source() -> None:
    state = TrustState()
    assert judge(state, POLICY, NOW).of("positions").state is State.UNKNOWN  # nothing was ever seen
    heard(state, NOW)
    found = judge(state, POLICY, seconds(5.1))
    assert {v.state for v in found.verdicts.values()} == {State.UNKNOWN}


def test_a_source_that_ought_to_be_heard_is_unknown_until_it_is() -> None:
    state = TrustState()
    nameless = SourceKey("entries", "LEASE")
    trust.expect(state, [nameless], NOW)
    trust.look(state, NOW, {}, {})
    assert judge(state, POLICY, NOW).verdicts[nameless].reasons == ("never-heard",)
    trust.take(state, [Sighting(SourceKey("entries", "LEASE", "core"), None, NOW)])
    trust.expect(state, [nameless], NOW)
    assert [key.system for key in judge(state, POLICY, NOW).verdicts] == ["core"]


@given(
    st.permutations(range(6)),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), min_size=1, max_size=12),
)
def test_the_order_and_the_repetition_of_sightings_do_not_matter(
    order: list[int], records: list[tuple[int, int]]
) -> None:
    seen = [Sighting(ALL[source], seconds(at).isoformat(), seconds(at)) for source, at in records]
    first, other = TrustState(), TrustState()
    trust.take(first, seen)
    for turn in order:
        trust.take(other, [one for number, one in enumerate(seen) if number % 6 == turn])
    trust.take(other, seen)
    for key in first.sources:
        assert first.sources[key].newest_append == other.sources[key].newest_append
        assert first.sources[key].newest_event == other.sources[key].newest_event


@given(
    st.lists(st.tuples(st.sampled_from(ALL), st.integers(0, 40)), min_size=1, max_size=12),
    st.lists(st.sampled_from(ALL), max_size=3),
    st.lists(st.integers(0, 120), min_size=2, max_size=5).map(sorted),
)
def test_with_nothing_new_time_and_damage_only_worsen_a_state(
    records: list[tuple[SourceKey, int]], damaged: list[SourceKey], moments: list[int]
) -> None:
    state, hurt = TrustState(), TrustState()
    for one in (state, hurt):
        trust.take(one, [Sighting(key, None, seconds(at)) for key, at in records])
        trust.look(one, seconds(40), {}, {})
    trust.take_letters(hurt, [Letter(f"x/{number}", key, seconds(40)) for number, key in enumerate(damaged)])
    before: dict[SourceKey, State] = {}
    for at in moments:
        sound, found = judge(state, POLICY, seconds(40 + at)), judge(hurt, POLICY, seconds(40 + at))
        for key, verdict in found.verdicts.items():
            assert verdict.state >= before.get(key, State.FRESH)
            assert verdict.state >= (sound.verdicts[key].state if key in sound.verdicts else State.FRESH)
            before[key] = verdict.state
        for figure in FIGURES:
            assert found.of(figure).state == max(
                (v.state for key, v in found.verdicts.items() if key.name in FIGURES[figure]), default=State.UNKNOWN
            )


SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Rhythm(60, 120, time(9), time(17, 30), SHANGHAI, only_workdays=True)


@pytest.mark.parametrize(
    ("since", "until", "open_s"),
    [
        ("2026-11-24T10:00", "2026-11-24T10:05", 300),
        ("2026-11-24T17:25", "2026-11-24T23:00", 300),  # it closes at half past five
        ("2026-11-24T17:25", "2026-11-26T09:05", 600),  # the 25th is a holiday
        ("2026-11-27T17:30", "2026-11-30T09:00", 0),  # a weekend
        ("2026-11-24T12:00", "2026-11-24T11:00", 0),
    ],
)
def test_silence_counts_in_open_hours(since: str, until: str, open_s: int) -> None:
    began, ended = (datetime.fromisoformat(text).replace(tzinfo=SHANGHAI) for text in (since, until))
    assert OFFICE.open_seconds(began, ended, QUIET) == open_s


def test_a_day_that_loses_an_hour_to_summer_time_is_an_hour_shorter() -> None:
    paris = ZoneInfo("Europe/Paris")
    rhythm = Rhythm(60, 120, zone=paris, only_workdays=True)
    calendar = work_calendar(date(2026, 1, 1), date(2026, 12, 31), [], [date(2026, 3, 29)])  # that Sunday is worked
    began = datetime(2026, 3, 29, tzinfo=paris)
    assert rhythm.open_seconds(began, datetime(2026, 3, 30, tzinfo=paris), calendar) == 23 * 3_600


@pytest.mark.parametrize(
    "broken",
    [
        {"late_s": 9, "silent_s": 8},
        {"late_s": 5, "silent_s": None},
        {"hours": "22:00-06:00"},
        {"time_zone": "Europe/Atlantis"},
        {"days": "some"},
        {"per": ["customer"]},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(broken: dict[str, object]) -> None:
    data = load_policy("trust")
    data["source"][0] |= broken
    if data["source"][0].get("silent_s") is None:
        del data["source"][0]["silent_s"]
    with pytest.raises(InvalidInput):
        TrustPolicy.parse(data, QUIET)


def test_every_figure_stands_on_inputs_that_the_policy_knows() -> None:
    known = {one.name for one in POLICY.inputs.values()}
    assert {name for inputs in FIGURES.values() for name in inputs} == known
