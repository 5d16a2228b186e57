"""A small API of canned answers on a real port; it records what the command line asks."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

POSITIONS = {
    "as_of": "2026-11-22",
    "offsets": {"tm.in.core.txn.v1/0": 7, "tm.in.core.txn.v1/1": 5},
    "by": ["entity", "currency"],
    "rows": [
        {"entity": "BANK", "currency": "CNY", "position": "1234567.80", "projected_eod": "-12.34"},
        {"entity": "BANK", "currency": "JPY", "position": "5000", "projected_eod": "0"},
    ],
    "lag_records": 3,
}


def alert(number: int, entity: str = "BANK") -> dict[str, Any]:
    return {
        "alert_id": f"A-{number}",
        "kind": "raised",
        "rule": "large-flow-single",
        "entity": entity,
        "customer": "C-1",
        "currency": "CNY",
        "amount": "5000000.00",
        "event_time": f"2026-11-22T01:00:0{number}.000000Z",
        "reason": f"alert number {number}",
    }


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class CannedApi:
    """`answers` by path: a body, a (status, body), or a list of SSE chunks for `/stream`."""

    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    address: str = ""
    streams: list[list[str]] = field(default_factory=list)  # one list of chunks per connection

    def last(self) -> Request:
        return self.requests[-1]


@contextmanager
def canned_api() -> Iterator[CannedApi]:
    canned = CannedApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(None)

        def do_POST(self) -> None:
            self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def answer(self, body: Any) -> None:
            url = urlsplit(self.path)
            path = url.path.removeprefix("/api/v1")
            headers = {name.lower(): value for name, value in self.headers.items()}
            canned.requests.append(Request(self.command, path, dict(parse_qsl(url.query)), headers, body))
            if path == "/stream" and canned.streams:
                self.stream(canned.streams.pop(0))
                return
            found = canned.answers.get(path, (404, {"title": "not-found", "detail": f"nothing at {path}"}))
            status, content = found if isinstance(found, tuple) else (200, found)
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def stream(self, chunks: list[str]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()  # no length: the end of the connection ends it
            for chunk in chunks:
                self.wfile.write(chunk.encode())
                self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        canned.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield canned
        finally:
            server.shutdown()
            thread.join()


def sse(name: str, data: Any, event_id: str = "") -> str:
    identity = f"id: {event_id}\n" if event_id else ""
    return f"{identity}event: {name}\ndata: {json.dumps(data)}\n\n"
