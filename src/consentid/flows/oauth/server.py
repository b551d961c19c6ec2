"""The authorization server: Authlib's core over our store, for one request.

Spec: RFC 6749 section 3.2 (token endpoint), section 5 (answers), RFC 6750 (bearer tokens).
"""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias, cast, final

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import (
    ClientMixin,
    InvalidClientError,
    InvalidScopeError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.brandbook.client import AuthMethod, Scope
from consentid.flows.authenticate import hash_token
from consentid.flows.authenticate_client import prove
from consentid.flows.oauth.authorization_code import CodeGrant, S256Only
from consentid.flows.oauth.ciba import CibaGrant
from consentid.flows.oauth.client import OWN_SCOPES, AuthlibClient
from consentid.flows.oauth.device_code import DeviceGrant
from consentid.flows.oauth.errors import InvalidTargetError
from consentid.flows.oauth.hand_off import HandOffGrant
from consentid.flows.oauth.refresh_token import RefreshGrant
from consentid.flows.oauth.request import AuthlibRequest, client_of, ours
from consentid.flows.oauth.subject_tokens import refresh_token_for, save_tokens
from consentid.flows.oauth.token_exchange import TokenExchangeGrant
from consentid.flows.oauth.transaction import Transaction
from consentid.kit import base64url
from consentid.kit.instants import SECOND, Instant
from consentid.store import access_tokens, clients
from consentid.store.access_tokens import AccessToken

ACCESS_TOKEN_LIFETIME_S: Final = 600
TOKEN_BYTES: Final = 32

Answered: TypeAlias = tuple[int, dict[str, Any], dict[str, str]]
"""Status, body, headers."""


@final
class TokenServer(AuthorizationServer):
    """Authlib's server for the length of one transaction."""

    def __init__(self, transaction: Transaction, asked: AuthlibRequest) -> None:
        super().__init__(scopes_supported=[str(scope) for scope in Scope])
        self.transaction: Transaction = transaction
        self._asked: AuthlibRequest = asked
        self._untyped: Any = self
        self._untyped.register_token_generator("default", self._generate)
        self.register_grant(ClientCredentialsGrant)
        self.register_grant(TokenExchangeGrant)
        self.register_grant(CodeGrant, [S256Only()])
        self.register_grant(RefreshGrant)
        self.register_grant(DeviceGrant)
        self.register_grant(CibaGrant)
        self.register_grant(HandOffGrant)

    @override
    def query_client(self, client_id: str) -> ClientMixin:
        found = self._find_client(client_id)
        # Authlib takes None for "no such client", whatever its annotation says.
        return cast("ClientMixin", found)

    @override
    def authenticate_client(
        self, request: OAuth2Request, methods: Collection[str], endpoint: str = "token"
    ) -> ClientMixin:
        """As all our endpoints authenticate; a grant that names ``none`` takes public clients too.

        Raises:
            InvalidClientError: the client is unknown, or its proof does not hold.
        """
        found = await_only(
            prove(
                self.transaction.connection,
                ours(request).credentials,
                self.transaction.claimed,
                now=self.transaction.now,
            )
        )
        if found is None or (
            found.auth_method == AuthMethod.NONE and AuthMethod.NONE not in methods
        ):
            raise InvalidClientError(status_code=HTTPStatus.UNAUTHORIZED)
        return AuthlibClient(found)

    @override
    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        granted, signed_in = ours(request).granted, ours(request).signed_in
        if granted is not None:
            client_id = client_of(request).get_client_id()
            await_only(save_tokens(self.transaction, client_id, granted, token))
            return
        device = None if signed_in is None else signed_in.session.device
        now = self.transaction.now
        await_only(
            access_tokens.add(
                self.transaction.connection,
                AccessToken(
                    token_hash=hash_token(token["access_token"]),
                    client_id=client_of(request).get_client_id(),
                    subject=None if signed_in is None else signed_in.session.subject.id,
                    device=None if device is None else device.id,
                    scopes=frozenset(token["scope"].split()),
                    issued_at=now,
                    expires_at=Instant(now + token["expires_in"] * SECOND),
                ),
            )
        )

    @override
    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    @override
    def handle_response(
        self,
        status: int,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> Answered:
        return status, dict(body), dict(headers)

    @override
    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def answer(self) -> Answered:
        """Judge the token request: status, body, headers."""
        return cast("Answered", self._untyped.create_token_response(self._asked))

    def scope_for(self, allowed: Collection[str]) -> str:
        """The scopes asked for, all of those allowed where none are named.

        Raises:
            InvalidScopeError: one is not the client's, or not for this grant.
        """
        usable = client_of(self._asked).row.scopes.intersection(allowed)
        asked = self._asked.fields.get("scope")
        wanted = usable if not asked else frozenset(asked.split(" "))
        if not wanted or not wanted <= usable:
            raise InvalidScopeError("This client may not have that scope here.")
        return " ".join(sorted(wanted))

    def _generate(
        self, *, grant_type: str, scope: str | None = None, **_unused: object
    ) -> dict[str, Any]:
        if grant_type == ClientCredentialsGrant.GRANT_TYPE:
            self._check_resource()
            scope = self.scope_for(OWN_SCOPES)
        token = {
            "access_token": base64url.encode(self.transaction.context.randomness(TOKEN_BYTES)),
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_LIFETIME_S,
            "scope": scope,
        }
        granted = self._asked.granted
        refresh = None if granted is None else refresh_token_for(self.transaction, granted)
        return token if refresh is None else {**token, "refresh_token": refresh}

    def _check_resource(self) -> None:
        """Refuse a foreign target also where none is needed.  Spec: RFC 8707 section 2."""
        resource = self._asked.fields.get("resource")
        terms = self.transaction.book.catalogue.parties.get(client_of(self._asked).row.party)
        if resource is not None and (terms is None or resource not in terms.audiences):
            raise InvalidTargetError("resource is not registered to this client.")

    def _find_client(self, client_id: str) -> AuthlibClient | None:
        row = await_only(clients.find(self.transaction.connection, client_id))
        return None if row is None else AuthlibClient(row)
