"""Consumers of the event feed: what they read, and what they come to believe."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from tests.flows.town import Town

from consentid.brandbook.client import (
    AuthMethod,
    ClientDeclaration,
    ClientId,
    Collects,
    GrantType,
    Scope,
    Surface,
    token_class_for,
)
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import PurposeId
from consentid.events.filters import Filters
from consentid.flows.authenticate import Caller
from consentid.flows.drain_outbox import drain_outbox
from consentid.flows.event_cursor import find_start, stream_of
from consentid.flows.event_watch import EventWatch
from consentid.flows.read_events import next_cursor, read_events
from consentid.flows.register_client import add_client
from consentid.flows.show_standings import show_standings

NEWS, SHOP = (Party(kind=PartyKind.BRAND, slug=Slug(each)) for each in ("news", "shop"))
REACH = Party(kind=PartyKind.PARTNER, slug=Slug("reach"))

_EVENTS = frozenset({Scope.EVENTS_READ})


def consumer(
    client: str,
    party: Party,
    *purposes: str,
    scopes: frozenset[Scope] = _EVENTS,
) -> ClientDeclaration:
    """A client that reads events and does nothing else, or what ``scopes`` say."""
    return ClientDeclaration(
        id=ClientId(client),
        party=party,
        auth=AuthMethod.CLIENT_SECRET_BASIC,
        scopes=scopes,
        collects=Collects.OWN,
        surface=Surface.WEB,
        token_class=token_class_for(Surface.WEB, party),
        grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}),
        purposes=frozenset(map(PurposeId, purposes)) or None,
    )


@dataclass(slots=True)
class Consumer:
    """Reads on from its cursor, and applies what it reads as the contract says."""

    town: Town
    caller: Caller
    cursor: str | None = None
    seen: list[dict[str, Any]] = field(default_factory=list)
    believes: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)

    async def read(self, *, limit: int = 100, **filters: tuple[str, ...]) -> list[dict[str, Any]]:
        """All that is new, a page at a time."""
        context, new = self.town.context, list[dict[str, Any]]()
        while True:
            page = await read_events(
                context,
                EventWatch(context.database, most=1),
                await find_start(context, self.caller, self.cursor),
                filters=Filters(**filters),
                limit=limit,
                wait_s=0,
            )
            new += [msgspec.json.decode(each.body) for each in page.events]
            self.cursor = next_cursor(context, page)
            if page.is_last:
                break
        for event in new:
            self._apply(event)
        self.seen += new
        return new

    async def begin_with_snapshot(self, *, limit: int = 2) -> None:
        """Forget everything, and take it from the snapshot."""
        self.believes, page = {}, None
        while True:
            shown = await show_standings(self.town.context, self.caller, page=page, limit=limit)
            for person in shown.subjects:
                for each in person.effective:
                    key = (person.subject, "/".join([each.party, *each.via]))
                    self.believes[key] = (each.revision, msgspec.to_builtins(each.now))
            page = shown.next
            if page is None:
                break
        self.cursor = shown.cursor

    def _apply(self, event: dict[str, Any]) -> None:
        if event["type"] == "consentid.erasure.v1":
            for key in [each for each in self.believes if each[0] == event["subject"]]:
                del self.believes[key]
        if event["type"] != "consentid.consent.v1":
            return
        for each in event["data"]["effective"]:
            key = (event["subject"], "/".join([each["party"], *each["via"]]))
            known = self.believes.get(key)
            if known is None or known[0] <= each["revision"]:
                self.believes[key] = (each["revision"], each["after"])


async def new_consumer(town: Town, party: Party, client: str = "crm", *purposes: str) -> Consumer:
    """A consumer that has just opened its stream; all that was before it is carried on."""
    await drain(town)
    made = await add_client(
        town.owner, consumer(client, party, *purposes), randomness=town.context.randomness
    )
    assert made is not None
    town.secrets = {**town.secrets, client: made.secret}
    caller = await town.client(client)
    await stream_of(town.context, caller)
    return Consumer(town=town, caller=caller)


async def drain(town: Town) -> int:
    """Carry on all that lies in the outbox."""
    done = 0
    while batch := await drain_outbox(town.context):
        done += batch
    return done
