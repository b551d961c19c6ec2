"""A link's hand-off code becomes tokens of the same subject, at the brand that the link led to.

The page that redeems says where its visitor came from, and the browser says which page it is; both
have to be what the code was made for.  A code that comes to the wrong place is used up, one that
comes a second time ends what came of it.  The tokens name the subject in the redeemer's own sector.

A device's end with the device.  An account's are given while the session lasts that it was handed
on in: the redeemer takes part in that session, gets an ID token of it as for a code, and loses all
of it when the person signs out.

Spec: RFC 6749 section 4.5 (extension grants); RFC 9700 section 4.5 (reuse).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol, cast, final
from uuid import UUID

from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin
from sqlalchemy.util import await_only
from typing_extensions import override

from consentid.brandbook.client import GrantType
from consentid.core.party import Party, PartyKind
from consentid.flows.authenticate import hash_token
from consentid.flows.create_device import check_origin
from consentid.flows.hub_session import session_sid
from consentid.flows.oauth.client import SUBJECT_SCOPES
from consentid.flows.oauth.granted import SubjectGrant
from consentid.flows.oauth.request import AuthlibRequest, client_of, ours
from consentid.flows.oauth.reuse import end_if_reused
from consentid.flows.oauth.subject_tokens import FAMILY_LIFETIME_D, open_grant, save_tokens
from consentid.flows.oauth.transaction import Transaction
from consentid.kit.errors import ForbiddenError
from consentid.kit.instants import DAY, Instant
from consentid.oidc.authorization_request import OFFLINE_ACCESS, OPENID
from consentid.store import hand_offs, hub_sessions
from consentid.store.hand_offs import HandOff
from consentid.store.token_grounds import Link

_MAX_CODE: Final = 128


class _Server(Protocol):
    """What this grant needs of the server that runs it."""

    transaction: Transaction

    def scope_for(self, allowed: Collection[str]) -> str:
        """The scopes of the token to be issued."""
        ...


@final
class HandOffGrant(BaseGrant, TokenEndpointMixin):
    """One redemption."""

    GRANT_TYPE: str | None = GrantType.HAND_OFF
    TOKEN_ENDPOINT_AUTH_METHODS: Collection[str] = ("none",)
    _code: HandOff | None = None

    @override
    def validate_token_request(self) -> None:
        """Find the client, the code, and whom it stands for."""
        self.request.client = self.authenticate_token_endpoint_client()
        asked, client = ours(self.request), client_of(self.request)
        if not client.check_grant_type(GrantType.HAND_OFF):
            raise UnauthorizedClientError("This client takes nobody over from a link.")
        transaction = self._server.transaction
        try:
            check_origin(transaction.book, client.row.party, asked.origin or "")
        except ForbiddenError as error:
            raise UnauthorizedClientError(
                "This client's script is believed on its party's registered origins only."
            ) from error
        scopes = self._scopes()
        link = await_only(self._find(asked, client.row.party))
        self._code = code = link.code
        grant = (
            self._of_device(link, scopes)
            if code.session_id is None
            else await_only(self._of_session(code, code.session_id, scopes))
        )
        self.request.user = open_grant(transaction, asked, grant, locked=link.subject)

    @override
    def create_token_response(self) -> Any:
        """Answer as for a code; an ID token, too, where it is an account's."""
        granted, code = ours(self.request).granted, self._code
        if granted is None or code is None:
            msg = "a hand-off was answered before it was judged"
            raise RuntimeError(msg)
        untyped: Any = self
        token: dict[str, Any] = untyped.generate_token(
            scope=" ".join(sorted(granted.grant.scopes)), include_refresh_token=True
        )
        # Last, and after the subject's lock, as a withdrawal takes them.
        is_used = await_only(
            save_tokens(
                self._server.transaction,
                client_of(self.request).get_client_id(),
                granted,
                token,
                link_hash=code.code_hash,
            )
        )
        if not is_used:
            raise _refused()  # another was faster, or the person withdrew
        return 200, token, self.TOKEN_RESPONSE_HEADER

    def _of_device(self, link: Link, scopes: frozenset[str]) -> SubjectGrant:
        now, ends_at = self._server.transaction.now, link.ends_at
        if ends_at is None or ends_at <= now:
            raise _refused()
        return SubjectGrant(
            subject=link.code.subject,
            device=None,
            family=link.code.family,
            scopes=scopes,
            family_expires_at=Instant(min(ends_at, now + FAMILY_LIFETIME_D * DAY)),
        )

    async def _of_session(
        self, code: HandOff, session_id: UUID, scopes: frozenset[str]
    ) -> SubjectGrant:
        """As of a code that the hub gave in that session, which cannot end meanwhile."""
        transaction = self._server.transaction
        client_id = client_of(self.request).get_client_id()
        session = await hub_sessions.join_of_account(
            transaction.connection,
            session_id,
            account=code.subject,
            client_id=client_id,
            sid=session_sid(transaction.context, session_id, client_id=client_id),
            now=transaction.now,
        )
        if session is None:
            raise _refused()
        return SubjectGrant(
            subject=code.subject,
            device=session.device,
            family=code.family,
            scopes=scopes | {OPENID},
            auth_time=session.auth_time,
            acr=session.acr,
            session_id=session.id,
        )

    def _scopes(self) -> frozenset[str]:
        """All that go with a subject unless fewer are asked for; and rotation, where it may."""
        scopes = frozenset(self._server.scope_for(SUBJECT_SCOPES).split(" "))
        may_refresh = client_of(self.request).check_grant_type(GrantType.REFRESH_TOKEN)
        return scopes | {OFFLINE_ACCESS} if may_refresh else scopes

    async def _find(self, asked: AuthlibRequest, party: Party) -> Link:
        """The code that may be redeemed here."""
        transaction = self._server.transaction
        referrer = asked.fields.get("referrer")
        if "code" not in asked.fields or referrer is None:
            raise InvalidRequestError("code and referrer are needed.")
        if transaction.link is None:
            raise _refused()
        known = transaction.link.code
        if not _is_for(known, party, origin=asked.origin, referrer=referrer):
            # Somebody has it who should not: it ends here, for whoever it was meant too.
            asked.is_kept_when_refused = await hand_offs.use(
                transaction.connection, known.code_hash
            )
            raise _refused()
        if known.used_at is not None:
            await end_if_reused(
                transaction,
                asked,
                family=known.family,
                subject=known.subject,
                used_at=known.used_at,
            )
            raise _refused()
        if known.expires_at <= transaction.now:
            raise _refused()
        return transaction.link

    @property
    def _server(self) -> _Server:
        return cast("_Server", cast("object", self.server))


def find_link_hash(form: Mapping[str, str]) -> bytes | None:
    """The hash of a link's code, where a request redeems one."""
    unverified = form.get("code")
    if form.get("grant_type") != GrantType.HAND_OFF or unverified is None:
        return None
    return hash_token(unverified) if len(unverified) <= _MAX_CODE else None


def _is_for(code: HandOff, party: Party, *, origin: str | None, referrer: str) -> bool:
    """Whether the code was made for this very page, on the page that the visitor came from."""
    return (
        party == Party(kind=PartyKind.BRAND, slug=code.target_brand)
        and origin == code.target
        and referrer == code.origin
    )


def _refused() -> InvalidGrantError:
    """Nothing is told apart: unknown, used, late, another's."""
    return InvalidGrantError("code is unknown, used, too old, or was made for another place.")
