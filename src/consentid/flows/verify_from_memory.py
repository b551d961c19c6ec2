"""Judge a consent token by what this process knows, without a question to the database.

It says yes where the signature, the times and the audience hold, the token was made under the very
catalogue in force, and its place in the status list has not ended as of a look that began less
than a second ago.  Whatever narrows what a token says, ends its place in the same transaction; a
new catalogue does so later, so a token made under an older one is none of ours.  Where it cannot
tell, it says so, and the database is asked (``verify_token``).

Remembered are tokens whose signature held, in bounded number; never one that did not verify.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Final, final

import msgspec
from msgspec import UNSET

from consentid.flows.authenticate import Caller, authenticate
from consentid.flows.context import Context
from consentid.flows.counts import ACTIVE, NOBODY, NOT_GRANTED
from consentid.flows.note_read import note_read
from consentid.flows.read_buffer import ReadKind
from consentid.flows.target import default_audience
from consentid.flows.verify_token import VerifyOut, active_answer, decide, status_of
from consentid.flows.watch_revocations import Ground, RevocationWatch
from consentid.store.statuses import StatusIndex
from consentid.tokens.consent import MAX_LENGTH
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.verifying import LEEWAY_S
from consentid.verify.recent import Recent

REMEMBERED: Final = 8_192
"""Tokens, about two kilobytes each."""
CALLERS: Final = 1_024
CALLER_USABLE_S: Final = 1.0
"""An access token that was revoked, or expired, is believed for so long at most."""
CALLER_FRESH_S: Final = 0.5

_encoder: Final = msgspec.json.Encoder()
_INACTIVE: Final = VerifyOut(active=False)
_DENIED: Final = VerifyOut(active=False, decision="deny")
_INACTIVE_BODY: Final = _encoder.encode(_INACTIVE)
_DENIED_BODY: Final = _encoder.encode(_DENIED)
_DECISIONS: Final = {True: b',"decision":"allow"}', False: b',"decision":"deny"}'}


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A token whose signature held, on the ground and for the audience that it was judged for."""

    ground: Ground
    audience: str
    granted: frozenset[str]
    body: bytes
    """The answer as it is sent, but for a decision."""
    from_s: int
    exp_s: int
    place: StatusIndex
    client_id: str


class _KnownCaller(msgspec.Struct, frozen=True, kw_only=True):
    caller: Caller
    asked_at_s: float


