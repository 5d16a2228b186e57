"""Evaluates many rules over the facts of one subject at once.

What comparisons with constants settle needs no CEL (`projections.rule_conjunctions`). For the rest the facts are
handed to CEL once, and expressions evaluated in lists: that costs a twentieth of evaluating each by itself. Where one
of a list cannot be evaluated the list has no value, and each of it is asked alone; the answers are the same each way.
Not for what follows from them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

from cel_expr_python import cel

from engines.primitives.errors import InvalidInput
from projections.alert_rules import Rule
from projections.expressions import Expression, Fact, environment, expression
from projections.rule_conjunctions import Conjunctions, conjunction
from projections.rule_vocabulary import VOCABULARIES


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rules that are asked together, by rule_id; all are about the same. Known by its identity: make each once."""

    rules: tuple[Rule, ...]
    names: frozenset[str]


@dataclass(slots=True)
class Answers:
    """Which rules of a group hold for a subject, and of which that cannot be said, with the reason."""

    holding: set[str] = field(default_factory=set)
    troubles: dict[str, str] = field(default_factory=dict)


LIST_LENGTH = 25
TEXT_MAX = 50_000  # characters in one list; CEL takes 100,000
PLANS_MAX = 1_000
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class _List:
    names: tuple[str, ...]
    together: cel.Expression | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the rules of a group are asked in one currency. `rules`: by their number in `conjunctions`; those that it
    judges in full are in no list."""

    rules: tuple[str, ...]
    conjunctions: Conjunctions
    lists: tuple[_List, ...]


class Judge:
    """Compiled rules of one set. Holds nothing that a refold would not make again."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.broken: dict[str, str] = {}  # rules that do not compile here
        self._rules: dict[str, Rule] = {}
        self._plans: dict[tuple[Group, str], _Plan] = {}
        for rule in rules:
            try:
                for text in filter(None, (rule.expression, rule.clear_expression)):
                    _checked(text, rule.about)
            except (InvalidInput, KeyError) as error:
                self.broken[rule.rule_id] = str(error)
            else:
                self._rules[rule.rule_id] = rule

    def holds(self, group: Group, facts: Mapping[str, Fact], currency: str) -> Answers:
        """Every rule's expression over these facts."""
        plan = self._plans.get((group, currency))
        if plan is None:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            plan = self._plans[group, currency] = self._planned(group, currency)
        settled, about = plan.conjunctions.settle(facts), group.rules[0].about
        found = Answers({plan.rules[number] for number in settled.holding})
        if not settled.open:
            return found
        asked = {plan.rules[number] for number in settled.open}
        given = _environment(about, currency).Activation(dict(facts))
        for one in plan.lists:
            if asked.isdisjoint(one.names):
                continue
            asked.difference_update(one.names)
            values = None if one.together is None else _evaluated(one.together, given)
            if values is not None:
                found.holding.update([name for name, holds in zip(one.names, values, strict=True) if holds])
                continue
            for name in one.names:
                answer = _one(self._rules[name].expression, about, currency, given)
                if isinstance(answer, str):
                    found.troubles[name] = answer
                elif answer:
                    found.holding.add(name)
        for name in sorted(asked):  # a comparison lacks its fact: CEL says so in its own words
            answer = _one(self._rules[name].expression, about, currency, given)
            assert isinstance(answer, str)  # noqa: S101 - it would have been settled
            found.troubles[name] = answer
        return found

    def clears(self, name: str, facts: Mapping[str, Fact], currency: str, answers: Answers) -> bool | str:
        """Whether an incident of a rule ends, or why that cannot be said."""
        rule = self._rules[name]
        # What raised it outweighs what would clear it: the two may overlap.
        if name in answers.holding:
            return False
        if not rule.clear_expression:
            return answers.troubles.get(name, True)
        given = _environment(rule.about, currency).Activation(dict(facts))
        return _one(rule.clear_expression, rule.about, currency, given)

    def _planned(self, group: Group, currency: str) -> _Plan:
        rules = [self._rules[rule.rule_id] for rule in group.rules if rule.rule_id in self._rules]
        vocabulary = VOCABULARIES[group.rules[0].about]

        def money(text: str) -> int | None:
            found = _money(text, group.rules[0].about, currency)
            return found if isinstance(found, int) else None

        read = [conjunction(rule.expression, vocabulary, money) for rule in rules]
        rest = [rule for rule, one in zip(rules, read, strict=True) if not one.is_whole]
        names = tuple(rule.rule_id for rule in rules)
        return _Plan(names, Conjunctions(read, vocabulary), tuple(_lists(rest, group.rules[0].about, currency)))


def _lists(rules: Sequence[Rule], about: str, currency: str) -> Iterator[_List]:
    """Lists of as many as are asked together."""
    parts: list[list[Rule]] = [[]]
    size = 0
    for rule in rules:
        if len(parts[-1]) == LIST_LENGTH or size + len(rule.expression) > TEXT_MAX:
            parts.append([])
            size = 0
        parts[-1].append(rule)
        size += len(rule.expression) + 5
    for part in filter(None, parts):
        try:
            together = _list_of(tuple(rule.expression for rule in part), about, currency)
        except RuntimeError:  # each says for itself what does not fit this currency
            together = None
        yield _List(tuple(rule.rule_id for rule in part), together)


def names_in(text: str) -> frozenset[str]:
    """Names that an expression mentions, those of functions among them; not the words of its texts."""
    return frozenset(_NAME.findall(_QUOTED.sub("", text)))


def _evaluated(together: cel.Expression, given: cel.Activation) -> list[bool] | None:
    try:
        value = together.eval(given)
    except RuntimeError:
        return None
    return cast(list[bool], value.plain_value()) if value.type() == cel.Type.LIST else None


def _one(text: str, about: str, currency: str, given: cel.Activation) -> bool | str:
    try:
        value = _alone(text, about, currency).eval(given)
    except RuntimeError as error:  # an integer beyond 64 bits, an amount with more digits than the currency has
        return f"cannot be evaluated: {error}"
    if value.type() != cel.Type.BOOL:
        return f"cannot be evaluated: {value.value()}"
    return bool(value.plain_value())


@lru_cache(maxsize=4_096)
def _checked(text: str, about: str) -> Expression:
    return expression(text, VOCABULARIES[about])


@lru_cache(maxsize=256)
def _environment(about: str, currency: str) -> cel.Env:
    return environment(VOCABULARIES[about], currency)


@lru_cache(maxsize=4_096)
def _alone(text: str, about: str, currency: str) -> cel.Expression:
    return _environment(about, currency).compile(text)


@lru_cache(maxsize=4_096)
def _money(text: str, about: str, currency: str) -> object:
    """Minor units as `money` of CEL reads them; no number: it refuses."""
    try:
        return _environment(about, currency).compile(f'money("{text}")').eval(data={}).plain_value()
    except RuntimeError:
        return None


@lru_cache(maxsize=4_096)
def _list_of(texts: tuple[str, ...], about: str, currency: str) -> cel.Expression:
    joined = ",\n".join(f"({text}\n)" for text in texts)  # a comment ends with its line
    return _environment(about, currency).compile(f"[{joined}]")
