"""The scenario files, line by line: every expectation met, every identity held, no refusal leaves a trace."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aggregates.identities import identities
from aggregates.registry import KINDS
from aggregates.rendering import money
from aggregates.scenario import READER, meets
from aggregates.steps.case import Case
from engines.primitives.money import to_minor, to_text
from tests.aggregates.scenarios import FILES, FOLDER, Answer, Line, Played, figures_of, lines_of, play

OFF_BALANCE = ("interest_off", "penalty", "compound")


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    found = play(lines_of(request.param), tmp_path_factory.mktemp("played"))
    yield found
    found.close()


each_file = pytest.mark.parametrize("played", FILES, ids=lambda file: file.stem, indirect=True)


@each_file
def test_every_line_is_answered_as_expected(played: Played) -> None:
    for line, answer in zip(played.lines, played.answers, strict=True):
        assert meets(line, answer), (answer["line"], line.get("command"), answer["error"])


@each_file
def test_identities_hold_after_every_line_and_no_bucket_is_negative(played: Played) -> None:
    for answer in played.answers:
        assert [found for found in answer["identities"] if not found["holds"]] == [], answer["line"]
        for name, state in answer["state"].items():
            if name.startswith("RiskAsset/"):
                parts = [state[bucket] for bucket in ("principal", "interest_on", "costs", *OFF_BALANCE)]
                assert not [part for part in (*parts, *state["memo"].values()) if part.startswith("-")], name


@each_file
def test_a_refused_line_leaves_everything_as_it_was(played: Played) -> None:
    before: Any = {}
    for answer in played.answers:
        if not answer["ok"]:
            assert (answer["events"], answer["state"]) == ([], before), answer["line"]
        before = answer["state"]


@each_file
def test_the_stored_history_gives_the_same_state_again(played: Played) -> None:
    shown = played.answers[-1]["state"]
    for name, state in shown.items():
        aggregate, _, key = name.partition("/")
        replayed = played.app.find(aggregate, key)
        assert replayed is not None
        with played.app.model.current() as model:
            live = next(case for case in model.of_kind(aggregate) if case.key == key)
        assert vars(live) == vars(replayed)
        assert replayed.version == state["version"]
    assert played.store.verify_chain().ok


@each_file
def test_money_moves_by_what_core_and_the_system_say_only(played: Played) -> None:
    """A person's own line never changes a claim; what does is a fact of core, of finance or of the system."""
    before: dict[str, Any] = {}
    for line, answer in zip(played.lines, played.answers, strict=True):
        claims = {name: _claim(state) for name, state in answer["state"].items() if name.startswith("RiskAsset/")}
        if any(claims.get(name) != claim for name, claim in before.items()):
            assert line["role"] in {"CB", "SY", "FN"}, answer["line"]
        before = claims


def _claim(state: Mapping[str, Any]) -> list[Any]:
    return [state[bucket] for bucket in ("principal", "interest_on", "costs", *OFF_BALANCE)] + [state["memo"]]


def _figures(answer: Answer, loan_no: str) -> dict[str, str]:
    state = answer["state"][f"RiskAsset/{loan_no}"]
    off = sum(to_minor(state[bucket], "CNY") for bucket in OFF_BALANCE)
    memo = sum(to_minor(part, "CNY") for part in state["memo"].values())
    found = {name: str(state[name]) for name in state if isinstance(state[name], str)}
    return found | {"int_on": found["interest_on"], "off_bal": to_text(off, "CNY"), "memo": to_text(memo, "CNY")}


@pytest.mark.parametrize(
    ("name", "loan_no"), [("one-asset", "LN-7001"), ("debt-reduction", "LN-8003")], ids=["8.1", "8.3"]
)
def test_figures_of_the_specification_after_every_line(name: str, loan_no: str, tmp_path: Path) -> None:
    """Spec 8.1 and 8.3. Events of one save are compared together, after the last of them."""
    played = play(lines_of(FOLDER / f"{name}.jsonl"), tmp_path)
    wanted = figures_of(FOLDER / f"{name}.figures.txt")
    stored = [(event["type"], answer) for answer in played.answers for event in answer["events"]]
    at = 0
    matched: list[tuple[dict[str, str], Answer]] = []
    for row in wanted:
        at = next(place for place in range(at, len(stored)) if stored[place][0] == row["event"]) + 1
        matched.append((row, stored[at - 1][1]))
    for place, (row, answer) in enumerate(matched):
        if place + 1 < len(matched) and matched[place + 1][1] is answer:
            continue
        figures = _figures(answer, loan_no)
        shown = {column: figures[column] for column in row if column not in ("seq", "event")}
        assert shown == {column: row[column] for column in shown}, row["seq"]
    played.close()


