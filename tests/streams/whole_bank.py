"""All between the event store and the neighbours, in one process and on one clock: publishers, process managers,
handlers, the simulated core and neighbours, and a log of topics between them. It can be killed at named places."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from infra.reference_store import ReferenceStore
from infra.security import Unauthenticated
from streams import topics
from streams.audit_publisher import AuditPublisher, OutboundRecord
from streams.command_handler import CommandHandler
from streams.core_behaviour import misbehaviours
from streams.core_simulator import LateReplies, SimulatedCore
from streams.integrations import names
from streams.integrations.manners import manners
from streams.integrations.publisher import IntegrationPublisher, handlers
from streams.integrations.registry import INTEGRATIONS
from streams.integrations.simulator import ANSWERS, Neighbours
from streams.process_manager_runner import ProcessManagerRunner, Rules
from tests.aggregates.world import World, swap
from tests.streams.integration_world import GOLDEN


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Where there is one: each of some thousand commits would wait for a disk."""
    memory = Path("/dev/shm")  # noqa: S108 - for a folder of our own
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


class Killed(BaseException):
    """The process is gone. Nobody catches it by accident."""


@dataclass(slots=True)
class Fuse:
    """Kills at these places, once for every piece of work that passes one: it dies there, and then goes through."""

    places: Collection[str] = ()
    passed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    deaths: int = 0

    def pass_(self, place: str, work: object) -> None:
        is_new = str(work) not in self.passed[place]
        self.passed[place].add(str(work))
        if place in self.places and is_new:
            self.deaths += 1
            raise Killed(place)

    def around(self, owner: Any, method: str, name: Callable[..., object]) -> None:
        """Places `before X` and `after X` around a method of one object; `name` tells pieces of work apart."""
        act = getattr(owner, method)

        def guarded(*arguments: Any, **named: Any) -> Any:
            work = name(*arguments)
            self.pass_(f"before {method}", work)
            result = act(*arguments, **named)
            self.pass_(f"after {method}", work)
            return result

        swap(owner, method, guarded)


def _versions(events: Iterable[Any]) -> list[tuple[str, int]]:
    return [(str(event.originator_id), event.originator_version) for event in events]


