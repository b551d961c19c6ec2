"""A code becomes tokens, once.

A code that comes a second time has leaked: all tokens that came of it end.  Each refusal leaves the
code as it was.  Spec: RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 9700 sections 2.1.1, 4.5.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, cast, final

from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.flows.authenticate import hash_token
from consentid.flows.oauth.granted import SubjectGrant
from consentid.flows.oauth.request import client_of, ours
from consentid.flows.oauth.subject_tokens import GrantServer, open_grant
from consentid.flows.session import Session
from consentid.oidc import pkce
from consentid.store import authorization_codes, refresh_tokens
from consentid.store.authorization_codes import AuthorizationCode

_MAX_CODE: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    """A code as Authlib asks about it."""

    row: AuthorizationCode
    code_challenge: str
    code_challenge_method: str = pkce.METHOD

    def get_redirect_uri(self) -> str:
        """Where the code was sent."""
        return self.row.redirect_uri

    def get_scope(self) -> str:
        """What was granted."""
        return " ".join(sorted(self.row.scopes))


@final
class CodeGrant(AuthorizationCodeGrant):
    """One redemption."""

    TOKEN_ENDPOINT_AUTH_METHODS: Collection[str] = (
        "client_secret_basic",
        "private_key_jwt",
        "none",
    )

    @override
    def query_authorization_code(self, code: str, client: ClientMixin) -> _Code | None:
        transaction = self._server.transaction
        if len(code) > _MAX_CODE:
            return None
        self.request.client = client
        client_id = client_of(self.request).get_client_id()
        found = await_only(
            authorization_codes.redeem(
                transaction.connection,
                hash_token(code),
                client_id=client_id,
                now=transaction.now,
            )
        )
        if found is not None:
            return _Code(row=found, code_challenge=found.code_challenge)
        await_only(self._look_for_reuse(hash_token(code), client_id))
        return None

    @override
    def authenticate_user(self, authorization_code: _Code) -> Session:
        code = authorization_code.row
        return open_grant(
            self._server.transaction,
            ours(self.request),
            SubjectGrant(
                subject=code.subject,
                device=code.device,
                family=code.family,
                scopes=code.scopes,
                resource=code.resource,
                nonce=code.nonce,
                auth_time=code.auth_time,
                acr=code.acr,
                session_id=code.session_id,
                details=code.details,
            ),
        )

    @override
    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """It is kept as used, so that it is recognised when it comes again."""

    async def _look_for_reuse(self, code_hash: bytes, client_id: str) -> None:
        transaction = self._server.transaction
        known = await authorization_codes.find(transaction.connection, code_hash)
        if known is None or known.used_at is None or known.client_id != client_id:
            return
        await refresh_tokens.revoke_family(transaction.connection, known.family, at=transaction.now)
        ours(self.request).is_kept_when_refused = True

    @property
    def _server(self) -> GrantServer:
        return cast("GrantServer", cast("Any", self).server)


class S256Only(CodeChallenge):
    """The proof key, for every client; a code without a challenge does not exist."""

    SUPPORTED_CODE_CHALLENGE_METHOD: list[str] = [pkce.METHOD]  # noqa: RUF012 Authlib has it so
