"""Statements by others, fed and folded: positions are the sums of the statements, whatever is told twice."""

from pathlib import Path

from engines.primitives.money import to_minor
from streams import topics
from streams.feeds.account_mapping import AccountMapping, read_mapping
from streams.feeds.event import Event
from streams.feeds.file_feed import FileFeed, FilesResult, read_files
from streams.feeds.statement_files import statement_file_events
from streams.nostro_records import NostroStatement
from streams.past_figures import account_rows
from streams.schemas import Txn
from streams.views_figures import AsOf
from tests.infra.test_statement_samples import CAMT, SWIFT
from tests.live_bank import LiveBank


def told(directory: Path) -> tuple[FilesResult, list[Event]]:
    path = directory / "accounts.toml"
    path.write_text('[unmapped]\nentity_id = "BANK"\norg_id = "HQ"\n')
    accounts: AccountMapping = read_mapping(path)
    events: list[Event] = []
    feed = FileFeed("samples", lambda stream, report: statement_file_events(stream, report, accounts))
    return read_files(feed, [*CAMT, *SWIFT], events.append), events


def settled(bank: LiveBank) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for (topic, _), state in bank.states.items():
        if topic == topics.TXN:
            for row in account_rows(state, AsOf(None, {}), {}):
                key = row["account"], row["currency"]
                sums[key] = sums.get(key, 0) + row["settled_minor"]
    return sums


def test_positions_are_the_sums_of_the_statements(tmp_path: Path) -> None:
    _, events = told(tmp_path)
    entries = [event for event in events if event.topic == topics.TXN]
    wanted: dict[tuple[str, str], int] = {}
    # Some files tell an entry of another file again: an id counts once.
    for one in {one.txn_id: one for event in entries if isinstance(one := event.record, Txn)}.values():
        if one.status == "settled":
            sign = 1 if one.direction == "in" else -1
            key = one.account_id, one.ccy
            wanted[key] = wanted.get(key, 0) + sign * to_minor(one.amount, one.ccy)
    bank = LiveBank().feed(entries)
    bank.feed(entries)  # all of it a second time
    assert {key: minor for key, minor in settled(bank).items() if minor} == {k: m for k, m in wanted.items() if m}


def test_every_statement_with_a_closing_balance_is_told(tmp_path: Path) -> None:
    result, events = told(tmp_path)
    statements = [event.record for event in events if isinstance(event.record, NostroStatement)]
    assert len(statements) == sum(len(report.ends) for report in result.reports)
    assert {one.closing_date[:2] for one in statements} <= {"19", "20"}


def test_a_bank_account_with_a_real_balance_adds_up_over_days(tmp_path: Path) -> None:
    """ASN Bank's month of statements (sample of the mt-940 library): 444.29 and all entries make the last closing."""
    path = next(one for one in SWIFT if one.name == "ASNB-mt940.txt")
    accounts = tmp_path / "accounts.toml"
    accounts.write_text('[[accounts]]\nid = "NL81ASNB9999999999"\nentity_id = "BANK"\naccount_id = "ASN"\n')
    mapping = read_mapping(accounts)
    events: list[Event] = []
    feed = FileFeed("asn", lambda stream, report: statement_file_events(stream, report, mapping))
    result = read_files(feed, [path], events.append)
    assert not result.findings
    closings = [event.record for event in events if isinstance(event.record, NostroStatement)]
    position = settled(LiveBank().feed(event for event in events if event.topic == topics.TXN))["ASN", "EUR"]
    assert 444_29 + position == to_minor(closings[-1].closing, "EUR")
    assert len(closings) == 31
