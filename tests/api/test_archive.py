"""The archive over HTTP: who may have it, files that go on after a broken connection, records page by page."""

import contextlib
import hashlib
import json
import socket
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import polars as pl
import pytest
from typer.testing import CliRunner

from aggregates.envelope import Principal
from api.archive_export import id_of
from api.main import app
from engines.primitives.errors import NotFound
from infra.archive_files import Records
from infra.archive_store import ArchiveStore
from infra.security import Unauthenticated
from infra.snapshot_files import LogPartition
from streams import topics
from streams.archive_columns import typed_columns
from streams.archive_entries import or_archived
from streams.archive_reader import ArchiveReader, by_topic
from streams.views_entries import Entry
from tests.access_world import Told
from tests.api_doubles import running, services
from tests.kafka.entries import entries

V1 = "/api/v1/archive"
TXN = LogPartition("cluster", topics.TXN, "topic-id", 0, 1)
ALERTS = LogPartition("cluster", topics.ALERT, "alert-id", 1, 2)
COMMANDS = LogPartition("cluster", topics.COMMAND, "command-id", 0, 1)
PEOPLE = {
    "auditor": Principal("U-9", ("IA",), "-", ("*",)),
    "platform": Principal("big-data", ("EX",), "-", ("*",)),
    "branch-auditor": Principal("U-602", ("IA",), "N1", ("NORTH",)),
    "manager": Principal("U-1", ("AM",), "-", ("*",)),
}


class Served(NamedTuple):
    http: httpx.Client
    address: str
    store: ArchiveStore
    told: Told

    def ask(self, path: str, who: str = "auditor", **headers: str) -> httpx.Response:
        return self.http.get(V1 + path, headers={"Authorization": f"Bearer {who}", **headers})


