"""ISO 20022 messages about accounts and payments, by their namespace: camt.052, 053, 054, pacs.008 and 009.

All versions of a message are read by one reader: what they call differently is looked up under each of its names.
Which message it is decides the namespace of `Document`, whatever envelope it travels in.
"""

import re
from collections.abc import Callable
from typing import BinaryIO

from infra.statements.camt import CAMT_CONTAINERS, CamtReader
from infra.statements.pacs import PACS_CONTAINERS, PacsReader
from infra.statements.records import Items, Kind, Place, Refused, Unreadable
from infra.statements.xml_stream import Closed, Opened, Whole, stream_xml

_NAMESPACE = re.compile(r"(?:.*[:/])?((?:camt|pacs)\.[0-9]{3})\.([0-9]{3}\.[0-9]{2,3})")
KIND_BY_MESSAGE: dict[str, Kind] = {
    "camt.052": "report",
    "camt.053": "statement",
    "camt.054": "notification",
    "pacs.008": "payment",
    "pacs.009": "payment",
}


def read_iso20022(stream: BinaryIO, file: str, is_ours: Callable[[str], bool] = lambda _account: True) -> Items:
    """Entries of each statement, then the statement; what cannot be read comes as `Refused`, the rest goes on.

    A document that breaks off yields what was complete before the break, and one `Refused` with the line.

    Args:
        is_ours: tells for payments which of their two accounts is a bank account of ours, by IBAN or other id.
    """
    reader: CamtReader | PacsReader | None = None
    try:
        for event in stream_xml(stream, file, CAMT_CONTAINERS | PACS_CONTAINERS):
            if isinstance(event, Opened):
                if reader is None and event.path[-1] == "Document":
                    reader = _reader(event, file, is_ours)
                elif reader is not None:
                    reader.opened(event)
            elif reader is None:
                continue
            elif isinstance(event, Whole):
                yield from reader.whole(event)
            elif isinstance(event, Closed):
                yield from reader.closed(event)
        if reader is None:
            yield Refused(Place(file, 1, "/"), "xml", "there is no Document of ISO 20022 in it")
    except Unreadable as error:
        if reader is not None:
            yield from reader.broken_off(error)
        yield error.refused()


def _reader(event: Opened, file: str, is_ours: Callable[[str], bool]) -> CamtReader | PacsReader:
    found = _NAMESPACE.fullmatch(event.namespace)
    message = found[1] if found else ""
    if message not in KIND_BY_MESSAGE:
        wanted = ", ".join(KIND_BY_MESSAGE)
        reason = f"namespace {event.namespace!r} is none of {wanted}"
        raise Unreadable(Place(file, event.line, "/Document"), "xmlns", reason)
    kind = KIND_BY_MESSAGE[message]
    return PacsReader(file, is_ours) if kind == "payment" else CamtReader(file, kind)
