"""Alert rules over recorded cuts, in their order: raised once when an expression begins to hold, cleared by steps.

Of a figure an incident runs from the cut at which the expression begins to hold to the last of so many readings in a
row that clear it, so that a figure which hovers is one incident; the cuts in which nothing moves are readings too.
What is due is watched alike, and ends when it is settled. A flow or a decision happens once. Which rules are in force
stands in the cuts: a switch lies between two of them. An expression that cannot be evaluated neither raises nor
clears; it is counted with the rule, by subject. No clock, no I/O: the same cuts give the same alerts under the same
ids.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from projections.alert_rules import NO_RULES, Rule, RuleSet
from projections.expressions import Fact
from projections.limit_cuts import Decision, LargeFlow, RecordedCut, Total
from projections.limit_policy import TotalKey
from projections.rule_dues import DueBook, DueDump
from projections.rule_facts import FactBook, FactDump
from projections.rule_force import RulesInForce
from projections.rule_incidents import CutAlerts, RuleAlert, subject_of
from projections.rule_judge import Group
from projections.rule_ledger import Problem, RuleLedger, Tally
from projections.rule_points import decision_facts, flow_facts

SECOND_US = 1_000_000


class _Watch(msgspec.Struct, array_like=True):
    """A rule whose expression holds, or held, for one subject. `incident` empty: the figure is still loading."""

    incident: str = ""
    opened_us: int = 0
    clear_readings: int = 0
    counted_us: int = 0
    clears: bool | None = None  # at its newest evaluation; None: that could not be said


WatchKey = tuple[str, TotalKey]


class RuleDump(msgspec.Struct, array_like=True):
    rules: RuleSet
    facts: FactDump
    watches: list[tuple[WatchKey, _Watch]]
    problems: list[tuple[str, Problem]]
    tallies: list[tuple[str, Tally]]
    dues: DueDump


class RuleWatch:
    """Part of the state over the cuts (`projections.rule_cut_watch`), which hands it what the limits keep."""

    def __init__(self) -> None:
        self.book, self.dues, self.ledger = FactBook(), DueBook(), RuleLedger()
        self._watches: dict[WatchKey, _Watch] = {}
        self._watched: dict[TotalKey, set[str]] = {}  # rules that have a watch on a subject
        self._force = RulesInForce(NO_RULES)

    @property
    def rules(self) -> RuleSet:
        return self._force.set

    @property
    def problems(self) -> Mapping[str, Problem]:
        return self.ledger.problems

    @property
    def tallies(self) -> Mapping[str, Tally]:
        return self.ledger.tallies

    def open_incidents(self) -> Iterator[tuple[str, TotalKey, str, int]]:
        """(rule, subject, incident, since when in microseconds) of what is raised."""
        for (rule_id, key), watch in sorted(self._watches.items()):
            if watch.incident:
                yield rule_id, key, watch.incident, watch.opened_us

    def dumped(self) -> RuleDump:
        return RuleDump(
            self.rules,
            self.book.dumped(),
            sorted(self._watches.items()),
            sorted(self.problems.items()),
            sorted(self.tallies.items()),
            self.dues.dumped(),
        )

    def restore(self, dump: RuleDump) -> None:
        self.forget_rules()
        self.book.restore(dump.facts)
        self.dues.restore(dump.dues)
        for (rule_id, key), watch in dump.watches:
            self._keep(rule_id, key, watch)
        self.ledger.problems, self.ledger.tallies = dict(dump.problems), dict(dump.tallies)
        self._force = RulesInForce(dump.rules)

    def forget_rules(self) -> None:
        """Of a state that another rule is tried on: what is known of figures and of what is due stays."""
        self._watches, self._watched, self.ledger = {}, {}, RuleLedger()
        self._force = RulesInForce(NO_RULES)

    # -- one cut -----------------------------------------------------------------------------------------------

    def take(
        self, cut: RecordedCut, totals: Mapping[TotalKey, Total], gone: Iterable[TotalKey], sequence: int
    ) -> list[RuleAlert]:
        """Alerts of one cut.

        Args:
            totals: all that hold now, those of the cut in them. gone: those that no longer do.
            sequence: of the first alert.
        """
        turned = self.book.turn(cut.taken_us)
        gone = list(gone)
        self.book.tell(cut.totals, gone, cut.taken_us)
        due, settled = self.dues.take(cut)
        alerts = CutAlerts(cut, sequence)
        fresh = self._switch(cut.rules, alerts) if cut.rules is not None else frozenset()
        if not self.rules.rules:
            return alerts.made
        for key in gone:
            self._forget(key, cut)
        for key in settled:
            self._settle(key, alerts)
        for key, asked in self._asked(cut, totals, fresh, turned):
            self._judge(key, self.book.facts(key, totals[key], cut.taken_us), asked, cut)
        for key in sorted(self.dues.rows if fresh else due):
            self._judge(key, self.dues.facts(key, cut), self._force.on(key), cut)
        self._read_again(totals, alerts)
        for flow in cut.flows:
            group = self._force.on_flow(flow.entity, flow.currency)
            self._judge_once(group, flow.alert_id, flow_facts(flow), alerts, flow=flow)
        for one in cut.decisions:
            group = self._force.on_decision(one.type, one.entity, one.currency)
            self._judge_once(group, one.event_id, decision_facts(one), alerts, decision=one)
        for alert in alerts.made:
            self.ledger.count(alert.rule.rule_id, alert.kind, cut.offset)
        return alerts.made

    def _switch(self, rules: RuleSet, alerts: CutAlerts) -> frozenset[str]:
        """Put a set in force; ids of rules that are new in it, or other ones than before."""
        if rules.digest == self.rules.digest:
            return frozenset()
        before = self._force.by_id
        self._force = RulesInForce(rules)
        after = self._force.by_id
        for (rule_id, key), watch in sorted(self._watches.items()):
            rule = after.get(rule_id)
            if rule is not None and rule.binds(key):
                continue  # another version of the rule goes on with its incident
            self._drop(rule_id, key)
            if watch.incident:
                ended_by = "disabled" if rule is None else "unbound"
                self._clear(before[rule_id], key, None, {}, "-", watch, alerts, ended_by)
        fresh = frozenset(name for name, rule in after.items() if before.get(name) != rule)
        self.ledger.forget(fresh | (before.keys() - after.keys()))
        for name, message in sorted(self._force.judge.broken.items()):
            if name in fresh:
                self.ledger.note(name, "-", message, alerts.cut.offset)
        return fresh

    # -- figures, and what is due ------------------------------------------------------------------------------

    def _asked(
        self, cut: RecordedCut, totals: Mapping[TotalKey, Total], fresh: frozenset[str], turned: bool
    ) -> Iterator[tuple[TotalKey, Group]]:
        """Each figure with the rules whose facts of it may have changed with this cut."""
        moved = fresh | self._force.by_time if turned else fresh
        waiting: dict[TotalKey, set[str]] = {}
        for rule_id, key in self._watches:
            if rule_id in self._force.of_one_cut and key not in cut.totals:
                waiting.setdefault(key, set()).add(rule_id)
        parts: dict[tuple[int, frozenset[str]], Group] = {}
        for key in sorted(totals if moved else cut.totals.keys() | waiting.keys()):
            if key not in totals:
                continue
            group = self._force.on(key)
            if key not in cut.totals:
                wanted = moved | waiting[key] if key in waiting else moved
                part = parts.get((id(group), wanted))
                if part is None:
                    part = parts[id(group), wanted] = self._force.part(group, wanted)
                group = part
            if group.rules:
                yield key, group

    def _judge(self, key: TotalKey, facts: Mapping[str, Fact], group: Group, cut: RecordedCut) -> None:
        if not group.rules:
            return
        subject = subject_of(key)
        answers = self._force.judge.holds(group, facts, key.currency)
        watched = self._watched.get(key, set())
        touched = answers.holding | answers.troubles.keys() | self.problems.keys() | watched
        for rule_id in sorted(touched & group.names):
            watch = self._watches.get((rule_id, key))
            is_open = watch is not None and bool(watch.incident)
            clears = self._force.judge.clears(rule_id, facts, key.currency, answers) if is_open else None
            trouble = answers.troubles.get(rule_id) or (clears if isinstance(clears, str) else None)
            self.ledger.note(rule_id, subject, trouble, cut.offset)
            if watch is not None and is_open:
                watch.clears = clears if isinstance(clears, bool) else None
            elif rule_id in answers.holding:
                self._keep(rule_id, key, watch or _Watch())
            else:
                self._drop(rule_id, key)

    def _keep(self, rule_id: str, key: TotalKey, watch: _Watch) -> None:
        self._watches[rule_id, key] = watch
        self._watched.setdefault(key, set()).add(rule_id)

    def _drop(self, rule_id: str, key: TotalKey) -> None:
        if self._watches.pop((rule_id, key), None) is not None:
            self._watched[key].discard(rule_id)

    def _read_again(self, totals: Mapping[TotalKey, Total], alerts: CutAlerts) -> None:
        """Every subject under watch, in order: what holds raises, what clears is a reading nearer to its end."""
        cut = alerts.cut
        for (rule_id, key), watch in sorted(self._watches.items()):
            rule = self._force.by_id[rule_id]
            if not watch.incident:
                if key in self.dues.rows or self.book.age_us(key, cut.taken_us) >= rule.arming_s * SECOND_US:
                    facts, turn = self._told(rule, key, totals, cut)
                    due, now = self.dues.rows.get(key), cut.taken_us
                    watch.opened_us, watch.clears = now, False
                    watch.incident = alerts.add(rule, "raised", key, totals.get(key), facts, turn, "", now, due)
            elif watch.clears is False:
                watch.clear_readings = 0
            elif watch.clears:
                if watch.clear_readings and cut.taken_us - watch.counted_us < rule.clear_interval_s * SECOND_US:
                    continue
                watch.clear_readings, watch.counted_us = watch.clear_readings + 1, cut.taken_us
                if watch.clear_readings >= rule.clear_readings:
                    self._drop(rule_id, key)
                    facts, turn = self._told(rule, key, totals, cut)
                    self._clear(rule, key, totals.get(key), facts, turn, watch, alerts, "readings")

    def _clear(
        self,
        rule: Rule,
        key: TotalKey,
        total: Total | None,
        facts: Mapping[str, Fact],
        turn: str,
        watch: _Watch,
        alerts: CutAlerts,
        ended_by: str,
    ) -> None:
        due, incident = self.dues.rows.get(key), watch.incident
        alerts.add(rule, "cleared", key, total, facts, turn, incident, watch.opened_us, due, ended_by)

    def _told(
        self, rule: Rule, key: TotalKey, totals: Mapping[TotalKey, Total], cut: RecordedCut
    ) -> tuple[dict[str, Fact], str]:
        if key in self.dues.rows:
            return self._spoken_of(rule, self.dues.facts(key, cut)), "-"
        if key not in totals:
            return {}, "-"
        facts = self.book.facts(key, totals[key], cut.taken_us)
        return self._spoken_of(rule, facts), self.book.direction(key, cut.taken_us)

    def _forget(self, key: TotalKey, cut: RecordedCut) -> None:
        """A figure that is no more neither raises nor clears."""
        for rule_id in sorted((self.problems.keys() | self._watched.get(key, set())) & self._force.on(key).names):
            self.ledger.note(rule_id, subject_of(key), None, cut.offset)
            watch = self._watches.get((rule_id, key))
            if watch is not None and watch.incident:
                watch.clears = None
            else:
                self._drop(rule_id, key)

    def _settle(self, key: TotalKey, alerts: CutAlerts) -> None:
        """What was due is done, withdrawn or put off: its incidents end at once."""
        for rule_id in sorted((self.problems.keys() | self._watched.get(key, set())) & self._force.on(key).names):
            self.ledger.note(rule_id, subject_of(key), None, alerts.cut.offset)
            watch = self._watches.get((rule_id, key))
            self._drop(rule_id, key)
            if watch is not None and watch.incident:
                self._clear(self._force.by_id[rule_id], key, None, {}, "-", watch, alerts, "settled")

    # -- what happens once -------------------------------------------------------------------------------------

    def _judge_once(
        self,
        group: Group,
        subject: str,
        facts: Mapping[str, Fact],
        alerts: CutAlerts,
        *,
        flow: LargeFlow | None = None,
        decision: Decision | None = None,
    ) -> None:
        if not group.rules:
            return
        answers = self._force.judge.holds(group, facts, str(facts["currency"]))
        for rule_id, trouble in sorted(answers.troubles.items()):
            self.ledger.note(rule_id, subject, trouble, alerts.cut.offset, stays=False)
        for rule_id in sorted(answers.holding):
            rule = self._force.by_id[rule_id]
            alerts.add_point(rule, self._spoken_of(rule, facts), flow, decision)

    def _spoken_of(self, rule: Rule, facts: Mapping[str, Fact]) -> dict[str, Fact]:
        return {name: facts[name] for name in sorted(self._force.names[rule.rule_id] & facts.keys())}
