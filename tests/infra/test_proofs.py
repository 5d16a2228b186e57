"""Proofs of stored events, made by the store and checked by the verifier that has no code of ours."""

import copy
import json
import random
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregates.assets import Assets
from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from infra import merkle
from infra.checkpoint import COSIGNATURE, Checkpoint, Vkey, cosign, encoded, public_bytes
from infra.event_store import EventStore, open_event_store
from infra.event_store_heads import leaf_data
from infra.event_store_proofs import CHUNK, LogTree, event_proof
from tests.aggregates.world import Clock
from tests.infra.event_stores import events
from tests.infra.tampering import filled

VERIFIER = Path(__file__).parents[2] / "api" / "verifier" / "tidemark_verify.py"
script: dict[str, Any] = runpy.run_path(str(VERIFIER), run_name="verifier")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path_factory.mktemp("store"), clock=Clock()) as opened:
        filled(opened)
        yield opened


def proof_of(store: EventStore, positions: list[int], **options: Any) -> dict[str, Any]:
    assets = Assets(store.factory)
    found = [store.recorder.select_recorded(start=one, stop=one)[0] for one in positions]
    shown = [assets.view(one).to_json() for one in found]
    proof = event_proof(store.recorder, LogTree(store.recorder), found, shown, {"positions": positions}, **options)
    assets.close()
    parsed: dict[str, Any] = json.loads(json.dumps(proof))  # as it leaves us
    return parsed


def run(tmp_path: Path, proof: Any, *arguments: str) -> int:
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof), encoding="utf-8")
    return int(script["main"]([str(path), *arguments]))


