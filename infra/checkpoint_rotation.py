"""A new key for the log's heads. The newest head gets both keys' signatures: the old key vouches for the new one.

The order makes a crash harmless: until the store has the second signature the new key file does not count, and a
prepared one is taken up again. Processes that are running read the key file again when it changes.
"""

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engines.primitives.errors import Conflict, NotFound, Unavailable
from infra.checkpoint_keys import HeadKey, write_key
from infra.event_store_base import BaseDecisionRecorder
from infra.event_store_heads import Head, rotated

NEXT_SUFFIX, TRIES = ".next", 20


def rotate(recorder: BaseDecisionRecorder, key: HeadKey) -> dict[str, Any]:
    """Replace the key. Returns the new verifier key, the head that vouches for it, and where the old file went.

    Raises NotFound (no head yet: delete the key file instead), Unavailable (the newest head is not this key's),
    Conflict (appends come faster than the newest head can be signed again).
    """
    named = recorder.head_keys()
    if recorder.last_head() is None or not named:
        raise NotFound("no head is signed yet: another key needs no rotation")
    key.adopt(named[0].partition("+")[0])
    prepared = key.path.with_suffix(NEXT_SUFFIX)
    write_key(prepared, Ed25519PrivateKey.generate())  # one that a crash left is taken up
    new = HeadKey(prepared, key.origin())
    head = _vouched(recorder, key, new)
    old = key.path.with_name(f"{key.path.stem}-{key.vkey().key_id.hex()}{key.path.suffix}")
    os.link(key.path, old)
    os.replace(prepared, key.path)
    after = HeadKey(key.path, key.origin())
    after.note_signed()
    return {"vkey": str(after.vkey()), "size": head.size, "old_file": str(old)}


def _vouched(recorder: BaseDecisionRecorder, key: HeadKey, new: HeadKey) -> Head:
    for _ in range(TRIES):
        head = recorder.last_head()
        assert head is not None  # noqa: S101 - heads are never removed
        if new.vkey().key_id in head.signers():
            return head  # an earlier try came so far
        if not head.verifies(key.vkey()):
            raise Unavailable("the newest head is not signed by this host's key: run `tidemark audit verify`")
        both = rotated(head, new)
        if recorder.rotate(both.signatures, head.size, str(new.vkey())):
            return both
    raise Conflict("appends come too fast: try again")
