"""A book comes back from its bytes as it went in."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import msgspec
import pytest
from tests.brandbook.folders import HALCYON, Folder

from consentid.brandbook.encoding import decode, encode
from consentid.brandbook.folder import Draft
from consentid.brandbook.publication import publish
from consentid.core.catalogue import offered
from consentid.kit import canonical

_DIGEST_OF_FOLDER = """
import hashlib, pathlib, sys
from consentid.brandbook.encoding import encode
from consentid.brandbook.folder import load
print(hashlib.sha256(encode(load(pathlib.Path(sys.argv[1])).book)).hexdigest())
"""


def test_a_draft_and_an_applied_book_come_back_equal(halcyon: Draft) -> None:
    applied = publish(None, halcyon)
    assert applied is not None
    for book in (halcyon.book, applied):
        back = decode(encode(book))
        assert back == book
        assert encode(back) == encode(book)


def test_the_order_of_purposes_and_each_notices_digest_come_back(halcyon: Draft) -> None:
    book, back = halcyon.book, decode(encode(halcyon.book))
    for party in book.catalogue.parties:
        assert offered(back.catalogue, party) == offered(book.catalogue, party)
    assert {key: each.digest for key, each in back.notices.items()} == {
        key: each.digest for key, each in book.notices.items()
    }


def test_revisions_of_one_party_come_back(folder: Folder) -> None:
    first = publish(None, folder.load())
    folder.replace("play.toml", "own = true", "validity_days = 30")
    second = publish(first, folder.load())
    assert second is not None
    assert second.catalogue.revised_for
    assert decode(encode(second)) == second


def test_what_was_asked_of_a_book_before_leaves_no_trace_in_its_bytes(halcyon: Draft) -> None:
    book = replace(halcyon.book)
    before = encode(book)
    assert book.clients
    assert all(notice.digest and notice.names and notice.asks for notice in book.notices.values())
    assert encode(book) == before


def test_the_bytes_are_canonical_json(halcyon: Draft) -> None:
    raw = encode(halcyon.book)
    assert canonical.encode(json.loads(raw)) == raw


@pytest.mark.parametrize("seed", ["1", "2"])
def test_any_process_makes_the_same_bytes(halcyon: Draft, seed: str) -> None:
    # Sets are ordered by a hash that differs from process to process.
    ran = subprocess.run(  # noqa: S603 - this interpreter, on our own text
        [sys.executable, "-c", _DIGEST_OF_FOLDER, str(HALCYON)],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert ran.stdout.strip() == hashlib.sha256(encode(halcyon.book)).hexdigest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"format":"consentid/book/1"', b'"format":"consentid/book/9"'),
        (b'"format":', b'"unheard":1,"format":'),
        (b'"kind":"brand"', b'"kind":"band"'),
        (b'"validity_s":', b'"validity_s":"1","was":'),
    ],
    ids=["format", "unknown key", "word", "type"],
)
def test_bytes_of_another_shape_are_refused(halcyon: Draft, old: bytes, new: bytes) -> None:
    raw = encode(halcyon.book)
    assert old in raw
    with pytest.raises(msgspec.ValidationError):
        _ = decode(raw.replace(old, new, 1))
