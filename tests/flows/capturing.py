"""Whoever says what others said: a call centre, a till; and the people of whom they say it."""

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection
from tests.flows.town import Town

from consentid.brandbook.book import Book
from consentid.core.capture import CaptureId, CaptureState, Evidence, EvidenceKind
from consentid.core.decision import Assurance, Channel, Choice, Outcome, SubjectId
from consentid.core.party import Party
from consentid.core.purpose import PurposeId
from consentid.flows.authenticate import Caller
from consentid.flows.confirm_capture import AlreadyEnded, Confirmed, confirm_capture
from consentid.flows.new_capture import Captured, Claimed, NewCapture
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.flows.record_capture import record_capture
from consentid.flows.refuse_capture import Refused, decline_capture, dispute_capture
from consentid.flows.resolve_capture import resolve_capture
from consentid.flows.show_catalogue import show_catalogue
from consentid.flows.show_state import show_state
from consentid.kit.instants import Instant
from consentid.store import clock


def evidence(reference: str | None = None, **changed: object) -> Evidence:
    """A recording of its own, unless told which."""
    return Evidence(
        kind=EvidenceKind.RECORDING,
        version="v3",
        reference=reference or secrets.token_hex(6),
        **changed,  # pyright: ignore[reportArgumentType] whatever a test changes
    )


@dataclass(slots=True, kw_only=True)
class Centre:
    """One client that captures."""

    town: Town
    client: str = "news-calls"

    async def caller(self, sub: str | None = None) -> Caller:
        """The client for itself, or with a person whom the portal resolved."""
        if sub is None:
            return await self.town.client(self.client)
        return (await self.town.sign_in(sub, self.client))[0]

    async def capture(
        self,
        choices: Mapping[str, Outcome],
        *,
        sub: str | None = None,
        key: str | None = None,
        asked: Party | None = None,
        operator: str = "agent-7",
        shown: Evidence | None = None,
        claimed: Instant | None = None,
    ) -> Captured:
        """Capture something, of a person's where there is a ``sub``."""
        caller = await self.caller(sub)
        asked = asked or caller.client.party
        notice = await show_catalogue(self.town.context, brand=asked.slug, languages=("en",))
        return await record_capture(
            self.town.context,
            caller.client,
            caller.subject,
            NewCapture(
                asked=asked,
                notice=notice.notice,
                choices=tuple(
                    Choice(purpose=PurposeId(purpose), outcome=outcome)
                    for purpose, outcome in choices.items()
                ),
                channel=Channel.PHONE,
                operator=operator,
                evidence=shown or evidence(),
                claimed=None if claimed is None else Claimed(at=claimed),
            ),
            key=(key or secrets.token_hex(16)).encode(),
        )

    async def resolve(self, capture: Captured, sub: str) -> Captured:
        """The portal says whose it is."""
        caller = await self.caller(sub)
        assert caller.subject is not None
        return await resolve_capture(
            self.town.context, caller.client, caller.subject, capture.row.id
        )


@dataclass(slots=True, kw_only=True)
class Customer:
    """A person who answers for themselves."""

    town: Town
    sub: str
    at_news: Caller

    @classmethod
    async def of(cls, town: Town, sub: str) -> "Customer":
        return cls(town=town, sub=sub, at_news=(await town.sign_in(sub))[0])

    @property
    def subject(self) -> SubjectId:
        assert self.at_news.subject is not None
        return self.at_news.subject

    async def states(self, *purposes: str) -> list[str]:
        """What holds at *news*."""
        shown = await show_state(self.town.context, self.at_news, at_least=None)
        found = {each.purpose: each.state for each in shown.purposes}
        return [found[each] for each in purposes]

    async def confirm(self, capture: Captured) -> Confirmed | AlreadyEnded:
        async with self._acting() as (connection, book, person):
            return await confirm_capture(
                self.town.context,
                connection,
                book,
                person,
                CaptureId(capture.row.id),
                assurance=Assurance.LINK,
                channel=Channel.LINK,
            )

    async def decline(self, capture: Captured) -> Refused | AlreadyEnded:
        async with self._acting() as (connection, book, person):
            return await decline_capture(
                self.town.context,
                connection,
                book,
                person,
                CaptureId(capture.row.id),
                assurance=Assurance.LINK,
                channel=Channel.LINK,
            )

    async def dispute(self, capture: Captured) -> Refused | AlreadyEnded:
        async with self._acting() as (connection, book, person):
            return await dispute_capture(
                self.town.context, connection, book, person, CaptureId(capture.row.id)
            )

    @asynccontextmanager
    async def _acting(self) -> AsyncGenerator[tuple[AsyncConnection, Book, OpenSubject]]:
        context = self.town.context
        async with context.database.writing() as connection:
            book = await context.book(connection)
            person = await open_subject(context, connection, self.subject, lock=True)
            assert person is not None
            yield connection, book, person


def state(capture: Captured) -> CaptureState:
    return capture.row.state


async def now(town: Town) -> Instant:
    async with town.context.database.reading() as connection:
        return await clock.now(connection)
