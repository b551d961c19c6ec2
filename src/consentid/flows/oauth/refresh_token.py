"""A refresh token becomes new tokens, and another refresh token; what holds is resolved again.

A token is marked as used at the end, under the subject's lock, which is taken before the token's
as a withdrawal takes them.  A used token ends its family, but where a client says that its answer
was lost (``lost_answer``).
Spec: RFC 6749 section 6, RFC 9700 section 4.14.2.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, cast, final

from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError, TokenMixin
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.flows.authenticate import hash_token
from consentid.flows.oauth.granted import SubjectGrant
from consentid.flows.oauth.lost_answer import FIELD, end_unseen, find_unseen, hash_key
from consentid.flows.oauth.request import client_of, ours
from consentid.flows.oauth.reuse import end_if_reused
from consentid.flows.oauth.subject_tokens import GrantServer, open_grant
from consentid.flows.session import Session
from consentid.store import refresh_tokens, subjects
from consentid.store.refresh_tokens import RefreshToken

_MAX_TOKEN: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """A refresh token as Authlib asks about it."""

    row: RefreshToken
    unseen: RefreshToken | None = None
    """What it gave before, where that never reached its client."""

    def check_client(self, client: ClientMixin) -> bool:
        """Whether it is this client's."""
        return cast("Any", client).get_client_id() == self.row.client_id

    def get_scope(self) -> str:
        """What was granted."""
        return " ".join(sorted(self.row.scopes))


_NO_TOKEN: Final = cast("TokenMixin", cast("object", None))
"""Authlib takes None for "no such token", whatever its annotation says."""


@final
class RefreshGrant(RefreshTokenGrant):
    """One refresh."""

    TOKEN_ENDPOINT_AUTH_METHODS: Collection[str] = (
        "client_secret_basic",
        "private_key_jwt",
        "none",
    )
    INCLUDE_NEW_REFRESH_TOKEN: bool = True
    _successor: bytes = b""
    """The hash of the token that this use gives."""
    _key_hash: bytes | None = None
    """Of what the client keeps to ask for the same again."""

    @override
    def authenticate_token_endpoint_client(self) -> ClientMixin:
        """Authenticate, and remember whom: the token is looked for among theirs alone."""
        untyped: Any = super()
        self.request.client = untyped.authenticate_token_endpoint_client()
        return client_of(self.request)

    @override
    def authenticate_refresh_token(self, refresh_token: str) -> TokenMixin:
        transaction = self._server.transaction
        client_id = client_of(self.request).get_client_id()
        if len(refresh_token) > _MAX_TOKEN:
            return _NO_TOKEN
        found = await_only(refresh_tokens.find(transaction.connection, hash_token(refresh_token)))
        if found is None or found.client_id != client_id:
            return _NO_TOKEN
        self._key_hash = hash_key(ours(self.request).fields.get(FIELD))
        unseen = await_only(find_unseen(transaction, found, self._key_hash))
        if unseen is not None:
            return cast("TokenMixin", cast("object", _Token(row=found, unseen=unseen)))
        if found.was_superseded or found.used_at is not None:
            await_only(self._end_if_reused(found))
            return _NO_TOKEN
        if found.revoked_at is not None or found.expires_at <= transaction.now:
            return _NO_TOKEN
        return cast("TokenMixin", cast("object", _Token(row=found)))

    async def _end_if_reused(self, found: RefreshToken) -> None:
        transaction = self._server.transaction
        # Read again under the lock: another may have asked for the same meanwhile, and won.
        await subjects.find(transaction.connection, found.subject, lock=True)
        now = await refresh_tokens.find(transaction.connection, found.token_hash) or found
        over_at = now.revoked_at if now.was_superseded else now.used_at
        if over_at is not None:
            await end_if_reused(
                transaction,
                ours(self.request),
                family=now.family,
                subject=now.subject,
                used_at=over_at,
            )

    @override
    def authenticate_user(self, refresh_token: object) -> Session:
        named = cast("_Token", refresh_token)
        token = named.row
        session = open_grant(
            self._server.transaction,
            ours(self.request),
            SubjectGrant(
                subject=token.subject,
                device=token.device,
                family=token.family,
                scopes=token.scopes,
                resource=token.resource,
                auth_time=token.auth_time,
                acr=token.acr,
                session_id=token.session_id,
                details=token.details,
                family_expires_at=token.family_expires_at,
                sealed_name=token.sealed_name,
            ),
        )
        if named.unseen is not None:
            await_only(end_unseen(self._server.transaction, named.unseen))
        return session

    @override
    def save_token(self, token: dict[str, Any]) -> None:
        self._successor = hash_token(token["refresh_token"])
        untyped: Any = super()
        untyped.save_token(token)

    @override
    def revoke_old_credential(self, refresh_token: object) -> None:
        """Mark it as used: it is kept, so that it is recognised when it comes again.

        Raises:
            InvalidGrantError: another request was faster, or the token has ended meanwhile.
        """
        named = cast("_Token", refresh_token)
        is_used = await_only(
            refresh_tokens.use(
                self._server.transaction.connection,
                named.row.token_hash,
                successor_hash=self._successor,
                key_hash=self._key_hash,
                instead_of=None if named.unseen is None else named.unseen.token_hash,
            )
        )
        if not is_used:
            raise InvalidGrantError("refresh_token was used by another request, or has ended.")

    @property
    def _server(self) -> GrantServer:
        return cast("GrantServer", cast("Any", self).server)
