"""Managing a Shared Signals stream, as a format.

Spec: OpenID Shared Signals Framework 1.0 sections 6.1 (delivery), 7.1 (metadata) and 8.1 (streams),
RFC 8935 (push), RFC 8936 (poll).
"""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

PUSH: Final = "urn:ietf:rfc:8935"
POLL: Final = "urn:ietf:rfc:8936"
MIN_VERIFICATION_S: Final = 10
MOST_SETS: Final = 200
"""Of one answer to a poll, and acknowledged by one."""
_END: Final = r"(?!\n)$"
"""A mere ``$`` would let a line end follow."""
_VISIBLE: Final = rf"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?{_END}"

StreamId: TypeAlias = Annotated[
    str, Meta(min_length=22, max_length=22, pattern=rf"^[A-Za-z0-9_-]+{_END}")
]
Jti: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
EventUri: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
EventUris: TypeAlias = Annotated[list[EventUri], Meta(max_length=32)]
Text: TypeAlias = Annotated[str, Meta(max_length=256)]


class Status(StrEnum):
    """Whether a stream tells anything.  Spec: section 8.1.2."""

    ENABLED = "enabled"
    PAUSED = "paused"
    """What happens is kept, and told once it is enabled."""
    DISABLED = "disabled"
    """What happens is never told."""


class PushDelivery(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="method",
    tag=PUSH,
):
    """Tokens are sent to the receiver."""

    endpoint_url: Annotated[str, Meta(min_length=1, max_length=2_048)]
    authorization_header: (
        Annotated[str, Meta(min_length=1, max_length=2_048, pattern=_VISIBLE)] | None
    ) = None
    """What the receiver wants to find as ``Authorization``."""


class PollDelivery(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="method",
    tag=POLL,
):
    """Tokens are fetched by the receiver."""

    endpoint_url: str | None = None
    """Ours to say."""


Delivery: TypeAlias = PushDelivery | PollDelivery


class StreamIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stream as its receiver wants it."""

    events_requested: EventUris | UnsetType = UNSET
    delivery: Delivery | UnsetType = UNSET
    description: Text | UnsetType = UNSET


class StreamChangeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change to a stream; what is ours to say may be repeated, as it is."""

    stream_id: StreamId
    events_requested: EventUris | UnsetType = UNSET
    delivery: Delivery | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    iss: str | UnsetType = UNSET
    aud: str | list[str] | UnsetType = UNSET
    events_supported: list[str] | UnsetType = UNSET
    events_delivered: list[str] | UnsetType = UNSET
    min_verification_interval: int | UnsetType = UNSET


class StreamOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stream as it is."""

    stream_id: str
    iss: str
    aud: str
    events_supported: list[str]
    events_requested: list[str]
    events_delivered: list[str]
    delivery: Delivery
    min_verification_interval: int
    description: str | None = None


class StatusIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another status."""

    stream_id: StreamId
    status: Status
    reason: Text | None = None


class StatusOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The status of a stream."""

    stream_id: str
    status: Status
    reason: str | None = None


class VerificationIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verification event is wanted."""

    stream_id: StreamId
    state: Annotated[str, Meta(max_length=1_024)] | None = None


class SetError(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a token was not taken.  Spec: RFC 8936 section 2.6."""

    err: Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^[A-Za-z0-9_.-]+{_END}")]
    description: Annotated[str, Meta(max_length=1_024)] = ""


class PollIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a poll asks and acknowledges.  Spec: RFC 8936 section 2.2."""

    max_events: Annotated[int, Meta(ge=0, le=2**31)] = MOST_SETS
    return_immediately: bool = False
    ack: Annotated[list[Jti], Meta(max_length=MOST_SETS)] = msgspec.field(default_factory=list[Jti])
    set_errs: Annotated[dict[Jti, SetError], Meta(max_length=MOST_SETS)] = msgspec.field(
        default_factory=dict[Jti, SetError]
    )


class PollOut(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a poll is answered.  Spec: RFC 8936 section 2.3."""

    sets: dict[str, str]
    """Tokens by their ``jti``."""
    more_available: bool
