"""The hub as a client of the customer portal: where a person is sent, and what comes back.

By Authlib's client over our guarded one: no redirects, small bodies, little time.  What the answer
is worth is not judged here.  Spec: OpenID Connect Core section 3.1, RFC 6749, RFC 7636.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast
from urllib.parse import quote_plus, urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from consentid.kit.errors import UnauthenticatedError, UnavailableError
from consentid.net.guarded import Lent
from consentid.net.portal_keys import PortalMetadata

_BASIC: Final = "client_secret_basic"
_POST: Final = "client_secret_post"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalLogin:
    """We as the portal's client."""

    http: httpx2.AsyncClient
    """The guarded client."""
    metadata: PortalMetadata
    client_id: str
    secret: str = field(repr=False)
    redirect_uri: str
    scope: str = "openid"

    def authorization_url(
        self, *, state: str, nonce: str, verifier: str, extra: Mapping[str, str]
    ) -> str:
        """Where to send the browser.  ``extra``: more parameters of OpenID Connect.

        Raises:
            UnavailableError: the portal names no such address.
        """
        endpoint = self._endpoint(self.metadata.authorization_endpoint)
        url, _ = cast(
            "tuple[str, str]",
            self._authlib().create_authorization_url(
                endpoint, state=state, code_verifier=verifier, nonce=nonce, **extra
            ),
        )
        return url

    async def redeem(self, code: str, *, verifier: str) -> str:
        """Turn a code into an ID token, which nobody has judged yet.

        Raises:
            UnauthenticatedError: the portal does not take the code.
            UnavailableError: no usable answer came.
        """
        endpoint = self._endpoint(self.metadata.token_endpoint)
        try:
            async with self._authlib() as client:
                answer = cast(
                    "Mapping[str, object]",
                    await client.fetch_token(
                        endpoint,
                        grant_type="authorization_code",
                        code=code,
                        code_verifier=verifier,
                    ),
                )
        except OAuthError as error:
            raise UnauthenticatedError(
                "portal_refused", "The portal did not take the code it gave: sign in again."
            ) from error
        except (httpx2.HTTPError, ValueError) as error:
            raise UnavailableError(
                "upstream_unavailable", "No usable answer came from the portal.", retry_after_s=5
            ) from error
        unverified = answer.get("id_token")
        if not isinstance(unverified, str):
            raise _misconfigured("answers without an ID token")
        return unverified

    def _authlib(self) -> Any:  # noqa: ANN401 Authlib's client is untyped
        made: Any = AsyncOAuth2Client(
            client_id=self.client_id,
            client_secret=self.secret,
            token_endpoint_auth_method=self._auth_method(),
            scope=self.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            transport=Lent(self.http),
            follow_redirects=False,
            trust_env=False,
        )
        made.register_client_auth_method((_BASIC, _encode_basic))
        return made

    def _auth_method(self) -> str:
        offered = self.metadata.token_endpoint_auth_methods_supported
        for method in (_BASIC, _POST):
            if method in offered:
                return method
        raise _misconfigured("takes no client secret")

    def _endpoint(self, found: str | None) -> str:
        if found is None or urlsplit(found).scheme != urlsplit(self.metadata.issuer).scheme:
            raise _misconfigured("names no address for it, or one of another scheme than its own")
        return found


class _Credentials(Protocol):
    client_id: str
    client_secret: str


def _encode_basic(
    client: _Credentials, _method: str, uri: str, headers: dict[str, str], body: object
) -> tuple[str, dict[str, str], object]:
    """Authlib leaves out the form encoding of id and secret.  Spec: RFC 6749 section 2.3.1."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


def _misconfigured(why: str) -> UnavailableError:
    return UnavailableError("portal_misconfigured", f"The portal {why}.", retry_after_s=60)
