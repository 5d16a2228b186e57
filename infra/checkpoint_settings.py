"""What the settings say about signed heads: whose key, under which name, told to whom, and what is refused."""

from pathlib import Path
from typing import NamedTuple

from engines.primitives.errors import InvalidInput
from infra.checkpoint import COSIGNATURE, Vkey
from infra.checkpoint_keys import KEY_FILE, HeadKey
from infra.event_store import EventStore, open_event_store
from infra.event_store_heads import WitnessRule
from infra.settings import Settings

HEADS_FILE = Path("heads") / "heads.jsonl"


class Witness(NamedTuple):
    url: str
    vkey: Vkey


def head_key(settings: Settings) -> HeadKey:
    return HeadKey(settings.audit_key or settings.data_dir / KEY_FILE, settings.audit_origin)


def heads_file(settings: Settings) -> Path:
    return settings.heads_file or settings.data_dir / HEADS_FILE


def witnesses(settings: Settings) -> tuple[Witness, ...]:
    """Raises InvalidInput: a part of the setting is not an address and a cosigner's verifier key."""
    found = []
    for part in settings.witness.split(","):
        if not (words := part.split()):
            continue
        if len(words) != 2 or not words[0].startswith(("http://", "https://")):
            raise InvalidInput("want `URL VKEY, URL VKEY`", field="TIDEMARK_WITNESS")
        vkey = Vkey.parse(words[1])
        if vkey.kind != COSIGNATURE:
            raise InvalidInput("a witness's key is of type 4, cosignature/v1", field="TIDEMARK_WITNESS")
        found.append(Witness(words[0].rstrip("/"), vkey))
    return tuple(found)


def witness_rule(settings: Settings) -> WitnessRule:
    if settings.witness_required > len(witnesses(settings)):
        raise InvalidInput("more witnesses are required than there are", field="TIDEMARK_WITNESS_REQUIRED")
    return WitnessRule(settings.witness_required, int(settings.witness_lag_s * 1_000_000))


def open_store(settings: Settings) -> EventStore:
    """The event store of these settings, whose appends sign their heads by them."""
    rule = witness_rule(settings)
    return open_event_store(settings.event_store, settings.data_dir, key=head_key(settings), rule=rule)
