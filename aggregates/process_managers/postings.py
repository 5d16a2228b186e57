"""PM5, the part after the clock: a posting that the system asked for again is confirmed again, content unchanged.

The waiting itself is a timer (`aggregates.timers`). The instruction keeps its id, so core cannot post it twice, and
an instruction keeps its id only while its content is what a person confirmed: a changed one waits for people.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from aggregates.assets import Assets
from aggregates.envelope import Principal
from aggregates.process_managers.wanted import Rule, Wanted
from aggregates.registry import KINDS
from aggregates.rendering import EventView
from aggregates.steps.posting import POSTING_CHECKER

RETRY = Principal("posting-retry", ("FN",), "-", ("*",))
RECONFIRM = Principal("posting-retry-confirmation", ("FC",), "-", ("*",))


def confirm_retry(app: Assets, event: EventView) -> Iterator[Wanted]:
    case = app.find(event.aggregate, event.key)
    if event.envelope.actor != RETRY.actor or event.payload["attempt"] < 2 or case is None:
        return
    if case.people.get(POSTING_CHECKER):  # somebody confirmed this content before
        payload = {"instruction_id": event.payload["instruction_id"]}
        yield Wanted(event.aggregate, event.key, "ConfirmInstruction", payload, "FC", principal=RECONFIRM)


RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        name: (confirm_retry,)
        for name in sorted({name for kind in KINDS.values() for name in kind.EVENTS})
        if name.endswith("PostingRequested")
    }
)