def records(count: int, start: int = 0) -> Records:
    values: list[bytes | None] = [msgspec.json.encode(entry) for entry in entries(count)]
    values[0], values[1] = b"\xff\x00", None
    step = 1 if start else 2  # in the first file every second offset is a hole
    offsets = [start + step * number for number in range(len(values))]
    headers: list[Any] = [[("id", b"\xfe"), ("none", None)] if number == 0 else [] for number in range(len(values))]
    return Records(offsets, [1_000_000 * at for at in offsets], [b"k"] * len(values), values, headers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = ArchiveStore(tmp_path_factory.mktemp("archive"))
    for log in (TXN, ALERTS, COMMANDS):
        archive = store.open_log(log)
        first = records(300)
        archive.append(first, 0, 1_000, typed_columns(log.topic, first))
        second = records(40, 1_000)
        archive.append(second, 1_000, 1_100, typed_columns(log.topic, second))

    def verify_token(token: str, now: Any) -> Principal:
        if token not in PEOPLE:
            raise Unauthenticated("this token is not valid")
        return PEOPLE[token]

    logs = {(log.topic, log.partition): log for log in (TXN, ALERTS, COMMANDS)}
    told = Told()
    ours = services(archive=ArchiveReader(store, by_topic(logs)), verify_token=verify_token, access=told.access("IA"))
    with running(ours) as server, httpx.Client(base_url=server.address, timeout=20, trust_env=False) as http:
        yield Served(http, server.address, store, told)


def test_segments_are_listed_in_order_and_told_to_the_access_log(served: Served) -> None:
    served.told.take()
    listed = served.ask("/segments").json()
    assert not listed["truncated"]
    rows = listed["rows"]
    assert [(row["topic"], row["from_offset"], row["to_offset"]) for row in rows] == [
        (topics.TXN, 0, 1_000),
        (topics.TXN, 1_000, 1_100),
        (topics.ALERT, 0, 1_000),
        (topics.ALERT, 1_000, 1_100),
    ]
    assert [(one.action, one.actor) for one in served.told.take()] == [("archive-read", "U-9")]
    later = served.ask(f"/segments?topic={topics.TXN}&from=1000").json()["rows"]
    assert [row["from_offset"] for row in later] == [1_000]
    assert served.ask(f"/segments?topic={topics.ALERT}&partition=0").json()["rows"] == []
    first = served.ask("/segments?limit=3")
    assert first.json()["truncated"]
    rest = served.http.get(f"{served.address}{first.links['next']['url']}", headers=dict(first.request.headers))
    assert first.json()["rows"] + rest.json()["rows"] == rows
    assert (rest.json()["truncated"], rest.json()["cursor"]) == (False, None)
    assert served.ask('/segments?cursor=["tm.z"]').json()["rows"] == []  # a place after everything
    assert served.ask("/segments?cursor=3").json()["facts"]["field"] == "cursor"


@pytest.mark.parametrize("path", ["/segments", "/segments/abc", f"/records?topic={topics.TXN}&partition=0&from=0"])
def test_only_auditors_and_data_platforms_of_all_entities_get_any_of_it(served: Served, path: str) -> None:
    for who in ("manager", "branch-auditor"):
        served.told.take()
        assert served.ask(path, who).status_code == 403
        assert [one.action for one in served.told.take()] == ["request-refused"]
    assert served.ask(path, "platform").status_code in (200, 404)
    assert served.http.get(V1 + path).status_code == 401


def test_commands_carry_tokens_and_are_not_given_out(served: Served) -> None:
    manifest = served.store.manifest(COMMANDS)
    assert manifest is not None
    assert served.ask(f"/segments/{id_of(manifest.segments[0])}").status_code == 403
    assert served.ask(f"/records?topic={topics.COMMAND}&partition=0&from=0").status_code == 403
    assert served.ask(f"/segments?topic={topics.COMMAND}").json()["rows"] == []
    path = served.store.file(manifest.segments[0])
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_comes_whole_with_its_digest_as_etag(served: Served) -> None:
    row = served.ask("/segments").json()["rows"][0]
    answer = served.ask(f"/segments/{row['id']}")
    assert hashlib.sha256(answer.content).hexdigest() == row["sha256"]
    assert answer.headers["etag"] == f'"{row["sha256"]}"'
    assert pl.read_parquet(BytesIO(answer.content)).height == row["records"]
    assert served.ask(f"/segments/{row['id']}", **{"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert served.ask("/segments/" + "0" * 64).status_code == 404


def test_a_download_goes_on_where_the_connection_was_cut(served: Served) -> None:
    row = served.ask("/segments").json()["rows"][0]
    host, _, port = served.address.removeprefix("http://").partition(":")
    request = (
        f"GET {V1}/segments/{row['id']} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer platform\r\n\r\n"
    ).encode()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        got = b""
        while len(got) < 2_000:
            got += connection.recv(500)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert 0 < len(body) < row["bytes"]
    etag = f'"{row["sha256"]}"'
    rest = served.ask(f"/segments/{row['id']}", "platform", Range=f"bytes={len(body)}-", **{"If-Range": etag})
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes {len(body)}-{row['bytes'] - 1}/{row['bytes']}"
    assert hashlib.sha256(body + rest.content).hexdigest() == row["sha256"]
    other = served.ask(f"/segments/{row['id']}", Range="bytes=9-", **{"If-Range": '"another"'})
    assert other.status_code == 200  # another file by now: all of it
    assert served.ask(f"/segments/{row['id']}", Range=f"bytes={row['bytes']}-").status_code == 416


@pytest.mark.parametrize("form", ["ndjson", "arrow"])
def test_records_come_page_by_page_each_once(served: Served, form: str) -> None:
    wanted, start, found = [*records(300).offsets, *records(40, 1_000).offsets], 0, []
    pages = 0
    while True:
        answer = served.ask(f"/records?topic={topics.TXN}&partition=0&from={start}&limit=50&format={form}")
        assert answer.status_code == 200
        if form == "arrow":
            page = pl.read_ipc_stream(BytesIO(answer.content))
            found += page["offset"].to_list()
            assert "amount" in page.columns
        else:
            found += [json.loads(line)["offset"] for line in answer.text.splitlines()]
        start, pages = int(answer.headers["x-next-offset"]), pages + 1
        if start == int(answer.headers["x-archive-end"]):
            break
    assert found == wanted
    assert pages >= 7
    assert start == 1_100
    assert served.ask(f"/records?topic={topics.TXN}&partition=0&from=1100").content in (b"",)


def test_bytes_that_are_no_text_come_in_base64(served: Served) -> None:
    answer = served.ask(f"/records?topic={topics.TXN}&partition=0&from=0&limit=3")
    first, second, third = (json.loads(line) for line in answer.text.splitlines())
    assert first["value_base64"] == "/wA="
    assert first["headers"] == [{"name": "id", "value_base64": "/g=="}, {"name": "none", "value": None}]
    assert second["value"] is None
    assert json.loads(third["value"])["txn_id"]


def test_what_is_not_archived_is_said(served: Served) -> None:
    assert served.ask(f"/records?topic={topics.TXN}&partition=0&from=1101").status_code == 422
    assert served.ask(f"/records?topic={topics.TXN}&partition=7&from=0").status_code == 404
    assert served.ask("/records?topic=tm.other&partition=0&from=0").status_code == 404


def test_a_server_without_archive_says_so() -> None:
    ours = services(verify_token=lambda token, now: PEOPLE[token])
    with running(ours) as server:
        answer = httpx.get(f"{server.address}{V1}/segments", headers={"Authorization": "Bearer auditor"})
    assert answer.status_code == 503


def test_one_record_that_the_log_has_given_up_is_read_from_the_archive(served: Served) -> None:
    def gone(topic: str, partition: int, offset: int) -> Entry:
        raise NotFound("no record at this offset")

    read = or_archived(gone, ArchiveReader(served.store, by_topic({(topics.TXN, 0): TXN})))
    entry = read(topics.TXN, 0, 4)
    assert (entry.offset, entry.key, entry.appended_at) == (4, "k", "1970-01-01T00:00:04.000Z")
    assert entry.entity == "BANK"
    for offset in (5, 5_000):
        with pytest.raises(NotFound):
            read(topics.TXN, 0, offset)


def test_the_command_line_lists_verifies_and_compacts(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "archive")
    archive = store.open_log(ALERTS)
    for start in (0, 1_000):
        archive.append(records(20, start), start, start + 1_000)
    run, where = CliRunner().invoke, ["--data-dir", str(tmp_path), "--json"]
    (listed,) = json.loads(run(app, ["archive", "list", *where]).stdout)
    assert (listed["files"], listed["to"]) == (2, 2_000)
    kept = run(app, ["archive", "verify", *where])
    assert kept.exit_code == 0
    (tmp_path / "heads.json").write_text(kept.stdout)
    compacted = run(app, ["archive", "compact", *where])
    assert json.loads(compacted.stdout) == {"files_gone": 1}
    again = run(app, ["archive", "verify", "--heads", str(tmp_path / "heads.json"), *where])
    assert json.loads(again.stdout)["ok"], again.stdout
    (path,) = tmp_path.glob("archive/topic=*/**/*.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    spoilt = run(app, ["archive", "verify", *where])
    assert spoilt.exit_code == 1
    assert json.loads(spoilt.stdout)["findings"][0]["path"] in path.as_posix()
    for wrong in (["verify", "--heads", str(path)], ["compact", "--before", "yesterday"], ["prune", "--before", "x"]):
        assert run(app, ["archive", *wrong, *where]).exit_code == 2
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