def _as_of(played: Played, aggregate: str, key: str, as_of: date, known_at: date) -> Any:
    """Fold in valid order (spec 4.2): what counted by a day, as far as it was known at the end of another."""
    kind: type[Case] = KINDS[aggregate]
    stop = played.app.history(aggregate, key, reader=READER, known_at=known_at)
    stored = played.app.decisions.select_recorded(originator_id=kind.stream_id(key))[: len(stop)]
    events = [(event.position, played.app.decode(event)) for event in stored]
    counted = sorted(
        (one for one in events if one[1].who.valid_on <= as_of), key=lambda one: (one[1].who.valid_on, one[0])
    )
    if not counted:
        return None
    first, *later = [event for _, event in counted]
    case = first.mutate(None)
    for event in later:
        case.absorb(event)
    return case


def test_point_in_time_figures_of_the_specification(tmp_path: Path) -> None:
    """Spec 8.2, over the history of 8.1."""
    played = play(lines_of(FOLDER / "one-asset.jsonl"), tmp_path)
    for row in figures_of(FOLDER / "one-asset.points.txt"):
        as_of, known_at = date.fromisoformat(row["as_of"]), date.fromisoformat(row["known_at"])
        asset = _as_of(played, "RiskAsset", "LN-7001", as_of, known_at)
        taken = _as_of(played, "ForeclosedAsset", "FA1", as_of, known_at)
        shown = {
            "principal": asset.buckets_minor["principal"],
            "off_bal": sum(asset.buckets_minor[bucket] for bucket in OFF_BALANCE),
            "costs": asset.buckets_minor["costs"],
            "rec_cash": asset.rec_cash_minor,
            "fa": 0 if taken is None else taken.carrying_minor,
            "memo": sum(asset.memo_minor.values()),
            "loss": asset.loss_minor + (0 if taken is None else taken.loss_minor),
        }
        assert {name: money(minor, "CNY") for name, minor in shown.items()} == {n: row[n] for n in shown}, row
    played.close()


# --- The player itself ---------------------------------------------------------------------------------------------

ADMITTED: Line = lines_of(FOLDER / "debt-reduction.jsonl")[0]


@pytest.fixture
def answers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Answer]]:
    found = play([ADMITTED, *request.param], tmp_path)
    yield found.answers
    found.close()


def _line(at: str, role: str, command: str, **payload: Any) -> Line:
    named = {"actor": f"U-{role}", "role": role, "aggregate": "RiskAsset", "key": "LN-8003"}
    return {"at": at, **named, "command": command, "payload": payload}


COST = {"kind": "FEE", "amount": "5.00"}


@pytest.mark.parametrize(
    ("answers", "guard"),
    [
        ([_line("2024-03-31T00:00:00Z", "SY", "CostAdvanced", **COST)], "FIELD"),  # time never goes back
        ([_line("2024-04-02", "SY", "CostAdvanced", **COST)], "FIELD"),  # an instant needs its offset
        ([_line("2024-04-02T00:00:00Z", "XX", "CostAdvanced", **COST)], "FIELD"),
        ([_line("2024-04-02T00:00:00Z", "AM", "CostAdvanced", **COST)], "ROLE"),
        ([_line("2024-04-02T00:00:00Z", "SY", "NoSuchCommand")], "FIELD"),
        ([_line("2024-04-02T00:00:00Z", "SY", "CostAdvanced", **COST) | {"surprise": 1}], "FIELD"),
        ([_line("2024-04-02T00:00:00Z", "SY", "CostAdvanced", **COST) | {"valid_on": "2024-04-03"}], "FIELD"),
        ([_line("2024-04-02T00:00:00Z", "SY", "CostAdvanced", **COST) | {"key": "LN-0"}], "STATE"),
        ([_line("2024-04-02T00:00:00Z", "CB", "DebtReduced")], "FIELD"),  # follows from its case only
        ([_line("2024-04-02T00:00:00Z", "SY", "CostAdvanced", kind="FEE", amount="0.00")], "RiskAsset.AdvanceCost.1"),
        (
            [
                _line(
                    "2024-04-02T00:00:00Z", "SY", "RecoveryApplied", flow_id="F", mode="OUTSOURCED", amount="9999999"
                )
            ],
            "RiskAsset.ApplyRecovery.4",
        ),
    ],
    indirect=["answers"],
)
def test_a_refusal_names_its_guard(answers: list[Answer], guard: str) -> None:
    admitted, refused = answers
    assert (refused["ok"], refused["error"]["guard"]) == (False, guard)
    assert refused["state"] == admitted["state"]


