"""A receiver's check of what comes in: signature, freshness, duplicates.

The hub may deliver an event more than once, always with the same id.  Where a receiver has several
processes, it gives ``seen`` a place that they share.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, final

import msgspec

from consentid.webhooks.signature import (
    ID,
    SIGNATURE,
    TIMESTAMP,
    BadWebhookError,
    check_key,
    is_signed,
)

TOLERANCE_S: Final = 300
_MOST_ID: Final = 256
_MOST_BYTES: Final = 1_048_576
_REMEMBERED: Final = 100_000


class Seen(Protocol):
    """Remembers ids; safe to ask from several threads."""

    def add(self, id_: str) -> bool:
        """Remember one; whether it is new."""
        ...

    def forget(self, id_: str) -> None:
        """Whoever took it could not do it: let it come again."""
        ...


@final
class InMemory:
    """The last hundred thousand, in this process."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most: Final = most
        self._ids: Final[OrderedDict[str, None]] = OrderedDict()
        self._lock: Final = threading.Lock()

    def add(self, id_: str) -> bool:
        """Remember one; whether it is new."""
        with self._lock:
            if id_ in self._ids:
                return False
            self._ids[id_] = None
            if len(self._ids) > self._most:
                self._ids.popitem(last=False)
            return True

    def forget(self, id_: str) -> None:
        """Let it come again."""
        with self._lock:
            self._ids.pop(id_, None)


@final
class Receiver:
    """Checks webhooks with one or more keys; while secrets change, give both."""

    def __init__(
        self,
        *keys: str,
        seen: Seen | None = None,
        tolerance_s: int = TOLERANCE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``keys``: ``whsec_...`` or ``whpk_...``, as ``consentid webhooks add`` showed them.

        Raises:
            MalformedError: one of them is neither, or there is none.
        """
        if not keys:
            raise BadWebhookError("bad_webhook_key", "A receiver needs a key.")
        for key in keys:
            check_key(key)
        self._keys: Final = keys
        self._seen: Final[Seen] = InMemory() if seen is None else seen
        self._tolerance_s: Final = tolerance_s
        self._clock: Final = clock

    def receive(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
        """The event; None where it was here before: answer 204 either way.

        Where doing it fails, ``forget`` its id and answer 500: it comes again.

        Raises:
            BadWebhookError: it is not signed by the hub, or not lately.
        """
        named = {name.lower(): value for name, value in headers.items()}
        id_, timestamp, signatures = (named.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
        if not id_ or len(id_) > _MOST_ID or len(body) > _MOST_BYTES:
            raise BadWebhookError("bad_webhook", "An id is missing, or all is too long.")
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > len("9" * 12):
            raise BadWebhookError("bad_webhook", "The timestamp is missing or no number.")
        if abs(self._clock() - int(timestamp)) > self._tolerance_s:
            raise BadWebhookError("stale_webhook", "It was sent too long ago, or is yet to be.")
        if not any(
            is_signed(key, id_=id_, timestamp=timestamp, body=body, signatures=signatures)
            for key in self._keys
        ):
            raise BadWebhookError("bad_signature", "None of its signatures is of a known key.")
        event = msgspec.json.decode(body, type=dict[str, Any])
        return event if self._seen.add(id_) else None

    def forget(self, id_: str) -> None:
        """Let an event come again that could not be done."""
        self._seen.forget(id_)
