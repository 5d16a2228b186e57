"""How fast statements and files of others are read: entries a second of each reader, memory of a large camt.053.

Reader alone, and all that a feed does but Kafka (mapping, ids, checks, encoding). One process, made-up files in a
directory of its own; beside the clock its processor time, which other work on the host does not lengthen as much.
`--camt-mb 500` measures the memory of a file of that size: it should not depend on it. `--help`.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec

from benchmarks._machine import machine, write_result
from infra.statements.iso20022 import read_iso20022
from infra.statements.mt940_reader import read_mt940
from streams.feeds.account_mapping import AccountMapping, read_mapping
from streams.feeds.csv_rows import csv_events
from streams.feeds.debezium_feed import read_debezium
from streams.feeds.event import Event
from streams.feeds.file_feed import EventsOf, FileFeed, read_files
from streams.feeds.json_lines import json_line_events
from streams.feeds.row_mapping import MappingFile, RowMapping
from streams.feeds.statement_events import statement_events
from streams.producer import encode
from streams.topics import TXN

DAY = date(2026, 3, 2)
ACCOUNT = "DE89370400440532013000"
ENTRY = """<Ntry><NtryRef>{n}</NtryRef><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>
<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt><ValDt><Dt>2026-03-02</Dt></ValDt>
<AcctSvcrRef>REF{n:012}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>E2E{n}</EndToEndId></Refs><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>{side}</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>Firm {n}</Nm></Pty></Dbtr>
<DbtrAcct><Id><IBAN>FR7630006000011234567890189</IBAN></Id></DbtrAcct></RltdPties>
<RltdAgts><DbtrAgt><FinInstnId><BICFI>AGRIFRPP</BICFI></FinInstnId></DbtrAgt></RltdAgts>
<RmtInf><Ustrd>Invoice {n} of the second of March, with thanks</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=50_000, help="of each file but the large one")
    parser.add_argument("--camt-mb", type=int, default=100, help="size of the large camt.053; 0: none")
    parser.add_argument("--write", action="store_true", help="store the result beside the others")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.peak_of is not None:
        print(json.dumps(_peak(chosen.peak_of)))
        return
    with tempfile.TemporaryDirectory(prefix="tidemark-feeds-") as name:
        result = _measured(Path(name), chosen.entries, chosen.camt_mb)
    body = {"machine": machine(), "entries": chosen.entries, **result}
    print(json.dumps(body, indent=2))
    if chosen.write:
        write_result("statement_feeds", body)


