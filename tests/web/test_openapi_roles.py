"""Every address and method times everybody who may come, from the OpenAPI document.

What each needs stands in ``NEEDS``, by hand: an address that is not there fails, so nobody adds one
without saying who may use it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
from litestar.handlers import HTTPRouteHandler
from tests.web.hub import NEWS_ORIGIN, Hub, forget, fresh_key
from tests.web.pages.visits import origin_of
from tests.web.roles import Role, everybody

from consentid.brandbook.client import Scope
from consentid.web.routes import HANDLERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Who may use an address."""

    scope: Scope | None = None
    subject: bool = False
    device: bool = False
    """Whether that subject has to be a device."""
    client: bool = False
    """Whether a client authenticates itself there."""
    nobody: bool = False
    """Whether it is closed to all of these roles."""


PUBLIC: Final = Need()
CAPTURES: Final = Need(scope=Scope.CAPTURES_WRITE)
SIGNED: Final = Need()
"""For devices of the field, by what they sign: nobody is let in, nobody kept out by a token."""
CLIENT: Final = Need(client=True)
EVENTS: Final = Need(scope=Scope.EVENTS_READ)
PROPAGATION: Final = Need(scope=Scope.PROPAGATION_READ)
VERIFY: Final = Need(scope=Scope.VERIFY)
READ_ONE: Final = Need(scope=Scope.DECISIONS_READ, subject=True)
WRITE: Final = Need(scope=Scope.DECISIONS_WRITE)
SEES: Final = Need(scope=Scope.ADMIN)
WRITE_ONE: Final = Need(scope=Scope.DECISIONS_WRITE, subject=True)

