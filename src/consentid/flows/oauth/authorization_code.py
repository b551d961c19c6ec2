"""A code becomes tokens, once.

Each refusal leaves the code as it was.  It is marked as used at the end, under the subject's lock,
which is taken before the code's as a withdrawal takes them.

Spec: RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 9700 sections 2.1.1, 4.5.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, cast, final

from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.flows.authenticate import hash_token
from consentid.flows.oauth.granted import SubjectGrant
from consentid.flows.oauth.request import client_of, ours
from consentid.flows.oauth.reuse import end_if_reused
from consentid.flows.oauth.subject_tokens import GrantServer, open_grant
from consentid.flows.session import Session
from consentid.oidc import pkce
from consentid.store import authorization_codes
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
        found = await_only(authorization_codes.find(transaction.connection, hash_token(code)))
        if found is None or found.client_id != client_id:
            return None
        if found.used_at is not None:
            await_only(
                end_if_reused(
                    transaction,
                    ours(self.request),
                    family=found.family,
                    subject=found.subject,
                    used_at=found.used_at,
                )
            )
            return None
        if found.expires_at <= transaction.now:
            return None
        return _Code(row=found, code_challenge=found.code_challenge)

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
        """Mark it as used: it is kept, so that it is recognised when it comes again.

        Raises:
            InvalidGrantError: another request was faster, or the code has ended meanwhile.
        """
        code_hash = authorization_code.row.code_hash
        if not await_only(
            authorization_codes.redeem(self._server.transaction.connection, code_hash)
        ):
            raise InvalidGrantError("code was used by another request, or has ended.")

    @property
    def _server(self) -> GrantServer:
        return cast("GrantServer", cast("Any", self).server)


class S256Only(CodeChallenge):
    """The proof key, for every client; a code without a challenge does not exist."""

    SUPPORTED_CODE_CHALLENGE_METHOD: list[str] = [pkce.METHOD]  # noqa: RUF012 Authlib has it so
