"""Keep in step with the database, several times a second: what has ended, what is in force.

So that a token can be judged without asking the database about it.  A look is one snapshot; all
that had committed when it began is known when it is back.  What is known is used for one second
after that beginning and no longer: whoever finds it older asks the database itself, and where that
cannot be reached there is no yes.  A withdrawal anywhere is therefore seen here within the pace
and one look, and after one second at most, whatever any cache or clock of this machine does.

The clock that judges expiry is the database's, carried on by this machine's monotonic one.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, final

from consentid.brandbook.book import Book
from consentid.core.party import Party
from consentid.flows.context import Context, read_book
from consentid.flows.revocation_stream import RevocationStream
from consentid.keyring.loading import Keyring
from consentid.kit.errors import ConsentidError, UnavailableError
from consentid.store.revocations import Looking, Seen, looking
from consentid.tokens.verifying import Checker

PACE_S: Final = 0.1
"""Between two looks; a look takes a millisecond or two of the database's time."""
USABLE_S: Final = 1.0
"""From the beginning of a look, what it showed is relied on for so long."""
_LOOK_S: Final = 2.5
_RETRY_S: Final = 0.25
_MOST_SAID: Final = 1_024

_log: Final = logging.getLogger("consentid.flows")


@final
class Ground:
    """The configuration and the keys in force: what a token is judged on.  Immutable."""

    def __init__(self, book: Book, keyring: Keyring) -> None:
        self.book: Final = book
        self.keyring: Final = keyring
        keys = keyring.verifying_keys()
        self.parties: Final[Mapping[str, Party]] = {
            audience: party
            for party, terms in book.catalogue.parties.items()
            for audience in terms.audiences
        }
        self.checkers: Final[Mapping[str, Checker]] = {
            audience: Checker(keys=keys, issuer=book.group.issuer, audience=audience)
            for audience in self.parties
        }
        self.origins: Final = origins_of(book)
        self._said: Final[dict[tuple[str, ...], frozenset[str]]] = {}

    def shared(self, purposes: tuple[str, ...]) -> frozenset[str]:
        """The set of some purposes, one for all tokens that say the same."""
        found = self._said.get(purposes)
        if found is None:
            found = frozenset(purposes)
            if len(self._said) < _MOST_SAID:
                self._said[purposes] = found
        return found


def origins_of(book: Book) -> frozenset[bytes]:
    """Those of the brands' pages, as browsers send them."""
    return frozenset(origin.encode() for brand in book.brands.values() for origin in brand.origins)


@final
class RevocationWatch:
    """What this process knows without asking.  One per process; ``follow`` keeps it true."""

    def __init__(self, context: Context, stream: RevocationStream | None = None) -> None:
        """``stream`` is told what the lists have come to show."""
        self._context: Final = context
        self._stream: Final = stream
        self._unshown: Final[dict[int, set[int]]] = {}
        """What has ended and was in no published list yet."""
        self._is_based = False
        self._ground: Ground | None = None
        self._ended: dict[int, bytearray] = {}
        self._looked_at_s: float = float("-inf")
        self._database_s: float = 0.0
        self.looks: int = 0

    def ground(self) -> Ground | None:
        """What to judge on now; None where it is not known freshly enough."""
        if self._context.monotonic() - self._looked_at_s > USABLE_S:
            return None
        return self._ground

    def now_s(self) -> float:
        """The database's clock now, Unix seconds; ahead by no more than a look took."""
        return self._database_s + (self._context.monotonic() - self._looked_at_s)

    def has_ended(self, list_no: int, idx: int) -> bool | None:
        """Whether the tokens at a place have ended; None of a place that no look has shown."""
        bits = self._ended.get(list_no)
        if bits is None or idx >= len(bits) * 8:
            return None
        return bool(bits[idx >> 3] >> (idx & 7) & 1)

    def age_s(self) -> float:
        """How long ago the last good look began."""
        return self._context.monotonic() - self._looked_at_s

    async def follow(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                async with looking(self._context.database) as look:
                    while True:
                        await self.look(look)
                        await asyncio.sleep(PACE_S)
            except (ConsentidError, TimeoutError) as error:
                if self._looked_at_s > 0:
                    _log.warning("answers come from the database: %s", type(error).__name__)
            except Exception:  # noqa: BLE001 a node that ceased to look would be slow for ever
                _log.exception("looking for what has ended: unforeseen error")
            # Whatever it was: until the next good look the database is asked.
            self._looked_at_s = float("-inf")
            await asyncio.sleep(_RETRY_S)

    async def look(self, through: Looking) -> None:
        """Look once.

        Raises:
            UnavailableError: the database cannot be reached, or nothing is in force.
            TimeoutError: it took too long.
        """
        async with asyncio.timeout(_LOOK_S):
            begun_s = self._context.monotonic()
            seen = await through.look()
            flips = self._add(seen)
            if self._stream is not None:
                self._stream.note(seen.now_s, flips)
            ground = await self._stand(seen)
        # Last, and together: whoever judges meanwhile has the old look's time and more bits.
        self._ground = ground
        self._looked_at_s, self._database_s = begun_s, seen.now_s
        self.looks += 1

    def _add(self, seen: Seen) -> Mapping[int, Sequence[int]]:
        """Take over what was seen; by list, what a published one shows that none did before."""
        flips: dict[int, Sequence[int]] = {}
        for number, bits in seen.bits.items():
            if not bits:  # it was left: nobody's token points there
                self._ended.pop(number, None)
                self._unshown.pop(number, None)
                continue
            known = self._ended.get(number)
            if known is None:
                known = self._ended[number] = bytearray(len(bits))
            shown, ended = int.from_bytes(bits, "little"), int.from_bytes(known, "little")
            new = _places(shown & ~ended, len(bits))
            known[:] = (shown | ended).to_bytes(len(known), "little")
            unshown = self._unshown.pop(number, set())
            told = {idx for idx in unshown if bits[idx >> 3] >> (idx & 7) & 1}
            if unshown - told:
                self._unshown[number] = unshown - told
            if self._is_based and (new or told):
                flips[number] = sorted({*new, *told})
        for number, idx in seen.ended:
            known = self._ended.get(number)
            if known is not None and not known[idx >> 3] >> (idx & 7) & 1:
                known[idx >> 3] |= 1 << (idx & 7)
                self._unshown.setdefault(number, set()).add(idx)
        self._is_based = True
        return flips

    async def _stand(self, seen: Seen) -> Ground:
        if seen.catalogue is None:
            raise UnavailableError(
                "no_catalogue", "No configuration is in force yet.", retry_after_s=5
            )
        self._context.heed(seen.revoked_keys)
        keyring = self._context.keyring
        ground = self._ground
        if ground is not None and ground.keyring is keyring:
            if ground.book.catalogue.version == seen.catalogue:
                return ground
            if ground.book.catalogue.version > seen.catalogue:
                raise UnavailableError(
                    "catalogue_missing", "The catalogue's history is another.", retry_after_s=1
                )
        async with self._context.database.reading() as connection:
            book = await read_book(connection, seen.catalogue)
        return Ground(book, keyring)


def _places(bits: int, length: int) -> Sequence[int]:
    """The places of the bits that are set, ascending."""
    if not bits:
        return ()
    return [
        at * 8 + bit
        for at, byte in enumerate(bits.to_bytes(length, "little"))
        if byte
        for bit in range(8)
        if byte >> bit & 1
    ]
