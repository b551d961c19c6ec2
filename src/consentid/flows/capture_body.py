"""What a capture says, sealed: under the person's key, or one of its own until they are known.

Nobody can be erased whom nobody knows; so what is said of an unknown person has a key that can be
destroyed by itself.
"""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from consentid.core.capture import CaptureId, Evidence, EvidenceKind, Fate, Weighed
from consentid.core.decision import CatalogueVersion, Choice, Outcome
from consentid.core.purpose import PurposeId
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, seal_for
from consentid.keyring import wrapping
from consentid.kit.errors import GoneError
from consentid.kit.instants import Instant
from consentid.store.captures import CaptureRow

_BODY: Final = b"capture/1\0"


class NoticeSaid(msgspec.Struct, frozen=True, array_like=True):
    """Which text was read out or shown, and under which version of the catalogue."""

    id: str
    version: int
    language: str
    digest: bytes
    catalogue: int


class _Choice(msgspec.Struct, frozen=True, array_like=True):
    purpose: str
    outcome: Outcome
    fate: Fate


class _Evidence(msgspec.Struct, frozen=True, array_like=True):
    kind: EvidenceKind
    version: str
    reference: str | None
    digest: bytes | None


class CaptureBody(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of what was said."""

    operator: str
    """The client's own name for who keyed it in."""
    evidence_said: _Evidence
    notice: NoticeSaid
    choices_said: tuple[_Choice, ...]
    captured_at: int
    """As whoever captured it says."""

    @property
    def evidence(self) -> Evidence:
        """What shows that it was said."""
        said = self.evidence_said
        return Evidence(
            kind=said.kind, version=said.version, reference=said.reference, digest=said.digest
        )

    @property
    def weighed(self) -> tuple[Weighed, ...]:
        """The choices, and what becomes of each."""
        return tuple(
            Weighed(
                choice=Choice(purpose=PurposeId(each.purpose), outcome=each.outcome),
                fate=each.fate,
            )
            for each in self.choices_said
        )

    @property
    def catalogue(self) -> CatalogueVersion:
        """The version that the notice was shown under."""
        return CatalogueVersion(self.notice.catalogue)

    def weighed_anew(self, weighed: tuple[Weighed, ...]) -> "CaptureBody":
        """The same, with what becomes of each choice now."""
        return msgspec.structs.replace(self, choices_said=_said(weighed))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCapture:
    """A capture whose body is at hand for the length of one flow."""

    row: CaptureRow
    body: CaptureBody


def new_body(
    *,
    operator: str,
    evidence: Evidence,
    notice: NoticeSaid,
    weighed: tuple[Weighed, ...],
    captured_at: Instant,
) -> CaptureBody:
    """What is to be kept of a capture."""
    return CaptureBody(
        operator=operator,
        evidence_said=_Evidence(
            evidence.kind, evidence.version, evidence.reference, evidence.digest
        ),
        notice=notice,
        choices_said=_said(weighed),
        captured_at=captured_at,
    )


def seal_apart(context: Context, capture: CaptureId, body: CaptureBody) -> tuple[bytes, bytes]:
    """Seal what is said of somebody unknown: the placeholder's wrapped key, and the body."""
    key = wrapping.new_subject_key(context.randomness)
    wrapped = wrapping.wrap(
        context.keyring.master,
        capture.bytes,
        key,
        nonce=context.randomness(wrapping.NONCE_BYTES),
    )
    return wrapped, _seal(context, key, capture, body)


def seal_own(context: Context, subject: OpenSubject, capture: OpenCapture) -> OpenCapture:
    """A capture as its person's: sealed under their key, and erased with them."""
    row = replace(
        capture.row,
        subject=subject.id,
        wrapped_key=None,
        sealed=_seal(context, subject.key, capture.row.id, capture.body),
    )
    return replace(capture, row=row)


def open_body(context: Context, row: CaptureRow, subject: OpenSubject | None) -> CaptureBody:
    """What a capture says; ``subject`` is its person, where there is one.

    Raises:
        GoneError: it was shredded, or its person is being erased.
    """
    key = None if subject is None else subject.key
    if row.wrapped_key is not None:
        key = wrapping.unwrap(context.keyring.master, row.id.bytes, row.wrapped_key)
    if key is None or row.sealed is None:
        raise GoneError("capture_gone", "What was captured is kept no more.")
    opened = wrapping.open_sealed(key, row.sealed, aad=_BODY + row.id.bytes)
    return msgspec.msgpack.decode(opened, type=CaptureBody)


def _seal(context: Context, key: bytes, capture: CaptureId, body: CaptureBody) -> bytes:
    return seal_for(context, key, msgspec.msgpack.encode(body), aad=_BODY + capture.bytes)


def _said(weighed: tuple[Weighed, ...]) -> tuple[_Choice, ...]:
    return tuple(_Choice(each.choice.purpose, each.choice.outcome, each.fate) for each in weighed)
