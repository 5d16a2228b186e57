"""Process managers: what follows from an event of one aggregate for another (spec/risk-assets.md 3.22).

Pure rules (`money`, `postings`, `deadlines`), and one runner that gives their commands as the system. What falls due
by the clock alone is in `aggregates.timers`. Talking to core banking belongs to `streams`.
"""

from aggregates.process_managers.runner import Runner, carry_out
from aggregates.process_managers.wanted import SYSTEM, Wanted

__all__ = ["SYSTEM", "Runner", "Wanted", "carry_out"]
