"""`/nostro/reconciliations` and `tidemark nostro reconcile`: statements beside positions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from api.cli import nostro as command
from api.nostro import Asked, reconciliations
from streams.nostro_records import NostroEntry, NostroStatement
from streams.past_figures import AccountSums
from streams.views_figures import AsOf
from tests.api_doubles import Running, running, services
from tests.infra.statement_files import Line, camt_xml

DAY = date(2026, 3, 2)


def statement(number: int = 1, closing: str = "10.00", day: str = "2026-03-02", **changes: Any) -> NostroStatement:
    fields: dict[str, Any] = {
        "entity_id": "NORTH",
        "account_id": "N1",
        "ccy": "EUR",
        "statement_id": f"S{number}",
        "event_time": f"{day}T00:00:00Z",
        "closing_date": day,
        "closing": closing,
        "sequence": number,
    }
    return NostroStatement(**fields | changes)


def entry(name: str, amount: str, booked: str = "2026-03-02", valued: str = "2026-03-02") -> NostroEntry:
    return NostroEntry(entry_id=name, amount=amount, booking_date=booked, value_date=valued)


TOLD = [
    statement(1, "10.00", entries=[entry("e1", "10.00")]),
    statement(2, "25.00", "2026-03-03", opening="10.00", entries=[entry("e2", "15.00", "2026-03-03", "2026-03-04")]),
    statement(4, "30.00", "2026-03-04", opening="26.00", entries=[entry("e3", "5.00"), entry("e4", "9.00")]),
    statement(1, "7.00", entity_id="SOUTH", account_id="S1"),
]


def sums(as_of: AsOf, filters: Mapping[str, Any]) -> tuple[Mapping[str, int], Sequence[AccountSums]]:
    """NORTH's account as our ledger has it: 10, then 10, then 25."""
    assert filters["account"] == {"N1", "S1"}
    day = as_of.explicit
    assert day is not None
    settled = 1_000 if day < date(2026, 3, 4) else 2_500
    row = AccountSums(
        entity="NORTH",
        organisation="HQ",
        business_line="-",
        product="NOSTRO",
        currency="EUR",
        customer="-",
        account="N1",
        intragroup=False,
        settled_minor=settled,
        pending_in_minor=0,
        pending_out_minor=0,
    )
    return {}, [row]


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(services(nostro_statements=lambda: TOLD, account_source=sums)) as found:
        yield found


def get(server: Running, who: str = "all", **asked: str) -> httpx.Response:
    address = f"{server.address}/api/v1/nostro/reconciliations"
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {who}"}) as client:
        return client.get(address, params=asked)


def test_each_closing_balance_is_matched_timing_or_a_break(server: Running) -> None:
    body = get(server).json()
    told = [(row["account"], row["date"], row["status"], row["timing"], row["break"]) for row in body["rows"]]
    assert told == [
        ("N1", "2026-03-04", "break", "0.00", "5.00"),
        ("N1", "2026-03-03", "timing", "15.00", "0.00"),
        ("S1", "2026-03-02", "break", "0.00", "7.00"),
        ("N1", "2026-03-02", "matched", "0.00", "0.00"),
    ]
    assert body["counts"] == {"matched": 1, "timing": 1, "break": 2}
    assert [one["entry"] for one in body["rows"][0]["suspects"]] == ["e3"]
    assert [one["entry"] for one in body["rows"][1]["timing_entries"]] == ["e2"]
    assert [row["known_account"] for row in body["rows"]] == [True, True, False, True]
    assert [(gap["check"], gap["expected"], gap["found"]) for gap in body["gaps"]] == [
        ("sequence", "3", "4"),
        ("opening", "25.00", "26.00"),
    ]


def test_readers_see_their_entities_and_what_they_ask_for(server: Running) -> None:
    assert {row["entity"] for row in get(server, "north").json()["rows"]} == {"NORTH"}
    assert get(server, "north", entity="SOUTH").json()["rows"] == []
    assert [row["date"] for row in get(server, since="2026-03-03", until="2026-03-03").json()["rows"]] == [
        "2026-03-03"
    ]
    assert [row["account"] for row in get(server, account="S1").json()["rows"]] == ["S1"]
    assert {row["status"] for row in get(server, status="timing").json()["rows"]} == {"timing"}
    assert get(server, status="none").status_code == 422
    assert len(get(server, limit="1").json()["rows"]) == 1


def test_pages_of_a_day_are_one_closing() -> None:
    pages = [
        statement(1, "4.00", page=1, entries=[entry("a", "4.00")]),
        statement(1, "9.00", page=2, opening="4.00", entries=[entry("b", "5.00")]),
    ]
    (row,) = reconciliations(reversed(pages), lambda *_: 400, Asked())["rows"]
    assert (row["closing"], row["break"], [one["entry"] for one in row["suspects"]]) == ("9.00", "5.00", ["b"])


class Positions:
    """The API as the command asks it."""

    def __init__(self, _settings: Any = None) -> None:
        pass

    def __enter__(self) -> "Positions":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, **asked: Any) -> dict[str, Any]:
        assert (path, asked["account"], asked["as_of"]) == ("/positions", "N1", "2026-03-02")
        return {"rows": [{"currency": "EUR", "position": "1.00"}]}


def test_the_command_compares_files_with_our_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "Api", Positions)
    accounts, file, own = tmp_path / "a.toml", tmp_path / "s.xml", tmp_path / "ours.jsonl"
    accounts.write_text('[[accounts]]\nid = "DE89370400440532013000"\nentity_id = "NORTH"\naccount_id = "N1"\n')
    file.write_text(camt_xml([Line(100, DAY, DAY, "A"), Line(250, DAY, DAY, "B")]))
    record = {"txn_id": "o1", "source_system": "c", "event_time": "2026-03-02T09:00:00Z", "value_date": "2026-03-02"}
    record |= {"entity_id": "NORTH", "account_id": "N1", "ccy": "EUR", "direction": "in", "amount": "1.00"}
    own.write_text(json.dumps(record))
    with pytest.raises(typer.Exit) as ended:
        command.reconcile(files=[file], mapping=accounts, own=own, data_dir=tmp_path, as_json=True)
    assert ended.value.exit_code == 1
    answer = json.loads(capsys.readouterr().out)
    (row,) = answer["rows"]
    assert (row["status"], row["break"]) == ("break", "2.50")
    assert [one["reference"] for one in row["suspects"]] == ["B"]
    assert row["missing"] == []
