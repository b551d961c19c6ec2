"""The closed set of events.  Spec: CloudEvents 1.0.2, its JSON format, its sequence extension."""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

MEDIA_TYPE: Final = "application/cloudevents+json"
VERSION: Final = "1.1.0"
"""Of the contract as a whole.  A new member is a minor step, anything else a new type."""
_TYPE: Final = "consentid.{kind}.v1"

Sub: TypeAlias = Annotated[
    str, Meta(min_length=22, max_length=22, description="The person, in the receiver's sector.")
]
Id: TypeAlias = Annotated[str, Meta(min_length=22, max_length=22)]
Time: TypeAlias = Annotated[str, Meta(description="RFC 3339, UTC.")]
PartyText: TypeAlias = Annotated[
    str, Meta(pattern="^(brand|partner)/", examples=["brand/news", "partner/reach"])
]


class Kind(StrEnum):
    """What an event is about: the middle of its type, and what a filter names."""

    CONSENT = "consent"
    LINK = "link"
    REVOCATION = "revocation"
    CAPTURE = "capture"
    ERASURE = "erasure"
    ERASED = "erased"
    CATALOGUE = "catalogue"
    TEST = "test"

    @property
    def type(self) -> str:
        """As the envelope says it."""
        return _TYPE.format(kind=self.value)


class Cause(StrEnum):
    """Why somebody's consent is told."""

    DECISION = "decision"
    """The person decided."""
    SIGNAL = "signal"
    """A signal of the person's browser decided."""
    CLAIM = "claim"
    """An account adopted what was decided on a device."""
    MET = "met"
    """The person is new to the receiver: what held already is told."""
    RESTATED = "restated"
    """Nobody decided; the catalogue changed, or what the portal says of the person's age."""


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """What may be acted on, as a consent token says it; what is in neither list is a no."""

    granted: list[str]
    refused: list[str]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one brand or partner, before and after."""

    party: PartyText
    """Whose consent it is."""
    via: list[PartyText]
    """Over whom it was passed on to the receiver, the receiver last; empty for its own."""
    revision: int
    """Rises with each change of this entry: ignore what is below the one you hold."""
    before: Lists | None
    """What the receiver was told last; null where it is told for the first time."""
    after: Lists
    ends_at: Time | None
    """When the first yes ends by itself, to the hour, rounded down."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one brand or partner now."""

    party: PartyText
    via: list[PartyText]
    revision: int
    """As in ``Effect``."""
    now: Lists
    ends_at: Time | None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose, and what was chosen."""

    purpose: str
    outcome: Annotated[str, Meta(pattern="^(granted|refused)$")]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, as far as it concerns the receiver."""

    decision: Id
    """As ``/v1/history`` and receipts name it."""
    recorded_at: Time
    """To the day where it was recorded by another brand's or partner's client."""
    reach: Annotated[str, Meta(pattern="^(group|brand|partner)$")]
    choices: list[Choice]
    assurance: str
    channel: str
    signal: str | None
    adopted: bool
    here: bool
    """Whether it was recorded by a client of the receiver's own brand or partner."""


class ConsentData(msgspec.Struct, frozen=True, kw_only=True):
    """A change of somebody's consent."""

    cause: Cause
    effective: list[Effect]
    decisions: list[Decision]
    """Why; empty where nobody decided, or where it is not the receiver's to know."""
    catalogue: int
    """The version of the configuration that it was judged by."""


class LinkData(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody signed in on a device through the receiver.  Account choices hold meanwhile."""

    device: Sub
    """The device, which keeps choices of its own for when nobody is signed in."""


class RevocationData(msgspec.Struct, frozen=True, kw_only=True):
    """A client of the receiver's own gave a token back.  Consent stays as it is."""

    client_id: str
    token: Annotated[str, Meta(pattern="^(access|refresh)$")]


class CaptureData(msgspec.Struct, frozen=True, kw_only=True):
    """The person confirmed what was captured elsewhere for the receiver or by it, or said no."""

    capture: str
    """As whoever captured it was told."""
    party: PartyText
    """For whom it was captured."""
    state: Annotated[str, Meta(pattern="^(confirmed|refused|disputed)$")]
    """Disputed: the person says that they never said it; what was granted is refused."""


class ErasureData(msgspec.Struct, frozen=True, kw_only=True):
    """The person was erased: erase what you hold under this ``subject``, and act on nothing."""


class ErasedData(msgspec.Struct, frozen=True, kw_only=True):
    """What stood here was about a person who was erased since.  Its place is kept, nothing else."""


class CatalogueData(msgspec.Struct, frozen=True, kw_only=True):
    """Another configuration is in force.  What it changes for anybody is told by itself."""

    catalogue: int


class TrialData(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing happened: somebody tries an endpoint.  In no feed."""

    message: str


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    id: Id
    """The receiver's own; the same at each delivery."""
    source: str
    """The issuer."""
    time: Time
    sequence: Annotated[str, Meta(pattern="^[0-9]{16}$")]
    """The receiver's own, gap-free, from 1."""
    specversion: Annotated[str, Meta(pattern="^1\\.0$")] = "1.0"
    datacontenttype: Annotated[str, Meta(pattern="^application/json$")] = "application/json"


class ConsentEvent(_Envelope, frozen=True, kw_only=True, tag=Kind.CONSENT.type):
    """Somebody's consent changed, or was given again."""

    subject: Sub
    data: ConsentData


class LinkEvent(_Envelope, frozen=True, kw_only=True, tag=Kind.LINK.type):
    """An account was seen on a device."""

    subject: Sub
    data: LinkData


class RevocationEvent(_Envelope, frozen=True, kw_only=True, tag=Kind.REVOCATION.type):
    """A token of somebody's ended."""

    subject: Sub
    data: RevocationData


class CaptureEvent(_Envelope, frozen=True, kw_only=True, tag=Kind.CAPTURE.type):
    """Somebody spoke of what was captured of them."""

    subject: Sub
    data: CaptureData


class ErasureEvent(_Envelope, frozen=True, kw_only=True, tag=Kind.ERASURE.type):
    """Somebody was erased."""

    subject: Sub
    data: ErasureData


class ErasedEvent(_Envelope, frozen=True, kw_only=True, tag=Kind.ERASED.type):
    """A place in the sequence, and nothing in it."""

    data: ErasedData


class CatalogueEvent(_Envelope, frozen=True, kw_only=True, tag=Kind.CATALOGUE.type):
    """The configuration changed."""

    data: CatalogueData


class TrialEvent(_Envelope, frozen=True, kw_only=True, tag=Kind.TEST.type):
    """An endpoint is tried."""

    data: TrialData


Event: TypeAlias = (
    ConsentEvent
    | LinkEvent
    | RevocationEvent
    | CaptureEvent
    | ErasureEvent
    | ErasedEvent
    | CatalogueEvent
    | TrialEvent
)


def sequence_of(seq: int) -> str:
    """A place in a receiver's sequence, in the order of text.  16 digits."""
    return f"{seq:016d}"
