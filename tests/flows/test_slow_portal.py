"""A portal that does not answer keeps those waiting who ask for it, and nobody else."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.flows.conftest import Founded
from tests.flows.town import ID_TOKEN, Town, exchange, halcyon
from tests.flows.visits import ISSUER, Visit, query_of

from consentid.brandbook.folder import load
from consentid.flows.answer_token_request import answer_token_request
from consentid.flows.authenticate_client import BasicCredentials
from consentid.flows.authorize import authorize
from consentid.flows.context import Context
from consentid.flows.end_portal_sessions import end_portal_sessions
from consentid.flows.hub_session import Browser
from consentid.flows.interactions import start_login
from consentid.flows.oauth.request import TokenRequest
from consentid.flows.opening import open_context
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.kit.errors import UnavailableError
from consentid.settings import Settings


@dataclass(slots=True, kw_only=True)
class SilentPortal:
    """It takes every connection, and says nothing until it is told to hang up."""

    issuer: str
    called: asyncio.Event = field(default_factory=asyncio.Event)
    hang_up: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
async def silent() -> AsyncIterator[SilentPortal]:
    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        portal.called.set()
        await portal.hang_up.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    portal = SilentPortal(issuer=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield portal
    portal.hang_up.set()
    server.close()
    await server.wait_closed()


@pytest.fixture
async def narrow(
    town: Town, founded: Founded, silent: SilentPortal, tmp_path: Path
) -> AsyncIterator[Context]:
    """A hub with one connection to its database, and the silent portal."""
    folder = halcyon(tmp_path / "brands", silent.issuer)
    await publish_catalogue(town.owner, load(folder), randomness=secrets.token_bytes)
    opened = open_context(
        Settings(
            database_url=town.urls.serving,
            keys_dir=founded.keys,
            database_connections=1,
            portal_client_secret="of the hub at the portal",
        )
    )
    yield opened.context
    await opened.close()


async def exchange_id_token(context: Context, town: Town) -> object:
    form = exchange(town.id_token("ada"), ID_TOKEN)
    basic = BasicCredentials(client_id="news-web", secret=town.secrets["news-web"])
    return await answer_token_request(context, TokenRequest(form=form, basic=basic))


async def end_sessions(context: Context, town: Town) -> object:
    return await end_portal_sessions(context, town.id_token("ada"))


async def sign_in_on_the_page(context: Context, town: Town) -> object:
    begun = await authorize(context, Visit(town=town).request(), Browser())
    browser = Browser(unverified_secret=begun.browser_secret)
    return await start_login(context, begun.redirect.rpartition("/")[2], browser)


@pytest.mark.parametrize("ask", [exchange_id_token, end_sessions, sign_in_on_the_page])
async def test_whoever_waits_for_the_portal_holds_no_connection(
    town: Town,
    narrow: Context,
    silent: SilentPortal,
    ask: Callable[[Context, Town], Awaitable[object]],
) -> None:
    asking = asyncio.ensure_future(ask(narrow, town))
    await silent.called.wait()
    await narrow.database.ping()
    assert not asking.done()  # the portal is still being waited for
    silent.hang_up.set()
    with pytest.raises(UnavailableError):
        await asking


async def test_a_client_that_wants_a_sign_in_is_told_that_the_portal_is_away(
    town: Town, narrow: Context, silent: SilentPortal
) -> None:
    request = Visit(town=town).request(prompt="login")
    asking = asyncio.ensure_future(authorize(narrow, request, Browser()))
    await silent.called.wait()
    await narrow.database.ping()
    assert not asking.done()
    silent.hang_up.set()

    sent = await asking

    told = query_of(sent.redirect)
    assert sent.redirect.startswith(request["redirect_uri"])
    assert told["error"] == "temporarily_unavailable"
    assert (told["state"], told["iss"]) == ("a state", ISSUER)
    assert sent.browser_secret is None
    assert await town.rows("SELECT 1 FROM interactions") == []
