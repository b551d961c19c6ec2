"""The consistency token: nobody has to act on a state older than the one they know.

It seals how many decisions a subject had made.  Opaque, and good in one sector only, so two brands
cannot join people by it.  Spec: the zookie of Zanzibar, section 2.2.
"""

import msgspec

from consentid.core.party import Party
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.session import Session
from consentid.kit.errors import MalformedError, UnavailableError


class _Consistency(msgspec.Struct, frozen=True, array_like=True):
    subject: bytes
    version: int


def consistency_of(context: Context, party: Party, subject: OpenSubject) -> str:
    """The token for what a subject has decided up to now."""
    return seal_reference(
        context,
        ReferenceKind.CONSISTENCY,
        holder=str(party),
        content=_Consistency(subject=subject.id.bytes, version=subject.version),
    )


def check_at_least(
    context: Context, party: Party, session: Session, unverified: str | None
) -> None:
    """Make sure that what was read is not older than what the caller knows.

    Raises:
        MalformedError: the token is not of this sector, or of another subject.
        UnavailableError: what was read is older.
    """
    if unverified is None:
        return
    known = open_reference(
        context,
        ReferenceKind.CONSISTENCY,
        unverified,
        holder=str(party),
        into=_Consistency,
    )
    if known.subject != session.subject.id.bytes:
        raise MalformedError(
            "bad_consistency", "This consistency token is about another subject.", where="at_least"
        )
    if session.subject.version < known.version:
        raise UnavailableError(
            "not_yet_consistent", "This node has not seen that change yet.", retry_after_s=1
        )