def test_a_fixture_is_stored_without_guards(tmp_path: Path) -> None:
    written_off = {"write_off_no": "W", "book_amount": "1000000.00", "memo_interest": "131825.60"}
    alloc = {"principal": "1000000.00", "interest_off": "86400.00"}
    given = dict(_line("2024-04-02T00:00:00Z", "CB", "", alloc=alloc, **written_off))
    given = {name: value for name, value in given.items() if name != "command"} | {"given": "AssetWrittenOff"}
    played = play([ADMITTED, given], tmp_path)
    answer = played.answers[-1]
    assert answer["ok"]
    assert answer["events"][0]["payload"]["fixture"] is True
    assert answer["state"]["RiskAsset/LN-8003"]["lifecycle"] == "WRITTEN_OFF"
    played.close()


def test_an_expectation_that_is_not_met_is_told() -> None:
    line = {"expect": "RiskAsset.Close.1"}
    assert meets(line, {"ok": False, "error": {"guard": "RiskAsset.Close.1"}})
    assert not meets(line, {"ok": False, "error": {"guard": "STATE"}})
    assert not meets(line, {"ok": True, "error": None})
    assert not meets({}, {"ok": False, "error": {"guard": "STATE"}})


def test_a_repeated_command_id_stores_nothing_again(tmp_path: Path) -> None:
    cost = dict(_line("2024-04-02T00:00:00Z", "SY", "CostAdvanced", **COST)) | {"cmd_id": "once"}
    played = play([ADMITTED, cost, cost], tmp_path)
    assert played.answers[1]["state"] == played.answers[2]["state"]
    assert played.store.recorder.max_notification_id() == 2
    played.close()


def test_identities_are_able_to_fail(tmp_path: Path) -> None:
    """A balance that no event accounts for is seen by ID1 and ID3; a memo, by ID2."""
    played = play([ADMITTED], tmp_path)
    asset: Any = played.app.find("RiskAsset", "LN-8003")
    events = [played.app.decode(event) for event in played.app.decisions.select_recorded(originator_id=asset.id)]
    assert all(found.holds for found in identities(asset, events, []))
    asset.buckets_minor["principal"] += 1
    asset.memo_minor["costs"] += 1
    assert {found.id for found in identities(asset, events, []) if not found.holds} == {"ID1", "ID2", "ID3"}
    played.close()


# --- What single files are there to show ---------------------------------------------------------------------------


def _events(played: Played, name: str) -> list[Mapping[str, Any]]:
    return [event["payload"] for answer in played.answers for event in answer["events"] if event["type"] == name]