def _measured(folder: Path, count: int, camt_mb: int) -> dict[str, Any]:
    accounts = _accounts(folder)
    camt, swift = folder / "a.xml", folder / "a.sta"
    _write(camt, _camt(count))
    _write(swift, _mt940(count))
    rows = RowMapping(msgspec.convert(_ROWS, MappingFile))
    _write(folder / "a.csv", _csv(count))
    _write(folder / "a.jsonl", _json_lines(count))
    _write(folder / "a.json", _changes(count))
    feeds: dict[str, tuple[Path, EventsOf]] = {
        "camt.053": (camt, _statements(accounts, read_iso20022)),
        "MT940": (swift, _statements(accounts, read_mt940)),
        "CSV": (folder / "a.csv", partial(csv_events, mapping=rows)),
        "JSON lines": (folder / "a.jsonl", partial(json_line_events, topic=TXN)),
    }
    found: dict[str, Any] = {}
    for kind, (path, events_of) in feeds.items():
        feed = FileFeed("benchmark", events_of)
        found[kind] = _timed(count, path, partial(read_files, feed, [path]))
    changes = RowMapping(msgspec.convert(_TABLE, MappingFile))
    found["Debezium"] = _timed(
        count, folder / "a.json", lambda told: read_debezium(changes, [folder / "a.json"], told)
    )
    for kind, path, read in (("camt.053", camt, read_iso20022), ("MT940", swift, read_mt940)):
        started, used = time.perf_counter(), time.process_time()
        with path.open("rb") as stream:
            items = sum(1 for _ in read(stream, path.name)) - 1
        found[kind]["reader_entries_per_s"] = round(items / (time.perf_counter() - started))
        found[kind]["reader_entries_per_cpu_s"] = round(items / (time.process_time() - used))
    if camt_mb:
        large = folder / "large.xml"
        _write(large, _camt(camt_mb * 1_000_000 // 900))
        answers = [_in_a_process(path) for path in (camt, large)]
        found["memory"] = {"small": answers[0], "large": answers[1]}
    return found


def _timed(count: int, path: Path, read: Callable[[Callable[[Event], None]], Any]) -> dict[str, Any]:
    size = 0

    def told(event: Event) -> None:
        nonlocal size
        size += len(encode(event.record))

    started, used = time.perf_counter(), time.process_time()
    result = read(told)
    seconds, busy = time.perf_counter() - started, time.process_time() - used
    if result.refused or result.findings or sum(report.accepted for report in result.reports) != count:
        raise AssertionError(f"{path.name} was not read whole")
    return {
        "feed_entries_per_s": round(count / seconds),
        "feed_entries_per_cpu_s": round(count / busy),
        "mb": round(path.stat().st_size / 1e6, 1),
    }


def _in_a_process(path: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--peak-of", str(path)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return answer


def _peak(path: Path) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    feed = FileFeed("benchmark", _statements(_accounts(path.parent), read_iso20022))
    started = time.perf_counter()
    result = read_files(feed, [path], lambda _event: None)
    return {
        "mb": round(path.stat().st_size / 1e6),
        "entries": result.reports[0].accepted,
        "seconds": round(time.perf_counter() - started, 1),
        "resident_before_mib": before // 1024,
        "resident_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _statements(
    accounts: AccountMapping, read: Callable[[BinaryIO, str], Any]
) -> Callable[[BinaryIO, Any], Iterator[Event]]:
    return lambda stream, report: statement_events(read(stream, report.file), accounts, report)


def _accounts(folder: Path) -> AccountMapping:
    path = folder / "accounts.toml"
    path.write_text(f'[[accounts]]\nid = "{ACCOUNT}"\nentity_id = "BANK"\naccount_id = "N1"\n')
    return read_mapping(path)


def _write(path: Path, parts: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(parts)


def _minor(number: int) -> int:
    return (1 if number % 3 else -1) * (100 + number * 7919 % 9_000_000)


def _money(minor: int, mark: str = ".") -> str:
    return f"{abs(minor) // 100}{mark}{abs(minor) % 100:02}"


def _camt(count: int) -> Iterator[str]:
    closing = sum(map(_minor, range(count)))
    yield '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
    yield "<BkToCstmrStmt><Stmt><Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb>"
    yield f"<Acct><Id><IBAN>{ACCOUNT}</IBAN></Id></Acct>"
    for code, minor in (("OPBD", 0), ("CLBD", closing)):
        yield f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{_money(minor)}</Amt>'
        yield f"<CdtDbtInd>{'CRDT' if minor >= 0 else 'DBIT'}</CdtDbtInd><Dt><Dt>{DAY}</Dt></Dt></Bal>\n"
    for number in range(count):
        minor = _minor(number)
        yield ENTRY.format(n=number, amount=_money(minor), side="CRDT" if minor >= 0 else "DBIT")
    yield "</Stmt></BkToCstmrStmt></Document>"


def _mt940(count: int) -> Iterator[str]:
    closing = sum(map(_minor, range(count)))
    yield f":20:S1\r\n:25:{ACCOUNT}\r\n:28C:1/1\r\n:60F:C260302EUR0,00\r\n"
    for number in range(count):
        minor = _minor(number)
        yield f":61:2603020302{'C' if minor >= 0 else 'D'}{_money(minor, ',')}NTRFE2E{number}//REF{number:012}\r\n"
        yield f":86:166?00GUTSCHRIFT?20EREF+E2E{number}?21SVWZ+Invoice {number}?30AGRIFRPP?32Firm {number}\r\n"
    yield f":62F:{'C' if closing >= 0 else 'D'}260302EUR{_money(closing, ',')}\r\n-\r\n"


_ROWS = {
    "columns": {"txn_id": "id", "value_date": "day", "amount": "amount", "account_id": "account"},
    "constants": {"entity_id": "BANK", "source_system": "csv", "ccy": "EUR"},
    "direction": {"signed": True},
}
_TABLE = {**_ROWS, "key": ["id"]}


def _csv(count: int) -> Iterator[str]:
    yield "id,day,account,amount\n"
    for number in range(count):
        minor = _minor(number)
        yield f"T{number},2026-03-02,A{number % 500},{'-' if minor < 0 else ''}{_money(minor)}\n"


def _json_lines(count: int) -> Iterator[str]:
    for number in range(count):
        minor = _minor(number)
        record = {"txn_id": f"T{number}", "source_system": "x", "event_time": "2026-03-02T09:00:00Z", "ccy": "EUR"}
        record |= {"value_date": "2026-03-02", "entity_id": "BANK", "account_id": f"A{number % 500}"}
        record |= {"direction": "in" if minor >= 0 else "out", "amount": _money(minor)}
        yield json.dumps(record) + "\n"


def _changes(count: int) -> Iterator[str]:
    for number in range(count):
        minor = _minor(number)
        day = str(DAY + timedelta(days=number % 3))
        after = {
            "id": f"T{number}",
            "day": day,
            "account": f"A{number % 500}",
            "amount": f"{'-' * (minor < 0)}{_money(minor)}",
        }
        source = {"connector": "postgresql", "name": "core", "schema": "public", "table": "entries", "lsn": number}
        yield json.dumps({"op": "c", "before": None, "after": after, "source": source}) + "\n"


if __name__ == "__main__":
    main()
