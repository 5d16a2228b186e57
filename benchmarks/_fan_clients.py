"""Thousands of readers of one live stream, in a process of their own: `PORT COUNT AT_ONCE LINGER_S`.

Raw sockets and one selector: a reader looks for the mark that each alert carries and notes when it came. Told on
stdout as JSON lines: when all are connected and have a state, and at the end (stdin closes) the delays by alert.
"""

import json
import re
import select
import socket
import sys
import threading
import time

ASK = b"GET /api/v1/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer all\r\n\r\n"
MARK = re.compile(rb"at-(\d+)-(\d+)\"")
STATE = b"event: state"
TAIL = 64


class Readers:
    def __init__(self, port: int, count: int, at_once: int) -> None:
        self._port, self._count, self._at_once = port, count, at_once
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._tails: dict[int, bytes] = {}
        self._waiting: set[int] = set()  # connected, without a state
        self.delays: dict[int, list[float]] = {}
        self.bytes = self.broken = 0

    def connect(self) -> float:
        """Seconds until everyone has a state; `at_once` are under way at any time."""
        began = time.monotonic()
        while len(self._sockets) < self._count or self._waiting:
            while len(self._sockets) < self._count and len(self._waiting) < self._at_once:
                made = socket.create_connection(("127.0.0.1", self._port), timeout=60)
                made.sendall(ASK)
                made.setblocking(False)
                number = made.fileno()
                self._sockets[number] = made
                self._tails[number] = b""
                self._waiting.add(number)
                self._poll.register(number, select.EPOLLIN)
            self.take(1.0)
        return time.monotonic() - began

    def take(self, wait_s: float) -> None:
        for number, _ in self._poll.poll(wait_s, 512):
            try:
                read = self._sockets[number].recv(1 << 18)
            except BlockingIOError:
                continue
            except OSError:
                read = b""
            if not read:
                self.broken += 1
                self._poll.unregister(number)
                self._waiting.discard(number)
                continue
            now = time.monotonic_ns()
            self.bytes += len(read)
            text = self._tails[number] + read
            if number in self._waiting and STATE in text:
                self._waiting.discard(number)
            last = 0
            for found in MARK.finditer(text):
                last = found.end()
                self.delays.setdefault(int(found[1]), []).append((now - int(found[2])) / 1e9)
            self._tails[number] = text[max(last, len(text) - TAIL) :]


def main() -> None:
    readers = Readers(*(int(text) for text in sys.argv[1:4]))
    print(json.dumps({"connected_s": readers.connect()}), flush=True)
    readers.delays.clear()  # alerts inside the states
    over = threading.Event()

    def until_closed() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=until_closed, daemon=True).start()
    while not over.is_set():
        readers.take(0.2)
    until = time.monotonic() + float(sys.argv[4])
    while time.monotonic() < until:
        readers.take(0.2)
    print(json.dumps({"delays": readers.delays, "bytes": readers.bytes, "broken": readers.broken}), flush=True)


if __name__ == "__main__":
    main()
