"""A token request as Authlib wants it, from fields that were parsed strictly before."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from typing_extensions import override

from consentid.flows.issue_token import PreparedToken
from consentid.flows.sign_in import SignedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicCredentials:
    """What HTTP Basic carried.  Spec: RFC 6749 section 2.3.1."""

    client_id: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token request: each field once, text only."""

    form: Mapping[str, str]
    basic: BasicCredentials | None


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

    def __init__(self, request: TokenRequest) -> None:
        # The address matters to Authlib's transport check only; ours is made at the edge.
        super().__init__("POST", "https://token.invalid/")
        self.payload: OAuth2Payload = _Payload(request.form)
        self.basic: BasicCredentials | None = request.basic
        self.signed_in: SignedIn | None = None
        self.prepared: PreparedToken | None = None

    @property
    @override
    def form(self) -> dict[str, str]:
        return self.payload.data
