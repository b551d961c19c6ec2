import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.kit.errors import MalformedError, NotFoundError
from consentid.ledger.tiles import (
    TileId,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
    is_within,
    parse_path,
    path_of,
    tiles_of,
)

TILES = st.builds(
    TileId,
    level=st.none() | st.integers(0, 63),
    number=st.integers(0, 2**55),
    width=st.integers(1, 256),
)


def test_a_path_is_the_one_of_the_specification() -> None:
    assert path_of(TileId(level=0, number=1234067, width=256)) == "0/x001/x234/067"
    assert path_of(TileId(level=None, number=7, width=12)) == "entries/007.p/12"


@given(TILES)
def test_a_path_names_its_tile(tile: TileId) -> None:
    assert parse_path(path_of(tile)) == tile


@pytest.mark.parametrize(
    "path",
    [
        *("", "0", "0/", "0/1", "0/01", "0/1000", "0/x000/001", "00/001", "64/000", "-1/000"),
        *("0/001.p/0", "0/001.p/256", "0/001.p/01", "0/001.p/", "0/001.p", "0/x001/x067"),
        *("entries/001.p/-1", "Entries/001", "0/001/", "/0/001", "0/../0/001", "0/001\n"),
        *(
            "0/\u0660\u0660\u0661",
            "0/x001/X001/001",
            "99/000",
            "0/" + "x999/" * 9 + "999",
            "0/000.p/257",
        ),
    ],
)
def test_a_path_of_no_tile_is_refused(path: str) -> None:
    with pytest.raises(NotFoundError) as error:
        parse_path(path)
    assert error.value.code == "no_such_tile"


def test_a_tree_ends_in_the_partial_tiles_of_the_specification() -> None:
    assert tiles_of(70_000) == [
        TileId(level=0, number=273, width=112),
        TileId(level=1, number=1, width=17),
        TileId(level=2, number=0, width=1),
    ]
    assert tiles_of(256) == [TileId(level=1, number=0, width=1)]
    assert tiles_of(0) == []


def test_a_tile_is_there_once_the_tree_has_grown_over_it() -> None:
    assert is_within(TileId(level=0, number=0, width=3), 3)
    assert not is_within(TileId(level=0, number=0, width=4), 3)
    assert is_within(TileId(level=None, number=1, width=1), 257)
    assert is_within(TileId(level=1, number=0, width=1), 256)
    assert not is_within(TileId(level=1, number=0, width=1), 255)
    assert not is_within(TileId(level=63, number=0, width=1), 2**63 - 1)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=256))
def test_a_tile_cut_short_is_refused(hashes: list[bytes]) -> None:
    tile = encode_tile(hashes)
    assert decode_tile(tile, width=len(hashes)) == hashes
    for wrong in (tile[:-1], tile + b"\0", tile[32:]):
        with pytest.raises(MalformedError) as error:
            decode_tile(wrong, width=len(hashes))
        assert error.value.code == "bad_tile"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=9), st.data())
def test_a_bundle_cut_short_is_refused(entries: list[bytes], data: st.DataObject) -> None:
    bundle = encode_bundle(entries)
    assert decode_bundle(bundle, width=len(entries)) == entries
    cut = data.draw(st.integers(0, len(bundle) - 1))
    for wrong in (bundle[:cut], bundle + b"\0", bundle + b"\0\0"):
        with pytest.raises(MalformedError) as error:
            decode_bundle(wrong, width=len(entries))
        assert error.value.code == "bad_tile"


def test_an_entry_that_has_no_length_in_two_bytes_is_refused() -> None:
    assert decode_bundle(encode_bundle([b"a" * 65_535]), width=1) == [b"a" * 65_535]
    with pytest.raises(ValueError, match="65535"):
        encode_bundle([b"a" * 65_536])
