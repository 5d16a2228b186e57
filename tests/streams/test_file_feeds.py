"""Feeds from files: what the world sends becomes entries, once, and what is wrong is told where it stands."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput, Unavailable
from infra.statements.iso20022 import read_iso20022
from streams import topics
from streams.feeds.account_mapping import AccountMapping, read_mapping
from streams.feeds.csv_rows import csv_events
from streams.feeds.debezium_feed import read_debezium, run_debezium
from streams.feeds.file_feed import FileFeed, FilesResult, files_of, read_files, run_files
from streams.feeds.file_report import FileReport
from streams.feeds.json_lines import json_line_events
from streams.feeds.row_mapping import MappingFile, RowMapping, read_row_mapping
from streams.feeds.start import FeedOptions
from streams.feeds.statement_events import statement_events
from streams.nostro_records import NostroStatement
from streams.producer import Headers, encode
from streams.schemas import Txn
from tests.infra.statement_files import Line, camt_xml, entry_xml

DAY = date(2026, 3, 2)
ACCOUNTS = """
source_system = "nostro"
[[accounts]]
id = "DE89 3704 0044 0532 0130 00"
entity_id = "BANK"
account_id = "NOSTRO-EUR"
org_id = "HQ"
"""


class Memory:
    """Topics in memory; fails at flushing once `left` records are in."""

    def __init__(self, left: int | None = None) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.left = left

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers | None = None) -> None:
        self.sent.append((topic, key, value))

    def poll(self, timeout_s: float = 0.0) -> None:
        pass

    def flush(self, timeout_s: float = 30.0) -> None:
        if self.left is not None and len(self.sent) >= self.left:
            raise Unavailable("the broker is gone")

    @property
    def entries(self) -> list[Txn]:
        return [msgspec.json.decode(value, type=Txn) for topic, _, value in self.sent if topic == topics.TXN]

    @property
    def statements(self) -> list[NostroStatement]:
        wanted = topics.NOSTRO_STATEMENT
        return [msgspec.json.decode(value, type=NostroStatement) for topic, _, value in self.sent if topic == wanted]

    def position(self) -> int:
        """What a fold would hold: each id once, settled only, in cents."""
        by_id = {(one.txn_id, one.status): one for one in self.entries}
        settled = [one for one in by_id.values() if one.status == "settled"]
        return sum(round(float(one.amount) * 100) * (1 if one.direction == "in" else -1) for one in settled)


@pytest.fixture
def options(tmp_path: Path) -> FeedOptions:
    return FeedOptions(tmp_path / "feed", "r")


def mapping(directory: Path, text: str = ACCOUNTS) -> AccountMapping:
    path = directory / "accounts.toml"
    path.write_text(text)
    return read_mapping(path)


def statements(accounts: AccountMapping) -> FileFeed:
    return FileFeed(
        "iso20022",
        lambda stream, report: statement_events(
            read_iso20022(stream, report.file, accounts.is_ours), accounts, report
        ),
        accounts.digest,
    )


def written(directory: Path, name: str, text: str | bytes) -> Path:
    path = directory / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# -- statements --------------------------------------------------------------------------------------------------

LINES = [Line(100, DAY, DAY, "A"), Line(-70, DAY, DAY + timedelta(days=1), "B"), Line(5, DAY, DAY), Line(5, DAY, DAY)]


def test_a_statement_becomes_entries_and_a_statement(tmp_path: Path, options: FeedOptions) -> None:
    sink = Memory()
    path = written(tmp_path, "a.xml", camt_xml(LINES, 1_000))
    result = run_files(statements(mapping(tmp_path)), [path], sink, options)
    assert result.produced == 5
    first = sink.entries[0]
    assert (first.entity_id, first.account_id, first.direction, first.amount) == ("BANK", "NOSTRO-EUR", "in", "1.00")
    assert (first.event_time, first.value_date) == ("2026-03-02T00:00:00.000000Z", "2026-03-02")
    assert {key for _, key, _ in sink.sent} == {b"BANK|NOSTRO-EUR"}
    assert len({one.txn_id for one in sink.entries}) == 4  # two equal ones without a reference are two
    (told,) = sink.statements
    assert (told.opening, told.closing, len(told.entries), told.findings) == ("10.00", "10.40", 4, [])
    assert told.file_sha256 == result.reports[0].digest


def test_a_second_run_sends_nothing_and_a_broken_off_one_goes_on(tmp_path: Path, options: FeedOptions) -> None:
    others = [line._replace(reference=f"2{line.reference}") for line in LINES]
    files = [written(tmp_path, "a.xml", camt_xml(LINES)), written(tmp_path, "b.xml", camt_xml(others, 40, number=2))]
    feed, sink = statements(mapping(tmp_path)), Memory()
    assert run_files(feed, files, sink, replace(options, count=3)).produced == 3
    second = run_files(feed, files, sink, options)
    assert (second.produced, second.whole) == (7, True)
    assert len(sink.sent) == len(set(sink.sent)) == 10
    assert run_files(feed, files, sink, options).produced == 0


def test_a_file_sent_again_with_more_in_it_repeats_only_ids(tmp_path: Path, options: FeedOptions) -> None:
    feed, sink = statements(mapping(tmp_path)), Memory()
    run_files(feed, [written(tmp_path, "a.xml", camt_xml(LINES[:2]))], sink, options)
    run_files(feed, [written(tmp_path, "a.xml", camt_xml(LINES))], sink, options)
    bodies = {(one.txn_id, encode(one)) for one in sink.entries}
    assert len(bodies) == 4
    assert sink.position() == 40


def test_pending_becomes_settled_under_the_same_id(tmp_path: Path, options: FeedOptions) -> None:
    line = Line(100, DAY, DAY, "A")
    report = camt_xml([entry_xml(line, status="PDNG")], version="052.001.08", closing=0)
    feed, sink = statements(mapping(tmp_path)), Memory()
    files = [written(tmp_path, "1.xml", report), written(tmp_path, "2.xml", camt_xml([line]))]
    run_files(feed, files, sink, options)
    assert [one.status for one in sink.entries] == ["pending", "settled"]
    assert len({one.txn_id for one in sink.entries}) == 1


def test_notifications_without_a_reference_are_left_to_the_statement(tmp_path: Path, options: FeedOptions) -> None:
    text = camt_xml([Line(100, DAY, DAY), Line(7, DAY, DAY, "A")], version="054.001.08")
    path = written(tmp_path, "n.xml", text)
    sink = Memory()
    result = run_files(statements(mapping(tmp_path)), [path], sink, options)
    assert (len(sink.entries), result.reports[0].skipped) == (1, 1)
    every = Memory()
    run_files(statements(mapping(tmp_path, 'notifications = "all"\n' + ACCOUNTS)), [path], every, options)
    assert len(every.entries) == 2


def test_batches_are_one_entry_or_their_payments(tmp_path: Path, options: FeedOptions) -> None:
    payments = "".join(f"<TxDtls><Amt Ccy='EUR'>0.0{n}</Amt></TxDtls>" for n in (1, 2, 3))
    path = written(tmp_path, "b.xml", camt_xml([entry_xml(Line(6, DAY, DAY, "B"), payments)], closing=6))
    for split, amounts in ((False, ["0.06"]), (True, ["0.01", "0.02", "0.03"])):
        sink = Memory()
        run_files(statements(mapping(tmp_path, f"split = {str(split).lower()}\n" + ACCOUNTS)), [path], sink, options)
        assert [one.amount for one in sink.entries] == amounts


def test_an_account_that_is_not_mapped_is_refused_and_the_rejects_file_says_so(
    tmp_path: Path, options: FeedOptions
) -> None:
    path = written(tmp_path, "a.xml", camt_xml(LINES, account="XX00"))
    result = run_files(statements(mapping(tmp_path)), [path], Memory(), options)
    report = result.reports[0]
    assert (report.accepted, report.refused) == (0, 4)
    assert report.rejects is not None
    rows = [json.loads(line) for line in report.rejects.read_text().splitlines()]
    assert rows[0] == {
        "file": "a.xml",
        "line": 3,
        "path": "/Document/BkToCstmrStmt/Stmt[1]/Ntry[1]",
        "field": "account",
        "reason": "this account is not in the mapping",
        "value": "XX00",
        "sha256": report.digest,
    }
    # With another mapping the same file is sent, and its rejects go.
    again = run_files(
        statements(mapping(tmp_path, ACCOUNTS + '[unmapped]\nentity_id = "BANK"\n')), [path], Memory(), options
    )
    assert again.produced == 5
    assert not report.rejects.exists()


def test_accounts_that_another_feed_tells_are_only_compared(tmp_path: Path, options: FeedOptions) -> None:
    sink = Memory()
    accounts = mapping(tmp_path, ACCOUNTS + "entries = false\n")
    run_files(statements(accounts), [written(tmp_path, "a.xml", camt_xml(LINES))], sink, options)
    assert not sink.entries
    assert len(sink.statements[0].entries) == 4
    assert not sink.statements[0].entries_told


def test_the_first_statement_may_tell_what_was_there_before(tmp_path: Path, options: FeedOptions) -> None:
    sink = Memory()
    accounts = mapping(tmp_path, ACCOUNTS + "opening_on = 2026-03-02\n")
    second = camt_xml([Line(1, DAY, DAY, "C")], 1_040, number=2, day=DAY + timedelta(days=1))
    files = [written(tmp_path, "1.xml", camt_xml(LINES, 1_000)), written(tmp_path, "2.xml", second)]
    run_files(statements(accounts), files, sink, options)
    (opening,) = [one for one in sink.entries if one.txn_type == "OPENING"]
    assert (opening.amount, opening.direction, opening.value_date) == ("10.00", "in", "2026-03-02")
    assert sink.position() == 1_041
    assert sink.statements[-1].closing == "10.41"


def test_missing_statements_are_found_across_runs(tmp_path: Path, options: FeedOptions) -> None:
    feed = statements(mapping(tmp_path))

    def run(number: int) -> FilesResult:
        text = camt_xml([Line(10, DAY, DAY)], 10 * number, number=number, day=DAY + timedelta(days=number))
        return run_files(feed, [written(tmp_path, f"{number}.xml", text)], Memory(), options)

    assert not run(1).sequence_findings
    assert not run(2).sequence_findings
    assert [one.message for one in run(4).sequence_findings][:1] == ["1 between 2 and 4: missing"]
    assert not run(3).sequence_findings  # it came late: nothing is missing any more


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    seen: list[Any] = []
    path = written(tmp_path, "a.xml", camt_xml(LINES))
    result = read_files(statements(mapping(tmp_path)), [path], seen.append)
    assert (len(seen), result.reports[0].totals["EUR"].entries) == (5, 4)
    assert not (tmp_path / "feed").exists()


@pytest.mark.parametrize(
    "text",
    ["entity = 1", '[[accounts]]\nid = "A"', ACCOUNTS + ACCOUNTS.split("nostro", 1)[1].lstrip('"'), "x = ["],
)
def test_a_wrong_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput):
        mapping(tmp_path, text)


def test_directories_are_their_files_of_the_kind(tmp_path: Path) -> None:
    for name in ("b.xml", "a.XML", "c.txt"):
        written(tmp_path, name, "")
    assert [path.name for path in files_of([tmp_path], [".xml"])] == ["a.XML", "b.xml"]


# -- JSON lines --------------------------------------------------------------------------------------------------


def entry(number: int = 1, **changes: Any) -> Txn:
    fields: dict[str, Any] = {
        "txn_id": f"T{number}",
        "source_system": "core",
        "event_time": "2026-03-02T09:00:00Z",
        "value_date": "2026-03-02",
        "entity_id": "BANK",
        "account_id": "A1",
        "ccy": "EUR",
        "direction": "in",
        "amount": "1.00",
    }
    return Txn(**fields | changes)


def test_json_lines_are_checked_one_by_one(tmp_path: Path, options: FeedOptions) -> None:
    date_record = {"entity_id": "BANK", "business_date": "2026-03-02", "event_time": "2026-03-02T00:00:00Z"}
    lines = [
        encode(entry(1)),
        b"",
        json.dumps({"topic": topics.BUSINESS_DATE, "record": date_record}).encode(),
        b'{"txn_id": "half',
        encode(entry(2, amount="1.001")),
        encode(entry(3, ccy="EURO")),
        b'{"txn_id": 1.5}',
        json.dumps({"topic": "tm.risk.alert.v1", "record": {}}).encode(),
        encode(entry(4)).replace(b'"core"', b'"core","colour":"red"'),
        encode(entry(5, direction="out")),
    ]
    sink = Memory()
    feed = FileFeed("jsonl", partial(json_line_events, topic=topics.TXN))
    result = run_files(feed, [written(tmp_path, "a.jsonl", b"\n".join(lines))], sink, options)
    report = result.reports[0]
    assert [topic for topic, _, _ in sink.sent] == [topics.TXN, topics.BUSINESS_DATE, topics.TXN]
    assert [(one.place.line, one.field) for one in report.shown] == [
        (4, "record"),
        (5, "amount"),
        (6, "ccy"),
        (7, "txn_id"),
        (8, "topic"),
        (9, "colour"),
    ]
    assert (report.accepted, report.refused) == (3, 6)


# -- CSV ---------------------------------------------------------------------------------------------------------

CHINESE = """
encoding = "gb18030"
decimal = ","
grouping = "."
dates = ["%Y%m%d"]
time_zone = "Asia/Shanghai"
[columns]
value_date = "交易日期"
event_time = ["交易日期", "时间"]
account_id = "账号"
amount = "金额"
status = "状态"
[constants]
entity_id = "BANK"
source_system = "old-core"
ccy = "CNY"
[values.status]
"成功" = "settled"
"处理中" = "pending"
[direction]
column = "借贷"
in = ["贷"]
out = ["借"]
"""


def rows(directory: Path, text: str) -> RowMapping:
    return read_row_mapping(written(directory, "rows.toml", text))


def test_a_chinese_csv_by_mapping(tmp_path: Path, options: FeedOptions) -> None:
    mapped = rows(tmp_path, 'instants = ["%Y%m%d %H:%M:%S"]\n' + CHINESE)
    text = (
        "交易日期,时间,账号,借贷,金额,状态\n"
        '20260302,08:30:00,6222,贷,"1.234,50",成功\n'
        '20260302,08:30:00,6222,贷,"1.234,50",成功\n'
        '20260302,09:00:00,6222,借,"7,00",处理中\n'
        '20260231,09:00:00,6222,借,"7,00",成功\n'
        '20260302,09:00:00,6222,出,"7,00",成功\n'
        '20260302,09:00:00,6222,借,"7.0a",成功\n'
        '20260302,09:00:00,6222,借,"7,00,成功\n'
        '20260302,09:00:00,6222,借,"8,00"\n'
        '20260302,09:00:00,6223,借,"9,00",成功\n'
    ).encode("gb18030")
    text += b"\xff\xff,bad,bytes,x,1,y\n"
    sink = Memory()
    result = run_files(
        FileFeed("csv", partial(csv_events, mapping=mapped)), [written(tmp_path, "a.csv", text)], sink, options
    )
    got = [(one.account_id, one.direction, one.amount, one.status, one.event_time) for one in sink.entries]
    assert got == [
        ("6222", "in", "1234.50", "settled", "2026-03-02T00:30:00.000000Z"),
        ("6222", "in", "1234.50", "settled", "2026-03-02T00:30:00.000000Z"),
        ("6222", "out", "7.00", "pending", "2026-03-02T01:00:00.000000Z"),
        ("6223", "out", "9.00", "settled", "2026-03-02T01:00:00.000000Z"),
    ]
    assert len({one.txn_id for one in sink.entries}) == 4
    assert [(one.place.line, one.field) for one in result.reports[0].shown] == [
        (5, "value_date"),
        (6, "direction"),
        (7, "amount"),
        (8, "row"),
        (9, "row"),
        (11, "row"),
    ]


AMOUNTS = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=8)


@settings(max_examples=30)
@given(AMOUNTS, st.sampled_from([",", "."]), st.sampled_from(["signed", "two columns"]))
def test_csv_amounts_are_read_back(amounts: Sequence[int], mark: str, how: str) -> None:
    amounts = [minor for minor in amounts if minor or how == "signed"]
    direction = "direction = {signed = true}\n" if how == "signed" else 'direction = {credit = "in", debit = "out"}\n'
    amount = 'amount = "amount"\n' if how == "signed" else ""
    text = (
        f'delimiter = ";"\ndecimal = "{mark}"\n{direction}[columns]\ntxn_id = "id"\nvalue_date = "day"\n{amount}'
        '[constants]\nentity_id = "B"\nsource_system = "s"\naccount_id = "A"\nccy = "EUR"\n'
    )
    shown = [f"{'-' if minor < 0 else ''}{abs(minor) // 100}{mark}{abs(minor) % 100:02}" for minor in amounts]
    lines = ["id;day;amount;in;out"]
    for number, (minor, told) in enumerate(zip(amounts, shown, strict=True)):
        plain = told.removeprefix("-")
        columns = (told, "", "") if how == "signed" else ("", plain, "") if minor > 0 else ("", "", plain)
        lines.append(";".join([f"T{number}", "2026-03-02", *columns]))
    mapped = RowMapping(msgspec.toml.decode(text.encode(), type=MappingFile))
    found = _csv("\n".join(lines).encode(), mapped)
    assert [(1 if one.direction == "in" else -1) * int(one.amount.replace(".", "")) for one in found] == list(amounts)


def _csv(data: bytes, mapped: RowMapping) -> list[Txn]:
    report = FileReport("a.csv", "-")
    found = [event.record for event in csv_events(BytesIO(data), report, mapped)]
    assert not report.refused, report.shown
    return [one for one in found if isinstance(one, Txn)]


def test_a_column_that_is_missing_refuses_the_file(tmp_path: Path, options: FeedOptions) -> None:
    mapped = rows(tmp_path, CHINESE)
    path = written(tmp_path, "a.csv", "a,b\n1,2\n")
    result = run_files(FileFeed("csv", partial(csv_events, mapping=mapped)), [path], Memory(), options)
    assert (result.produced, result.refused) == (0, 1)
    assert "the file has no column" in result.reports[0].shown[0].reason


# -- Debezium ----------------------------------------------------------------------------------------------------

TABLE = """
key = ["id"]
sequence = "seq"
[columns]
account_id = "acct"
amount = "amt"
value_date = "day"
event_time = "at"
status = "state"
[units]
value_date = "days"
event_time = "microseconds"
[constants]
entity_id = "BANK"
source_system = "core-db"
ccy = "EUR"
[direction]
signed = true
"""
NEW_DAY = (DAY - date(1970, 1, 1)).days


def row(key: int, amount: str, state: str = "settled", seq: int = 0) -> dict[str, Any]:
    at = NEW_DAY * 86_400_000_000
    return {"id": key, "acct": "A1", "amt": amount, "day": NEW_DAY, "at": at, "state": state, "seq": seq}


def change(
    operation: str, lsn: int, after: dict[str, Any] | None, before: dict[str, Any] | None = None, **source: Any
) -> str:
    block = {"connector": "postgresql", "name": "core", "schema": "public", "table": "entries", "lsn": lsn, **source}
    return json.dumps({"payload": {"op": operation, "before": before, "after": after, "source": block}})


def follow(
    directory: Path, lines: Sequence[str], sink: Memory, count: int | None = None, name: str = "c"
) -> FilesResult:
    path = written(directory, f"{name}.json", "\n".join(lines))
    options = FeedOptions(directory / "feed", "r", count=count)
    return run_debezium("core", rows(directory, TABLE), [path], sink, options)


def test_changes_of_a_table_are_counted_once(tmp_path: Path) -> None:
    sink = Memory()
    lines = [
        change("r", 5, row(1, "10.00")),
        change("c", 10, row(2, "-4.00", "pending")),
        change("u", 11, row(2, "-4.00", "settled")),
        change("c", 12, row(3, "7.00")),
        change("u", 13, row(3, "9.00")),  # corrected: taken back, told anew
        change("d", 14, None, row(1, "10.00")),
        "null",  # its tombstone
        change("c", 12, row(3, "7.00")),  # the connector was restarted
    ]
    result = follow(tmp_path, lines, sink)
    assert sink.position() == -400 + 900
    assert [one.status for one in sink.entries if one.txn_id == "2"] == ["pending", "settled"]
    backs = [one for one in sink.entries if one.reversal_of != "-"]
    assert [(one.reversal_of, one.direction, one.amount) for one in backs] == [
        ("3", "out", "7.00"),
        ("1", "out", "10.00"),
    ]
    assert result.reports[0].skipped == 2
    assert not result.reports[0].gaps


def test_a_snapshot_in_mid_stream_is_state_and_not_flow(tmp_path: Path) -> None:
    """materialize#14211: a re-snapshot counted everything twice."""
    sink = Memory()
    follow(tmp_path, [change("c", lsn, row(lsn, "1.00")) for lsn in range(1, 21)], sink)
    assert sink.position() == 2_000
    again = [change("r", 100, row(key, "1.00")) for key in range(1, 21)]
    again.append(change("r", 100, row(21, "5.00")))  # a row whose change was never seen
    result = follow(tmp_path, again, sink, name="snapshot")
    assert sink.position() == 2_500
    assert (result.produced, result.reports[0].skipped) == (1, 20)


