"""What a reader may see of the work lists: rows of permitted entities, of the own organisation and those below it.

Readers of head office, and those without an organisation, see every organisation of their entities (spec 2.1; RA-02:
"scoped by data rights"). A row belongs to its own branch and to the branches of the loan notes that it is about.
"""

from dataclasses import dataclass

from projections.work.cases import CaseRow
from projections.work.state import WorkState
from projections.work.subjects import CUSTOMER_KINDS, assets_about

#: Roles whose work spans the branches.
HEAD_OFFICE = frozenset(
    ("HM", "HA", "RM", "CM", "CS", "CV", "CC", "IA", "SA", "OP", "SY", "WF", "CB", "EX", "TR", "AC")
)
NOWHERE = "-"


@dataclass(frozen=True, slots=True)
class Sight:
    """`entities`, `orgs`: those that may be seen; None: all."""

    entities: frozenset[str] | None
    orgs: frozenset[str] | None

    def place(self, entity: str, org: str) -> bool:
        """Whether something of this entity and organisation may be seen."""
        return (self.entities is None or entity in self.entities) and (self.orgs is None or org in self.orgs)

    def sees(self, state: WorkState, case: CaseRow) -> bool:
        if self.entities is not None and case.entity not in self.entities:
            return False
        return self.orgs is None or any(org in self.orgs for org in orgs_of(state, case))


def sight(
    state: WorkState,
    roles: tuple[str, ...],
    organisation: str,
    entities: frozenset[str] | None,
    org: str | None = None,
) -> Sight:
    """The sight of a reader; `org` narrows it to one organisation and those below it."""
    everywhere = organisation == NOWHERE or any(role in HEAD_OFFICE for role in roles)
    own = None if everywhere else descendants(state, organisation)
    if org is None:
        return Sight(entities, own)
    asked = descendants(state, org)
    return Sight(entities, asked if own is None else asked & own)


def descendants(state: WorkState, org: str) -> frozenset[str]:
    """An organisation and all below it, by the parents that `OrgUnit` events named."""
    below: dict[str, list[str]] = {}
    for unit in state.of_kind("OrgUnit"):
        below.setdefault(str(unit.facts.get("parent_no", NOWHERE)), []).append(unit.key)
    found, waiting = {org}, [org]
    while waiting:
        fresh = [child for child in below.get(waiting.pop(), ()) if child not in found]
        found.update(fresh)
        waiting.extend(fresh)
    return frozenset(found)


def orgs_of(state: WorkState, case: CaseRow) -> set[str]:
    """The organisations that a row belongs to."""
    notes = (
        state.loans_by_customer.get(case.key, []) if case.aggregate in CUSTOMER_KINDS else assets_about(state, case)
    )
    about = {state.cases["RiskAsset", no].branch for no in notes if ("RiskAsset", no) in state.cases}
    return {case.branch} | about
