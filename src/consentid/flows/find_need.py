"""What stands between a request and its code: a sign-in, the person's choices, or nothing.

A device without login is a session too.  A purpose is decided where it was granted, refused or
withdrawn under the catalogue in force; an old yes that ran out or was overtaken is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from consentid.brandbook.book import Book
from consentid.core.catalogue import find_terms
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State
from consentid.flows.context import Context
from consentid.flows.hub_session import Visitor
from consentid.flows.session import resolve_here
from consentid.kit.instants import MINUTE, SECOND, Instant
from consentid.oidc.authorization_request import AuthorizationRequest
from consentid.oidc.id_token import read_hint
from consentid.oidc.prompt import Prompt
from consentid.oidc.refusal import RefusedRequestError
from consentid.store.clients import Client
from consentid.tokens.pairwise import pairwise_sub

_OPEN: Final = frozenset({State.UNASKED, State.EXPIRED, State.OUTDATED})
_ANSWERED: Final = frozenset({State.GIVEN, State.REFUSED, State.WITHDRAWN})
_LEEWAY: Final = MINUTE
"""How far the portal's clock may be behind ours."""


class Need(StrEnum):
    """What is missing."""

    LOGIN = "login"
    """The person has to sign in (anew)."""
    SESSION = "session"
    """Nobody is known in this browser: choosing makes a device, signing in an account."""
    CHOICES = "choices"
    """A mandatory purpose is undecided, or the client wants the choices shown."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks, and what of."""

    book: Book
    client: Client
    request: AuthorizationRequest
    now: Instant

    @property
    def party(self) -> Party:
        """The brand or partner that the client speaks for."""
        return self.client.party

    @property
    def answered_for(self) -> Party:
        """Whom the person's answer is for: the client's own party, or the brand it asks for."""
        return answered_for(self.client, self.request.on_behalf_of)


def answered_for(client: Client, on_behalf_of: str | None) -> Party:
    """Whom the answer is for: the client's own party, or the brand that it asks for."""
    if on_behalf_of is None:
        return client.party
    return Party(kind=PartyKind.BRAND, slug=Slug(on_behalf_of))


def find_need(
    context: Context, asked: Asked, visitor: Visitor, *, begun_at: Instant | None = None
) -> Need:
    """Find what is missing.  ``begun_at`` is when an interaction for this request was begun.

    Raises:
        RefusedRequestError: ``invalid_request`` where ``id_token_hint`` is not an ID token of ours
            for this client; ``login_required`` where the portal did not authenticate anew.
    """
    if _needs_login(context, asked, visitor, begun_at=begun_at):
        return Need.LOGIN
    if visitor.session is None:
        return Need.SESSION
    if Prompt.CONSENT in asked.request.prompt or asked.request.on_behalf_of is not None:
        # What a brand was told before, a partner hears from the person alone.
        return Need.CHOICES
    resolutions = resolve_here(asked.book, visitor.session, asked.party, asked.now)
    wanted = frozenset(map(PurposeId, asked.request.purposes))
    undecided = find_undecided(asked.book, asked.party, resolutions, also=wanted)
    if wanted and asked.party.kind is PartyKind.PARTNER:  # asks for no more than it names
        undecided = tuple(purpose for purpose in undecided if purpose in wanted)
    if undecided:
        return Need.NOTHING if _is_enough(asked.request, resolutions) else Need.CHOICES
    return Need.NOTHING


def find_undecided(
    book: Book,
    party: Party,
    resolutions: Mapping[PurposeId, Resolution],
    *,
    also: Iterable[PurposeId] = (),
) -> tuple[PurposeId, ...]:
    """The mandatory purposes, and those named, that wait for an answer now."""
    named = frozenset(also)
    return tuple(
        purpose
        for purpose, found in resolutions.items()
        if found.state in _OPEN
        and found.is_askable
        and found.waiting is None
        and (purpose in named or _is_mandatory(book, party, purpose))
    )


def _is_enough(request: AuthorizationRequest, resolutions: Mapping[PurposeId, Resolution]) -> bool:
    """Whether the client takes what was answered for what it is, and asks for the rest itself.

    A brand that nobody answered for learns nothing of who is there.
    """
    return (
        request.accepts_missing
        and Prompt.NONE in request.prompt
        and any(found.state in _ANSWERED for found in resolutions.values())
    )


def _is_mandatory(book: Book, party: Party, purpose: PurposeId) -> bool:
    terms = find_terms(book.catalogue, party, purpose)
    return terms is not None and terms.ask


def _needs_login(
    context: Context, asked: Asked, visitor: Visitor, *, begun_at: Instant | None
) -> bool:
    request, login = asked.request, visitor.login
    is_fresh = (
        begun_at is not None and login is not None and login.created_at >= begun_at
    )  # the person signed in on the way
    if is_fresh:
        _check_fresh(asked, visitor, begun_at=begun_at or asked.now)
    if not _is_hinted(context, asked, visitor):
        if is_fresh:
            raise RefusedRequestError("login_required", "Somebody else than hinted signed in.")
        return True
    if is_fresh:
        return False
    if request.prompt & {Prompt.LOGIN, Prompt.CREATE}:
        return True
    if request.max_age_s is None:
        return False
    if login is None or login.auth_time is None:
        return True
    return request.max_age_s == 0 or asked.now - login.auth_time > request.max_age_s * SECOND


def _check_fresh(asked: Asked, visitor: Visitor, *, begun_at: Instant) -> None:
    """Insist that the portal did authenticate anew where the client asked for that."""
    request, login = asked.request, visitor.login
    allowed_s = 0 if request.prompt & {Prompt.LOGIN, Prompt.CREATE} else request.max_age_s
    if allowed_s is None or login is None:
        return
    oldest = begun_at - allowed_s * SECOND - _LEEWAY
    if login.auth_time is None or login.auth_time < oldest:
        raise RefusedRequestError("login_required", "The portal did not authenticate anew.")


def _is_hinted(context: Context, asked: Asked, visitor: Visitor) -> bool:
    """Whether the hinted person is the one who is there.  No hint is right for everybody."""
    hint = asked.request.id_token_hint
    if hint is None:
        return True
    keys = {key["kid"]: key for key in context.keyring.public_jwks()["keys"]}
    sub = read_hint(
        hint,
        keys=keys,
        issuer=asked.book.group.issuer,
        audience=asked.client.client_id,
    )
    if sub is None:
        raise RefusedRequestError(
            "invalid_request", "id_token_hint is not an ID token that we issued to this client."
        )
    if visitor.session is None:
        return False
    present = pairwise_sub(
        context.keyring.pairwise, str(asked.party), visitor.session.subject.id.bytes
    )
    return sub == present
