"""The Merkle tree against the vectors of Certificate Transparency's reference implementation, and against the
recursive definition of RFC 6962 written down literally."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from infra import merkle
from infra.merkle import Frontier

# certificate-transparency, cpp/merkletree/merkle_tree_test.cc: eight leaves, their roots and proofs.
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {  # (leaf, size), both counted from one
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (3, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (2, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
PROOFS = {  # (old size, size)
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
HASHES = [merkle.leaf_hash(data) for data in LEAVES]


def _mth(data: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = 1
    while k * 2 < len(data):
        k *= 2
    return sha256(b"\x01" + _mth(data[:k]) + _mth(data[k:])).digest()


def _path(m: int, data: list[bytes]) -> list[bytes]:
    if len(data) == 1:
        return []
    k = 1
    while k * 2 < len(data):
        k *= 2
    if m < k:
        return [*_path(m, data[:k]), _mth(data[k:])]
    return [*_path(m - k, data[k:]), _mth(data[:k])]


def _subproof(m: int, data: list[bytes], whole: bool) -> list[bytes]:
    if m == len(data):
        return [] if whole else [_mth(data)]
    k = 1
    while k * 2 < len(data):
        k *= 2
    if m <= k:
        return [*_subproof(m, data[:k], whole), _mth(data[k:])]
    return [*_subproof(m - k, data[k:], False), _mth(data[:k])]


def _data(size: int) -> list[bytes]:
    return [number.to_bytes(3, "big") for number in range(size)]


def test_roots_of_certificate_transparency() -> None:
    frontier = Frontier()
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for number, leaf in enumerate(HASHES):
        frontier.append(leaf)
        assert merkle.root(HASHES[: number + 1]).hex() == ROOTS[number]
        assert frontier.root().hex() == ROOTS[number]


@pytest.mark.parametrize(("leaf", "size"), PATHS)
def test_inclusion_paths_of_certificate_transparency(leaf: int, size: int) -> None:
    path = merkle.inclusion_path(leaf - 1, HASHES[:size])
    assert [one.hex() for one in path] == PATHS[leaf, size]
    assert merkle.verify_inclusion(HASHES[leaf - 1], leaf - 1, size, path, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "size"), PROOFS)
def test_consistency_paths_of_certificate_transparency(old: int, size: int) -> None:
    path = merkle.consistency_path(old, HASHES[:size])
    assert [one.hex() for one in path] == PROOFS[old, size]
    roots = [bytes.fromhex(ROOTS[count - 1]) for count in (old, size)]
    assert merkle.verify_consistency(old, size, path, *roots)


@given(st.integers(1, 70), st.data())
def test_equals_the_recursive_definition(size: int, data: st.DataObject) -> None:
    leaves = _data(size)
    hashes = [merkle.leaf_hash(one) for one in leaves]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert merkle.root(hashes) == _mth(leaves)
    assert merkle.inclusion_path(index, hashes) == _path(index, leaves)
    assert merkle.consistency_path(old, hashes) == _subproof(old, leaves, True)
    assert merkle.verify_inclusion(hashes[index], index, size, _path(index, leaves), _mth(leaves))
    assert merkle.verify_consistency(old, size, _subproof(old, leaves, True), _mth(leaves[:old]), _mth(leaves))


@given(st.integers(2, 70), st.data())
def test_a_wrong_proof_is_refused(size: int, data: st.DataObject) -> None:
    leaves = _data(size)
    hashes, top = [merkle.leaf_hash(one) for one in leaves], _mth(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_path(index, hashes)
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != index))
    broken = data.draw(st.integers(0, len(path) - 1))
    flipped = [bytes([one[0] ^ 1]) + one[1:] if n == broken else one for n, one in enumerate(path)]
    assert not merkle.verify_inclusion(hashes[other], index, size, path, top)
    assert not merkle.verify_inclusion(hashes[index], other, size, path, top)
    assert not merkle.verify_inclusion(hashes[index], index, size, flipped, top)
    assert not merkle.verify_inclusion(hashes[index], index, size, path[:-1], top)
    assert not merkle.verify_inclusion(hashes[index], index, size, [*path, top], top)
    old = data.draw(st.integers(1, size - 1))
    proof, old_root = merkle.consistency_path(old, hashes), _mth(leaves[:old])
    forked = _mth([*leaves[: old - 1], b"forged"])
    assert not merkle.verify_consistency(old, size, proof, forked, top)
    assert not merkle.verify_consistency(old, size, proof, old_root, forked)
    assert not merkle.verify_consistency(old, size, [*proof, top], old_root, top)
    assert not merkle.verify_consistency(old, size, proof[:-1], old_root, top)


@given(st.lists(st.integers(0, 40), max_size=5))
def test_a_frontier_grows_however_the_leaves_are_cut(parts: list[int]) -> None:
    hashes = [merkle.leaf_hash(one) for one in _data(sum(parts))]
    frontier, done = Frontier(), 0
    for part in parts:
        frontier.extend(hashes[done : done + part])
        done += part
        assert frontier.root() == merkle.root(hashes[:done])
    again = Frontier(frontier.size, frontier.peaks)
    again.append(HASHES[0])
    assert again.root() == merkle.root([*hashes, HASHES[0]])
    assert frontier.size == done


@given(st.integers(0, 6), st.integers(1, 8))
def test_the_root_with_a_part_to_the_right(aligned: int, rest: int) -> None:
    hashes = [merkle.leaf_hash(one) for one in _data(aligned * 8 + rest)]
    frontier = Frontier()
    frontier.extend(hashes[: aligned * 8])
    assert frontier.root_with(merkle.root(hashes[aligned * 8 :])) == merkle.root(hashes)


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidInput):
        merkle.inclusion_path(8, HASHES)
    with pytest.raises(InvalidInput):
        merkle.consistency_path(9, HASHES)
    with pytest.raises(InvalidInput):
        Frontier(3, HASHES[:1])
    with pytest.raises(InvalidInput):
        Frontier(1, HASHES[:1]).append_subtree(HASHES[0], 2)
    assert not merkle.verify_inclusion(HASHES[0], 1, 1, [], HASHES[0])
    assert not merkle.verify_consistency(2, 1, [], HASHES[0], HASHES[0])
    assert merkle.verify_consistency(0, 1, [], merkle.EMPTY_ROOT, HASHES[0])