NEEDS: Final = {
    "GET /.well-known/oauth-authorization-server": PUBLIC,
    "GET /.well-known/openid-configuration": PUBLIC,
    "GET /.well-known/ssf-configuration": PUBLIC,
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /jwks.json": PUBLIC,
    "GET /link-keys.json": PUBLIC,
    "GET /schema/events": PUBLIC,
    "GET /schema/receipt": PUBLIC,
    "GET /sdk/v1/{file}": PUBLIC,
    "GET /statuslists": PUBLIC,
    "GET /statuslists/stream": PUBLIC,
    "GET /statuslists/{number}": PUBLIC,
    "GET /v1/catalogue": PUBLIC,
    "GET /v1/ledger/checkpoint": PUBLIC,
    "GET /v1/ledger/key": PUBLIC,
    "GET /v1/ledger/keys": PUBLIC,
    "GET /v1/ledger/proof/consistency": PUBLIC,
    "GET /v1/ledger/proof/entry/{event_id}": PUBLIC,
    "GET /v1/ledger/proof/inclusion": PUBLIC,
    "GET /v1/ledger/tile/{path}": PUBLIC,
    "POST /bc-authorize": CLIENT,
    "POST /device_authorization": CLIENT,
    "POST /introspect": CLIENT,
    "POST /par": CLIENT,
    "POST /revoke": CLIENT,
    "POST /token": CLIENT,
    "GET /v1/verify/forward": Need(nobody=True),
    "GET /userinfo": Need(nobody=True),  # wants ``openid``, which a browser's code alone gives
    "POST /userinfo": Need(nobody=True),
    "GET /v1/events": EVENTS,
    "GET /v1/events/snapshot": EVENTS,
    "GET /v1/events/stream": EVENTS,
    "POST /v1/events/confirm": EVENTS,
    "DELETE /ssf/streams": EVENTS,
    "GET /ssf/status": EVENTS,
    "GET /ssf/streams": EVENTS,
    "PATCH /ssf/streams": EVENTS,
    "POST /ssf/poll/{stream_id}": EVENTS,
    "POST /ssf/status": EVENTS,
    "POST /ssf/streams": EVENTS,
    "POST /ssf/verify": EVENTS,
    "PUT /ssf/streams": EVENTS,
    "GET /v1/propagation": PROPAGATION,
    "GET /v1/propagation/{event}": PROPAGATION,
    "GET /v1/captures": CAPTURES,
    "GET /v1/captures/{capture}": CAPTURES,
    "POST /v1/captures": CAPTURES,
    "POST /v1/captures/bundles": SIGNED,
    "DELETE /v1/field/devices/{device}": CAPTURES,
    "GET /v1/field/devices": CAPTURES,
    "POST /v1/field/devices": CAPTURES,
    "POST /v1/field/enrolments": SIGNED,
    "POST /v1/field/kit": SIGNED,
    "POST /v1/captures/{capture}/resolution": Need(scope=Scope.CAPTURES_WRITE, subject=True),
    "POST /v1/links": Need(scope=Scope.LINKS_WRITE),
    "GET /v1/admin/acts": SEES,
    "GET /v1/admin/captures": SEES,
    "GET /v1/admin/catalogues": SEES,
    "GET /v1/admin/clients": SEES,
    "GET /v1/admin/devices": SEES,
    "GET /v1/admin/erasures": SEES,
    "GET /v1/admin/webhooks": SEES,
    "GET /v1/admin/webhooks/{number}/deliveries": SEES,
    "GET /v1/admin/systems": SEES,
    "DELETE /v1/admin/devices/{device}": Need(scope=Scope.ADMIN_DEVICES),
    "POST /v1/admin/captures/{capture}/{act}": Need(scope=Scope.ADMIN_CAPTURES),
    "DELETE /v1/admin/webhooks/{number}": Need(scope=Scope.ADMIN_ENDPOINTS),
    "POST /v1/admin/webhooks": Need(scope=Scope.ADMIN_ENDPOINTS),
    "POST /v1/admin/webhooks/{number}/deliveries": Need(scope=Scope.ADMIN_DELIVERIES),
    "POST /v1/admin/webhooks/{number}/secrets": Need(scope=Scope.ADMIN_ENDPOINTS),
    "POST /v1/admin/endpoints/{number}/{act}": Need(scope=Scope.ADMIN_DELIVERIES),
    "POST /v1/admin/catalogues": Need(scope=Scope.ADMIN_CATALOGUE),
    "POST /v1/admin/clients": Need(scope=Scope.ADMIN_CLIENTS),
    "POST /v1/admin/clients/{client_id}/secret": Need(scope=Scope.ADMIN_CLIENTS),
    "POST /v1/admin/evidence": Need(scope=Scope.ADMIN_EVIDENCE),
    "POST /v1/admin/export": Need(scope=Scope.ADMIN_EXPORT),
    "POST /v1/admin/erasures/shred": Need(scope=Scope.ADMIN_ERASURES),
    "POST /v1/admin/operations/let-in": Need(scope=Scope.ADMIN_LET_IN),
    "GET /v1/admin/notices": SEES,
    "POST /v1/admin/notices/pictures": Need(scope=Scope.ADMIN_NOTICES),
    "GET /v1/admin/keys": SEES,
    "POST /v1/admin/keys/affected": Need(scope=Scope.ADMIN_KEYS),
    "POST /v1/admin/keys/revoke": Need(scope=Scope.ADMIN_KEYS),
    "POST /v1/admin/keys/rotate": Need(scope=Scope.ADMIN_KEYS),
    "POST /v1/admin/support": Need(scope=Scope.ADMIN_SUPPORT),
    "POST /v1/admin/verification": Need(scope=Scope.ADMIN_VERIFY),
    "GET /v1/history": READ_ONE,
    "GET /v1/receipts/{decision}": READ_ONE,
    "GET /v1/state": READ_ONE,
    "POST /v1/handoffs": Need(scope=Scope.DECISIONS_READ, subject=True, device=True),
    "POST /v1/decisions": WRITE_ONE,
    "POST /v1/devices": WRITE,
    "POST /v1/served": WRITE,
    "POST /v1/withdrawals": WRITE_ONE,
    "POST /v1/erasure": Need(scope=Scope.ERASURE, subject=True),
    "POST /v1/verify": VERIFY,
    "POST /v1/verify/batch": VERIFY,
}
PLACES: Final = {
    "{act}": "nothing",
    "{capture}": "A" * 22,
    "{client_id}": "nothing",
    "{decision}": "A" * 22,
    "{device}": "A" * 12,
    "{event_id}": "01890000-0000-7000-8000-000000000000",
    "{event}": "A" * 22,
    "{file}": "consentid.js",
    "{number}": "1",
    "{path}": "0/000",
    "{stream_id}": "A" * 22,
}
FORMS: Final = frozenset({"/userinfo", *(each.split()[1] for each in NEEDS if NEEDS[each].client)})
DENIED: Final = {401, 403}
NOT_HERE: Final = "admin_database_unset"
"""Told to whoever may: this process cannot write that."""
SECURE: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
NO_REFERRER: Final = {"no-referrer", "same-origin"}
FREE: Final = frozenset({"POST /authorize", "POST /logout"})
"""Forms that other sites send, as the specification has it."""
BROWSERS: Final = {
    *("nobody", "a site for a person", "a person's browser", "an operator's browser"),
}


@pytest.fixture(scope="module")
def roles(hub: Hub, valkey_url: str) -> list[Role]:
    forget(valkey_url, "limit:*")
    return [*everybody(hub)]


