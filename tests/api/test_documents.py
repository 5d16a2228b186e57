"""Documents, attachments and uploads over HTTP and from the terminal: sizes, rights, names, bytes, exit codes."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from docx import Document
from typer.testing import CliRunner, Result

from aggregates.envelope import Principal
from api.main import app
from api.papers import disposition, open_papers
from engines.primitives.errors import InvalidInput
from infra.security import Unauthenticated
from infra.settings import Settings
from tests.aggregates.world import BRANCH, ENTITY, LOAN, open_world
from tests.api_doubles import running, services
from tests.paper_world import AUDITOR, BYTES_MAX, STRANGER, WRITER, PaperWorld, open_paper_world

V1 = "/api/v1"
PEOPLE = {
    "manager": WRITER,
    "auditor": AUDITOR,
    "stranger": STRANGER,
    "platform": Principal("dataplat", ("EX",), BRANCH, (ENTITY,)),
}
PDF = b"%PDF-1.7\n" + b"x" * 100


def verify_token(token: str, now: datetime) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


class Served:
    def __init__(self, papers: PaperWorld, http: httpx.Client, address: str) -> None:
        self.papers, self.http, self.address = papers, http, address

    def get(self, path: str, who: str = "manager", **parameters: str) -> httpx.Response:
        return self.http.get(V1 + path, params=parameters, headers={"Authorization": f"Bearer {who}"})

    def post(self, path: str, body: object, who: str = "manager") -> httpx.Response:
        return self.http.post(V1 + path, json=body, headers={"Authorization": f"Bearer {who}"})

    def send(self, path: str, data: bytes, name: str, who: str = "manager", **fields: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {who}"}
        return self.http.post(V1 + path, files={"file": (name, data)}, data=fields, headers=headers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("papers")
    world = open_world(folder)
    papers = open_paper_world(world, folder)
    ours = services(assets=world.app, verify_token=verify_token, papers=papers.papers, clock=world.clock)
    with running(ours) as server, httpx.Client(base_url=server.address, timeout=20) as http:
        yield Served(papers, http, server.address)
    world.store.close()


def test_a_file_goes_in_and_comes_out_with_a_safe_name(served: Served) -> None:
    told = served.send("/attachments", PDF, '合同 "一".pdf').json()
    assert served.send("/attachments", PDF, '合同 "一".pdf').json() == told
    answer = served.get(f"/attachments/{told['doc_id']}/content")
    assert answer.content == PDF
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert served.get(f"/attachments/{told['doc_id']}/verify").json()["ok"] is True
    whole = served.get(f"/attachments/{told['doc_id']}").json()
    assert (whole["entity"], whole["uploaded_by"], whole["sha256"]) == (ENTITY, "U-118", told["sha256"])


def test_a_name_cannot_end_its_header() -> None:
    shown = disposition('a"; filename=evil.exe\r\nX: 1.pdf')
    assert shown.count('"') == 2
    assert "\r" not in shown
    assert disposition("证据.pdf") == "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E8%AF%81%E6%8D%AE.pdf"


def test_who_may_not_see_an_attachment_is_told_that_there_is_none(served: Served) -> None:
    told = served.send("/attachments", PDF, "a.pdf").json()
    for path in ("", "/content", "/verify"):
        answer = served.get(f"/attachments/{told['doc_id']}{path}", who="stranger")
        assert (answer.status_code, answer.json()["title"]) == (404, "not-found")
        assert served.get(f"/attachments/{told['doc_id']}{path}", who="auditor").status_code == 200
    assert served.send("/attachments", PDF, "a.pdf", who="auditor", entity=ENTITY).status_code == 403
    assert served.send("/attachments", PDF, "a.pdf", who="nobody").status_code == 401


def test_too_large_the_wrong_kind_and_no_file_are_refused(served: Served) -> None:
    large = b"%PDF-" + bytes(BYTES_MAX + 100_000)
    assert served.send("/attachments", large, "a.pdf").status_code == 422
    assert served.send("/attachments", large[: BYTES_MAX + 10], "a.pdf").json()["facts"]["field"] == "file"
    assert served.send("/attachments", b"MZ", "a.exe").json()["facts"]["field"] == "file"
    assert served.post("/attachments", {}).json()["facts"]["field"] == "file"
    answer = served.http.post(V1 + "/attachments", data={"file": "text"}, headers={"Authorization": "Bearer manager"})
    assert answer.json()["facts"]["field"] == "file"


def test_damage_is_named_instead_of_sent(served: Served) -> None:
    told = served.send("/attachments", PDF + b"damaged", "damaged.pdf").json()
    digest = told["sha256"]
    blob = served.papers.papers.attachments.folder / "sha256" / digest[:2] / digest[2:4] / digest
    blob.write_bytes(b"%PDF-other")
    for path in ("content", "verify"):
        answer = served.get(f"/attachments/{told['doc_id']}/{path}")
        assert (answer.status_code, answer.json()["title"]) == (503, "damaged-attachment")
        assert answer.json()["facts"]["doc_id"] == told["doc_id"]
    blob.write_bytes(PDF + b"damaged")


def test_a_paper_is_rendered_drafted_and_read_back(served: Served) -> None:
    asked = {"template": "demand-letter", "key": LOAN, "fields": served.papers.entered("demand-letter")}
    rendered = served.post("/documents/render", asked)
    assert rendered.status_code == 200, rendered.text
    assert rendered.content == served.post("/documents/render", asked, who="auditor").content
    drafted = served.post("/documents", asked | {"cmd_id": "d-1"}).json()
    assert drafted["document"]["doc_id"] == rendered.headers["x-document-no"]
    assert drafted["outcome"] is None  # a letter is cited in the docs of what follows
    stored = served.get(f"/attachments/{drafted['document']['doc_id']}/content").content
    assert stored == rendered.content
    entered = served.papers.entered("litigation-complaint")
    complaint = {"template": "litigation-complaint", "key": "SU1", "fields": entered}
    answer = served.post("/documents", complaint | {"cmd_id": "d-2"}).json()
    assert answer["outcome"]["events"][0]["type"] == "LegalDocumentGenerated"
    history = served.get(f"/aggregates/LegalDocument/{answer['document']['doc_id']}/history").json()["events"]
    assert [event["type"] for event in history] == ["LegalDocumentGenerated"]


def test_a_missing_field_and_another_banks_case(served: Served) -> None:
    answer = served.post("/documents/render", {"template": "demand-letter", "key": LOAN})
    assert (answer.status_code, answer.json()["title"]) == (422, "missing-field")
    assert answer.json()["facts"]["aggregate"] == "RiskAsset"
    answer = served.post("/documents/render", {"template": "demand-letter", "key": LOAN}, who="stranger")
    assert answer.status_code == 404
    for wrong in ({"known_at": "2024-09-25T01:00:00"}, {"fields": {"a": 1}}, {"more": 1}):
        asked = {"template": "demand-letter", "key": LOAN} | wrong
        assert served.post("/documents/render", asked).status_code == 422


def test_templates_can_be_listed_and_fetched(served: Served) -> None:
    found = {one["name"]: one for one in served.get("/documents/templates").json()["templates"]}
    assert found["transfer-notice"]["title"] == "债权转让通知书"
    unfilled = served.get("/documents/templates/transfer-notice").content
    assert any("{{ debtor_name }}" in part.text for part in Document(BytesIO(unfilled)).paragraphs)
    assert served.get("/documents/templates/none").status_code == 404


def test_a_file_of_rows_over_http(served: Served) -> None:
    data = b"loan_no,customer_no,classification\nUP-1,C-1,LOSS\nUP-2,C-1,NONE\n"
    answer = served.send("/uploads", data, "a.csv", who="platform", kind="RiskAsset.Admit", mode="all")
    assert answer.status_code == 200, answer.text
    assert answer.json()["counts"]["stored"] == 0
    results = served.get(f"/attachments/{answer.json()['results']['doc_id']}/content", who="platform")
    assert results.content.startswith(b"\xef\xbb\xbfloan_no")
    assert served.send("/uploads", data, "a.csv").json()["facts"]["field"] == "kind"
    assert "RiskAsset.Admit" in served.get("/uploads/kinds").json()["kinds"]
    assert served.get("/uploads/blank", kind="RiskAsset.Admit", format="csv").content.startswith(
        b"\xef\xbb\xbfloan_no,"
    )
    assert served.get("/uploads/blank", kind="RiskAsset.Admit", format="ods").status_code == 422


def test_the_parts_are_put_together_by_settings(tmp_path: Path, served: Served) -> None:
    (tmp_path / "bad.toml").write_text("name = 1")
    settings = Settings(data_dir=tmp_path, attachment_bytes_max=2_048)
    world = served.papers.world
    papers = open_papers(settings, world.app, world.clock)
    assert (papers.attachments.folder, papers.attachments.bytes_max) == (tmp_path / "attachments", 2_048)
    with pytest.raises(InvalidInput):
        open_papers(settings.model_copy(update={"template_dir": tmp_path}), world.app, world.clock)


# --- The terminal --------------------------------------------------------------------------------------------------

Run = Callable[..., Result]


@pytest.fixture
def run(served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    def invoke(*arguments: str, who: str = "manager") -> Result:
        monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("TIDEMARK_ATTACHMENT_DIR", str(served.papers.papers.attachments.folder))
        monkeypatch.setenv("TIDEMARK_API", served.address)
        monkeypatch.setenv("TIDEMARK_TOKEN", who)
        return CliRunner(env={"COLUMNS": "250"}).invoke(app, list(arguments))

    return invoke


def test_document_at_the_terminal(run: Run, served: Served, tmp_path: Path) -> None:
    fields, target = tmp_path / "fields.json", tmp_path / "letter.docx"
    entered = served.papers.entered("demand-letter")
    pay_by = entered.pop("pay_by")
    fields.write_text(json.dumps(entered))
    asked = ("document", "render", "RiskAsset", LOAN, "--template", "demand-letter", "--fields", str(fields))
    result = run(*asked, "--out", str(target))
    assert (result.exit_code, "pay_by" in result.stderr) == (2, True)
    assert not target.exists()
    result = run(*asked, "--out", str(target), "--field", f"pay_by={pay_by}", "--as-of", "2024-09-30")
    assert result.exit_code == 0, result.stderr
    assert any("2024年9月30日" in part.text for part in Document(str(target)).paragraphs)
    assert run(*asked, "--out", str(target), "--field", "pay_by=2024-10-31").exit_code == 2  # is there already
    assert run("document", "render", "WriteOff", *asked[3:], "--out", str(target), "--force").exit_code == 2
    result = run("document", "list")
    assert "litigation-complaint" in result.stdout
    assert run("document", "template", "demand-letter", "--out", str(tmp_path / "t.docx")).exit_code == 0
    drafted = run("document", "draft", *asked[2:], "--field", "pay_by=2024-10-31", "--json")
    assert json.loads(drafted.stdout)["document"]["name"] == f"demand-letter-{LOAN}.docx"


def test_attachment_at_the_terminal(run: Run, tmp_path: Path) -> None:
    file, back = tmp_path / "证据.pdf", tmp_path / "back.pdf"
    file.write_bytes(PDF + b"cli")
    told = json.loads(run("attachment", "add", str(file), "--json").stdout)
    assert run("attachment", "get", told["doc_id"], "--out", str(back)).exit_code == 0
    assert back.read_bytes() == PDF + b"cli"
    assert run("attachment", "verify", told["doc_id"]).exit_code == 0
    assert run("attachment", "verify", "none").exit_code == 2
    assert json.loads(run("attachment", "verify", "--json").stdout)["damaged"] == []
    assert run("attachment", "add", str(tmp_path / "absent.pdf")).exit_code == 2


def test_damage_is_found_at_the_terminal(run: Run, served: Served) -> None:
    store = served.papers.papers.attachments
    found = store.add([PDF + b"lost"], "lost.pdf", writer=WRITER, entity=ENTITY, at=served.papers.world.clock.now)
    blob = store.folder / "sha256" / found.sha256[:2] / found.sha256[2:4] / found.sha256
    blob.unlink()
    result = run("attachment", "verify")
    assert (result.exit_code, found.doc_id in result.stdout) == (1, True)
    assert run("attachment", "verify", found.doc_id).exit_code == 3
    blob.write_bytes(PDF + b"lost")


def test_upload_at_the_terminal(run: Run, tmp_path: Path) -> None:
    blank, rows, results = tmp_path / "blank.xlsx", tmp_path / "rows.csv", tmp_path / "results.csv"
    assert run("upload", "--kind", "RiskAsset.Admit", "--blank", "--out", str(blank)).exit_code == 0
    assert blank.read_bytes().startswith(b"PK")
    assert "RecoveryFlow.Receive" in run("upload", "--kind", "list").stdout
    rows.write_text("loan_no,customer_no,classification,principal\nCLI-1,C-1,LOSS,x\n")
    result = run("upload", str(rows), "--kind", "RiskAsset.Admit", "--out", str(results), who="platform")
    assert result.exit_code == 1
    assert "want a decimal number" in result.stdout
    assert "refused,principal" in results.read_text(encoding="utf-8-sig")
    assert run("upload", "--kind", "RiskAsset.Admit").exit_code == 2
