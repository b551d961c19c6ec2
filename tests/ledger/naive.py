"""The definitions of RFC 6962 section 2.1, word for word: slow, and plainly right."""

import hashlib
from collections.abc import Sequence


def leaves(size: int) -> tuple[bytes, ...]:
    """The hashes of ``size`` leaves, no two alike."""
    return tuple(hashlib.sha256(b"\x00leaf %d" % number).digest() for number in range(size))


def largest_power_below(number: int) -> int:
    power = 1
    while power * 2 < number:
        power *= 2
    return power


class Tree:
    """All subtrees' heads of one row of leaves, each computed once."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        self.hashes: tuple[bytes, ...] = tuple(hashes)
        self._heads: dict[tuple[int, int], bytes] = {}

    def head(self, begin: int, end: int) -> bytes:
        """MTH(D[begin:end])."""
        if begin == end:
            return hashlib.sha256(b"").digest()
        if end - begin == 1:
            return self.hashes[begin]
        if (begin, end) not in self._heads:
            k = begin + largest_power_below(end - begin)
            joined = self.head(begin, k) + self.head(k, end)
            self._heads[begin, end] = hashlib.sha256(b"\x01" + joined).digest()
        return self._heads[begin, end]

    def path(self, m: int, begin: int, end: int) -> list[bytes]:
        """PATH(m, D[begin:end])."""
        if end - begin == 1:
            return []
        k = largest_power_below(end - begin)
        if m < k:
            return [*self.path(m, begin, begin + k), self.head(begin + k, end)]
        return [*self.path(m - k, begin + k, end), self.head(begin, begin + k)]

    def proof(self, m: int, n: int) -> list[bytes]:
        """PROOF(m, D[0:n])."""
        return self._subproof(m, 0, n, whole=True)

    def _subproof(self, m: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
        if m == end - begin:
            return [] if whole else [self.head(begin, end)]
        k = largest_power_below(end - begin)
        if m <= k:
            first = self._subproof(m, begin, begin + k, whole=whole)
            return [*first, self.head(begin + k, end)]
        first = self._subproof(m - k, begin + k, end, whole=False)
        return [*first, self.head(begin, begin + k)]
