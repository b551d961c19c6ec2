"""Verify with keys and status lists from files, for networks that reach nothing."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Self

from consentid.kit.errors import MalformedError, NotFoundError
from consentid.tokens import jwks, status
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.verifying import Checker
from consentid.verify.answer import Active, answer
from consentid.verify.issuers import check_issuer, owns_list


class OfflineVerifier:
    """Verifies consent tokens of one issuer for one audience, with what it was given.

    ``jwks_document`` is the issuer's ``/jwks.json``; ``unverified_lists`` are its status lists as
    fetched, at least one.  A list is believed for ``max_list_age_s`` from its signing, never past
    its expiry.  Without ``issuer``, it is the one whose lists they are.

    Raises:
        MalformedError: no list, or a list or key set that does not verify.
    """

    def __init__(
        self,
        *,
        audience: str,
        jwks_document: bytes,
        unverified_lists: Iterable[str],
        issuer: str | None = None,
        max_list_age_s: int = status.TTL_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now: Final = now
        keys = jwks.read_keys(jwks_document)
        now_s = now()
        lists: dict[str, status.VerifiedList] = {}
        for index, unverified_list in enumerate(unverified_lists):
            found = status.open_list(unverified_list.strip(), keys=keys, now_s=now_s)
            if isinstance(found, Inactive):
                raise MalformedError(
                    "bad_status_list",
                    f"the status list does not verify: {found.reason}",
                    where=f"status list {index + 1}",
                )
            known = lists.get(found.uri)
            if known is None or known.iat_s < found.iat_s:
                lists[found.uri] = found
        if not lists:
            raise MalformedError("no_status_list", "give at least one status list")
        self._issuer: Final = _issuer_of(lists) if issuer is None else issuer
        check_issuer(self._issuer)
        # Another issuer's lists say nothing of this one's tokens.
        self._lists: Final = {
            uri: (min(found.exp_s, found.iat_s + max_list_age_s), found)
            for uri, found in lists.items()
            if owns_list(self._issuer, uri)
        }
        self._checker: Final = Checker(keys=keys, issuer=self._issuer, audience=audience)

    @classmethod
    def from_files(
        cls,
        *,
        audience: str,
        jwks_file: Path,
        status_list_files: Iterable[Path],
        issuer: str | None = None,
        max_list_age_s: int = status.TTL_S,
        now: Callable[[], float] = time.time,
    ) -> Self:
        """Build a verifier from files.

        Raises:
            NotFoundError: a file cannot be read.
            MalformedError: as for the class, or a file is too large.
        """
        return cls(
            audience=audience,
            jwks_document=_read(jwks_file, jwks.MAX_JWKS_BYTES),
            unverified_lists=[
                _read(file, status.MAX_TOKEN_LENGTH).decode("ascii", "replace")
                for file in status_list_files
            ],
            issuer=issuer,
            max_list_age_s=max_list_age_s,
            now=now,
        )

    def verify(self, unverified_token: str) -> Active | Inactive:
        """Verify a token and its status.  Never raises for a token; any doubt is a no."""
        now_s = self._now()
        verified = self._checker.check(unverified_token, now_s)
        if isinstance(verified, Inactive):
            return verified
        claims = verified.claims
        ref = claims.status.status_list
        kept = self._lists.get(ref.uri)
        if kept is None:
            is_own = owns_list(self._issuer, ref.uri)
            return Inactive(Reason.STATUS_UNAVAILABLE if is_own else Reason.FOREIGN_STATUS_LIST)
        usable_until_s, found = kept
        if usable_until_s <= now_s:
            return Inactive(Reason.STATUS_UNAVAILABLE)
        if found.is_set(ref.idx):
            return Inactive(Reason.SUPERSEDED)
        return answer(claims)

    def allows(self, unverified_token: str, purpose: str) -> bool:
        """Whether the token is active and grants this very purpose.  Any doubt is a no."""
        verified = self.verify(unverified_token)
        return isinstance(verified, Active) and verified.allows(purpose)


def _issuer_of(uris: Iterable[str]) -> str:
    named = {uri.rpartition(status.PATH)[0] for uri in uris}
    if len(named) != 1:
        raise MalformedError("bad_status_list", "the status lists are not of one issuer")
    return named.pop()


def _read(file: Path, max_bytes: int) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(max_bytes + 1)
    except OSError as error:
        raise NotFoundError(
            "file_unreadable", f"{file} cannot be read: {error.strerror}", where=str(file)
        ) from error
    if len(content) > max_bytes:
        raise MalformedError("file_too_large", f"{file} is over {max_bytes} bytes", where=str(file))
    return content
