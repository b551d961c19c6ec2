"""Rich authorization requests of one type, ``consent_request``: which purposes, for whom, where.

``locations`` name the audience, ``purposes`` what is asked for, ``catalogue`` the version that the
client believes in force, ``channel`` where the person sits.  A partner that asks for a brand names
it in ``brand`` and says so in ``beneficiary``; then the locations are that brand's.  What
is granted is echoed in the token response: the same details with the purposes that the person said
yes to, and the version that the answer was resolved under.

Spec: RFC 9396 sections 2, 5 and 7.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal, cast

import msgspec
from msgspec import Meta

from consentid.oidc.refusal import RefusedRequestError

TYPE: Final = "consent_request"
MAX_BYTES: Final = 16_384
MAX_DETAILS: Final = 16
MAX_PURPOSES: Final = 64
_MAX_TEXT: Final = 256
_MAX_BRACKETS: Final = 4 * MAX_DETAILS
_MAX_SHOWN: Final = 64
_MAX_SLUG: Final = 32

_Purpose = Annotated[str, Meta(min_length=1, max_length=_MAX_TEXT)]


class RequestChannel(StrEnum):
    """Where the person is asked."""

    WEB = "web"
    APP = "app"
    TV = "tv"


class Beneficiary(StrEnum):
    """For whom consent is asked."""

    SELF = "self"
    """The brand or partner whose client asks."""
    BRAND = "brand"
    """The brand that the detail names, on whose behalf a partner asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandTerms:
    """What a partner's file registers about a brand."""

    audience: str
    allowed: frozenset[str]
    """What the partner may ask for, on the brand's behalf."""


class ConsentRequest(
    msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True
):
    """One detail."""

    # Not a default: a detail must name its type, and says it again when it is encoded.
    type: Literal["consent_request"]
    purposes: Annotated[tuple[_Purpose, ...], Meta(min_length=1, max_length=MAX_PURPOSES)]
    locations: Annotated[
        tuple[Annotated[str, Meta(max_length=_MAX_TEXT)], ...], Meta(max_length=4)
    ] = ()
    catalogue: Annotated[int, Meta(ge=1, lt=1 << 31)] | None = None
    channel: RequestChannel | None = None
    brand: Annotated[str, Meta(min_length=1, max_length=_MAX_SLUG)] | None = None
    """The brand asked for; with ``beneficiary: self``, the one in whose connection it is asked."""
    beneficiary: Beneficiary | None = None
    """None is ``self``."""

    @property
    def on_behalf_of(self) -> str | None:
        """The brand that it is asked for; None where the client asks for itself."""
        return self.brand if self.beneficiary is Beneficiary.BRAND else None


_NO_BRANDS: Final[Mapping[str, BrandTerms]] = {}
_decoder: Final = msgspec.json.Decoder(tuple[ConsentRequest, ...])


def parse(
    unverified: str,
    *,
    allowed: Collection[str],
    audience: str | None,
    catalogue: int,
    brands: Mapping[str, BrandTerms] = _NO_BRANDS,
) -> tuple[ConsentRequest, ...]:
    """Judge ``authorization_details``.

    ``allowed`` are the purposes that this client may ask for, ``audience`` the one that its token
    will be meant for, if any, ``catalogue`` the version in force, ``brands`` those that the client
    may name.

    Raises:
        RefusedRequestError: ``invalid_authorization_details``, naming what is wrong.
    """
    details = _decode(unverified)
    for place, detail in enumerate(details):
        if len(set(detail.purposes)) != len(detail.purposes):
            raise _refused(place, "names a purpose twice")
        if (detail.brand, detail.beneficiary) != (details[0].brand, details[0].beneficiary):
            raise _refused(place, "asks for another than the first: one request asks for one")
        _check_brand(place, detail, brands)
        brand = detail.on_behalf_of
        may_ask = allowed if brand is None else brands[brand].allowed
        meant_for = audience if brand is None else brands[brand].audience
        strange = [purpose for purpose in detail.purposes if purpose not in may_ask]
        if strange:
            names = ", ".join(_shown(purpose) for purpose in strange[:4])
            raise _refused(place, f"asks for what this client may not ask for: {names}")
        if any(location != meant_for for location in detail.locations):
            raise _refused(place, "names another location than the one that the token is meant for")
        if detail.catalogue not in (None, catalogue):
            raise _refused(place, f"names another catalogue than the one in force, {catalogue}")
    return details


