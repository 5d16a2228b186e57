"""What each rule in force has done, and what of it could not be evaluated: counted and shown, never silent."""

import msgspec

SUBJECTS_COUNTED = 1_000  # subjects told apart in the problems of a rule


class Problem(msgspec.Struct, array_like=True):
    """What could not be evaluated of one rule since it is in force."""

    count: int = 0
    message: str = ""
    subject: str = ""
    offset: int = -1
    subjects: list[str] = []  # those that cannot be evaluated now; sorted


class Tally(msgspec.Struct, array_like=True):
    """What one rule has done since it is in force."""

    raised: int = 0
    cleared: int = 0
    newest_offset: int = -1


class RuleLedger:
    """Problems and tallies of the rules in force, by rule."""

    def __init__(self) -> None:
        self.problems: dict[str, Problem] = {}
        self.tallies: dict[str, Tally] = {}

    def count(self, rule_id: str, kind: str, offset: int) -> None:
        tally = self.tallies.setdefault(rule_id, Tally())
        tally.raised += kind == "raised"
        tally.cleared += kind == "cleared"
        tally.newest_offset = offset

    def note(self, rule_id: str, subject: str, trouble: str | None, offset: int, *, stays: bool = True) -> None:
        """`trouble` None: the subject can be evaluated. `stays`: it is a subject that will be asked again."""
        known = self.problems.get(rule_id)
        if trouble is None:
            if known is not None and subject in known.subjects:
                known.subjects = [one for one in known.subjects if one != subject]
            return
        known = known or self.problems.setdefault(rule_id, Problem(subjects=[]))
        known.count += 1
        known.message, known.subject, known.offset = trouble, subject, offset
        if stays and subject not in known.subjects and len(known.subjects) < SUBJECTS_COUNTED:
            known.subjects = sorted((*known.subjects, subject))

    def forget(self, rule_ids: frozenset[str]) -> None:
        for kept in (self.problems, self.tallies):
            for name in rule_ids & kept.keys():
                del kept[name]
