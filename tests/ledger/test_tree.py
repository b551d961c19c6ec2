import hashlib
from itertools import pairwise

import pytest
from tests.ledger.naive import Tree, leaves

from consentid.kit.errors import MalformedError
from consentid.ledger.growing import FullTile, Growth
from consentid.ledger.tiles import TileId, hash_of, tiles_for, tiles_of
from consentid.ledger.tree import (
    EMPTY_ROOT,
    Range,
    check_consistency,
    check_inclusion,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    root_of,
)

LARGEST = 300
# What the authors of the RFC publish with their implementation.
EIGHT = (
    *("", "00", "10", "2021", "3031", "40414243"),
    *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
)
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
TREE = Tree(leaves(LARGEST))


def heads(ranges: list[Range]) -> list[bytes]:
    return [TREE.head(*each) for each in ranges]


@pytest.mark.parametrize("size", range(len(EIGHT) + 1))
def test_roots_are_those_that_are_published_with_the_rfc(size: int) -> None:
    hashes = [leaf_hash(bytes.fromhex(entry)) for entry in EIGHT[:size]]
    growth = Growth()
    for each in hashes:
        growth.append(each)
    assert root_of(hashes).hex() == ROOTS[size] == growth.root().hex()


def test_inclusion_and_consistency_are_those_of_the_rfc_for_every_tree_up_to_three_hundred() -> (
    None
):
    for size in range(1, LARGEST + 1):
        root = TREE.head(0, size)
        for index in range(size):
            proof = heads(inclusion_ranges(index, size))
            assert proof == TREE.path(index, 0, size)
            check_inclusion(proof, leaf=TREE.hashes[index], index=index, size=size, root=root)
        for first in range(1, size + 1):
            proof = heads(consistency_ranges(first, size))
            assert proof == TREE.proof(first, size)
            check_consistency(
                proof,
                first=first,
                first_root=TREE.head(0, first),
                second=size,
                second_root=root,
            )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100, 255, 256, 257, 300])
def test_no_proof_holds_for_another_place_another_size_or_with_a_hash_changed(size: int) -> None:
    root = TREE.head(0, size)
    for index in range(0, size, max(1, size // 16)):
        proof = heads(inclusion_ranges(index, size))
        leaf = TREE.hashes[index]
        wrong = [
            (proof, TREE.hashes[(index + 1) % LARGEST], index, size, root),
            (proof, leaf, index, size, bytes(32)),
            ([*proof, bytes(32)], leaf, index, size, root),
            (proof, leaf, index, 4 * size + 4, root),
            *((proof, leaf, other, size, root) for other in {0, size - 1} - {index}),
            *((proof[:-1], leaf, index, size, root) for _ in proof[:1]),
            *(
                ([*proof[:at], bytes(32), *proof[at + 1 :]], leaf, index, size, root)
                for at in range(len(proof))
            ),
        ]
        for hashes, of, at, in_size, to in wrong:
            with pytest.raises(MalformedError) as error:
                check_inclusion(hashes, leaf=of, index=at, size=in_size, root=to)
            assert error.value.code == "bad_proof"


@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 7), (4, 8), (6, 8), (255, 300), (8, 9)])
def test_no_tree_is_said_to_have_grown_out_of_another(first: int, second: int) -> None:
    proof = heads(consistency_ranges(first, second))
    old, new = TREE.head(0, first), TREE.head(0, second)
    for hashes, one, other in (
        ([*proof, bytes(32)], old, new),
        (proof[:-1], old, new),
        (proof, bytes(32), new),
        (proof, old, bytes(32)),
        *(([*proof[:at], bytes(32), *proof[at + 1 :]], old, new) for at in range(len(proof))),
    ):
        with pytest.raises(MalformedError) as error:
            check_consistency(hashes, first=first, first_root=one, second=second, second_root=other)
        assert error.value.code == "bad_proof"


def test_what_no_tree_has_is_refused_by_name() -> None:
    for index, size, code in ((0, 0, "bad_tree_size"), (0, -1, "bad_tree_size")):
        with pytest.raises(MalformedError) as error:
            inclusion_ranges(index, size)
        assert (error.value.code, error.value.where) == (code, "size")
    for index in (-1, 7, 8, 2**70):
        with pytest.raises(MalformedError) as error:
            inclusion_ranges(index, 7)
        assert (error.value.code, error.value.where) == ("index_beyond_tree", "index")
        with pytest.raises(MalformedError) as error:
            check_inclusion([], leaf=bytes(32), index=index, size=7, root=bytes(32))
        assert error.value.code == "index_beyond_tree"
    for first, second in ((0, 1), (0, 0), (5, 4), (1, 2**63)):
        with pytest.raises(MalformedError) as error:
            consistency_ranges(first, second)
        assert error.value.code == "bad_tree_size"
    with pytest.raises(MalformedError, match="32 bytes"):
        check_inclusion([b"short"], leaf=bytes(32), index=0, size=2, root=bytes(32))
    with pytest.raises(MalformedError, match="two roots"):
        check_consistency([], first=1, first_root=bytes(32), second=1, second_root=b"1" * 32)
    assert root_of([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_a_tree_that_grows_and_is_put_down_in_between_keeps_root_and_tiles() -> None:
    many = leaves(66_000)
    expected = Growth()
    store: dict[tuple[int, int], FullTile] = {}
    stops = (0, 1, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 66_000)
    for begin, end in pairwise(stops):
        resumed = Growth(begin, {tile: _partial(tile, many, store) for tile in tiles_of(begin)})
        assert resumed.root() == expected.root()
        for each in many[begin:end]:
            full = expected.append(each)
            assert resumed.append(each) == full
            store |= {(tile.level, tile.number): tile for tile in full}
        assert resumed.root() == expected.root() == root_of(many[:end])
    assert {level for level, _ in store} == {0, 1}
    assert [number for level, number in store if level == 0] == list(range(66_000 // 256))

    for first, second in ((1, 65_537), (255, 66_000), (65_536, 66_000)):
        ranges = consistency_ranges(first, second)
        tiles = {tile: _partial(tile, many, store) for tile in tiles_for(ranges, second)}
        check_consistency(
            [hash_of(each, second, tiles) for each in ranges],
            first=first,
            first_root=root_of(many[:first]),
            second=second,
            second_root=root_of(many[:second]),
        )


def _partial(
    tile: TileId, many: tuple[bytes, ...], store: dict[tuple[int, int], FullTile]
) -> list[bytes]:
    """What a log would have of a tile."""
    if (tile.level, tile.number) in store and tile.width == 256:
        return list(store[tile.level or 0, tile.number].hashes)
    begin = tile.number * 256
    if tile.level == 0:
        return list(many[begin : begin + tile.width])
    below = (tile.level or 0) - 1
    return [store[below, number].root for number in range(begin, begin + tile.width)]