def operations(hub: Hub) -> Iterator[str]:
    for path, methods in hub.http.get("/schema").json()["paths"].items():
        for method in methods:
            yield f"{method.upper()} {path}"


def send(hub: Hub, operation: str, role: Role) -> httpx2.Response:
    """A request that only its sender may be wrong about; of what never ends, the beginning."""
    method, path = operation.split()
    bodies: dict[str, Any] = {
        "/v1/decisions": hub.decision,
        "/v1/withdrawals": lambda: {"reach": "brand", "all": True},
        "/v1/handoffs": lambda: {"origin": "http://shop.localhost:7600"},
        "/v1/erasure": lambda: {"reason": "objection"},
    }
    form: dict[str, str] | None = {} if path in FORMS else None
    body = None if form is not None or method == "GET" else bodies.get(path, dict)()
    for template, place in PLACES.items():
        path = path.replace(template, place)
    headers = {**role.headers, **fresh_key()}
    if path == "/v1/handoffs":  # for a page of the brand's own alone
        headers |= {"Origin": NEWS_ORIGIN}
    with hub.http.stream(method, path, json=body, data=form, headers=headers) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
    return answer


def is_secured(answer: httpx2.Response) -> bool:
    return answer.headers["referrer-policy"] in NO_REFERRER and all(
        answer.headers.get(name) == value for name, value in SECURE.items()
    )


def is_let_in(role: Role, need: Need) -> bool:
    if need.nobody:
        return False
    if need.client:
        return role.is_client
    if need.scope is not None and need.scope not in role.scopes:
        return False
    if need.device and not role.is_device:
        return False
    return role.has_subject or not need.subject


def test_every_address_says_who_may_use_it(hub: Hub) -> None:
    assert sorted(operations(hub)) == sorted(NEEDS)


def test_every_address_lets_in_whom_it_is_for_and_nobody_else(
    hub: Hub, roles: list[Role], valkey_url: str
) -> None:
    wrong: list[str] = []
    for operation, need in NEEDS.items():
        forget(valkey_url, "limit:*")
        for role in roles:
            answer = send(hub, operation, role)
            place = f"{operation} for {role.name}: {answer.status_code}"
            if is_let_in(role, need):
                is_denied = answer.status_code in DENIED and NOT_HERE not in answer.text
                wrong += [place] if is_denied else []
            elif need.client or need.nobody or not role.scopes:
                wrong += [] if answer.status_code in DENIED | {400, 404} else [place]
            elif answer.status_code != 403 or NOT_HERE in answer.text:
                wrong.append(place)
            # Of a log that no worker has opened nothing is known yet.
            if answer.status_code >= 500 and "/v1/ledger/" not in operation:
                wrong.append(place)
            wrong += [] if is_secured(answer) else [place]
    assert wrong == [], "\n".join(wrong)


def pages(wanted: str) -> Iterator[str]:
    """Those of people and operators, which the document does not tell of."""
    for handler in HANDLERS:
        assert isinstance(handler, HTTPRouteHandler)
        if handler.include_in_schema is False:
            for path in handler.paths:
                if wanted in handler.http_methods:
                    yield path


@pytest.fixture
def browsers(roles: list[Role]) -> list[Role]:
    """Who might open a page."""
    return [role for role in roles if role.name in BROWSERS]


def test_no_form_without_its_token_does_anything(hub: Hub, browsers: list[Role]) -> None:
    """Whoever sends it, wherever it says it comes from."""
    before = hub.counts()
    for path in pages("POST"):
        for role in browsers:
            for origin in (origin_of(hub), "https://elsewhere.example"):
                answer = hub.http.post(path, data={}, headers={**role.headers, "Origin": origin})
                is_refused = 400 <= answer.status_code < 500 or f"POST {path}" in FREE
                assert is_refused, (path, role.name, answer.status_code)
    assert hub.counts() == before


def test_every_page_is_guarded_from_frames_scripts_and_tell_tales(
    hub: Hub, browsers: list[Role]
) -> None:
    for path in pages("GET"):
        for role in browsers:
            answer = hub.http.get(path, headers={**role.headers, "Accept": "text/html"})
            place = (path, role.name, answer.status_code)
            # Nobody signs in here: this portal has discovery and keys alone.
            assert answer.status_code < 500 or path.endswith("/sign-in"), place
            assert is_secured(answer), place
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy, place
            assert "unsafe-inline" not in policy, place
            for cookie in answer.headers.get_list("set-cookie"):
                assert "HttpOnly" in cookie, place
                assert "SameSite=" in cookie, place
