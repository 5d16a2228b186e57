"""A WebSocket over a real port: a reader that takes nothing is dropped and holds up nobody; over breaks every alert
arrives once."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import CloseConnection, Ping, Request, TextMessage

from api.services import Services
from streams.topics import ALERT
from streams.views import RiskView
from tests.api.test_stream_breaks import Bank
from tests.api_doubles import Running, running, services
from tests.risk_records import alert, cut
from tests.waiting import PATIENCE_S, until


class Reader:
    """Keeps the id of the last event it had whole."""

    def __init__(self, port: int, last_id: str) -> None:
        self.last_id, self.port = last_id, port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        target = f"/api/v1/ws?last_event_id={last_id}&events=alert"
        token = [(b"authorization", b"Bearer all")]
        self.socket.sendall(self._protocol.send(Request(host="x", target=target, extra_headers=token)))

    def say(self, text: str) -> None:
        self.socket.sendall(self._protocol.send(TextMessage(text)))

    def alerts(self) -> Iterator[dict[str, Any]]:
        """Until the connection ends, however it ends."""
        text = ""
        while True:
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionError:
                return
            if not data:
                return
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                if isinstance(event, Ping):
                    self.socket.sendall(self._protocol.send(event.response()))
                elif isinstance(event, CloseConnection):
                    return
                elif isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        told, text = json.loads(text), ""
                        assert told["event"] != "state" or self.last_id == ""
                        self.last_id = told["id"] or self.last_id
                        if told["event"] == "alert":
                            yield told["data"]


@contextmanager
def reading(server: Running, last_id: str = "0:-1") -> Iterator[Reader]:
    reader = Reader(server.port, last_id)
    try:
        yield reader
    finally:
        reader.socket.close()


@pytest.fixture(scope="module")
def ours() -> Services:
    return services(stalled_client_s=2, positions_interval_s=0.01)


@pytest.fixture(scope="module")
def one_server(ours: Services) -> Iterator[Running]:
    with running(ours) as found:
        yield found


@pytest.fixture
def server(one_server: Running, ours: Services) -> Running:
    ours.live.replace(RiskView())
    return one_server


def test_a_reader_that_takes_nothing_is_dropped_and_the_others_go_on(server: Running, ours: Services) -> None:
    def open_sockets() -> int:
        return sum(isinstance(one, WSProtocol) for one in server.server.server_state.connections)

    until(lambda: open_sockets() == 0)
    stalled = server.app.state.metrics.stream_stalled._value
    before, count = stalled.get(), 0
    with reading(server) as stuck, reading(server) as other:
        until(lambda: open_sockets() == 2)
        others = other.alerts()
        for _ in range(10):  # some 10 MB: more than sockets and transports hold
            fresh = [alert(n + 1, n, alert_id=f"{n:020000}") for n in range(count, count + 50)]
            ours.live.feed([*fresh, cut(ALERT, count + 51)])
            assert [next(others)["sequence"] for _ in range(50)] == [*range(count, count + 50)]
            count += 50
        until(lambda: stalled.get() > before)
        until(lambda: open_sockets() == 1)  # its buffer is gone too, though it has taken nothing yet
        got = [told["sequence"] for told in stuck.alerts()]
        assert 0 < len(got) < count
        with reading(server, stuck.last_id) as again:
            missed = again.alerts()
            got += [next(missed)["sequence"] for _ in range(count - len(got))]
        assert got == [*range(count)]
        ours.live.feed([alert(count + 1, count), cut(ALERT, count + 2)])
        assert next(others)["sequence"] == count


def test_over_breaks_every_alert_arrives_once(server: Running, ours: Services) -> None:
    random, got, last_id = Random(8), list[str](), "0:-1"
    bank = Bank(random, [ours.live])
    for _ in range(20):
        bank.raise_alerts(random.randrange(5))
        with reading(server, last_id) as reader:
            told = reader.alerts()
            for _ in range(2):
                got += [next(told)["alert_id"] for _ in range(random.randrange(len(bank.raised) - len(got) + 1))]
                bank.raise_alerts(random.randrange(4))  # to a reader that is level, more often than not
            last_id = reader.last_id
    with reading(server, last_id) as reader:
        told = reader.alerts()
        bank.raise_alerts(1)
        got += [next(told)["alert_id"] for _ in range(len(bank.raised) - len(got))]
        reader.say("ping")  # nobody minds
        bank.raise_alerts(1)  # a repeat would come before it
        got.append(next(told)["alert_id"])
    assert len(got) == len(set(got))
    assert sorted(got) == sorted(bank.raised)
