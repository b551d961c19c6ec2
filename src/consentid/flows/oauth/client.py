"""A registered client as Authlib asks about it."""

from collections.abc import Collection
from typing import Final, final

from authlib.oauth2.rfc6749 import ClientMixin
from typing_extensions import override

from consentid.brandbook.client import Scope
from consentid.store.clients import Client

CLIENT_CREDENTIALS: Final = "client_credentials"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 a grant's name

OWN_SCOPES: Final = frozenset(Scope)
"""What a client may have for itself; ``decisions:*`` still need a subject to act for."""
SUBJECT_SCOPES: Final = frozenset(
    {
        *(Scope.VERIFY, Scope.DECISIONS_WRITE, Scope.DECISIONS_READ),
        *(Scope.CAPTURES_WRITE, Scope.LINKS_WRITE, Scope.ERASURE),
    }
)
"""What goes with a subject."""


@final
class AuthlibClient(ClientMixin):
    """One client, found and authenticated by ``flows.authenticate_client``."""

    def __init__(self, row: Client) -> None:
        self.row: Client = row

    @override
    def get_client_id(self) -> str:
        return self.row.client_id

    @override
    def get_default_redirect_uri(self) -> str:
        return ""  # no grant here redirects

    @override
    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        wanted = scope.split() if isinstance(scope, str) else scope
        return " ".join(sorted(self.row.scopes.intersection(wanted)))

    @override
    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return False

    @override
    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return self.row.auth_method == method

    @override
    def check_response_type(self, response_type: str) -> bool:
        return False

    @override
    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.registration.grant_types
