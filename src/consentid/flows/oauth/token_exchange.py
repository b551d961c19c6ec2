"""A portal ID token or a device credential becomes a subject's access token, or a consent token.

``actor_token``, where it is given, is the credential of the device on which the person signs in:
then sync, claim and contradiction follow.  Spec: RFC 8693.
"""

from collections.abc import Callable
from typing import Any, Final, final

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin
from sqlalchemy.util import await_only

from consentid.brandbook.client import AuthMethod
from consentid.core.party import PartyKind
from consentid.flows.create_device import find_device
from consentid.flows.issue_token import prepare_token
from consentid.flows.oauth.client import SUBJECT_SCOPES, TOKEN_EXCHANGE, AuthlibClient
from consentid.flows.oauth.request import AuthlibRequest
from consentid.flows.oauth.transaction import Transaction
from consentid.flows.session import open_session
from consentid.flows.sign_in import SignedIn, sign_in
from consentid.kit.errors import MalformedError, UnauthenticatedError
from consentid.net.portal import verify_id_token

ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 a type's name
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
DEVICE_CREDENTIAL: Final = "urn:consentid:params:oauth:token-type:device_credential"
CONSENT_TOKEN: Final = "urn:consentid:params:oauth:token-type:consent_token"  # noqa: S105

_KNOWN_REQUESTED: Final = (ACCESS_TOKEN, CONSENT_TOKEN)


class InvalidTargetError(InvalidRequestError):
    """A resource or audience that is not the client's.  Spec: RFC 8693 section 2.2.2."""

    error: str = "invalid_target"


@final
class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):
    """One exchange."""

    GRANT_TYPE: str = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS: list[str] = ["client_secret_basic", "none"]  # noqa: RUF012 Authlib's own form

    request: AuthlibRequest
    server: Any

    def validate_token_request(self) -> None:
        """Authenticate the client and find out whom the subject token names."""
        client = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("This client may not exchange tokens.")
        form = self.request.payload.data
        if form.get("requested_token_type", ACCESS_TOKEN) not in _KNOWN_REQUESTED:
            raise InvalidRequestError("requested_token_type is not one that is issued here.")
        transaction: Transaction = self.server.transaction
        self._check_target(transaction, client)
        signed_in = _as_oauth(lambda: self._identify(transaction, client, form))
        self.request.signed_in = signed_in
        self.request.prepared = await_only(
            prepare_token(
                transaction.context,
                transaction.connection,
                transaction.book,
                signed_in.session,
                client.row,
                at=transaction.now,
            )
        )

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """Answer with an access token, or with a consent token in its place."""
        form = self.request.payload.data
        if form.get("requested_token_type") == CONSENT_TOKEN:
            token: dict[str, Any] = {
                "access_token": "",
                "issued_token_type": CONSENT_TOKEN,
                "token_type": "N_A",
            }
            return 200, token, self.TOKEN_RESPONSE_HEADER
        token = self.generate_token(
            scope=self.server.scope_for(self.request, SUBJECT_SCOPES),
            include_refresh_token=False,
        )
        token["issued_token_type"] = ACCESS_TOKEN
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER

    def _check_target(self, transaction: Transaction, client: AuthlibClient) -> None:
        form = self.request.payload.data
        terms = transaction.book.catalogue.parties.get(client.row.party)
        own = None if terms is None else terms.audience
        for name in ("audience", "resource"):
            if name in form and form[name] != own:
                raise InvalidTargetError(f"{name} is not registered to this client.")

    def _identify(
        self, transaction: Transaction, client: AuthlibClient, form: dict[str, str]
    ) -> SignedIn:
        subject_token = form.get("subject_token")
        if not subject_token:
            raise InvalidRequestError("subject_token is missing.")
        device = self._device_beneath(transaction, form)
        match form.get("subject_token_type"):
            case None:
                raise InvalidRequestError("subject_token_type is missing.")
            case str(kind) if kind == ID_TOKEN:
                return await_only(self._by_id_token(transaction, client, subject_token, device))
            case str(kind) if kind == DEVICE_CREDENTIAL:
                if device is not None:
                    raise InvalidRequestError("actor_token goes with an ID token only.")
                return await_only(self._by_credential(transaction, subject_token))
            case _:
                raise InvalidRequestError("subject_token_type is not one that is exchanged here.")

    def _device_beneath(self, transaction: Transaction, form: dict[str, str]) -> Any:
        if "actor_token" not in form and "actor_token_type" not in form:
            return None
        if form.get("actor_token_type") != DEVICE_CREDENTIAL or not form.get("actor_token"):
            raise InvalidRequestError(
                "actor_token is a device credential, and actor_token_type says so."
            )
        device = await_only(
            find_device(transaction.connection, form["actor_token"], now=transaction.now)
        )
        if device is None:
            raise InvalidGrantError("actor_token is not a device credential that holds.")
        return device

    async def _by_id_token(
        self,
        transaction: Transaction,
        client: AuthlibClient,
        unverified_id_token: str,
        device: Any,
    ) -> SignedIn:
        portal = transaction.book.group.portal
        party = client.row.party
        audience = portal.clients.get(party.slug) if party.kind is PartyKind.BRAND else None
        if client.row.auth_method == AuthMethod.NONE or audience is None:
            raise UnauthorizedClientError(
                "ID tokens are exchanged by the authenticated clients of brands that the group"
                " file lists under portal.clients."
            )
        identity = await verify_id_token(
            unverified_id_token,
            keys=transaction.context.portal,
            issuer=portal.issuer,
            audience=audience,
            now=transaction.now,
        )
        return await sign_in(
            transaction.context,
            transaction.connection,
            transaction.book,
            identity,
            party=party,
            device=device,
            at=transaction.now,
        )

    async def _by_credential(
        self, transaction: Transaction, unverified_credential: str
    ) -> SignedIn:
        device = await find_device(
            transaction.connection, unverified_credential, now=transaction.now
        )
        if device is None:
            raise InvalidGrantError("subject_token is not a device credential that holds.")
        session = await open_session(
            transaction.context, transaction.connection, subject=device, device=None, lock=True
        )
        return SignedIn(session=session, adopted=0, contradictions=())


def _as_oauth(identify: Callable[[], SignedIn]) -> SignedIn:
    """Say our errors in OAuth's words.  Spec: RFC 8693 section 2.2.2, RFC 6749 section 5.2."""
    try:
        return identify()
    except (MalformedError, UnauthenticatedError) as error:
        raise InvalidGrantError(error.message) from error
