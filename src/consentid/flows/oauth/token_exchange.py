"""A portal ID token or a device credential becomes a subject's access token, or a consent token.

What a partner takes over from a brand is another matter: see ``passing_on``.

``actor_token``, where it is given, is the credential of the device on which the person signs in:
then sync, claim and contradiction follow.  Spec: RFC 8693.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol, TypeVar, cast, final

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.brandbook.client import ApplicationType
from consentid.core.decision import SubjectId
from consentid.flows.create_device import check_origin, find_device_of
from consentid.flows.issue_token import prepare_token
from consentid.flows.oauth.client import SUBJECT_SCOPES, TOKEN_EXCHANGE, AuthlibClient
from consentid.flows.oauth.errors import InvalidTargetError
from consentid.flows.oauth.passing_on import PASSED_ON, pass_on
from consentid.flows.oauth.request import AuthlibRequest, client_of, ours
from consentid.flows.oauth.token_types import (
    ACCESS_TOKEN,
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    ID_TOKEN,
)
from consentid.flows.oauth.transaction import Transaction
from consentid.flows.portal_identity import portal_audience
from consentid.flows.session import open_session
from consentid.flows.sign_in import SignedIn, sign_in
from consentid.kit.errors import ForbiddenError, MalformedError, UnauthenticatedError
from consentid.net.portal import verify_id_token

_KNOWN_REQUESTED: Final = (ACCESS_TOKEN, CONSENT_TOKEN)


T = TypeVar("T")


class _Server(Protocol):
    """What this grant needs of the server that runs it."""

    transaction: Transaction

    def scope_for(self, allowed: Collection[str]) -> str:
        """The scopes of the token to be issued."""
        ...


@final
class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):
    """One exchange."""

    GRANT_TYPE: str | None = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS: Collection[str] = ("client_secret_basic", "none")

    @override
    def validate_token_request(self) -> None:
        """Authenticate the client and find out whom the subject token names."""
        self.request.client = self.authenticate_token_endpoint_client()
        asked, client = ours(self.request), client_of(self.request)
        if not client.check_grant_type(TOKEN_EXCHANGE):
            raise UnauthorizedClientError("This client may not exchange tokens.")
        if asked.fields.get("requested_token_type", ACCESS_TOKEN) not in _KNOWN_REQUESTED:
            raise InvalidRequestError("requested_token_type is not one that is issued here.")
        transaction = self._server.transaction
        audience = _target(transaction, client, asked.fields)
        if asked.fields.get("subject_token_type") in PASSED_ON:
            passed = _as_oauth(
                lambda: await_only(pass_on(transaction, client, asked.fields, audience=audience))
            )
            asked.prepared, asked.passed_on = passed.prepared, passed.subject
            return
        signed_in = _as_oauth(lambda: await_only(_identify(transaction, client, asked)))
        asked.signed_in = signed_in
        asked.prepared = await_only(
            prepare_token(
                transaction.context,
                transaction.connection,
                transaction.book,
                signed_in.session,
                client.row,
                at=transaction.now,
                audience=audience,
            )
        )

    @override
    def create_token_response(self) -> Any:
        """Answer with an access token, or with a consent token in its place."""
        headers = self.TOKEN_RESPONSE_HEADER
        asked = ours(self.request)
        if asked.signed_in is None or asked.fields.get("requested_token_type") == CONSENT_TOKEN:
            if asked.prepared is None:
                raise InvalidTargetError("This client's brand or partner is in no catalogue.")
            body = {"issued_token_type": CONSENT_TOKEN, "token_type": "N_A"}
            return 200, body, headers
        scope = self._server.scope_for(SUBJECT_SCOPES)
        untyped: Any = self
        token: dict[str, Any] = untyped.generate_token(scope=scope, include_refresh_token=False)
        token["issued_token_type"] = ACCESS_TOKEN
        untyped.save_token(token)
        return 200, token, headers

    @property
    def _server(self) -> _Server:
        return cast("_Server", cast("object", self.server))


def _target(
    transaction: Transaction, client: AuthlibClient, fields: Mapping[str, str]
) -> str | None:
    """The audience that is asked for; None where it is left to us."""
    terms = transaction.book.catalogue.parties.get(client.row.party)
    own = () if terms is None else terms.audiences
    named = {name: fields[name] for name in ("audience", "resource") if name in fields}
    for name, audience in named.items():
        if audience not in own:
            raise InvalidTargetError(f"{name} is not registered to this client.")
    if len(set(named.values())) > 1:
        raise InvalidTargetError("A token is meant for one audience: name one.")
    return next(iter(named.values()), None)


async def _identify(
    transaction: Transaction, client: AuthlibClient, asked: AuthlibRequest
) -> SignedIn:
    fields = asked.fields
    subject_token = fields.get("subject_token")
    if subject_token is None:
        raise InvalidRequestError("subject_token is missing.")
    device = await _device_beneath(transaction, client, asked)
    match fields.get("subject_token_type"):
        case None:
            raise InvalidRequestError("subject_token_type is missing.")
        case kind if kind == ID_TOKEN:
            return await _by_id_token(transaction, client, asked, subject_token, device)
        case kind if kind == DEVICE_CREDENTIAL:
            if device is not None:
                raise InvalidRequestError("actor_token goes with an ID token only.")
            _check_page(transaction, client, asked)
            return await _by_credential(transaction, client, asked, subject_token)
        case _:
            raise InvalidRequestError("subject_token_type is not one that is exchanged here.")


async def _device_beneath(
    transaction: Transaction, client: AuthlibClient, asked: AuthlibRequest
) -> SubjectId | None:
    credential = asked.fields.get("actor_token")
    kind = asked.fields.get("actor_token_type")
    if credential is None and kind is None:
        return None
    if credential is None or kind != DEVICE_CREDENTIAL:
        raise InvalidRequestError(
            "actor_token is a device credential, and actor_token_type says so."
        )
    device = await _find_device(transaction, client, asked, credential)
    if device is None:
        raise InvalidGrantError("actor_token is not a device credential that holds.")
    return device


async def _by_id_token(
    transaction: Transaction,
    client: AuthlibClient,
    asked: AuthlibRequest,
    unverified_id_token: str,
    device: SubjectId | None,
) -> SignedIn:
    portal = transaction.book.group.portal
    audience = portal_audience(transaction.book, client.row)
    if audience is None:
        raise UnauthorizedClientError(
            "Only authenticated clients of brands listed in portal.clients exchange ID tokens."
        )
    identity = await verify_id_token(
        unverified_id_token,
        keys=transaction.portal_key,
        issuer=portal.issuer,
        audience=audience,
        now=transaction.now,
    )
    nonce = asked.fields.get("nonce")
    if nonce is not None and nonce != identity.nonce:
        raise InvalidGrantError("subject_token carries another nonce, or none.")
    return await sign_in(
        transaction.context,
        transaction.connection,
        transaction.book,
        identity,
        party=client.row.party,
        device=device,
        at=transaction.now,
    )


def _check_page(transaction: Transaction, client: AuthlibClient, asked: AuthlibRequest) -> None:
    """A page's script keeps no secret: it is believed on its own pages only."""
    if client.row.registration.application_type != ApplicationType.BROWSER:
        return
    try:
        check_origin(transaction.book, client.row.party, asked.origin or "")
    except ForbiddenError as error:
        raise UnauthorizedClientError(
            "This client's script is believed on its party's registered origins only."
        ) from error


async def _find_device(
    transaction: Transaction,
    client: AuthlibClient,
    asked: AuthlibRequest,
    unverified_credential: str,
) -> SubjectId | None:
    return await find_device_of(
        transaction.connection,
        unverified_credential,
        book=transaction.book,
        party=client.row.party,
        origin=asked.origin,
        now=transaction.now,
    )


async def _by_credential(
    transaction: Transaction,
    client: AuthlibClient,
    asked: AuthlibRequest,
    unverified_credential: str,
) -> SignedIn:
    device = await _find_device(transaction, client, asked, unverified_credential)
    if device is None:
        raise InvalidGrantError("subject_token is not a device credential that holds.")
    session = await open_session(
        transaction.context, transaction.connection, subject=device, device=None, lock=True
    )
    return SignedIn(session=session, adopted=0, contradictions=())


def _as_oauth(judge: Callable[[], T]) -> T:
    """Say our errors in OAuth's words.  Spec: RFC 8693 section 2.2.2, RFC 6749 section 5.2."""
    try:
        return judge()
    except (MalformedError, UnauthenticatedError) as error:
        raise InvalidGrantError(error.message) from error
