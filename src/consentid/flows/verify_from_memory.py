"""Judge a consent token by what this process knows, without a question to the database.

It says yes where the signature, the times and the audience hold, the token was made under the very
catalogue in force, and its place in the status list has not ended as of a look that began less
than a second ago.  Whatever narrows what a token says, ends its place in the same transaction; a
new catalogue does so later, so a token made under an older one is none of ours.  Where it cannot
tell, as of a token by a key that came after the look, it says so, and the database is asked
(``verify_token``).

Remembered are tokens whose signature held, in bounded number; never one that did not verify.

Tokens never met before, and asked about in one turn of the loop, are judged together: all are read,
then all signatures are checked, one right after the other.  A check needs more of the processor's
cache than is left to it between other work, so in a row they take less time.  Where one that waited
for company found none, the next ones do not wait.
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
from consentid.tokens.consent import MAX_LENGTH, ConsentClaims
from consentid.tokens.jws import Unproven
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.verifying import LEEWAY_S, Verified
from consentid.verify.recent import Recent

REMEMBERED: Final = 8_192
"""Tokens, about two kilobytes each."""
JUDGED_TOGETHER: Final = 12
"""Tokens; then the loop is given to others.  A millisecond and a half."""
_BY_ITSELF: Final = 15
"""Tokens, after which one waits for company again: that costs two turns of the loop."""
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


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A token, and what to look at."""

    unverified_token: str
    caller: Caller | None
    """None: whoever guards the audience's pages; the read is then the token's client's."""
    audience: str | None = None
    """None: the caller's own."""
    purposes: Sequence[str] = ()
    at_least: str | None = None
    """What the caller knows of a change; the database alone can tell then."""


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
        self._waiting: list[tuple[Asked, asyncio.Future[bytes | None]]] = []
        self._by_itself = 0
        """How many are judged without waiting for company: the last that waited found none."""
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

    async def recall(self, asked: Asked) -> bytes | None:
        """The answer as JSON; None where the database has to be asked.

        It has to be where the caller knows of a change, or names an audience that is not its own.
        """
        ground = self._watch.ground()
        audience = None if ground is None else _audience_of(ground, asked)
        if ground is None or audience is None:
            self.passed_on += 1
            return None
        seen = self._find(ground, audience, asked.unverified_token)
        if seen is not None:
            return self._recalled(ground, audience, asked, seen, self._watch.now_s())
        if self._by_itself and not self._waiting:
            self._by_itself -= 1
            return self.recall_all((asked,))[0]
        loop = asyncio.get_running_loop()
        told: asyncio.Future[bytes | None] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._judge_waiting)
        self._waiting.append((asked, told))
        return await told

    def recall_all(self, asked: Sequence[Asked]) -> list[bytes | None]:
        """The answers in order, as for each alone; a tenth of a millisecond for each at most."""
        ground, now_s = self._watch.ground(), self._watch.now_s()
        answers: list[bytes | None] = [None] * len(asked)
        opened: list[tuple[int, str, Unproven[ConsentClaims] | Inactive]] = []
        for place, each in enumerate(asked):
            audience = None if ground is None else _audience_of(ground, each)
            if ground is None or audience is None:
                self.passed_on += 1
                continue
            seen = self._find(ground, audience, each.unverified_token)
            if seen is not None:
                answers[place] = self._recalled(ground, audience, each, seen, now_s)
            else:
                found = ground.checkers[audience].open(each.unverified_token)
                opened.append((place, audience, found))
        proven = [not isinstance(found, Inactive) and found.is_proven() for *_, found in opened]
        if ground is not None:
            for (place, audience, found), is_proven in zip(opened, proven, strict=True):
                verified = (
                    found
                    if isinstance(found, Inactive)
                    else ground.checkers[audience].conclude(found, now_s, is_proven=is_proven)
                )
                answers[place] = self._judged(ground, audience, asked[place], verified)
        return answers

    def _judge_waiting(self) -> None:
        waiting, self._waiting = self._waiting[:JUDGED_TOGETHER], self._waiting[JUDGED_TOGETHER:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._judge_waiting)
        elif len(waiting) == 1:
            self._by_itself = _BY_ITSELF
        try:
            answers = self.recall_all([asked for asked, _ in waiting])
        except Exception as error:  # noqa: BLE001 - it is told to whoever asked
            for _, told in waiting:
                if not told.done():
                    told.set_exception(error)
            return
        for (_, told), answer in zip(waiting, answers, strict=True):
            if not told.done():
                told.set_result(answer)

    def _find(self, ground: Ground, audience: str, unverified_token: str) -> _Seen | None:
        seen = self._tokens.find(unverified_token)
        if seen is None or seen.ground is not ground or seen.audience != audience:
            return None
        return seen

    def _recalled(
        self, ground: Ground, audience: str, asked: Asked, seen: _Seen, now_s: float
    ) -> bytes | None:
        self.recalled += 1
        if not seen.from_s <= now_s < seen.exp_s:
            self._tokens.forget(asked.unverified_token)
            reason = Reason.EXPIRED if now_s >= seen.exp_s else Reason.NOT_YET_VALID
            return self._no(asked, seen.client_id, reason)
        return self._verdict(ground, audience, asked, seen)

    def _judged(
        self, ground: Ground, audience: str, asked: Asked, verified: Verified | Inactive
    ) -> bytes | None:
        if isinstance(verified, Inactive):
            if (
                verified.reason is Reason.UNKNOWN_KEY
                and self._context.keyring is not ground.keyring
            ):
                self.passed_on += 1  # other keys sign since the last look
                return None
            return self._no(asked, NOBODY, verified.reason)
        seen = _seen(ground, audience, verified.claims)
        if seen is None:
            self.passed_on += 1
            return None
        self.judged += 1
        if len(asked.unverified_token) <= MAX_LENGTH:
            self._tokens.put(asked.unverified_token, seen)
        return self._verdict(ground, audience, asked, seen)

    def _verdict(self, ground: Ground, audience: str, asked: Asked, seen: _Seen) -> bytes | None:
        place = seen.place
        ended = self._watch.has_ended(place.list_no, place.idx)
        if ended is None or place in self._context.suspects:
            self.passed_on += 1
            return None
        if ended:
            self._tokens.forget(asked.unverified_token)
            return self._no(asked, seen.client_id, Reason.SUPERSEDED)
        client_id = seen.client_id if asked.caller is None else asked.caller.client.client_id
        note_read(self._context, place, client_id, ReadKind.VERIFY)
        if not asked.purposes:
            self._verdicts.add((client_id, ACTIVE))
            return seen.body
        may = decide(ground.book, ground.parties[audience], seen.granted, asked.purposes)
        self._verdicts.add((client_id, ACTIVE if may else NOT_GRANTED))
        return seen.body[:-1] + _DECISIONS[may]

    def _no(self, asked: Asked, client_id: str, reason: Reason) -> bytes:
        """``client_id`` counts where nobody says who asks."""
        known = client_id if asked.caller is None else asked.caller.client.client_id
        self._verdicts.add((known, reason))
        return _DENIED_BODY if asked.purposes else _INACTIVE_BODY

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


def _audience_of(ground: Ground, asked: Asked) -> str | None:
    """Whom the token has to be for; None where memory may not tell."""
    audience, caller = asked.audience, asked.caller
    if caller is None:
        return audience if audience in ground.parties else None
    if asked.at_least is not None:
        return None
    if audience is None:
        audience = default_audience(ground.book, caller.client)
    if audience is None or ground.parties.get(audience) != caller.client.party:
        return None
    return audience


def _seen(ground: Ground, audience: str, claims: ConsentClaims) -> _Seen | None:
    """What is remembered of a token; None where it is of a configuration that was replaced."""
    place = status_of(ground.book, claims)
    if place is None or claims.consent.cat != ground.book.catalogue.version:
        return None
    from_s = claims.iat if claims.nbf is UNSET else max(claims.iat, claims.nbf)
    return _Seen(
        ground=ground,
        audience=audience,
        granted=ground.shared(claims.consent.g),
        body=_encoder.encode(active_answer(claims)),
        from_s=from_s - LEEWAY_S,
        exp_s=claims.exp,
        place=place,
        client_id=sys.intern(claims.client_id),
    )
