"""`tidemark ledger query | view | exports | fetch | supplements` over a canned API: what is asked and shown."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api.cli import ledger_views
from api.cli.client import Api
from api.main import app
from infra.settings import Settings
from tests.api.cli_api import CannedApi, canned_api

FOUND = {
    "name": "risk_asset",
    "title": "Risk assets",
    "title_zh": "风险资产",
    "as_of": "2026-11-20",
    "known_at": "2026-11-20T06:30:15Z",
    "position": 9,
    "row_count": 1,
    "columns": [{"name": "ccy", "kind": "code"}, {"name": "total", "kind": "money"}],
    "rows": [{"ccy": "CNY", "total": "1234567.80"}],
    "totals": {"CNY": {"total": "1234567.80"}},
}


@pytest.fixture
def api() -> Iterator[CannedApi]:
    with canned_api() as canned:
        yield canned


def run(api: CannedApi, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["ledger", *words], env={"TIDEMARK_API": api.address, "TIDEMARK_TOKEN": "t"})
    assert result.exit_code == code, result.output
    return result.output


def test_a_query_asks_with_every_part(api: CannedApi) -> None:
    api.answers["/ledgers/risk_asset/query"] = FOUND
    shown = run(
        api, "query", "risk_asset", "--join", "recovery on loan_no", "--where", "claim > 1", "--group-by", "ccy",
        "--columns", "ccy, total = sum(claim)", "--sort", "total:desc", "--with-supplements", "--as-of", "2026-11-20",
    )  # fmt: skip
    assert "1,234,567.80" in shown
    assert api.last().query == {
        "joins": "recovery on loan_no",
        "where": "claim > 1",
        "group_by": "ccy",
        "columns": "ccy, total = sum(claim)",
        "sort": "total:desc",
        "with_supplements": "true",
        "as_of": "2026-11-20",
        "limit": "500",
    }


def test_a_view_is_saved_with_its_columns_apart(api: CannedApi) -> None:
    api.answers["/ledger-views"] = {"events": [{"type": "ReportDefined", "key": "V1"}]}
    shown = run(
        api, "view", "save", "V1", "--ledger", "risk_asset", "--columns", "ccy, per_cent(sum(costs), sum(claim))",
        "--where", "claim > 1", "--cmd-id", "c1",
    )  # fmt: skip
    assert "ReportDefined" in shown
    body = api.last().body
    assert body["columns"] == ["ccy", "per_cent(sum(costs), sum(claim))"]
    assert (body["view_no"], body["where"], body["joins"], body["cmd_id"]) == ("V1", ["claim > 1"], [], "c1")


def test_a_view_is_run_shared_and_retired(api: CannedApi) -> None:
    path = "/ledger-views/V1"
    api.answers |= {f"{path}/run": FOUND, f"{path}/share": {"events": []}, f"{path}/retire": {"events": []}}
    assert "1,234,567.80" in run(api, "view", "run", "V1")
    run(api, "view", "share", "V1", "RM", "IA")
    assert api.last().body["roles"] == ["RM", "IA"]
    run(api, "view", "retire", "V1")
    assert api.last().path == f"{path}/retire"


def test_an_existing_file_stays_and_a_place_is_wanted(api: CannedApi, tmp_path: Path) -> None:
    there = tmp_path / "a.xlsx"
    there.write_text("mine")
    run(api, "query", "risk_asset", "--format", "xlsx", "--out", str(there), code=2)
    run(api, "query", "risk_asset", "--format", "xlsx", code=2)
    assert there.read_text() == "mine"
    assert api.requests == []


class BreakingOff(httpx.BaseTransport):
    """A job that is done after two looks; its file comes in pieces, and the connection breaks between them."""

    def __init__(self, content: bytes, piece: int) -> None:
        self.content, self.piece = content, piece
        self.looks = 0
        self.ranges: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/export"):
            return httpx.Response(202, json=self.job("WAITING"))
        if not request.url.path.endswith("/file"):
            self.looks += 1
            return httpx.Response(200, json=self.job("DONE" if self.looks > 1 else "RUNNING"))
        wanted = request.headers.get("range", "bytes=0-")
        self.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        return httpx.Response(206 if start else 200, stream=Pieces(self.content[start:], self.piece))

    def job(self, state: str) -> dict[str, Any]:
        facts = {"job_no": "J1", "file_name": "a.csv", "state": state, "rows": 9, "done": 3, "error": ""}
        return facts | {"size": len(self.content), "sha256": sha256(self.content).hexdigest()}


class Pieces(httpx.SyncByteStream):
    def __init__(self, content: bytes, piece: int) -> None:
        self.content, self.piece = content, piece

    def __iter__(self) -> Iterator[bytes]:
        yield self.content[: self.piece]
        if len(self.content) > self.piece:
            raise httpx.ReadError("the connection broke")


@pytest.mark.parametrize(("piece", "is_whole"), [(40, True), (10, False)])
def test_a_broken_download_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, is_whole: bool
) -> None:
    monkeypatch.setattr(ledger_views, "PAUSE_S", 0.001)
    content = bytes(range(100))
    transport = BreakingOff(content, piece)
    settings = Settings.model_validate({"data_dir": tmp_path, "api": "http://127.0.0.1:1", "token": "t"})
    to = tmp_path / "a.csv"
    with Api(settings, transport=transport) as api:
        if is_whole:
            ledger_views.download(api, "risk_asset", {"form": "csv"}, to, False)
        else:
            with pytest.raises(Exception, match="ledger fetch J1"):
                ledger_views.download(api, "risk_asset", {"form": "csv"}, to, False)
            ledger_views._finish(api, transport.job("DONE"), to, False)
    assert to.read_bytes() == content
    assert transport.ranges[:3] == ["bytes=0-", f"bytes={piece}-", f"bytes={2 * piece}-"]
    assert not list(tmp_path.glob("*.part"))
