"""The portal's authorization server: Authlib's core over the portal's store, for one transaction.

Codes with PKCE S256 for every client; ``iss`` goes with every answer that is a redirect.  A request
was parsed strictly before.  Spec: RFC 6749 section 4.1, RFC 7636, RFC 9207, OpenID Connect Core.
"""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, cast, final

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from joserfc.jwk import RSAKey
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.demo import portal_store
from consentid.demo.portal_book import PortalBook, RegisteredClient
from consentid.demo.portal_customers import Customer
from consentid.demo.portal_store import PortalCode, PortalSession
from consentid.demo.portal_tokens import sign_id_token

CODE_LIFETIME_S: Final = 60
ACCESS_LIFETIME_S: Final = 600
_OPENID: Final = "openid"
_S256: Final = "S256"

Answered: TypeAlias = tuple[int, Any, dict[str, str]]
"""Status, body, headers."""
_QueryClient: TypeAlias = Callable[[str], "_PortalClient | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalTransaction:
    """What one request may use."""

    book: PortalBook
    key: RSAKey
    connection: AsyncConnection
    now_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Who is signed in, and how."""

    customer: Customer
    session: PortalSession


@final
class Asked(OAuth2Request):
    """A request as Authlib wants it: each field once, text only."""

    def __init__(
        self, fields: Mapping[str, str], *, unverified_basic: tuple[str, str] | None = None
    ) -> None:
        # The address matters to Authlib's transport check only.
        super().__init__("POST", "https://portal.invalid/")  # pyright: ignore[reportUnknownMemberType] untyped in Authlib
        self.fields: dict[str, str] = dict(fields)
        self.payload = BasicOAuth2Payload(self.fields)
        self.unverified_basic: tuple[str, str] | None = unverified_basic
        """Id and secret that HTTP Basic carried."""

    @property
    @override
    def form(self) -> dict[str, str]:
        return self.fields


def _ours(request: OAuth2Request) -> Asked:
    """The request that we handed to Authlib, as it comes back."""
    return cast("Asked", request)


class _Server(Protocol):
    transaction: PortalTransaction


@final
class _PortalClient(ClientMixin):
    def __init__(self, client_id: str, row: RegisteredClient) -> None:
        self.client_id: str = client_id
        self.row: RegisteredClient = row

    @override
    def get_client_id(self) -> str:
        return self.client_id

    @override
    def get_default_redirect_uri(self) -> str:
        return ""  # every request names its own

    @override
    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        return _OPENID

    @override
    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.row.redirect_uris

    @override
    def check_client_secret(self, client_secret: str) -> bool:
        return False  # judged where HTTP Basic is

    @override
    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    @override
    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    @override
    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@final
class _ProofKey(CodeChallenge):
    """PKCE for everybody, and S256 alone."""

    def __init__(self) -> None:
        super().__init__(required=True)
        self.SUPPORTED_CODE_CHALLENGE_METHOD: list[str] = [_S256]

    @override
    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        fields = _ours(grant.request).fields
        if "code_challenge" not in fields or fields.get("code_challenge_method") != _S256:
            raise InvalidRequestError("PKCE with S256 is needed here.")
        cast("Any", super()).validate_code_challenge(grant, redirect_uri)


@final
class _CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: Collection[str] = ("client_secret_basic",)

    @override
    def generate_authorization_code(self) -> str:
        return secrets.token_urlsafe(32)

    @override
    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        granted, fields = cast("Granted", request.user), _ours(request).fields
        transaction = self._transaction
        await_only(
            portal_store.add_code(
                transaction.connection,
                code,
                PortalCode(
                    client_id=fields["client_id"],
                    redirect_uri=fields["redirect_uri"],
                    code_challenge=fields["code_challenge"],
                    nonce=fields.get("nonce"),
                    sub=granted.customer.sub,
                    sid=granted.session.sid,
                    auth_time=granted.session.auth_time,
                    expires_at=transaction.now_s + CODE_LIFETIME_S,
                ),
            )
        )

    @override
    def query_authorization_code(self, code: str, client: ClientMixin) -> PortalCode | None:
        transaction, client_id = self._transaction, cast("_PortalClient", client).client_id
        return await_only(
            portal_store.take_code(
                transaction.connection, code, client_id=client_id, now_s=transaction.now_s
            )
        )

    @override
    def delete_authorization_code(self, authorization_code: PortalCode) -> None:
        """It went when it was taken."""

    @override
    def authenticate_user(self, authorization_code: PortalCode) -> Customer | None:
        return self._transaction.book.find_sub(authorization_code.sub)

    @property
    def _transaction(self) -> PortalTransaction:
        return cast("_Server", cast("object", self.server)).transaction


@final
class PortalServer(AuthorizationServer):
    """Authlib's server for the length of one transaction."""

    def __init__(self, transaction: PortalTransaction) -> None:
        super().__init__(scopes_supported=None)
        self.transaction: PortalTransaction = transaction
        self._untyped: Any = self
        self._untyped.register_client_auth_method("client_secret_basic", self._authenticate)
        self._untyped.register_token_generator("default", self._generate)
        self._untyped.register_grant(_CodeGrant, [_ProofKey()])

    @override
    def query_client(self, client_id: str) -> ClientMixin:
        row = self.transaction.book.clients.get(client_id)
        found = None if row is None else _PortalClient(client_id, row)
        # Authlib takes None for "no such client", whatever its annotation says.
        return cast("ClientMixin", cast("object", found))

    @override
    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        customer, code = cast("Customer", request.user), cast("Any", request).authorization_code
        transaction = self.transaction
        await_only(
            portal_store.add_access(
                transaction.connection,
                token["access_token"],
                sub=customer.sub,
                expires_at=transaction.now_s + ACCESS_LIFETIME_S,
            )
        )
        token["id_token"] = sign_id_token(
            transaction.key,
            customer,
            issuer=transaction.book.issuer,
            audience=code.client_id,
            now_s=transaction.now_s,
            nonce=code.nonce,
            auth_time_s=code.auth_time,
            sid=code.sid,
        )

    @override
    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    @override
    def handle_response(
        self, status: int, body: Any, headers: Mapping[str, str] | Sequence[tuple[str, str]]
    ) -> Answered:
        found = dict(headers)
        if "Location" in found:
            iss = [("iss", self.transaction.book.issuer)]
            found["Location"] = str(cast("Any", add_params_to_uri)(found["Location"], iss))
        return status, body, found

    @override
    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def check(self, asked: Asked) -> Answered | None:
        """Judge an authorization request before anybody signs in; None if it may go on.

        ``client_id``, ``redirect_uri`` and ``response_type`` were found right.
        """
        try:
            self._untyped.get_consent_grant(asked)
        except OAuth2Error as error:
            return self.refuse(asked, error)
        return None

    def refuse(self, asked: Asked, error: OAuth2Error) -> Answered:
        """Send the browser back with an error."""
        error.redirect_uri = asked.fields["redirect_uri"]
        error.state = asked.fields.get("state")
        return cast("Answered", self._untyped.handle_error_response(asked, error))

    def grant(self, asked: Asked, granted: Granted) -> Answered:
        """Send the browser back with a code."""
        grant = self._untyped.get_consent_grant(asked, granted)
        answered = self._untyped.create_authorization_response(asked, granted, grant)
        return cast("Answered", answered)

    def answer(self, asked: Asked) -> Answered:
        """Redeem a code."""
        return cast("Answered", self._untyped.create_token_response(asked))

    def _generate(self, **_unused: object) -> dict[str, Any]:
        return {
            "access_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": ACCESS_LIFETIME_S,
            "scope": _OPENID,
        }

    def _authenticate(self, query_client: _QueryClient, request: Asked) -> _PortalClient | None:
        if request.unverified_basic is None:
            return None
        client_id, secret = request.unverified_basic
        if not self.transaction.book.is_secret_of(client_id, secret):
            return None
        return query_client(client_id)


def wall_clock_s() -> int:
    """Unix seconds."""
    return int(time.time())
