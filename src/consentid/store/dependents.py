"""What would go on speaking for a person after a withdrawal: tokens, and codes of all kinds.

And after a sign-out, what clients that do not outlive it hold.

What came of authorization details rests on the purposes that were granted of them; what rests on
none goes on through all but a withdrawal of everything.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Uuid,
    any_,
    bindparam,
    delete,
    literal_column,
    select,
    true,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.party import Party, PartyKind, Slug
from consentid.kit.instants import Instant
from consentid.store.arrays import compiled, fetch
from consentid.store.tables import (
    access_tokens,
    authorization_codes,
    clients,
    device_codes,
    hand_offs,
    refresh_tokens,
)


async def find_resting(
    connection: AsyncConnection, subjects: Collection[SubjectId]
) -> Mapping[SubjectId, Mapping[Party, frozenset[str]]]:
    """What living tokens, codes and device codes rest on, for the clients of each party, as kept.

    Subjects that nothing rests on are left out.
    """
    found: defaultdict[SubjectId, dict[Party, frozenset[str]]] = defaultdict(dict)
    for row in await fetch(connection, _RESTING, list(subjects)):
        parties = found[SubjectId(row["subject_id"])]
        party = Party(kind=PartyKind(row["party_kind"]), slug=Slug(row["party_slug"]))
        parties[party] = parties.get(party, frozenset()) | frozenset(row["rests_on"])
    return found


async def end_of(
    connection: AsyncConnection,
    subject: SubjectId,
    *,
    party: Party | None,
    resting_on: Collection[str] | None = None,
    at: Instant,
) -> None:
    """End them for the clients of one brand or partner; None: for everybody's.

    ``resting_on``: only what rests on one of these, as kept; None: whatever it rests on.  A family
    ends as a whole, its access tokens at once.
    """

    def is_meant(table: Table) -> ColumnElement[bool]:
        meant = table.c.subject_id == subject
        if party is not None:
            meant &= table.c.client_id.in_(_clients_of(party))
        if resting_on is not None:
            meant &= table.c.rests_on.overlap(sorted(resting_on))
        return meant

    families = await connection.scalars(
        union(
            *(
                select(table.c.family).where(is_meant(table), lives)
                for table, lives in _living()
                if "family" in table.c
            )
        )
    )
    await end_families(connection, [each for each in families if each is not None], at=at)
    await connection.execute(
        update(device_codes)
        .where(is_meant(device_codes), device_codes.c.status == "approved")
        .values(status="denied", sealed_name=None)
    )
    if resting_on is None:  # a link's code rests on no purpose
        await _end_links(connection, subject, party=party)


async def _end_links(
    connection: AsyncConnection, subject: SubjectId, *, party: Party | None
) -> None:
    """End codes of links from and to the pages of a brand; None: of all."""
    links = delete(hand_offs).where(
        hand_offs.c.subject_id == subject, hand_offs.c.used_at.is_(None)
    )
    if party is not None:
        links = links.where(
            hand_offs.c.client_id.in_(_clients_of(party)) | (hand_offs.c.target_brand == party.slug)
        )
    await connection.execute(links)


async def end_families(
    connection: AsyncConnection, families: Collection[UUID], *, at: Instant
) -> None:
    """End all that came, and all that could still come, of codes."""
    await connection.execute(
        delete(authorization_codes).where(
            authorization_codes.c.family.in_(families), authorization_codes.c.used_at.is_(None)
        )
    )
    await connection.execute(
        update(refresh_tokens)
        .where(refresh_tokens.c.family.in_(families), refresh_tokens.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    await connection.execute(delete(access_tokens).where(access_tokens.c.family.in_(families)))


async def end_of_session(
    connection: AsyncConnection,
    session_id: UUID,
    account: SubjectId,
    *,
    held_by: Collection[str],
    at: Instant,
) -> None:
    """End the families of some clients that began in a session, and its links' unredeemed codes.

    The session has ended, so that none begins any more, and so have its codes.  No subject is
    locked: whoever locks one may be waiting for the session.
    """

    def begun_in(table: Table) -> Select[UUID]:
        return select(table.c.family).where(
            table.c.subject_id == account,
            table.c.session_id == session_id,
            table.c.client_id.in_(held_by),
        )

    begun = await connection.scalars(
        union(*map(begun_in, (authorization_codes, hand_offs, refresh_tokens)))
    )
    await end_families(connection, begun.all(), at=at)
    # Who renews holds the token that is used up until what comes of it can be seen.
    lives = refresh_tokens.c.revoked_at.is_(None)
    while left := (await connection.scalars(begun_in(refresh_tokens).where(lives))).all():
        await end_families(connection, left, at=at)
    await connection.execute(
        delete(hand_offs).where(
            hand_offs.c.subject_id == account,
            hand_offs.c.session_id == session_id,
            hand_offs.c.used_at.is_(None),
        )
    )


def _living() -> list[tuple[Table, ColumnElement[bool]]]:
    """Where they lie, and which of them may still be used."""
    return [
        (authorization_codes, authorization_codes.c.used_at.is_(None)),
        (
            refresh_tokens,
            refresh_tokens.c.used_at.is_(None) & refresh_tokens.c.revoked_at.is_(None),
        ),
        (access_tokens, true()),
        (device_codes, device_codes.c.status == literal_column("'approved'")),
    ]


def _clients_of(party: Party) -> Select[Any]:
    return select(clients.c.client_id).where(
        clients.c.party_kind == party.kind, clients.c.party_slug == party.slug
    )


def _resting() -> Select[Any, Any, Any, Any]:
    asked = bindparam("subjects", type_=ARRAY(Uuid))
    resting = union_all(
        *(
            select(table.c.subject_id, table.c.client_id, table.c.rests_on).where(
                table.c.subject_id == any_(asked), table.c.rests_on.is_not(None), lives
            )
            for table, lives in _living()
        )
    ).subquery()
    return select(
        resting.c.subject_id, clients.c.party_kind, clients.c.party_slug, resting.c.rests_on
    ).join_from(resting, clients, clients.c.client_id == resting.c.client_id)


_RESTING: Final = compiled(_resting())
