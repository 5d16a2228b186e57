"""Takes many cases along side by side: an act is given once what it waits for has happened; its event ends it.

Knows no Kafka: it is told events and refusals, and says what to give. Acts that an earlier run gave are passed over,
since a command's id follows from seed, case and act alone.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

from streams.feeds.cases.acts import Act, Fact
from streams.feeds.cases.portfolio import Case

Give = Callable[[Case, Act, str], None]  # case, act and the id of its command


def command_id(seed: int, case: Case, number: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"/tm/feed/cases/{seed}/{case.number}/{number}"))


@dataclass(slots=True)
class _Running:
    case: Case
    at: int = 0  # the next act, or the one that was given
    given: str = ""  # id of the command whose event is waited for


@dataclass(frozen=True, slots=True)
class Refusal:
    """Where a case ended before its end."""

    loan_no: str
    path: str
    act: str
    reason: str


@dataclass(slots=True)
class Driver:
    seed: int
    give: Give
    waiting: deque[Case]
    in_flight: int = 200
    finished: int = 0
    acts_done: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    _running: set[int] = field(default_factory=set)
    _by_command: dict[str, _Running] = field(default_factory=dict)
    _by_fact: dict[Fact, list[_Running]] = field(default_factory=lambda: defaultdict(list))
    _happened: set[Fact] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)  # commands whose events were told

    @classmethod
    def of(cls, seed: int, give: Give, cases: Iterable[Case], in_flight: int = 200) -> "Driver":
        return cls(seed, give, deque(cases), in_flight)

    @property
    def is_done(self) -> bool:
        return not self.waiting and not self._running

    def fill(self) -> None:
        """Begin cases until as many as wanted are running."""
        while self.waiting and len(self._running) < self.in_flight:
            running = _Running(self.waiting.popleft())
            self._running.add(running.case.number)
            self._go_on(running)

    def told(self, fact: Fact, cmd_id: str) -> None:
        """One stored event."""
        if cmd_id not in self._known:
            self._known.add(cmd_id)
            if (running := self._by_command.pop(cmd_id, None)) is not None:
                self._done(running)
        if fact not in self._happened:
            self._happened.add(fact)
            for running in self._by_fact.pop(fact, ()):
                self._go_on(running)

    def refused(self, cmd_id: str, reason: str) -> None:
        """A command that was refused ends its case."""
        if (running := self._by_command.pop(cmd_id, None)) is not None:
            act = running.case.acts[running.at]
            self.refusals.append(
                Refusal(running.case.loan.loan_no, running.case.path, f"{act.aggregate}.{act.command}", reason)
            )
            self._end(running)

    def stuck(self) -> list[str]:
        """What the running cases wait for, in words."""
        commands = [f"{one.case.loan.loan_no}: {one.case.acts[one.at].command}" for one in self._by_command.values()]
        facts = [f"{one.case.loan.loan_no}: {fact.type}" for fact, all_ in self._by_fact.items() for one in all_]
        return sorted(commands + facts)

    def _go_on(self, running: _Running) -> None:
        while running.at < len(running.case.acts):
            act = running.case.acts[running.at]
            missing = next((fact for fact in act.after if fact not in self._happened), None)
            if missing is not None:
                self._by_fact[missing].append(running)
                return
            cmd_id = command_id(self.seed, running.case, running.at)
            if cmd_id not in self._known:
                self._by_command[cmd_id] = running
                self.give(running.case, act, cmd_id)
                return
            running.at += 1
            self.acts_done += 1
        self._end(running)
        self.finished += 1

    def _done(self, running: _Running) -> None:
        running.at += 1
        self.acts_done += 1
        self._go_on(running)

    def _end(self, running: _Running) -> None:
        self._running.discard(running.case.number)
