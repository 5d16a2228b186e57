"""The rules in force, prepared: compiled, and for every subject the group of those that bind it.

Made of the set alone: a restored state makes it again. Not for what they raise: `projections.rule_watch`.
"""

from collections.abc import Sequence

from projections.alert_rules import RuleSet
from projections.limit_policy import TotalKey
from projections.rule_facts import BY_TIME, OF_ONE_CUT
from projections.rule_judge import Group, Judge, names_in

GROUPS_MAX = 10_000  # made groups are kept, and let go of all together


class RulesInForce:
    """`by_time`, `of_one_cut`: rules that speak of facts which move though the figure does not."""

    def __init__(self, rules: RuleSet) -> None:
        self.set = rules
        self.by_id = {rule.rule_id: rule for rule in rules.rules}
        self.judge = Judge(rules.rules)
        self.names = {rule.rule_id: names_in(f"{rule.expression} {rule.clear_expression}") for rule in rules.rules}
        self.by_time = frozenset(name for name, found in self.names.items() if found & BY_TIME)
        self.of_one_cut = frozenset(name for name, found in self.names.items() if found & OF_ONE_CUT)
        self._groups: dict[tuple[str, ...], Group] = {}
        self._bound: dict[TotalKey, Group] = {}

    def on(self, key: TotalKey) -> Group:
        """Those that bind a figure or something due."""
        found = self._bound.get(key)
        if found is None:
            found = self._bound[key] = self._group([name for name, rule in self.by_id.items() if rule.binds(key)])
        return found

    def on_flow(self, entity: str, currency: str) -> Group:
        return self._group([name for name, rule in self.by_id.items() if rule.binds_flow(entity, currency)])

    def on_decision(self, kind: str, entity: str, currency: str) -> Group:
        return self._group([name for name, one in self.by_id.items() if one.binds_decision(kind, entity, currency)])

    def part(self, group: Group, wanted: frozenset[str] | set[str]) -> Group:
        return self._group([rule.rule_id for rule in group.rules if rule.rule_id in wanted])

    def _group(self, rule_ids: Sequence[str]) -> Group:
        names = tuple(rule_ids)
        found = self._groups.get(names)
        if found is None:
            if len(self._groups) >= GROUPS_MAX:
                self._groups, self._bound = {}, {}
            rules = tuple(self.by_id[name] for name in names)
            found = self._groups[names] = Group(rules, frozenset(names))
        return found
