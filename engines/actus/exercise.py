"""When a right is exercised: the exercise date of options, futures and credit enhancements.

Source: techspec 7.15 and 7.17, rows XD; dictionary, optionExerciseType, optionExerciseEndDate, cycleOfOptionality.
"""

from engines.actus.context import Context


def exercise_instant(context: Context) -> int:
    """t^XD of an option or future: Xd where given; the first exercise observed, where the type allows it; else MD.

    At MD the right is exercised by itself where it is worth something: the standard's MD fixes Xd there.
    """
    terms, matures = context.terms, context.maturity or 0
    if terms.exercise_date is not None:
        return terms.exercise_date
    for seen in context.observed_events("XD"):
        if terms.status_date < seen.instant <= matures and is_exercisable(context, seen.instant):
            return seen.instant
    return matures


def is_exercisable(context: Context, instant: int) -> bool:
    """Whether an option may be exercised before its maturity, at that time.

    European (and a future): never. American: from the beginning of the exercise period (OPANX) to its end (OPXED).
    Bermudan: on the dates of the optionality cycle; with no cycle, on OPANX alone; with neither, whenever.
    An exercise observed at another time is none, as one of a European option is none.
    """
    terms = context.terms
    kind, begins = terms.option_exercise_type, terms.cycle_anchor_date_of_optionality
    ends = context.maturity if terms.option_exercise_end_date is None else terms.option_exercise_end_date
    if kind not in ("A", "B") or (ends is not None and instant > ends):
        return False
    if kind == "A" or (begins is None and terms.cycle_of_optionality is None):
        return begins is None or instant >= begins
    start = terms.purchase_date if begins is None else begins
    return instant in context.times(terms.status_date if start is None else start, terms.cycle_of_optionality, ends)