def test_changes_that_were_missed_are_reported(tmp_path: Path) -> None:
    sink = Memory()
    lines = [
        change("c", 1, row(1, "1.00", seq=1)),
        change("c", 2, row(2, "1.00", seq=4)),
        change("u", 3, row(9, "2.00", seq=5)),
        change("d", 4, None, row(8, "2.00")),
        change("r", 5, row(1, "3.00", seq=1)),
    ]
    result = follow(tmp_path, lines, sink)
    assert [gap["message"] for gap in result.reports[0].gaps] == [
        "numbers 2 to 3 are missing",
        "an update of a row that was never told: earlier changes are missing",
        "a deletion of a row that was never told: earlier changes are missing",
        "a snapshot says otherwise than was told: changes were missed",
    ]
    assert sink.position() == 300 + 100 + 200


CHANGES = st.lists(
    st.tuples(st.sampled_from("cudr"), st.integers(1, 4), st.integers(-9, 9).filter(bool)), max_size=25
)


@settings(max_examples=40)
@given(CHANGES, st.integers(1, 12), st.data())
def test_the_sum_is_the_tables_however_it_is_cut_and_repeated(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, int, int]], count: int, data: st.DataObject
) -> None:
    """A model of the table: after any changes, in pieces, with repeats, the position is the sum of its rows."""
    directory = tmp_path_factory.mktemp("cdc")
    table: dict[int, int] = {}
    lines: list[str] = []
    for lsn, (operation, key, told) in enumerate(drawn, start=1):
        if operation in "dr" and key not in table:
            continue
        if operation == "d":
            before = row(key, f"{table.pop(key)}.00")
            lines.append(change("d", lsn, None, before))
            continue
        amount = table[key] if operation == "r" else told  # a snapshot reads what is there
        table[key] = amount
        lines.append(change(operation if operation == "r" else "c", lsn, row(key, f"{amount}.00")))
    if lines:
        at = data.draw(st.integers(0, len(lines)))
        lines = lines[:at] + lines[max(at - 3, 0) : at] + lines[at:]  # at least once
    sink = Memory()
    follow(directory, lines, sink, count=count)
    follow(directory, lines, sink)
    follow(directory, lines, sink)
    assert sink.position() == 100 * sum(table.values())


