"""From a token to an answer with what is at hand, or what has to be fetched before one is known.

Tokens that were verified are remembered, in bounded number, so that a repetition costs no
signature check.  Remembered is that the signature held for these very keys and what was said under
it; expiry, the keys in force and the bit in the status list are looked at every time.
"""

from typing import Final, final

import msgspec
from msgspec import UNSET

from consentid.tokens.consent import MAX_LENGTH, ConsentClaims
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.status import VerifiedList
from consentid.tokens.verifying import LEEWAY_S, Checker, untimeliness
from consentid.verify.answer import Active, answer
from consentid.verify.documents import Document
from consentid.verify.issuers import owns_list
from consentid.verify.publication import Keys, Publication
from consentid.verify.recent import Recent

REMEMBERED: Final = 4_096
"""Tokens, a few kilobytes each."""


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """A document without which there is no yes; ``reason`` is the answer until it is here."""

    document: Document[Keys] | Document[VerifiedList]
    reason: Reason


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A token whose signature held for the keys of ``checker``."""

    checker: Checker
    claims: ConsentClaims
    active: Active
    document: Document[VerifiedList]
    idx: int
    from_s: int
    exp_s: int


@final
class Judge:
    """Judges tokens by what an issuer publishes.  Never waits.  Safe for threads."""

    def __init__(self, publication: Publication, *, remembered: int = REMEMBERED) -> None:
        self._publication: Final = publication
        self._keys: Final = publication.keys
        self._seen: Final[Recent[str, _Seen]] = Recent(remembered)

    def judge(self, unverified_token: str, now_s: float) -> Active | Inactive | Wanted:
        """The answer at an instant, or what is wanting."""
        kept = self._keys.kept
        if kept is None or not kept.fetched_at_s <= now_s < kept.fresh_until_s:
            if kept is None or not kept.is_usable(now_s):
                return Wanted(self._keys, Reason.KEYS_UNAVAILABLE)
            self._publication.renew(self._keys, now_s)
        checker = kept.value.checker
        seen = self._seen.find(unverified_token)
        if seen is None or seen.checker is not checker:
            found = self._check(unverified_token, checker, now_s)
            if not isinstance(found, _Seen):
                return found
            seen = found
            # We issue none that is longer; a memory of those would be a large one.
            if len(unverified_token) <= MAX_LENGTH:
                self._seen.put(unverified_token, seen)
        elif not seen.from_s <= now_s < seen.exp_s:
            self._seen.forget(unverified_token)
            return Inactive(untimeliness(seen.claims, now_s) or Reason.NOT_YET_VALID)
        return self._status(unverified_token, seen, now_s, fetched_at_s=kept.fetched_at_s)

    def _check(
        self, unverified_token: str, checker: Checker, now_s: float
    ) -> _Seen | Inactive | Wanted:
        verified = checker.check(unverified_token, now_s)
        if isinstance(verified, Inactive):
            if verified.reason is Reason.UNKNOWN_KEY and self._publication.may_look_again(now_s):
                return Wanted(self._keys, Reason.UNKNOWN_KEY)
            return verified
        ref = verified.claims.status.status_list
        if not owns_list(self._publication.issuer, ref.uri):
            return Inactive(Reason.FOREIGN_STATUS_LIST)
        claims = verified.claims
        from_s = claims.iat if claims.nbf is UNSET else max(claims.iat, claims.nbf)
        return _Seen(
            checker=checker,
            claims=claims,
            active=answer(claims),
            document=self._publication.list_at(ref.uri),
            idx=ref.idx,
            from_s=from_s - LEEWAY_S,
            exp_s=claims.exp,
        )

    def _status(
        self, unverified_token: str, seen: _Seen, now_s: float, *, fetched_at_s: float
    ) -> Active | Inactive | Wanted:
        """``fetched_at_s`` is when the keys were, or were found to be the same still."""
        document = seen.document
        kept = document.kept
        if kept is None or not kept.fetched_at_s <= now_s < kept.fresh_until_s:
            if kept is None or not kept.is_usable(now_s):
                return Wanted(document, Reason.STATUS_UNAVAILABLE)
            self._publication.renew(document, now_s)
        if kept.value.is_set(seen.idx):
            self._seen.forget(unverified_token)
            return Inactive(Reason.SUPERSEDED)
        if now_s - fetched_at_s >= self._publication.keys_believed_s:
            return Wanted(self._keys, Reason.KEYS_UNAVAILABLE)
        return seen.active
