"""One subscriber of two replicas who loses his connection a hundred times gets each alert once, by id."""

import http.client
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

import pytest

from streams.topics import ALERT
from streams.views_live import LiveView
from streams.views_wire import Record
from tests.api_doubles import Running, running, services
from tests.risk_records import alert, cut

BREAKS = int(os.environ.get("STREAM_BREAKS", "100"))
LANES = 3


class Bank:
    """Raises alerts in random lanes and shows them to both replicas, one of them a little later."""

    def __init__(self, random: Random, replicas: list[LiveView]) -> None:
        self._random, self._replicas = random, replicas
        self._next = dict.fromkeys(range(LANES), 0)
        self.raised: list[str] = []

    def raise_alerts(self, count: int) -> None:
        batches: list[list[Record]] = []
        for _ in range(count):
            lane = self._random.randrange(LANES)
            sequence = self._next[lane]
            self._next[lane] += 1
            self.raised.append(f"alert-{lane}-{sequence}")
            records = [alert(sequence + 1, sequence, partition=lane), cut(ALERT, sequence + 1, partition=lane)]
            batches.append(records)
        for live in self._random.sample(self._replicas, len(self._replicas)):
            if self._random.random() < 0.5:  # all at once, or tick by tick
                live.feed([record for records in batches for record in records])
            else:
                for records in batches:
                    live.feed(records)


class Subscriber:
    """Keeps what an EventSource keeps: the id of the last event it had whole."""

    def __init__(self) -> None:
        self.last_id = "0:-1"
        self.got: list[str] = []

    @contextmanager
    def connected(self, server: Running) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        try:
            headers = {"Authorization": "Bearer all", "Last-Event-ID": self.last_id}
            connection.request("GET", "/api/v1/stream", headers=headers)
            yield connection.getresponse()
        finally:
            connection.close()

    def take(self, answer: http.client.HTTPResponse, alerts: int) -> None:
        wanted = len(self.got) + alerts
        name = told_id = data = ""
        while len(self.got) < wanted:
            line = answer.readline().decode().rstrip("\n")
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                told_id = value
            elif field == "data":
                data = value
            elif not line:
                self.last_id = told_id or self.last_id
                if name == "alert":
                    self.got.append(json.loads(data)["alert_id"])
                assert name != "state"  # nothing was lost, so no one is asked to begin anew
                name = told_id = data = ""


@pytest.mark.parametrize("seed", [8])
def test_a_hundred_breaks_lose_no_alert_and_repeat_none(seed: int) -> None:
    random = Random(seed)
    lives = [LiveView(), LiveView()]
    bank, subscriber = Bank(random, lives), Subscriber()
    with ExitStack() as stack:
        for live in lives:
            live.set_status(ready=True)
        servers = [stack.enter_context(running(services(live, positions_interval_s=0.01))) for live in lives]
        bank.raise_alerts(20)
        for _ in range(BREAKS):
            bank.raise_alerts(random.randrange(6))
            with subscriber.connected(random.choice(servers)) as answer:
                subscriber.take(answer, min(random.randrange(8), len(bank.raised) - len(subscriber.got)))
                bank.raise_alerts(random.randrange(6))  # to a client that is level, more often than not
                subscriber.take(answer, min(random.randrange(12), len(bank.raised) - len(subscriber.got)))
                if len(subscriber.got) < len(bank.raised):
                    answer.read1(random.randrange(1, 1_500))  # part of what is on its way, and then gone
        with subscriber.connected(random.choice(servers)) as answer:
            subscriber.take(answer, len(bank.raised) - len(subscriber.got))
            bank.raise_alerts(1)  # a repeat would come before it
            subscriber.take(answer, 1)
    assert len(subscriber.got) == len(set(subscriber.got))
    assert sorted(subscriber.got) == sorted(bank.raised)
