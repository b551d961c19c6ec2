"""Everybody who may come to a hub: nobody, each scope alone, each kind of client, people."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx2
from tests.flows.readers import NEWS, consumer
from tests.web.hub import DEVICE_CREDENTIAL, Hub, basic_of, bearer
from tests.web.pages.centre import Person
from tests.web.pages.test_operations import let_in
from tests.web.pages.visits import origin_of
from tests.web.signing import register
from tests.web.test_events import opened_by_owner
from tests.web.test_hand_offs import Page

from consentid.brandbook.client import Scope
from consentid.flows.register_client import add_client

_SITE = frozenset({Scope.VERIFY, Scope.DECISIONS_READ, Scope.DECISIONS_WRITE})
_PAGE = frozenset({Scope.DECISIONS_READ, Scope.DECISIONS_WRITE})
_PARTNER = frozenset({Scope.VERIFY, Scope.DECISIONS_READ})


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Somebody, and what they come with."""

    name: str
    headers: Mapping[str, str]
    scopes: frozenset[Scope] = frozenset()
    """Of an access token; empty where there is none."""
    has_subject: bool = False
    is_device: bool = False
    is_client: bool = False
    """Whether it authenticates as a client, by its secret."""


async def _register(hub: Hub) -> dict[str, str]:
    opened = opened_by_owner(hub)
    made = {
        scope: await add_client(
            opened.context.database,
            consumer(_client_of(scope), NEWS, scopes=frozenset({scope})),
            randomness=opened.context.randomness,
        )
        for scope in Scope
    }
    await opened.close()
    return {_client_of(scope): new.secret for scope, new in made.items() if new is not None}


def _client_of(scope: Scope) -> str:
    return f"role-{scope.replace(':', '-')}"


def everybody(hub: Hub) -> Iterator[Role]:
    """All roles, each ready to call."""
    hub.secrets = {**hub.secrets, **hub.asking.call(_register, hub)}
    yield Role(name="nobody", headers={})
    yield Role(name="a made-up token", headers=bearer(secrets.token_urlsafe(32)))
    for scope in Scope:
        headers = hub.client_token(_client_of(scope))
        yield Role(name=f"{scope} alone", headers=headers, scopes=frozenset({scope}))
    secret = {"Authorization": basic_of(hub, "news-web")}
    yield Role(name="a site's secret", headers=secret, is_client=True)
    yield Role(name="a site", headers=hub.client_token(), scopes=_SITE)
    yield Role(name="a site for a person", headers=hub.sign_in(), scopes=_SITE, has_subject=True)
    device = hub.exchange(hub.device(), DEVICE_CREDENTIAL).json()["access_token"]
    one = {"has_subject": True, "is_device": True}
    yield Role(name="a site for a device", headers=bearer(device), scopes=_SITE, **one)
    page = Page(hub=hub, brand="news").begin()
    yield Role(name="a page", headers=page.subject, scopes=_PAGE, **one)
    partner = register(hub, "role-signed").post("/token", grant_type="client_credentials").json()
    yield Role(name="a partner", headers=bearer(partner["access_token"]), scopes=_PARTNER)
    yield Role(name="a person's browser", headers=_person(hub))
    yield Role(name="an operator's browser", headers=_operator(hub))


def _person(hub: Hub) -> dict[str, str]:
    with httpx2.Client(base_url=hub.url) as http:
        Person.arrive(hub, http).answer("granted", "content")
        return _cookies(http)


def _operator(hub: Hub) -> dict[str, str]:
    with httpx2.Client(base_url=hub.url) as http:
        let_in(hub, Person(http=http, origin=origin_of(hub), page=http.get("/operations")))
        return _cookies(http)


def _cookies(http: httpx2.Client) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={text}" for name, text in http.cookies.items())}