def one_file(stem: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("played", [FOLDER / f"{stem}.jsonl"], ids=[stem], indirect=True)


@one_file("package-of-three")
def test_a_package_price_is_prorated_over_book_claims(played: Played) -> None:
    """Spec 7.2: 3,000,000 over 4,000,000 : 2,500,000 : 1,300,000."""
    sold = _events(played, "AssetTransferred")
    assert [one["price"] for one in sold] == ["1538461.54", "961538.46", "500000.00"]
    assert [one["loss"] for one in sold] == ["2461538.46", "1538461.54", "800000.00"]
    assert _events(played, "ProjectCompleted")[0].items() >= {"price": "3000000.00", "loss": "4800000.00"}.items()


@one_file("foreclosed-in-portions")
def test_portions_of_a_foreclosed_asset(played: Played) -> None:
    """Spec 7.5: 35% of 4,800,000 is 1,680,000, the rest 3,120,000; interest is recognised up to the surplus."""
    first, second = _events(played, "AssetSold")
    assert (first["carrying"], first["interest_recognised"], first["result"]) == ("1680000.00", "200000.00", "0.00")
    assert (second["carrying"], second["interest_recognised"], second["result"]) == (
        "3120000.00",
        "0.00",
        "-150000.00",
    )
    undone = [answer for answer in played.answers if any(e["type"] == "DisposalUndone" for e in answer["events"])]
    taken = [answer["state"]["ForeclosedAsset/FA1"] for answer in undone]
    assert [(one["carrying"], one["free_portion"]) for one in taken] == [("3120000.00", "65"), ("4800000.00", "100")]
    assert [one["valid_on"] for answer in undone for one in answer["events"] if one["type"] == "DisposalUndone"] == [
        "2024-04-01",
        "2024-02-01",  # a correction counts on the day of what it corrects
    ]
    assert played.answers[-1]["state"]["ForeclosedAsset/FA1"]["carrying"] == "0.00"


@one_file("hold-conflict")
def test_the_second_approval_of_an_asset_is_returned(played: Played) -> None:
    returned = _events(played, "RestructuringReturned")
    assert [one["comment"] for one in returned] == ["HOLD_CONFLICT"]
    assert played.answers[-1]["state"]["RiskAsset/LN-1"]["hold"] == {"kind": "RESTRUCTURING", "case_no": "RS1"}


@one_file("write-off-reversed")
def test_a_reversed_write_off_brings_back_the_memo_as_it_stands(played: Played) -> None:
    """521,000 of book and 10,000 of interest written off, 2,500 advanced, 70,000 recovered: 463,500 comes back."""
    before, after = (
        next(answer["state"]["RiskAsset/LN-1"] for answer in played.answers if answer["line"] == line)
        for line in (14, 15)
    )
    assert before["loss"] == "453500.00"
    assert after["loss"] == "0.00"
    assert _events(played, "AssetWriteOffReversed")[0]["alloc"] == {
        "principal": "433500.00",
        "interest_on": "20000.00",
        "interest_off": "7000.00",
        "penalty": "3000.00",
    }


@one_file("written-off-transfer-unwound")
def test_an_unwound_sale_of_a_written_off_claim_restores_the_memo(played: Played) -> None:
    """Sold at 60,000 without book: a gain; taken back for 61,000: the bank has lost 1,000 by it."""
    losses = [answer["state"]["RiskAsset/LN-1"]["loss"] for answer in played.answers]
    sold = next(place for place, answer in enumerate(played.answers) if answer["line"] == 20)
    assert losses[sold] == "340000.00"
    assert losses[-2] == "401000.00"
    assert played.answers[-2]["state"]["RiskAsset/LN-1"]["memo"]["principal"] == "400000.00"


@one_file("foreclosure-reversed")
def test_a_reversed_foreclosure_restores_the_claim_but_not_what_was_spent(played: Played) -> None:
    asset = played.answers[-1]["state"]["RiskAsset/LN-1"]
    assert [asset[name] for name in ("principal", "interest_on", "costs", "fa", "rec_kind", "loss")] == [
        "900000.00",
        "40000.00",
        "12000.00",
        "0.00",
        "0.00",
        "9800.00",
    ]
    first, second = _events(played, "ForeclosedAssetBooked")
    assert (first["dispose_by"], second["dispose_by"]) == ("2026-02-10", "2025-02-10")  # TL17: a movable has one year


@one_file("reduction-suspended-and-breached")
def test_a_breach_leaves_the_cash_applied_and_frees_the_asset(played: Played) -> None:
    asset = played.answers[-1]["state"]["RiskAsset/LN-1"]
    assert (asset["rec_cash"], asset["waived"], asset["hold"]) == ("100000.00", "0.00", None)
    assert _events(played, "ReductionBreached")[0]["shortfall"] == "100000.00"


def test_money_received_beside_an_asset_never_books_it_below_zero(tmp_path: Path) -> None:
    """Found by a random history: with more boot than book value the carrying amount went below zero."""
    lines = lines_of(FOLDER / "foreclosed-in-portions.jsonl")
    at = next(at for at, line in enumerate(lines) if line.get("command") == "ForeclosurePosted")
    posting = lines[at]
    too_much = posting | {"payload": posting["payload"] | {"boot_received": "900000000.00"}}
    played = play([*lines[:at], too_much, posting], tmp_path)
    refused, accepted = played.answers[-2:]
    assert (refused["ok"], refused["error"]["guard"], refused["error"]["field"]) == (False, "FIELD", "boot_received")
    assert accepted["ok"]
    played.close()
