"""All that is known of a key in wrong hands: what was issued meanwhile, and what of it is forged.

Whom it was issued for is named where that is asked for, and each of them sees that it was.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.judge_signed import Judged, judge_signed, keys_ever
from consentid.flows.show_affected import (
    IssuedRow,
    Window,
    find_window,
    issued_within,
    note_listed,
)
from consentid.kit.instants import Instant, to_rfc3339

_NOT_OURS: Final = "no signature of ours"
_OURS: Final = "ours"
_FORGED: Final = "forged"


class IssuedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What one client was given meanwhile."""

    client_id: str
    tokens: int
    people: int


class IssuedTokenOut(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that one client was given of one person within an hour."""

    hour: str
    client_id: str
    sub: str
    """The person, as that client's brand or partner knows them."""
    times: int


class JudgedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one token or status list."""

    kind: str
    """`consent token`, `status list` or `unknown`."""
    verdict: str
    """`ours`, `forged`, or `no signature of ours`."""
    issued_here: bool
    notes: list[str]
    """What it rests on, in English."""


class AffectedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the time in which a key was in wrong hands."""

    kid: str
    since: str
    until: str
    issued: list[IssuedOut]
    """By client, of all keys that signed then."""
    tokens: list[IssuedTokenOut]
    """By hour, where that was asked for."""
    next: int | None
    """How many to skip for those that follow; null where these are the last."""
    judged: list[JudgedOut]
    """What was handed in, in that order."""

    @property
    def is_forged(self) -> bool:
        """Whether something bears our signature that we did not make."""
        return any(each.verdict == _FORGED for each in self.judged)


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the issued tokens are named."""

    skip: int = 0
    most: int | None = None


async def find_affected(
    context: Context,
    connection: AsyncConnection,
    kid: str,
    *,
    begin: Instant | None,
    end: Instant | None,
    unverified: Sequence[str],
    listing: Listing | None,
) -> AffectedOut:
    """Count, name and judge; ``connection`` only reads.  ``listing`` None: nobody is named.

    Raises:
        NotFoundError: the key was not revoked, and no begin is given.
        UnavailableError: the database cannot be reached.
    """
    window = await find_window(connection, kid, begin=begin, end=end)
    tokens: Counter[str] = Counter()
    people: defaultdict[str, set[str]] = defaultdict(set)
    named: list[IssuedRow] = []
    seen, more = 0, False
    async for row in issued_within(context, connection, window):
        tokens[row.client_id] += row.times
        people[row.client_id].add(row.sub)
        if listing is not None and seen >= listing.skip:
            more = len(named) == listing.most
            named += [] if more else [row]
        seen += 1
    keys = await keys_ever(context, connection)
    judged = [await judge_signed(context, connection, keys, each) for each in unverified]
    await note_listed(context, {row.subject for row in named})
    return AffectedOut(
        kid=kid,
        since=to_rfc3339(window.begin),
        until=to_rfc3339(window.end),
        issued=[
            IssuedOut(client_id=client, tokens=times, people=len(people[client]))
            for client, times in sorted(tokens.items())
        ],
        tokens=[
            IssuedTokenOut(
                hour=to_rfc3339(row.hour), client_id=row.client_id, sub=row.sub, times=row.times
            )
            for row in named
        ],
        next=listing.skip + len(named) if listing is not None and more else None,
        judged=[_out(kid, window, each) for each in judged],
    )


def _out(kid: str, window: Window, judged: Judged) -> JudgedOut:
    """One word, and what it rests on."""
    verdict, notes = _NOT_OURS, list[str]()
    if judged.kid is not None:
        verdict = _FORGED if judged.is_forged else _OURS
        notes += [*judged.faults]
        if judged.left_open is not None:
            notes.append(judged.left_open)
        if judged.kid != kid:
            notes.append(f"signed by another key, {judged.kid}")
        if judged.signed_at is not None and not window.begin <= judged.signed_at <= window.end:
            notes.append("it names an instant outside the window")
        if judged.is_forged and not judged.is_issued:
            notes.insert(0, "it was not issued here")
    return JudgedOut(kind=judged.kind, verdict=verdict, issued_here=judged.is_issued, notes=notes)