def test_a_feed_that_fails_forgets_nothing(tmp_path: Path) -> None:
    lines = [change("c", lsn, row(lsn, "1.00")) for lsn in range(1, 51)]
    failing = Memory(left=50)
    with pytest.raises(Unavailable):
        follow(tmp_path, lines, failing)
    sink = Memory()
    assert follow(tmp_path, lines, sink).produced == 50
    assert [one.txn_id for one in sink.entries] == [one.txn_id for one in failing.entries]
    assert follow(tmp_path, lines, sink).produced == 0


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{", "value"),
        ('{"op": "x"}', "op"),
        (change("c", 1, row(1, "1.00") | {"amt": 1.5}), "amt"),
        (change("c", 1, row(1, "1.00") | {"id": None}), "id"),
        (change("c", 1, row(1, "1.00")).replace('"lsn"', '"other"'), "source"),
        (change("c", 1, None), "after"),
    ],
)
def test_a_broken_envelope_is_refused_and_the_rest_loads(tmp_path: Path, line: str, field: str) -> None:
    sink = Memory()
    result = follow(tmp_path, [line, change("c", 9, row(7, "2.00"))], sink)
    assert [(one.place.line, one.field) for one in result.reports[0].shown] == [(1, field)]
    assert sink.position() == 200


def test_precise_decimals_are_read_with_their_schema(tmp_path: Path) -> None:
    column = {"field": "amt", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}}
    message = json.loads(change("c", 1, row(1, "/Ag=")))  # the bytes FC 08: -1016
    message["schema"] = {"fields": [{"field": "after", "fields": [column]}]}
    found: list[Any] = []
    path = written(tmp_path, "c.json", json.dumps(message))
    read_debezium(rows(tmp_path, TABLE), [path], found.append)
    assert (found[0].record.direction, found[0].record.amount) == ("out", "10.16")
