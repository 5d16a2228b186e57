"""Witnesses over HTTP, as C2SP tlog-witness has it; a log that shows two people two histories is found out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from infra import merkle
from infra.checkpoint import COSIGNATURE, Checkpoint, SignatureLine, Vkey, encoded
from infra.checkpoint_keys import HeadKey
from infra.witness import Fork, WitnessStore, add_checkpoint, latest_of, parsed, request_body
from infra.witness_server import open_witness, serving

HASHES = [merkle.leaf_hash(bytes([number])) for number in range(40)]
FORKED = [*HASHES[:7], merkle.leaf_hash(b"forged"), *HASHES[8:]]


@pytest.fixture
def key(tmp_path: Path) -> HeadKey:
    return HeadKey(tmp_path / "log" / "key.pem", "bank.example/log")


@pytest.fixture
def witness(tmp_path: Path, key: HeadKey) -> WitnessStore:
    return open_witness(tmp_path / "witness", "witness.example/1", [key.vkey()])


@pytest.fixture
def url(witness: WitnessStore) -> Iterator[str]:
    with serving(witness, "127.0.0.1", 0) as address:
        yield address


def head(key: HeadKey, size: int, hashes: list[bytes] = HASHES) -> Checkpoint:
    found = Checkpoint(key.origin(), size, merkle.root(hashes[:size]))
    line = SignatureLine(key.origin(), key.vkey().key_id, key.key().sign(found.text.encode()))
    return found.with_lines([line])


def prove(old: int, size: int, hashes: list[bytes] = HASHES) -> list[bytes]:
    return merkle.consistency_path(old, hashes[:size])


def test_a_growing_log_is_cosigned(url: str, witness: WitnessStore, key: HeadKey) -> None:
    old = 0
    for size in (1, 5, 8, 8, 33):
        line = add_checkpoint(url, witness.vkey, head(key, size), old, prove)
        assert head(key, size).with_lines([line]).is_signed_by(witness.vkey)
        old = size
    assert latest_of(url, key.origin()).size == 33
    assert latest_of(url, key.origin()).is_signed_by(witness.vkey)


def test_a_client_that_does_not_know_asks_twice(url: str, witness: WitnessStore, key: HeadKey) -> None:
    add_checkpoint(url, witness.vkey, head(key, 9), 0, prove)
    line = add_checkpoint(url, witness.vkey, head(key, 20), 3, prove)
    assert head(key, 20).with_lines([line]).is_signed_by(witness.vkey)


def test_a_fork_shown_to_two_auditors_is_found_out(url: str, witness: WitnessStore, key: HeadKey) -> None:
    """Both auditors want the witness's line: one of the histories cannot have it, and the attempt is kept."""

    def prove_fork(old: int, size: int) -> list[bytes]:
        return merkle.consistency_path(old, FORKED[:size])

    add_checkpoint(url, witness.vkey, head(key, 12), 0, prove)
    for size in (20, 12):
        with pytest.raises(Fork):
            add_checkpoint(url, witness.vkey, head(key, size, FORKED), 12, prove_fork)
    with pytest.raises(Fork, match="longer"):
        add_checkpoint(url, witness.vkey, head(key, 11), 11, prove)
    assert [refusal["why"] for refusal in witness.refusals()] == [
        "the tree seen before is not the beginning of this one",
        "another root of the same size",
    ]
    assert latest_of(url, key.origin()).root == merkle.root(HASHES[:12])


def test_the_answers_of_the_protocol(witness: WitnessStore, key: HeadKey, tmp_path: Path) -> None:
    other = HeadKey(tmp_path / "other" / "key.pem", key.origin())
    stranger = HeadKey(tmp_path / "stranger" / "key.pem", "stranger.example")
    asked = witness.add_checkpoint
    assert asked(request_body(0, [], head(stranger, 3)), 1).status == 404
    assert asked(request_body(0, [], head(other, 3)), 1).status == 403
    assert asked(request_body(4, [], head(key, 3)), 1).status == 400
    assert asked("old 01\n\n" + str(head(key, 3)), 1).status == 400
    assert asked("new 0\n\n" + str(head(key, 3)), 1).status == 400
    assert asked(request_body(0, [HASHES[0]], head(key, 3)), 1).status == 422
    assert asked(request_body(0, [], head(key, 3)), 1).status == 200
    answer = asked(request_body(0, [], head(key, 5)), 1)
    assert (answer.status, answer.body, answer.content_type) == (409, "3\n", "text/x.tlog.size")
    assert asked(request_body(3, [HASHES[0]], head(key, 5)), 1).status == 422
    assert asked(request_body(3, prove(3, 5), head(key, 5)), 1).status == 200


def test_what_was_seen_outlives_a_restart(witness: WitnessStore, key: HeadKey, tmp_path: Path) -> None:
    witness.add_checkpoint(request_body(0, [], head(key, 12)), 1)
    again = open_witness(tmp_path / "witness", "witness.example/1", [key.vkey()])
    assert again.vkey == witness.vkey
    assert again.add_checkpoint(request_body(0, [], head(key, 12, FORKED)), 2).status == 409


def test_who_does_not_answer_is_unavailable(key: HeadKey, url: str, witness: WitnessStore, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        add_checkpoint("http://127.0.0.1:9", witness.vkey, head(key, 3), 0, prove)
    another = open_witness(tmp_path / "another", "witness.example/2", [key.vkey()])
    with pytest.raises(Unavailable, match="without a line"):
        add_checkpoint(url, another.vkey, head(key, 3), 0, prove)
    with pytest.raises(NotFound):
        latest_of(url, "nobody.example")
    with pytest.raises(InvalidInput):
        open_witness(tmp_path / "third", "two words", [])


def test_the_example_of_the_specification_is_read() -> None:
    """C2SP tlog-cosignature: its example checkpoint; the request of tlog-witness."""
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz"
        "Gku9nTo+zyWE+xeMcTOAYQ8=\n"
    )
    old, proof, checkpoint = parsed(f"old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\n{note}")
    assert (old, len(proof), checkpoint.size, str(checkpoint)) == (20852014, 1, 20852163, note)
    assert encoded(checkpoint.lines[0].key_id) == "Az3grg=="


@pytest.mark.parametrize(
    "text", ["", "a\nb\nc\n\n", "o\n01\nCsU=\n\n\u2014 o AAAAAAA=\n", "o\n1\n\n\u2014 o AAAAAAA=\n"]
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Checkpoint.parse(text)


def test_verifier_keys_are_read_back(key: HeadKey, witness: WitnessStore) -> None:
    for vkey in (key.vkey(), witness.vkey):
        assert Vkey.parse(str(vkey)) == vkey
    assert witness.vkey.kind == COSIGNATURE
    for broken in ("", "name", "name+00000000+AAAA", str(key.vkey()).replace("bank", "bonk"), "a b+x+y"):
        with pytest.raises(InvalidInput):
            Vkey.parse(broken)
