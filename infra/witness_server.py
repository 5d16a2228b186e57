"""A small HTTP server for a witness of our own (C2SP tlog-witness), for a second host and for tests.

Standard library only and no authentication beyond the log's signature, as the protocol has it; put it behind a proxy
where others can reach it.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engines.primitives.errors import InvalidInput, Unavailable
from infra.checkpoint import Vkey, is_key_name
from infra.checkpoint_keys import read_key, write_key
from infra.witness import BODY_MAX, Answer, WitnessStore

KEY_FILE, SEEN_FILE = "witness.pem", "seen.db"
TIMEOUT_S = 10


def open_witness(directory: Path, name: str, logs: Sequence[Vkey]) -> WitnessStore:
    """The witness kept in a folder, made if need be. Whoever loses this folder must take another name and key.

    Raises InvalidInput (a name with blanks), Unavailable (the folder cannot be written, the key can be read by all).
    """
    if not is_key_name(name):
        raise InvalidInput("a witness's name holds no blanks and no plus", field="--name")
    path = directory / KEY_FILE
    write_key(path, Ed25519PrivateKey.generate())
    return WitnessStore(directory / SEEN_FILE, name, read_key(path), tuple(logs))


@contextmanager
def serving(witness: WitnessStore, host: str, port: int) -> Iterator[str]:
    """Serve until the block ends; gives the address. Raises Unavailable where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_S

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if self.path != "/add-checkpoint" or not length.isdigit() or int(length) > BODY_MAX:
                self._answer(Answer(404 if self.path != "/add-checkpoint" else 400, "\n"))
                return
            try:
                body = self.rfile.read(int(length)).decode()
            except UnicodeDecodeError:
                self._answer(Answer(400, "not UTF-8\n"))
                return
            self._answer(witness.add_checkpoint(body, int(time.time())))

        def do_GET(self) -> None:
            known = self.path.removeprefix("/latest/")
            self._answer(witness.latest(known) if known != self.path else Answer(404, "\n"))

        def _answer(self, answer: Answer) -> None:
            raw = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("content-type", answer.content_type)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Silent: what matters is kept in the witness's own store."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise Unavailable(f"cannot listen on {host}:{port}: {error.strerror}", field="--port") from error
    thread = threading.Thread(target=server.serve_forever, name="witness", args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
