"""A partner's client that authenticates by its signature, registered for a test run."""

import asyncio
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

import httpx2
from joserfc import jws
from joserfc.jwk import ECKey
from tests.web.hub import Hub

from consentid.brandbook.client import (
    AuthMethod,
    ClientDeclaration,
    ClientId,
    Collects,
    GrantType,
    Scope,
    Surface,
    TokenClass,
    grant_types_for,
)
from consentid.brandbook.client_keys import read_keys
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.register_client import add_client
from consentid.store.engine import Database

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REDIRECT = "http://reach.localhost:7600/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningClient:
    """A client and its private key."""

    client_id: str
    key: ECKey
    issuer: str
    hub: Hub

    def assertion(self, **changed: object) -> str:
        """An assertion that holds, but for what is changed; None leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        } | changed
        said = {name: value for name, value in claims.items() if value is not None}
        return self.sign(json.dumps(said).encode())

    def sign(self, payload: bytes, **header: str) -> str:
        protected = {"alg": "ES256", "kid": "k1", "typ": "client-authentication+jwt"} | header
        return jws.serialize_compact(protected, payload, self.key, algorithms=["ES256"])

    def proof(self, assertion: str | None = None) -> dict[str, str]:
        """What authenticates a form."""
        return {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(),
        }

    def post(self, path: str, **form: str) -> httpx2.Response:
        return self.hub.http.post(path, data={**self.proof(), **form})


def register(
    hub: Hub, client_id: str = "reach-signed", *, also: Iterable[GrantType] = ()
) -> SigningClient:
    """Register a client of the partner *reach* that signs; ``also`` has grants beside the usual."""
    key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256"})
    reach = Party(kind=PartyKind.PARTNER, slug=Slug("reach"))
    declared = ClientDeclaration(
        id=ClientId(client_id),
        party=reach,
        auth=AuthMethod.PRIVATE_KEY_JWT,
        scopes=frozenset({Scope.VERIFY, Scope.DECISIONS_READ}),
        collects=Collects.OWN,
        surface=Surface.WEB,
        token_class=TokenClass.PARTNER,
        grant_types=frozenset(also)
        | grant_types_for(AuthMethod.PRIVATE_KEY_JWT, Surface.WEB, [REDIRECT], reach),
        redirect_uris=(REDIRECT,),
        keys=read_keys({"keys": [key.as_dict(private=False)]}),
    )

    async def add() -> None:
        owner = Database(hub.owner.url.render_as_string(hide_password=False))
        made = await add_client(owner, declared, randomness=secrets.token_bytes)
        await owner.close()
        assert made is None

    asyncio.run(add())
    issuer = hub.http.get("/.well-known/openid-configuration").json()["issuer"]
    return SigningClient(client_id=client_id, key=key, issuer=issuer, hub=hub)