@final
class Memory:
    """What one process remembers of tokens and callers.  Bounded."""

    def __init__(self, context: Context, watch: RevocationWatch) -> None:
        self._context: Final = context
        self._watch: Final = watch
        self._verdicts: Final = context.counts.verdicts
        self._tokens: Final[Recent[str, _Seen]] = Recent(REMEMBERED)
        self._callers: Final[Recent[str, _KnownCaller]] = Recent(CALLERS)
        self._asking: Final[dict[str, asyncio.Task[Caller]]] = {}
        self._epoch = 0
        self.recalled: int = 0
        """Answers from memory to tokens met before."""
        self.judged: int = 0
        """Answers from memory to tokens never met."""
        self.passed_on: int = 0
        """Questions that the database had to answer."""

    def known_caller(self, unverified_access_token: str) -> Caller | None:
        """Who holds an access token, where that was found out just now."""
        known = self._callers.find(unverified_access_token)
        if known is None or self._context.monotonic() - known.asked_at_s >= CALLER_FRESH_S:
            return None
        return known.caller

    async def caller(self, unverified_access_token: str) -> Caller:
        """Who holds an access token, as known for a second at most.

        Raises:
            UnauthenticatedError: it is not one of ours, or it has expired.
            UnavailableError: the database cannot be reached, and nothing is known.
        """
        known = self._callers.find(unverified_access_token)
        age_s = CALLER_USABLE_S if known is None else self._context.monotonic() - known.asked_at_s
        if known is not None and age_s < CALLER_FRESH_S:
            return known.caller
        asking = self._asking.get(unverified_access_token)
        if asking is None:
            asking = asyncio.create_task(self._ask(unverified_access_token))
            self._asking[unverified_access_token] = asking
            asking.add_done_callback(lambda task: self._asked(unverified_access_token, task))
        if known is not None and age_s < CALLER_USABLE_S:
            return known.caller
        # Others wait for it too: the one who gives up does not end it.
        return await asyncio.shield(asking)

    def forget_callers(self) -> None:
        """Ask anew who is calling: an access token may have ended in this very process."""
        self._epoch += 1
        self._callers.clear()

    def recall(
        self,
        caller: Caller,
        unverified_token: str,
        *,
        audience: str | None = None,
        purposes: Sequence[str] = (),
        at_least: str | None = None,
    ) -> bytes | None:
        """The answer for a caller, as JSON; None where the database has to be asked.

        It has to be where the caller knows of a change (``at_least``), or names an audience that
        is not its own.
        """
        ground = self._watch.ground()
        if ground is None or at_least is not None:
            self.passed_on += 1
            return None
        if audience is None:
            audience = default_audience(ground.book, caller.client)
        if audience is None or ground.parties.get(audience) != caller.client.party:
            self.passed_on += 1
            return None
        return self._verdict(ground, audience, caller.client.client_id, unverified_token, purposes)

    def recall_for(
        self, audience: str, unverified_token: str, purposes: Sequence[str]
    ) -> bytes | None:
        """The same for whoever guards an audience's pages; the read is the token's client's."""
        ground = self._watch.ground()
        if ground is None or audience not in ground.parties:
            self.passed_on += 1
            return None
        return self._verdict(ground, audience, None, unverified_token, purposes)

    def _verdict(
        self,
        ground: Ground,
        audience: str,
        client_id: str | None,
        unverified_token: str,
        purposes: Sequence[str],
    ) -> bytes | None:
        bare = not purposes
        now_s = self._watch.now_s()
        seen = self._tokens.find(unverified_token)
        if seen is None or seen.ground is not ground or seen.audience != audience:
            found = self._judge(ground, audience, unverified_token, now_s)
            if not isinstance(found, _Seen):
                return None if found is None else self._no(client_id or NOBODY, found.reason, bare)
            seen = found
            self.judged += 1
        else:
            self.recalled += 1
            if not seen.from_s <= now_s < seen.exp_s:
                self._tokens.forget(unverified_token)
                reason = Reason.EXPIRED if now_s >= seen.exp_s else Reason.NOT_YET_VALID
                return self._no(client_id or seen.client_id, reason, bare)
        place = seen.place
        ended = self._watch.has_ended(place.list_no, place.idx)
        if ended is None or place in self._context.suspects:
            self.passed_on += 1
            return None
        client_id = client_id or seen.client_id
        if ended:
            self._tokens.forget(unverified_token)
            return self._no(client_id, Reason.SUPERSEDED, bare)
        note_read(self._context, place, client_id, ReadKind.VERIFY)
        if bare:
            self._verdicts.add((client_id, ACTIVE))
            return seen.body
        may = decide(ground.book, ground.parties[audience], seen.granted, purposes)
        self._verdicts.add((client_id, ACTIVE if may else NOT_GRANTED))
        return seen.body[:-1] + _DECISIONS[may]

    def _no(self, client_id: str, reason: Reason, bare: bool) -> bytes:
        self._verdicts.add((client_id, reason))
        return _INACTIVE_BODY if bare else _DENIED_BODY

    async def _ask(self, unverified_access_token: str) -> Caller:
        asked_at_s, epoch = self._context.monotonic(), self._epoch
        caller = await authenticate(self._context, unverified_access_token)
        if epoch != self._epoch:
            return caller
        self._callers.put(
            unverified_access_token, _KnownCaller(caller=caller, asked_at_s=asked_at_s)
        )
        return caller

    def _asked(self, unverified_access_token: str, task: asyncio.Task[Caller]) -> None:
        del self._asking[unverified_access_token]
        if not task.cancelled() and task.exception() is not None:
            self._callers.forget(unverified_access_token)

    def _judge(
        self, ground: Ground, audience: str, unverified_token: str, now_s: float
    ) -> _Seen | Inactive | None:
        verified = ground.checkers[audience].check(unverified_token, now_s)
        if isinstance(verified, Inactive):
            return verified
        claims = verified.claims
        place = status_of(ground.book, claims)
        if place is None or claims.consent.cat != ground.book.catalogue.version:
            self.passed_on += 1
            return None
        from_s = claims.iat if claims.nbf is UNSET else max(claims.iat, claims.nbf)
        seen = _Seen(
            ground=ground,
            audience=audience,
            granted=ground.shared(claims.consent.g),
            body=_encoder.encode(active_answer(claims)),
            from_s=from_s - LEEWAY_S,
            exp_s=claims.exp,
            place=place,
            client_id=sys.intern(claims.client_id),
        )
        if len(unverified_token) <= MAX_LENGTH:
            self._tokens.put(unverified_token, seen)
        return seen
