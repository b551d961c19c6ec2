"""Signing out at the portal: asked for by a client or by the person, and told to every client.

A client's ID token of this very session is proof enough; anybody else's request is put to the
person first.  Consent is not touched by any of it.

Spec: OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0 section 2.5.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
from joserfc import jws
from joserfc.errors import JoseError
from litestar import Response, get, post
from litestar.di import NamedDependency
from msgspec import DecodeError, Struct, ValidationError, json

from consentid.demo import portal_pages, portal_requests, portal_store
from consentid.demo.portal_login import Portal, UnknownSenderError
from consentid.demo.portal_requests import SESSION, PortalRequest
from consentid.demo.portal_server import wall_clock_s
from consentid.demo.portal_store import Farewell, PortalSession
from consentid.demo.portal_tokens import sign_logout_token
from consentid.kit.errors import UnavailableError

_log: Final = logging.getLogger("consentid.demo.portal")
_KEPT: Final = ("client_id", "id_token_hint", "post_logout_redirect_uri", "state", "ui_locales")
_ATTEMPTS: Final = 8
_LOOK_EVERY_S: Final = 1.0
_HEARD: Final = (200, 204)


class _Hint(Struct, frozen=True, kw_only=True):
    iss: str
    aud: str
    sid: str | None = None


@get("/logout")
async def sign_out(request: PortalRequest, portal: NamedDependency[Portal]) -> Response[str]:
    """Take a client's request from the query."""
    return await _sign_out(request, portal, portal_requests.read_query(request))


@post("/logout", status_code=200)
async def sign_out_by_form(
    request: PortalRequest, portal: NamedDependency[Portal]
) -> Response[str]:
    """Take a client's request from a form, or the person's own answer to our page."""
    return await _sign_out(request, portal, await portal_requests.read_body(request))


async def _sign_out(
    request: PortalRequest, portal: Portal, fields: Mapping[str, str]
) -> Response[str]:
    hint = _read_hint(portal, fields)
    onward = _onward(portal, fields, hint)
    now_s, cookie = wall_clock_s(), request.cookies.get(SESSION)
    async with portal.database.writing() as connection:
        session = await portal_store.find_session(connection, cookie, now_s=now_s)
        if session is not None:
            is_proven = hint is not None and hint.sid == session.sid
            if not is_proven and not portal_requests.is_own_form(request, fields):
                return _ask(request, portal, fields, session)
            await portal_store.end_session(connection, session.sid, now_s=now_s)
    portal.ended.set()
    if onward is not None:
        return portal_requests.go(onward, session="")
    view = portal_requests.view_of(request, fields, None)
    answer = portal_requests.show(
        portal_pages.signed_out_page(view), browser=portal_requests.browser_of(request)
    )
    answer.cookies.extend(portal_requests.go("/", session="").cookies)
    return answer


def _ask(
    request: PortalRequest, portal: Portal, fields: Mapping[str, str], session: PortalSession
) -> Response[str]:
    customer, browser = portal.book.find_sub(session.sub), portal_requests.browser_of(request)
    page = portal_pages.sign_out_page(
        portal_requests.view_of(request, fields, None),
        name="" if customer is None else customer.name,
        form_token=portal_requests.form_token(browser),
        kept={name: fields[name] for name in _KEPT if name in fields},
    )
    return portal_requests.show(page, browser=browser)


def _read_hint(portal: Portal, fields: Mapping[str, str]) -> _Hint | None:
    """What an ID token of ours says, expired or not; None where it is none of ours."""
    unverified = fields.get("id_token_hint")
    if unverified is None:
        return None
    try:
        opened = jws.deserialize_compact(unverified, portal.key, algorithms=["RS256"])
        hint = json.decode(opened.payload, type=_Hint)
    except (JoseError, DecodeError, ValidationError, ValueError):
        return None
    is_ours = opened.headers().get("typ") == "JWT" and hint.iss == portal.book.issuer
    return hint if is_ours else None


def _onward(portal: Portal, fields: Mapping[str, str], hint: _Hint | None) -> str | None:
    """Where the client wants the person sent, exactly as it registered it.

    Raises:
        UnknownSenderError: the client is not known, is two, or the address is not its own.
    """
    wanted, client_id = fields.get("post_logout_redirect_uri"), fields.get("client_id")
    if hint is not None and client_id not in (None, hint.aud):
        raise UnknownSenderError("client")
    if wanted is None:
        return None
    client = portal.book.clients.get(client_id or ("" if hint is None else hint.aud))
    if client is None:
        raise UnknownSenderError("client")
    if wanted not in client.post_logout_redirect_uris:
        raise UnknownSenderError("redirect")
    if "state" not in fields:
        return wanted
    joint = "&" if "?" in wanted else "?"
    return f"{wanted}{joint}{urlencode({'state': fields['state']})}"


async def tell_clients(portal: Portal, http: httpx2.AsyncClient) -> None:
    """Tell clients of ended sessions, for as long as the portal runs; what fails is tried again.

    Once a second it looks, or at once when a session ends here.
    """
    while True:
        try:
            await _tell_due(portal, http)
        except UnavailableError:
            _log.info("the portal's database is away: clients are told of sign-outs later")
        except Exception:  # noqa: BLE001  a loop: whatever it is, the next round may go better
            _log.exception("clients could not be told of sign-outs")
        portal.ended.clear()
        try:
            await asyncio.wait_for(portal.ended.wait(), _LOOK_EVERY_S)
        except TimeoutError:
            continue


async def _tell_due(portal: Portal, http: httpx2.AsyncClient) -> None:
    async with portal.database.writing() as connection:
        now_s = wall_clock_s()
        for farewell in await portal_store.due_farewells(connection, now_s=now_s):
            if await _tell(portal, http, farewell) or farewell.attempts + 1 >= _ATTEMPTS:
                await portal_store.forget_farewell(connection, farewell)
            else:
                await portal_store.postpone_farewell(
                    connection, farewell, due_at=now_s + 2**farewell.attempts
                )


async def _tell(portal: Portal, http: httpx2.AsyncClient, farewell: Farewell) -> bool:
    client = portal.book.clients.get(farewell.client_id)
    if client is None or client.backchannel_logout_uri is None:
        return True
    token = sign_logout_token(
        portal.key,
        issuer=portal.book.issuer,
        audience=farewell.client_id,
        sub=farewell.sub,
        sid=farewell.sid,
        now_s=wall_clock_s(),
    )
    form: dict[str, Any] = {"logout_token": token}
    try:
        answer = await http.post(client.backchannel_logout_uri, data=form)
    except httpx2.HTTPError as error:
        _log.info("%s did not hear of a sign-out: %s", farewell.client_id, type(error).__name__)
        return False
    if answer.status_code not in _HEARD:
        _log.info("%s answered %s to a sign-out", farewell.client_id, answer.status_code)
    return answer.status_code in _HEARD
