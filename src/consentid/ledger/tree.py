"""The Merkle tree: hashes, which subtrees a proof is made of, and checking a proof.

A proof is a sequence of 32-byte hashes.  To make one, ask which ranges of leaves it takes
(``inclusion_ranges``, ``consistency_ranges``) and hash each.
Spec: RFC 6962 section 2.1, RFC 9162 section 2.1.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from consentid.kit.errors import MalformedError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
MAX_SIZE: Final = 2**63 - 1


class Range(NamedTuple):
    """Consecutive leaves, ``end`` not included: a subtree of some tree."""

    begin: int
    end: int


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry.  32 bytes.  Spec: RFC 9162 section 2.1.1 (0x00 prefix)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees together.  32 bytes.  Spec: RFC 9162 section 2.1.1 (0x01 prefix)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, or over the roots of equally large perfect subtrees."""
    if not hashes:
        return EMPTY_ROOT
    level = hashes
    while len(level) > 1:
        paired = [
            node_hash(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)
        ]
        # Whoever has no sibling yet rises as it is.
        level = [*paired, level[-1]] if len(level) % 2 else paired
    return level[0]


def folded(perfect: Iterable[bytes]) -> bytes:
    """The root over perfect subtrees, the largest (leftmost) first, no two of one size."""
    root: bytes | None = None
    for each in reversed(tuple(perfect)):
        root = each if root is None else node_hash(each, root)
    return EMPTY_ROOT if root is None else root


def perfect_ranges(given: Range) -> list[Range]:
    """The perfect subtrees that a subtree falls into, the largest (leftmost) first."""
    found: list[Range] = []
    begin, left = given.begin, given.end - given.begin
    while left:
        width = 1 << (left.bit_length() - 1)
        found.append(Range(begin, begin + width))
        begin, left = begin + width, left - width
    return found


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees that prove a leaf's inclusion, from its sibling up.

    Spec: RFC 9162 section 2.1.3.1.

    Raises:
        MalformedError: there is no such leaf in a tree of that size.
    """
    _check_size(size)
    _check_index(index, size)
    begin, end = 0, size
    found: list[Range] = []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(begin, middle))
            begin = middle
    found.reverse()
    return found


def consistency_ranges(first: int, second: int) -> list[Range]:
    """The subtrees that prove that a tree of ``first`` leaves grew into one of ``second``.

    Spec: RFC 9162 section 2.1.4.1.

    Raises:
        MalformedError: a size is zero, or the first is the larger one.
    """
    _check_sizes(first, second)
    begin, end = 0, second
    is_whole = True  # whether the old tree is a complete subtree of what is looked at
    found: list[Range] = []
    while first != end:
        middle = begin + _split(end - begin)
        if first <= middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(begin, middle))
            begin, is_whole = middle, False
    if not is_whole:
        found.append(Range(begin, end))
    found.reverse()
    return found


def check_inclusion(
    proof: Sequence[bytes], *, leaf: bytes, index: int, size: int, root: bytes
) -> None:
    """Check that a leaf hash stands at an index of the tree with that size and root.

    Spec: RFC 9162 section 2.1.3.2.

    Raises:
        MalformedError: it does not, or there is no such leaf in a tree of that size.
    """
    _check_size(size)
    _check_index(index, size)
    _check_hashes(proof)
    place, last, computed = index, size - 1, leaf
    for each in proof:
        if last == 0:
            raise _bad_proof("the proof is too long for a tree of this size")
        if place & 1 or place == last:
            computed = node_hash(each, computed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            computed = node_hash(computed, each)
        place, last = place >> 1, last >> 1
    if last:
        raise _bad_proof("the proof is too short for a tree of this size")
    if computed != root:
        raise _bad_proof("the proof does not lead to the root")


def check_consistency(
    proof: Sequence[bytes], *, first: int, first_root: bytes, second: int, second_root: bytes
) -> None:
    """Check that the tree of the first root grew into the tree of the second.

    Spec: RFC 9162 section 2.1.4.2.

    Raises:
        MalformedError: it did not, a size is zero, or the first is the larger one.
    """
    _check_sizes(first, second)
    _check_hashes(proof)
    if first == second:
        if proof:
            raise _bad_proof("trees of one size take no proof")
        if first_root != second_root:
            raise _bad_proof("two roots for one size")
        return
    old, new = _roots_of(proof, first=first, first_root=first_root, second=second)
    if old != first_root:
        raise _bad_proof("the proof does not lead to the first root")
    if new != second_root:
        raise _bad_proof("the proof does not lead to the second root")


def _roots_of(
    proof: Sequence[bytes], *, first: int, first_root: bytes, second: int
) -> tuple[bytes, bytes]:
    """Both roots, as a proof has them."""
    # Where the old tree is perfect, it stands in the new one, and is left out of the proof.
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        raise _bad_proof("the proof is too short for trees of these sizes")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for each in path[1:]:
        if last == 0:
            raise _bad_proof("the proof is too long for trees of these sizes")
        if place & 1 or place == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, each)
        place, last = place >> 1, last >> 1
    if last:
        raise _bad_proof("the proof is too short for trees of these sizes")
    return old, new


def _split(width: int) -> int:
    """The largest power of two below ``width``, which is at least 2."""
    return 1 << ((width - 1).bit_length() - 1)


def _check_size(size: int, where: str = "size") -> None:
    if size <= 0:
        raise MalformedError("bad_tree_size", "a proof needs a tree with a leaf in it", where=where)
    if size > MAX_SIZE:
        raise MalformedError("bad_tree_size", "no tree is that large", where=where)


def _check_sizes(first: int, second: int) -> None:
    _check_size(first, "first")
    _check_size(second, "second")
    if first > second:
        raise MalformedError(
            "bad_tree_size",
            f"a tree of {first} leaves is not before one of {second}",
            where="first",
        )


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise MalformedError(
            "index_beyond_tree", f"a tree of {size} leaves has none at {index}", where="index"
        )


def _check_hashes(proof: Sequence[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in proof):
        raise _bad_proof(f"each hash of a proof has {HASH_BYTES} bytes")


def _bad_proof(message: str) -> MalformedError:
    return MalformedError("bad_proof", message, where="proof")