def _check_brand(place: int, detail: ConsentRequest, brands: Mapping[str, BrandTerms]) -> None:
    if detail.brand is None:
        if detail.beneficiary is Beneficiary.BRAND:
            raise _refused(place, "asks for a brand, and does not name it (brand)")
        return
    if detail.beneficiary is None:
        raise _refused(place, "names a brand, and not whether it asks for it (beneficiary)")
    if detail.brand not in brands:
        named = _shown(detail.brand)
        raise _refused(place, f"names a brand that this client may not ask for: {named}")


def encode(details: Sequence[ConsentRequest]) -> bytes:
    """The details as they are kept."""
    return msgspec.json.encode(list(details))


def decode(kept: bytes) -> tuple[ConsentRequest, ...]:
    """The details as they were kept."""
    return _decoder.decode(kept)


def purposes_of(details: Sequence[ConsentRequest]) -> tuple[str, ...]:
    """Every purpose asked for, each once, in order."""
    return tuple(dict.fromkeys(purpose for each in details for purpose in each.purposes))


def location_of(details: Sequence[ConsentRequest]) -> str | None:
    """The one audience that any of the details names; None where none does."""
    return next((location for each in details for location in each.locations), None)


def brand_of(details: Sequence[ConsentRequest]) -> str | None:
    """The brand on whose behalf they ask; None where the client asks for itself."""
    return next((each.on_behalf_of for each in details), None)


def context_of(details: Sequence[ConsentRequest]) -> str | None:
    """The brand that they name, whomever they ask for."""
    return next((each.brand for each in details), None)


def channel_of(details: Sequence[ConsentRequest]) -> RequestChannel | None:
    """Where the person sits, as the first detail that says so has it."""
    return next((each.channel for each in details if each.channel is not None), None)


def grant(
    details: Sequence[ConsentRequest], *, granted: Collection[str], audience: str, catalogue: int
) -> tuple[ConsentRequest, ...]:
    """What of the details was granted; a detail of which nothing was is left out.

    ``granted`` are the purposes that a consent token for ``audience`` says yes to, ``catalogue`` is
    the version that they were resolved under.  Spec: RFC 9396 section 7.1.
    """
    return tuple(
        msgspec.structs.replace(
            detail, purposes=purposes, locations=(audience,), catalogue=catalogue
        )
        for detail in details
        if (purposes := tuple(each for each in detail.purposes if each in granted))
    )


def _decode(unverified: str) -> tuple[ConsentRequest, ...]:
    raw = unverified.encode()
    if len(raw) > MAX_BYTES:
        raise _invalid(f"authorization_details has at most {MAX_BYTES} bytes.")
    if raw.count(b"{") + raw.count(b"[") > _MAX_BRACKETS:
        raise _invalid(f"authorization_details holds at most {MAX_DETAILS} details.")
    try:
        # Parsers differ on which of two members of one name counts.
        loose: object = json.loads(unverified, object_pairs_hook=_refuse_twice)
    except ValueError as error:
        raise _invalid("authorization_details is a JSON array of objects.") from error
    if not isinstance(loose, list):
        raise _invalid("authorization_details is a JSON array of objects.")
    entries = cast("list[object]", loose)
    if not 1 <= len(entries) <= MAX_DETAILS:
        raise _invalid(f"authorization_details holds 1 to {MAX_DETAILS} details.")
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _refused(place, "is no object")
        if cast("dict[str, object]", entry).get("type") != TYPE:
            raise _refused(place, f"is of no type known here: the one there is, is {TYPE}")
    try:
        details = _decoder.decode(raw)
    except ValueError as error:
        message, _, path = str(error).partition(" - at ")
        where = _shown(path.strip("`").removeprefix("$"))
        raise _invalid(f"authorization_details{where}: {_shown(message)}.") from error
    return details


def _refuse_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _invalid("authorization_details holds a member twice.")
    return members


def _refused(place: int, what: str) -> RefusedRequestError:
    return _invalid(f"authorization_details[{place}] {what}.")


def _invalid(description: str) -> RefusedRequestError:
    return RefusedRequestError("invalid_authorization_details", description)


def _shown(unverified: str) -> str:
    """A short piece of what was sent, in the characters that OAuth allows to show."""
    short = unverified[:_MAX_SHOWN]
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in short)
