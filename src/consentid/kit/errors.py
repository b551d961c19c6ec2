"""One root for all errors, families by what the caller can do.

Each error carries a stable ``code`` that integrators may match on, and a message that names the
offending value's place and what would be right.  A message never shows a secret, a token or a
subject.  HTTP statuses live in ``web/problems.py`` only.
"""

from typing import Final

_MENDED_S: Final = 3_600


class ConsentidError(Exception):
    """The root.  ``code`` is stable; ``where`` points at the offending value, if there is one."""

    def __init__(self, code: str, message: str, *, where: str | None = None) -> None:
        super().__init__(message)
        self.code: str = code
        self.message: str = message
        self.where: str | None = where


class MalformedError(ConsentidError):
    """The request cannot be right as it stands: correct it."""


class BadCursorError(MalformedError):
    """A cursor is not one of this caller's, or of a place that there is not."""


class UnauthenticatedError(ConsentidError):
    """Nobody, or nobody we know, is calling: authenticate."""


class ForbiddenError(ConsentidError):
    """The caller is known and may not do this: ask for the right to."""


class NotFoundError(ConsentidError):
    """The named thing does not exist, or not for this caller."""


class ConflictError(ConsentidError):
    """The request clashes with what is true now: read again, then retry."""


class GoneError(ConsentidError):
    """The named thing existed and is gone for good."""


class RateLimitedError(ConsentidError):
    """Too many requests: wait ``retry_after_s`` seconds."""

    def __init__(self, code: str, message: str, *, retry_after_s: int) -> None:
        super().__init__(code, message)
        self.retry_after_s: int = retry_after_s


class UnavailableError(ConsentidError):
    """We cannot answer now: retry after ``retry_after_s`` seconds."""

    def __init__(self, code: str, message: str, *, retry_after_s: int) -> None:
        super().__init__(code, message)
        self.retry_after_s: int = retry_after_s


class UnreadableError(UnavailableError):
    """What is stored cannot be read: changed since, of a later release, or under another key.

    Somebody has to mend it, who finds it by ``consentid ledger verify``; ``where`` is what it is.
    """

    def __init__(self, code: str, message: str, *, where: str | None = None) -> None:
        super().__init__(code, message, retry_after_s=_MENDED_S)
        self.where: str | None = where


def said_by(error: ConsentidError) -> str | None:
    """What stopped us from answering, in the first line of its own words; None: it said nothing.

    For whoever runs us: names of hosts and roles may be among it.
    """
    if not isinstance(error, UnavailableError) or error.__cause__ is None:
        return None
    cause: BaseException = getattr(error.__cause__, "orig", None) or error.__cause__
    return (str(cause).splitlines() or [""])[0] or None
