"""What the tokens of a row say, sealed under the subject's key, and the revision they carry."""

from collections.abc import Callable
from typing import Final

import msgspec

from consentid.core.purpose import PurposeId
from consentid.core.saying import Saying
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, seal_for
from consentid.keyring import wrapping
from consentid.store.statuses import AudienceState

_SAYING: Final = b"saying/1\0"
_START: Final = 2**30
_STEP: Final = 2**13


class _Lists(msgspec.Struct, frozen=True, kw_only=True):
    yes: tuple[str, ...]
    no: tuple[str, ...]
    is_shown: bool = True
    assisted: tuple[str, ...] = ()


def seal_saying(
    context: Context, subject: OpenSubject, audience: str, saying: Saying, *, is_shown: bool
) -> bytes:
    """Seal what a row says, and whether a token has said it."""
    lists = _Lists(yes=saying.yes, no=saying.no, is_shown=is_shown, assisted=saying.assisted)
    return seal_for(context, subject.key, msgspec.msgpack.encode(lists), aad=_bound_to(audience))


def open_saying(subject: OpenSubject, state: AudienceState) -> Saying:
    """What the tokens of a row say.

    Raises:
        UnreadableError: it was changed.
    """
    return open_shown(subject, state)[0]


def open_shown(subject: OpenSubject, state: AudienceState) -> tuple[Saying, bool]:
    """The same, and whether a token has said it.

    Raises:
        UnreadableError: it was changed.
    """
    body = wrapping.open_sealed(subject.key, state.sealed, aad=_bound_to(state.audience))
    lists = msgspec.msgpack.decode(body, type=_Lists)
    saying = Saying(
        yes=tuple(PurposeId(purpose) for purpose in lists.yes),
        no=tuple(PurposeId(purpose) for purpose in lists.no),
        assisted=tuple(PurposeId(purpose) for purpose in lists.assisted),
    )
    return saying, lists.is_shown


def first_revision(draw: Callable[[int], int]) -> int:
    """Where a row's revisions start: anywhere.

    A count of somebody's changes would be alike at every partner, and tell whom they have in
    common.  Beside where it starts, what it rises by is nothing; a hundred thousand changes stay
    below 2^31, as the size of tokens is reckoned.
    """
    return 1 + draw(_START)


def raised(rev: int, draw: Callable[[int], int], *, was_shown: bool) -> int:
    """The revision after one.

    Of changes that no token showed, the least is added: from one token to the next it is a step of
    any size, so what it rises by does not count them either.
    """
    return rev + 1 + (draw(_STEP) if was_shown else 0)


def _bound_to(audience: str) -> bytes:
    return _SAYING + audience.encode()
