"""What holds for every request: HEAD, OPTIONS, lengths and types of bodies, keys, tags, compression, pages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from httpx import Client, Response

from api.paging import page_of, place_of
from api.request_edges import BODY_BYTES_MAX, told_deprecated
from engines.primitives.errors import InvalidInput
from tests.aggregates.world import LOAN
from tests.api_doubles import client_of, services
from tests.contract_world import contract_services

V1 = "/api/v1"
COMMAND = {"aggregate": "RiskAsset", "key": "LN-1", "command": "Tag"}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of(services()) as found:
        yield found


def problem(answer: Response, status: int, field: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["facts"]["field"] == field


def test_head_is_get_without_the_body(client: Client) -> None:
    whole, head = client.get(V1 + "/gap"), client.head(V1 + "/gap")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == whole.headers["etag"]
    assert client.head(V1 + "/alerts/none").status_code == 404
    assert client.head(V1 + "/stream").status_code == 405  # it would not end


@pytest.mark.parametrize(
    ("path", "methods"), [("/plans", "GET, HEAD, OPTIONS, POST"), ("/commands", "OPTIONS, POST")]
)
def test_options_and_405_name_the_methods(client: Client, path: str, methods: str) -> None:
    asked = client.options(V1 + path)
    assert (asked.status_code, asked.headers["allow"]) == (204, methods)
    refused = client.delete(V1 + path)
    assert (refused.status_code, refused.headers["allow"]) == (405, methods)
    assert refused.json()["title"] == "method-not-allowed"


def test_a_body_is_json_and_of_bounded_length(client: Client) -> None:
    plain = {"Content-Type": "text/plain"}
    problem(client.post(V1 + "/commands", content=b"{}", headers=plain), 415, "Content-Type")
    problem(client.post(V1 + "/calculations/lcr", content=b"{}"), 415, "Content-Type")
    problem(client.post(V1 + "/commands", content=b"{", headers={"Content-Type": "application/json"}), 422, "1")

    def endless() -> Iterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 65_536 + 1):
            yield b" " * 65_536

    problem(
        client.post(V1 + "/commands", content=endless(), headers={"Content-Type": "application/json"}), 413, "body"
    )


def test_the_header_stands_for_the_commands_id(client: Client) -> None:
    def give(key: str, **more: Any) -> Response:
        return client.post(V1 + "/commands", json=COMMAND | more, headers={"Idempotency-Key": key})

    assert give("k-1").json()["cmd_id"] == "k-1"
    assert give('"k-1"').json()["repeated"]
    assert give("k-1", cmd_id="k-1").json()["repeated"]
    problem(give("k-1", cmd_id="k-2"), 422, "cmd_id")
    problem(give("k" * 201), 422, "cmd_id")

    opened = client.post(
        V1 + "/breaches", json={"breach_no": "B-1", "payload": {}}, headers={"Idempotency-Key": "k-3"}
    )
    assert (opened.status_code, opened.json()["cmd_id"]) == (200, "k-3")
    problem(client.post(V1 + "/breaches", json={"breach_no": "B-1"}), 422, "cmd_id")
    empty = {"breach_no": "B-2", "cmd_id": "", "payload": {}}
    for nothing in (empty, empty | {"cmd_id": None}):
        problem(client.post(V1 + "/breaches", json=nothing, headers={"Idempotency-Key": "k-4"}), 422, "cmd_id")


def test_who_has_the_answer_gets_304(client: Client) -> None:
    first = client.get(V1 + "/withdrawals")
    again = client.get(V1 + "/withdrawals", headers={"If-None-Match": f'"x", {first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = client.get(
        V1 + "/withdrawals", params={"entity": "NORTH"}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert other.status_code == 200


def test_text_is_compressed_and_the_stream_is_not(client: Client) -> None:
    assert client.get(V1 + "/positions").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get(V1 + "/positions", headers={"Accept-Encoding": "identity"}).headers
    with client.stream("GET", V1 + "/stream", headers={"Accept-Encoding": "gzip"}) as answer:
        assert "content-encoding" not in answer.headers


def test_pages_follow_their_links(client: Client) -> None:
    seen, path = list[str](), V1 + "/alerts?limit=2"
    while path:
        answer = client.get(path)
        seen += [alert["alert_id"] for alert in answer.json()["alerts"]]
        path = answer.links.get("next", {}).get("url", "")
    assert len(seen) == len({*seen}) == 5
    rows = client.get(V1 + "/risk-assets", params={"limit": 1}).json()
    assert rows["cursor"] == "NORTH-1"
    last = client.get(V1 + "/risk-assets", params={"limit": 1, "cursor": rows["cursor"]}).json()
    assert ([row["loan_no"] for row in last["rows"]], last["cursor"]) == (["SOUTH-1"], None)
    problem(client.get(V1 + "/risk-assets", params={"cursor": "gone"}), 422, "cursor")


def test_deprecated_parameters_say_so(client: Client) -> None:
    assert "deprecation" not in client.get(V1 + "/alerts").headers
    answer = client.get(V1 + "/alerts", params={"before": "0:2"})
    assert answer.status_code == 200
    assert answer.headers["deprecation"] == "@1795305600"  # 22 November 2026
    assert 'rel="deprecation"' in answer.headers["link"]


def test_a_sunset_is_told() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    told = told_deprecated(send, sunset=datetime(2027, 6, 30, tzinfo=UTC))
    anyio.run(told, {"type": "http.response.start", "status": 200, "headers": []})
    assert (b"sunset", b"Wed, 30 Jun 2027 00:00:00 GMT") in sent[0]["headers"]


def test_batches_tell_what_became_of_each(client: Client) -> None:
    commands = [COMMAND | {"cmd_id": f"b-{n}", "command": name} for n, name in enumerate(("Tag", "Refuse", "Tag"))]
    found = client.post(V1 + "/commands/batch", json={"commands": commands}).json()
    assert [item["result"] for item in found["items"]] == ["stored", "refused", "stored"]
    assert (found["stored"], found["refused"]) == (2, 1)
    assert found["items"][1]["problem"]["facts"] == {"guard": "STATE"}
    again = client.post(V1 + "/commands/batch", json={"commands": commands}).json()
    assert [item["result"] for item in again["items"]] == ["repeated", "refused", "repeated"]
    problem(client.post(V1 + "/commands/batch", json={"commands": commands[:1] * 2}), 422, "commands.cmd_id")
    problem(client.post(V1 + "/commands/batch", json={"commands": commands, "mode": "all"}), 422, "cmd_id")


def test_a_batch_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    with contract_services(tmp_path) as ours, client_of(ours) as client:
        good = {"aggregate": "RiskAsset", "key": LOAN, "command": "Tag", "payload": {"tag": "特定资产"}}
        bad = good | {"key": "none", "cmd_id": "t-2"}
        batch = {"mode": "all", "cmd_id": "t", "commands": [good | {"cmd_id": "t-1"}, bad]}
        version = client.get(V1 + f"/risk-assets/{LOAN}").json()["version"]
        found = client.post(V1 + "/commands/batch", json=batch).json()
        assert [item["result"] for item in found["items"]] == ["not-stored", "refused"], found
        assert client.get(V1 + f"/risk-assets/{LOAN}").json()["version"] == version


def test_cursors() -> None:
    rows = [{"key": str(number), "x": 1} for number in range(5)]
    assert page_of(rows, None, 5) == {"rows": rows, "cursor": None}
    assert page_of(rows, "1", 2) == {"rows": rows[2:4], "cursor": "3"}
    assert page_of([], None, 1) == {"rows": [], "cursor": None}
    assert [place_of(None, 7), place_of("12", 0)] == [7, 12]
    for wrong in ("-1", "x", "9" * 5_000, "١"):
        with pytest.raises(InvalidInput):
            place_of(wrong, 0)
