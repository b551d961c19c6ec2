"""A token request as Authlib wants it, from fields that were parsed strictly before."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from typing_extensions import override

from consentid.core.decision import SubjectId
from consentid.flows.authenticate_client import BasicCredentials, Credentials
from consentid.flows.issue_token import PreparedToken
from consentid.flows.oauth.client import AuthlibClient
from consentid.flows.oauth.granted import GrantedSubject
from consentid.flows.sign_in import SignedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token request: each field once, text only."""

    form: Mapping[str, str]
    basic: BasicCredentials | None
    origin: str | None = None
    """The ``Origin`` that a browser sent."""


@final
class _Payload(OAuth2Payload):
    def __init__(self, form: Mapping[str, str]) -> None:
        self._form: dict[str, str] = dict(form)

    @property
    @override
    def data(self) -> dict[str, str]:
        return self._form

    @property
    @override
    def datalist(self) -> "defaultdict[str, list[str]]":
        return defaultdict(list, {name: [value] for name, value in self._form.items()})


@final
class AuthlibRequest(OAuth2Request):
    """Authlib's request, and what our grants find on the way."""

    def __init__(self, request: TokenRequest, credentials: Credentials) -> None:
        # The address matters to Authlib's transport check only; ours is made at the edge.
        super().__init__("POST", "https://token.invalid/")  # pyright: ignore[reportUnknownMemberType] untyped in Authlib
        self.payload = _Payload(request.form)
        self.fields: dict[str, str] = dict(request.form)
        self.credentials: Credentials = credentials
        self.origin: str | None = request.origin
        self.signed_in: SignedIn | None = None
        self.prepared: PreparedToken | None = None
        self.granted: GrantedSubject | None = None
        self.passed_on: SubjectId | None = None
        """Whom a token speaks of that was taken over from another."""
        self.is_kept_when_refused: bool = False
        """Whether what was written holds although the request is refused: a reuse was found."""

    @property
    @override
    def form(self) -> dict[str, str]:
        return self.fields


def ours(request: OAuth2Request) -> AuthlibRequest:
    """The request that we handed to Authlib, as it comes back.

    Raises:
        TypeError: it is another's, which cannot happen.
    """
    if not isinstance(request, AuthlibRequest):
        msg = "Authlib handed back a request that is not ours"
        raise TypeError(msg)
    return request


def client_of(request: OAuth2Request) -> AuthlibClient:
    """The client that authenticated.

    Raises:
        TypeError: none did, which the grants rule out.
    """
    if not isinstance(request.client, AuthlibClient):
        msg = "a grant went on without an authenticated client"
        raise TypeError(msg)
    return request.client