class WholeBank:
    def __init__(self, world: World, core: str = "", neighbours: str = "", fuse: Fuse | None = None) -> None:
        """`core` and `neighbours` are texts of bad manners."""
        self.world, self.fuse = world, fuse or Fuse()
        self.log: dict[str, list[tuple[bytes, bytes]]] = defaultdict(list)
        self.offsets: Counter[tuple[str, str]] = Counter()
        self.dead: list[tuple[str, str]] = []
        self.core, self.late = SimulatedCore(misbehaviours=misbehaviours(core)), LateReplies()
        self.neighbours = Neighbours(manners(neighbours))
        self.answered = 0
        self.fuse.around(world.store.recorder, "insert_events", _versions)
        self.fuse.around(world.store.recorder, "move_cursor", lambda *where: (where[0], where[3]))
        self.start()

    def start(self) -> None:
        """The parts as a new process makes them; what they remembered is gone."""
        world = self.world
        self.reference = ReferenceStore(world.store)
        self.fuse.around(self.reference, "put", lambda fact: (fact.kind, fact.key, fact.record_id))
        self.fuse.around(self.reference, "remove", lambda fact: (fact.kind, fact.key))
        common: dict[str, Any] = {"clock": world.clock, "holder": "this process"}
        audit = AuditPublisher(world.app, world.store, self._deliver, **common)
        told = IntegrationPublisher(world.app, world.store, self.reference, self._deliver, look_every_s=1, **common)
        runner = ProcessManagerRunner(world.app, world.store, rules=Rules(), timers_every_s=1.0, **common)
        replies = CommandHandler(world.app, _nobody)
        take = handlers(world.app, self.reference)

        def reply(_key: bytes | None, value: bytes, at: datetime) -> tuple[str, str] | None:
            letter = replies.handle_posting_reply(value, at).dead_letter
            return None if letter is None else (letter.field, letter.reason)

        self.handlers = take | {topics.POSTING_REPLY: reply}
        self.parts: list[Callable[[], object]] = [runner.run_once, audit.run_once, told.run_once, self._consume]

    # --- Time ----------------------------------------------------------------------------------------------

    def pass_time(self, minutes: int, step: int = 5) -> None:
        for _ in range(0, minutes, step):
            self.world.clock.now += timedelta(minutes=step)
            self.settle()

    def settle(self) -> None:
        """Every part works until none has anything to do."""
        while self._round():
            pass

    def _round(self) -> int:
        done = sum(self._alive(part) for part in self.parts)
        return done + self._core() + self._others()

    def _alive(self, part: Callable[[], object]) -> int:
        try:
            return int(bool(part()))
        except Killed:
            self.start()
            return 1

    def act(self, role: str, name: str, **arguments: Any) -> None:
        """A person who repeats a command until it is answered, as a client does."""
        command = self.world.command(role, name, **arguments)
        while True:
            try:
                self.world.app.execute(command)
            except Killed:
                self.start()
            else:
                break
        self.settle()

    def hear(self, topic: str, **changes: Any) -> None:
        """A neighbour's record of its own accord: the example with other values."""
        record = json.loads((GOLDEN / f"{topic}.json").read_bytes()) | changes
        record = {name: value for name, value in record.items() if value is not ...}
        self.log[topic].append((str(record[INTEGRATIONS[topic].key]).encode(), json.dumps(record).encode()))
        self.settle()

    # --- Between the parts ---------------------------------------------------------------------------------

    def _deliver(self, records: Sequence[OutboundRecord]) -> None:
        batch = [(record.topic, record.key, record.value) for record in records]
        self.fuse.pass_("before send", batch)
        for topic, key, value in batch:
            self.log[topic].append((key, value))
            self.fuse.pass_("within send", (topic, value))
        self.fuse.pass_("after send", batch)

    def _consume(self) -> int:
        """The next record of each inbound topic; the offset is committed after the work."""
        done = 0
        for topic, handle in self.handlers.items():
            for key, value in self._unread("us", topic):
                place = (topic, self.offsets["us", topic])
                self.fuse.pass_("before handling", place)
                refused = handle(key, value, self.world.clock.now)
                self.fuse.pass_("after handling", place)
                if refused is not None:
                    self.dead.append((topic, refused[1]))
                self.fuse.pass_("after dead letter", place)
                self.offsets["us", topic] += 1
                done += 1
        return done

    def _core(self) -> int:
        now_s, before = self.world.clock.now.timestamp(), len(self.log[topics.POSTING_REPLY])
        for key, value in self._unread("core", topics.POSTING_REQUEST):
            self.offsets["core", topics.POSTING_REQUEST] += 1
            answer = self.core.respond(key, value)
            if answer is not None:
                given = self.late.held_back(answer, now_s)
                self._reply(answer.value() if one is answer.reply else _encoded(one) for one in given)
        for _key, value in self._unread("core", names.POSTING_QUERY):
            self.offsets["core", names.POSTING_QUERY] += 1
            told = self.core.tell(value)
            self._reply([] if told is None else [_encoded(told)])
        self._reply(_encoded(one) for one in self.late.due(now_s))
        return len(self.log[topics.POSTING_REPLY]) - before

    def _others(self) -> int:
        now_s, replies = self.world.clock.now.timestamp(), []
        for topic in ANSWERS:
            for _key, value in self._unread("neighbours", topic):
                self.offsets["neighbours", topic] += 1
                replies += self.neighbours.answer(topic, value, now_s)
        replies += self.neighbours.due(now_s)
        for one in replies:
            self.log[one.topic].append((one.key, one.value))
        return len(replies)

    def _reply(self, values: Iterable[bytes]) -> None:
        self.log[topics.POSTING_REPLY].extend((b"-", value) for value in values)

    def _unread(self, reader: str, topic: str) -> list[tuple[bytes, bytes]]:
        return self.log[topic][self.offsets[reader, topic] :]

    # --- What came of it -----------------------------------------------------------------------------------

    def stories(self) -> dict[str, list[str]]:
        """The events of every aggregate, by name and key."""
        found: dict[str, list[str]] = defaultdict(list)
        for event in self.world.app.published_after(0, 10_000):
            found[f"{event.aggregate}/{event.key}"].append(event.type)
        return dict(found)

    def distinct(self, topic: str) -> set[bytes]:
        """What a neighbour is left with that drops what it knows."""
        return {value for _, value in self.log[topic]}


def _encoded(reply: Any) -> bytes:
    from streams.producer import encode

    return encode(reply)


def _nobody(_token: str, _at: datetime) -> NoReturn:
    raise Unauthenticated("core's answers bear no token")
