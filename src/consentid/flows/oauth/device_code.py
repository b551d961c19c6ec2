"""A client asks again and again, until a person has answered; then it gets its tokens, once.

A device waits for whoever reads its code; an agent's system for whom it named (``ciba``).

How fast it may ask is kept with the code, so that no process forgets it.  The subject's lock is
taken before the code's, as a withdrawal takes them.  A lost answer costs a new code and no more: a
code that comes again after its use ends nothing, since devices do ask twice.

Spec: RFC 8628 sections 3.4 and 3.5, OpenID CIBA Core 1.0 sections 10.1 and 11.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    InvalidGrantError,
    InvalidRequestError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc8628 import (
    AuthorizationPendingError,
    DeviceCodeGrant,
    ExpiredTokenError,
    SlowDownError,
)
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.flows.authenticate import hash_token
from consentid.flows.oauth.granted import SubjectGrant
from consentid.flows.oauth.request import client_of, ours
from consentid.flows.oauth.subject_tokens import GrantServer, open_grant
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.store import device_codes
from consentid.store.device_codes import DeviceCode, DeviceCodeStatus

PENDING: Final = "Nobody has answered yet."
EXPIRED: Final = "The code has expired: ask for another."
SLOWER: Final = f"Wait for {device_codes.SLOWER_S} seconds more than before."
_MAX_CODE: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Credential:
    """A code as Authlib asks about it."""

    row: DeviceCode

    def get_scope(self) -> str:
        """What was granted."""
        return " ".join(sorted(self.row.scopes))


class DeviceGrant(DeviceCodeGrant):
    """One poll."""

    FIELD: ClassVar[str] = "device_code"
    """What the client sends."""
    IS_ADDRESSED: ClassVar[bool] = False
    """Whether the code is one of those that are addressed to a person."""

    TOKEN_ENDPOINT_AUTH_METHODS: Collection[str] = (
        "client_secret_basic",
        "private_key_jwt",
        "none",
    )

    @override
    def validate_token_request(self) -> None:
        """Authenticate the client, and find how its code stands.

        Authlib's own way tells a foreign code from an unknown one, and both as another mistake
        than RFC 6749 section 5.2 does.
        """
        untyped: Any = self
        self.request.client = untyped.authenticate_token_endpoint_client()
        if not client_of(self.request).check_grant_type(str(self.GRANT_TYPE)):
            raise UnauthorizedClientError("This client is not registered for this grant.")
        code = self._find()
        if code.status is DeviceCodeStatus.DENIED:
            raise AccessDeniedError(description="The person said no.")
        if code.status is DeviceCodeStatus.CONSUMED:
            raise self._unknown()
        if code.expires_at <= self._server.transaction.now:
            raise ExpiredTokenError(description=EXPIRED)
        if code.status is DeviceCodeStatus.PENDING:
            raise self._pending(code)
        self.request.credential = self._redeem(code)

    def _find(self) -> DeviceCode:
        unverified = ours(self.request).fields.get(self.FIELD)
        if unverified is None:
            raise InvalidRequestError(f"{self.FIELD} is missing.")
        if len(unverified) > _MAX_CODE:
            raise self._unknown()
        code = await_only(
            device_codes.find(self._server.transaction.connection, hash_token(unverified))
        )
        if (
            code is None
            or code.client_id != client_of(self.request).get_client_id()
            or (code.addressee is not None) != self.IS_ADDRESSED
        ):
            raise self._unknown()
        return code

    def _pending(self, code: DeviceCode) -> Exception:
        transaction = self._server.transaction
        connection, polls = transaction.connection, transaction.context.polls
        is_too_soon = await_only(
            device_codes.note_poll(
                connection,
                code.device_code_hash,
                now=transaction.now,
                heard=polls.last(code.device_code_hash),
            )
        )
        # What this process remembers of its polls is out of date once this one is kept.
        transaction.context.database.after_commit(
            connection, lambda: polls.forget(code.device_code_hash)
        )
        ours(self.request).is_kept_when_refused = True
        if is_too_soon:
            return SlowDownError(description=SLOWER)
        return AuthorizationPendingError(description=PENDING)

    def _redeem(self, code: DeviceCode) -> _Credential:
        transaction = self._server.transaction
        if code.subject is None:
            msg = "an approved device code names nobody"
            raise RuntimeError(msg)
        grant = SubjectGrant(
            subject=code.subject,
            device=None,
            family=uuid7(transaction.now, transaction.context.randomness(RANDOM_BYTES)),
            scopes=code.scopes,
            resource=code.resource,
            auth_time=code.auth_time,
            acr=code.acr,
            details=code.details,
            sealed_name=code.sealed_name,
        )
        self.request.user = open_grant(transaction, ours(self.request), grant)
        redeemed = await_only(
            device_codes.consume(transaction.connection, code.device_code_hash, now=transaction.now)
        )
        if redeemed is None:  # another poll was faster, or the person withdrew
            raise self._unknown()
        return _Credential(row=redeemed)

    def _unknown(self) -> InvalidGrantError:
        return InvalidGrantError(f"{self.FIELD} is unknown, used, or another client's.")

    @property
    def _server(self) -> GrantServer:
        return cast("GrantServer", cast("Any", self).server)
