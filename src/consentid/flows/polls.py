"""What a process remembers of the device codes that wait, to answer polls without asking.

That a code waits is believed for four seconds from the beginning of the question that showed it,
which is less than the least interval between two polls: a device hears of an answer given at
another process one poll later at most, and of one given in this process at the next.  What is
remembered of a code is its hash, whose it is, when it ends, and how fast it is polled.

Times here are this machine's monotonic clock; what the database says of instants is taken over as
so much before or after the question.

Spec: RFC 8628 section 3.5.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from consentid.kit.instants import SECOND, Instant
from consentid.store.device_codes import slower
from consentid.store.waiting_codes import ChangedCode, KnownPolls, WaitingCode

MOST: Final = 65_536
"""Codes, about a third of a kilobyte each; more are answered from the database."""
USABLE_S: Final = 4.0
ASKED_AGAIN_S: Final = 1.5
_TOLD_S: Final = 60.0
"""So long after its end whoever polls for a code is told from memory that it has expired."""
_NEVER: Final = -1e9
"""So long before anything that happened that it is no matter when."""


class Told(Enum):
    """What a device hears whose code nobody answers.  Spec: RFC 8628 section 3.5."""

    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    EXPIRED = "expired_token"


@dataclass(slots=True, kw_only=True)
class _Code:
    client_id: str
    interval_s: int
    polled_s: float
    """Long before anything where it never was."""
    ends_s: float
    known_s: float
    """When the question began that showed it waiting."""
    is_unkept: bool = False
    """Whether the database has yet to hear of its last poll."""
    has_expired: bool = False
    """Whether the database said that its time was up before anybody answered: it stays so."""


@final
class Polls:
    """Codes by hash, at most ``most``, and the clients that may use them."""

    def __init__(self, monotonic: Callable[[], float], *, most: int = MOST) -> None:
        self._monotonic: Final = monotonic
        self._most: Final = most
        self._codes: Final[dict[bytes, _Code]] = {}
        self._clients: frozenset[str] = frozenset()
        self._clients_s: float = _NEVER
        """When the question about them began."""
        self._ahead: float = 0.0
        """From this clock, in microseconds, to the database's: too little rather than too much."""
        self._is_learning: bool = False
        self._forgotten: Final[set[bytes]] = set()
        """While a question is under way."""
        self.answered: int = 0
        """Polls answered from memory."""

    def __len__(self) -> int:
        """How many codes are remembered."""
        return len(self._codes)

    def hear(self, device_code_hash: bytes, client_id: str) -> Told | None:
        """Count a poll, and say what the device hears; None where the database has to be asked."""
        code = self._codes.get(device_code_hash)
        now_s = self._monotonic()
        if (
            code is None
            or code.client_id != client_id
            or client_id not in self._clients
            or now_s - self._clients_s > USABLE_S
        ):
            return None
        if code.has_expired:
            self.answered += 1
            return Told.EXPIRED
        if now_s - code.known_s > USABLE_S or now_s >= code.ends_s:
            return None
        is_too_soon = now_s < code.polled_s + code.interval_s
        if is_too_soon:
            code.interval_s = slower(code.interval_s)
        code.polled_s = now_s
        code.is_unkept = True
        self.answered += 1
        return Told.SLOW_DOWN if is_too_soon else Told.PENDING

    def last(self, device_code_hash: bytes) -> tuple[Instant, int] | None:
        """When a device was heard here last, and its interval: the database may not know yet."""
        code = self._codes.get(device_code_hash)
        if code is None or code.polled_s == _NEVER:
            return None
        return Instant(int(code.polled_s * SECOND + self._ahead)), code.interval_s

    def forget(self, device_code_hash: bytes) -> None:
        """Something became of a code, or may have: the database has to be asked.

        Also for those whom a question is about that began before.
        """
        if self._is_learning:
            self._forgotten.add(device_code_hash)
        self._codes.pop(device_code_hash, None)

    def begin_learning(self) -> float:
        """Note that a question begins, and when; ``learn`` ends it.  One at a time."""
        self._is_learning = True
        return self._monotonic()

    def learn(self, found: Mapping[bytes, WaitingCode], *, begun_s: float) -> None:
        """Remember codes that a question showed, as far as there is room."""
        if found:
            self.set_clock(next(iter(found.values())).now)
        for device_code_hash, waiting in found.items():
            if device_code_hash in self._forgotten:
                continue
            known = self._codes.get(device_code_hash)
            if known is None and len(self._codes) >= self._most:
                continue
            polled_s = _before(begun_s, waiting.polled_ago_us)
            self._codes[device_code_hash] = _Code(
                client_id=sys.intern(waiting.client_id),
                interval_s=max(waiting.interval_s, known.interval_s if known else 0),
                polled_s=max(polled_s, known.polled_s if known else polled_s),
                ends_s=begun_s + waiting.left_us / SECOND,
                known_s=begun_s,
                is_unkept=known is not None and known.is_unkept,
            )
        self._is_learning = False
        self._forgotten.clear()

    def drop_ended(self) -> None:
        """Forget codes whose time has long been up."""
        over_s = self._monotonic() - _TOLD_S
        for device_code_hash in [
            each for each, code in self._codes.items() if over_s >= code.ends_s
        ]:
            del self._codes[device_code_hash]

    def set_clock(self, now: Instant) -> None:
        """Take over the database's clock, as an answer of this moment tells it."""
        self._ahead = now - self._monotonic() * SECOND

    def due(self) -> KnownPolls:
        """What the database has to be asked about so that it stays known."""
        asked_s = self._monotonic() - ASKED_AGAIN_S
        return self._told(
            [
                each
                for each, code in self._codes.items()
                if code.known_s <= asked_s and not code.has_expired
            ]
        )

    def take_unkept(self) -> KnownPolls:
        """The polls that the database has to hear of; if it does not, ``put_back``."""
        unkept = [each for each, code in self._codes.items() if code.is_unkept]
        for device_code_hash in unkept:
            self._codes[device_code_hash].is_unkept = False
        return self._told(unkept)

    def put_back(self, polls: KnownPolls) -> None:
        """Keep for later what the database did not take."""
        for device_code_hash in polls.hashes:
            code = self._codes.get(device_code_hash)
            if code is not None:
                code.is_unkept = True

    def confirm(
        self,
        asked: KnownPolls,
        changed: Mapping[bytes, ChangedCode],
        *,
        begun_s: float,
    ) -> None:
        """Take over what a question showed of codes that were known when it began."""
        for device_code_hash in asked.hashes:
            code = self._codes.get(device_code_hash)
            if code is None:
                continue
            new = changed.get(device_code_hash)
            if new is None:
                code.known_s = max(code.known_s, begun_s)
            elif new.has_expired:
                code.has_expired = True
                code.is_unkept = False
            elif not new.waits:
                del self._codes[device_code_hash]
            else:
                code.known_s = max(code.known_s, begun_s)
                code.interval_s = max(code.interval_s, new.interval_s)
                code.polled_s = max(code.polled_s, _before(begun_s, new.polled_ago_us))

    def client_ids(self) -> Collection[str]:
        """Whose codes are remembered."""
        return {code.client_id for code in self._codes.values()}

    def allows(self, client_ids: Collection[str]) -> bool:
        """Whether these clients are known to be allowed to poll."""
        # Early, so that they are still known when what was learnt with them is.
        is_fresh = self._monotonic() - self._clients_s <= USABLE_S / 2
        return is_fresh and self._clients.issuperset(client_ids)

    def allow(self, client_ids: Collection[str], *, begun_s: float) -> None:
        """From now on these clients may poll, and no others, as a question showed."""
        self._clients, self._clients_s = frozenset(client_ids), begun_s

    def _told(self, hashes: list[bytes]) -> KnownPolls:
        codes = [self._codes[each] for each in hashes]
        return KnownPolls(
            hashes=hashes,
            polled_s=[code.polled_s for code in codes],
            intervals_s=[code.interval_s for code in codes],
            ahead_s=self._ahead / SECOND,
        )


def _before(begun_s: float, ago_us: int | None) -> float:
    return _NEVER if ago_us is None else begun_s - ago_us / SECOND
