"""The authorization server: Authlib's core over our store, for one request.

Spec: RFC 6749 section 3.2 (token endpoint), section 5 (answers), RFC 6750 (bearer tokens).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias, cast, final

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidScopeError, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.brandbook.client import Scope
from consentid.flows.authenticate import hash_token
from consentid.flows.oauth.client import OWN_SCOPES, AuthlibClient
from consentid.flows.oauth.request import AuthlibRequest, client_of, ours
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
_QueryClient: TypeAlias = Callable[[str], AuthlibClient | None]


@final
class TokenServer(AuthorizationServer):
    """Authlib's server for the length of one transaction."""

    def __init__(self, transaction: Transaction, asked: AuthlibRequest) -> None:
        super().__init__(scopes_supported=[str(scope) for scope in Scope])
        self.transaction: Transaction = transaction
        self._asked: AuthlibRequest = asked
        self._untyped: Any = self
        self._untyped.register_client_auth_method("client_secret_basic", _authenticate_basic)
        self._untyped.register_client_auth_method("none", _authenticate_public)
        self._untyped.register_token_generator("default", self._generate)
        self.register_grant(ClientCredentialsGrant)
        self.register_grant(TokenExchangeGrant)

    @override
    def query_client(self, client_id: str) -> ClientMixin:
        found = self._find_client(client_id)
        # Authlib takes None for "no such client", whatever its annotation says.
        return cast("ClientMixin", found)

    @override
    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        signed_in = ours(request).signed_in
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
            scope = self.scope_for(OWN_SCOPES)
        return {
            "access_token": base64url.encode(self.transaction.context.randomness(TOKEN_BYTES)),
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_LIFETIME_S,
            "scope": scope,
        }

    def _find_client(self, client_id: str) -> AuthlibClient | None:
        connection, now = self.transaction.connection, self.transaction.now
        row = await_only(clients.find(connection, client_id))
        if row is None:
            return None
        return AuthlibClient(row, await_only(clients.secret_hashes(connection, client_id, at=now)))


def _authenticate_basic(
    query_client: _QueryClient, request: AuthlibRequest
) -> AuthlibClient | None:
    """Spec: RFC 6749 section 2.3.1."""
    if request.basic is None:
        return None
    client = query_client(request.basic.client_id)
    if client is None or not client.check_client_secret(request.basic.secret):
        return None
    return client


def _authenticate_public(
    query_client: _QueryClient, request: AuthlibRequest
) -> AuthlibClient | None:
    """A public client names itself and holds no secret.  Spec: RFC 6749 section 3.2.1."""
    client_id = request.fields.get("client_id")
    if client_id is None or request.basic is not None:
        return None
    return query_client(client_id)