def test_it_runs_alone_and_says_what_is_proved(store: EventStore, tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_text(json.dumps(proof_of(store, [1, 2, 3])), encoding="utf-8")
    # -I -S: no site packages, no folder of ours on the path.
    command = [sys.executable, "-I", "-S", str(VERIFIER), str(tmp_path / "proof.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RiskAsset LN-000000 version 1 (risk-asset.asset-admitted) at position 1 is leaf 0" in done.stdout
    assert "NOT PROVED  whose key that is" in done.stdout
    assert "has no event after version 3" in done.stdout


def test_events_all_over_the_log_have_proofs(store: EventStore, tmp_path: Path) -> None:
    last = store.recorder.max_leaf_position()
    assert run(tmp_path, proof_of(store, [*range(1, last, 5), last]), "--quiet") == 0


def test_whatever_is_changed_is_wrong(store: EventStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proof, rng = proof_of(store, [5]), random.Random(5)
    changes: dict[str, Any] = {
        "position": 6, "recorded_us": 1, "originator_version": 2, "topic": "risk-asset.x", "index": 5,
        "previous_chain": "00" * 32, "originator_id": "00000000-0000-0000-0000-000000000001", "path": [],
    }  # fmt: skip
    for name, value in changes.items():
        changed = copy.deepcopy(proof)
        changed["items"][0][name] = value
        assert run(tmp_path, changed) == 1, name
    state = bytearray(merkle_bytes(proof["items"][0]["state"]))
    state[rng.randrange(len(state))] ^= 1
    changed = copy.deepcopy(proof)
    changed["items"][0]["state"] = encoded(bytes(state))
    assert run(tmp_path, changed) == 1
    changed = copy.deepcopy(proof)
    changed["logs"][0]["checkpoint"] = proof["logs"][0]["checkpoint"].replace("\n293\n", "\n294\n")
    assert run(tmp_path, changed) == 1
    assert run(tmp_path, proof | {"items": []}) == 1
    assert run(tmp_path, proof | {"kind": "other"}) == 2
    assert run(tmp_path, proof) == 0
    assert "WRONG" in capsys.readouterr().out


def merkle_bytes(text: str) -> bytes:
    import base64

    return base64.b64decode(text)


def test_trusts_only_the_key_given(store: EventStore, tmp_path: Path) -> None:
    proof = proof_of(store, [7])
    own = store.recorder.head_keys()[0]
    origin = own.partition("+")[0]
    other = str(Vkey(origin, public_bytes(Ed25519PrivateKey.generate())))
    assert run(tmp_path, proof, "--key", own) == 0
    assert run(tmp_path, proof, "--key", other) == 1
    assert run(tmp_path, proof, "--key", own[:-4] + "AAAA") == 2


def test_a_kept_head_must_be_of_the_same_log(store: EventStore, tmp_path: Path) -> None:
    origin = store.recorder.head_keys()[0].partition("+")[0]
    heads = store.recorder.select_heads(1, store.recorder.max_leaf_position())
    kept = tmp_path / "kept.txt"
    for head in heads[:: max(1, len(heads) // 6)]:
        kept.write_text(str(head.checkpoint(origin)), encoding="utf-8")
        assert run(tmp_path, proof_of(store, [3], known_sizes=[head.size]), "--head", str(kept)) == 0, head.size
    kept.write_text(str(heads[2].checkpoint(origin)), encoding="utf-8")
    assert run(tmp_path, proof_of(store, [3]), "--head", str(kept)) == 1  # no path to it was asked for
    key = store.recorder.head_writer.key
    forged = Checkpoint(origin, heads[2].size, bytes(32))
    signature = key.key().sign(forged.text.encode())
    line = f"\u2014 {origin} {encoded(key.vkey().key_id + signature)}\n"
    kept.write_text(f"{forged.text}\n{line}", encoding="utf-8")
    assert run(tmp_path, proof_of(store, [3], known_sizes=[heads[2].size]), "--head", str(kept)) == 1


def test_witnesses_lines_are_checked_and_may_be_required(store: EventStore, tmp_path: Path) -> None:
    key, name = Ed25519PrivateKey.generate(), "witness.example/1"
    vkey = str(Vkey(name, public_bytes(key), COSIGNATURE))
    head = store.recorder.last_head()
    assert head is not None
    assert run(tmp_path, proof_of(store, [3]), "--witness-key", vkey) == 1
    with pytest.raises(Unavailable, match="cosignatures"):
        proof_of(store, [3], required=1)
    checkpoint = head.checkpoint(store.recorder.head_keys()[0].partition("+")[0])
    line = str(cosign(key, name, checkpoint, 1_800_000_000)).rstrip("\n")
    store.recorder.put_cosignatures(head.size, [(name, line)], 1)
    assert run(tmp_path, proof_of(store, [3], required=1), "--witness-key", vkey) == 0


def test_records_of_another_log_stand_in_the_same_document(store: EventStore, tmp_path: Path) -> None:
    """As the lineage of a figure needs it: leaves that are raw Kafka records under a root of their own."""
    records = [f"record {number}".encode() for number in range(5)]
    hashes = [merkle.leaf_hash(one) for one in records]
    key = Ed25519PrivateKey.generate()
    vkey = Vkey("tidemark/archive/txn-0", public_bytes(key))
    head = Checkpoint(vkey.name, 5, merkle.root(hashes))
    note = f"{head.text}\n\u2014 {vkey.name} {encoded(vkey.key_id + key.sign(head.text.encode()))}\n"
    proof = proof_of(store, [1])
    proof["logs"].append({"origin": vkey.name, "leaf": "raw", "keys": [str(vkey)], "checkpoint": note})
    path = [encoded(one) for one in merkle.inclusion_path(3, hashes)]
    item = {"kind": "kafka-record", "log": 1, "index": 3, "path": path, "topic": "tm.in.core.txn.v1", "partition": 0}
    proof["items"].append(item | {"offset": 3, "record": encoded(records[3])})
    assert run(tmp_path, proof) == 0
    proof["items"][1]["record"] = encoded(records[2])
    assert run(tmp_path, proof) == 1


def test_ed25519_of_rfc_8032() -> None:
    """Tests 1 to 3 of RFC 8032, 7.1, and what must not pass."""
    vectors = [
        ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
        ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ]  # fmt: skip
    verifies = script["ed25519_verifies"]
    for key, message, signature in vectors:
        raw = [bytes.fromhex(one) for one in (key, signature, message)]
        assert verifies(*raw)
        assert not verifies(raw[0], raw[1], raw[2] + b"x")
        assert not verifies(raw[0], bytes([raw[1][0] ^ 1]) + raw[1][1:], raw[2])
        higher = int.from_bytes(raw[1][32:], "little") + script["ORDER"]
        assert not verifies(raw[0], raw[1][:32] + higher.to_bytes(32, "little"), raw[2])  # malleable
    assert not verifies(bytes(31), bytes(64), b"")


def test_the_tree_of_chunks_is_the_tree(tmp_path: Path) -> None:
    """Paths over kept chunks equal those over all leaves, also across their borders."""
    with open_event_store("sqlite", tmp_path, clock=Clock()) as opened:
        tree = LogTree(opened.recorder)
        opened.recorder.insert_events(events(CHUNK - 1))
        hashes = [merkle.leaf_hash(leaf_data(one)) for one in opened.recorder.select_leaves(1, CHUNK)]
        assert tree.root(CHUNK - 1) == merkle.root(hashes)
        opened.recorder.insert_events(events(CHUNK + 900, first=CHUNK))
        hashes = [merkle.leaf_hash(leaf_data(one)) for one in opened.recorder.select_leaves(1, 3 * CHUNK)]
        rng = random.Random(3)
        for size in (
            1,
            5,
            CHUNK,
            CHUNK + 1,
            2 * CHUNK,
            len(hashes),
            *(rng.randint(1, len(hashes)) for _ in range(8)),
        ):
            assert tree.root(size) == merkle.root(hashes[:size])
            index, old = rng.randrange(size), rng.randint(0, size)
            assert tree.inclusion(index, size) == merkle.inclusion_path(index, hashes[:size])
            assert tree.consistency(old, size) == merkle.consistency_path(old, hashes[:size])
        assert tree.place(CHUNK + 1)[0] == CHUNK
        assert tree.place(CHUNK + 1)[1] == opened.recorder.chain_at(CHUNK)
        with pytest.raises(NotFound):
            tree.place(10 * CHUNK)
        with pytest.raises(InvalidInput):
            tree.inclusion(5, 5)
