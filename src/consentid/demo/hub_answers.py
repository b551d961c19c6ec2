"""What the hub answers, as a brand's back end reads it: fields it does not know, it ignores."""

from collections.abc import Iterable
from typing import Any

import msgspec


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pushed request waits.  Spec: RFC 9126 section 2.2."""

    request_uri: str
    expires_in: int


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """What a code is exchanged for.  Spec: RFC 9396 section 7."""

    access_token: str
    consent_token: str
    authorization_details: list[dict[str, Any]] = []


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Which text was shown; a decision echoes it."""

    id: str
    version: int
    language: str
    digest: str


class OfferedPurpose(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose as the catalogue of a brand offers it."""

    id: str
    name: str
    description: str
    basis: str
    mandatory: bool = False
    parent: str | None = None


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a banner needs."""

    brand: str
    catalogue: int
    served: str
    notice: Notice
    text: dict[str, object] = {}
    purposes: list[OfferedPurpose]


class PurposeState(msgspec.Struct, frozen=True, kw_only=True):
    """What holds now for one purpose."""

    purpose: str
    state: str
    permitted: bool
    may_ask: bool = False
    in_doubt: bool = False
    expires_at: str | None = None
    waits_for_link: bool = False
    """Whether a yes was given that counts once a link was followed."""


def waiting_in(states: Iterable[PurposeState]) -> frozenset[str]:
    """The purposes whose yes counts once a link was followed."""
    return frozenset(one.purpose for one in states if one.waits_for_link)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What holds now at the caller's brand."""

    catalogue: int
    purposes: list[PurposeState]
    ask: list[str]
    """What is missing: to be put on the form, and nothing else."""

    @property
    def permitted(self) -> frozenset[str]:
        """The purposes whose answer is yes."""
        return frozenset(one.purpose for one in self.purposes if one.permitted)

    @property
    def waiting(self) -> frozenset[str]:
        """The purposes whose yes waits."""
        return waiting_in(self.purposes)

    def of(self, purpose: str) -> str:
        """The state of one purpose; ``absent`` if the hub did not name it."""
        return next((one.state for one in self.purposes if one.purpose == purpose), "absent")


class Exchanged(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the token endpoint."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str = ""
    issued_token_type: str | None = None
    consent_token: str | None = None
    adopted: int = 0
    """How many of the device's decisions the account adopted at this sign-in."""
    contradictions: list[dict[str, object]] = []


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub answers to a decision or a withdrawal, once it is durable."""

    decision: str
    state: list[PurposeState]
    receipt: dict[str, object]
    consistency: str
    consent_token: str | None = None

    def of(self, purpose: str) -> str:
        """The state of one purpose; ``absent`` if the hub did not name it."""
        return next((one.state for one in self.state if one.purpose == purpose), "absent")

    @property
    def waiting(self) -> frozenset[str]:
        """The purposes whose yes waits."""
        return waiting_in(self.state)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What online verification says of a token."""

    active: bool
    sub: str | None = None
    aud: str | None = None
    granted: list[str] = []
    refused: list[str] = []
    rev: int | None = None
    exp: int | None = None
    decision: str | None = None


class PastDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the person's history."""

    decision: str


class History(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the person's history."""

    decisions: list[PastDecision]
    next: str | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A new device subject's credential."""

    credential: str
    expires_at: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An RFC 9457 problem document, or an OAuth error read as one."""

    status: int = 0
    code: str = ""
    title: str = ""
    detail: str = ""
    where: str | None = None
    error: str | None = None
    error_description: str | None = None
