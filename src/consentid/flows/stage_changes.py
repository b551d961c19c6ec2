"""What a version of the configuration changes beyond the one before, entry by entry.

The version's own entry commits to all of it; these name the texts, the clients and the policy that
became others, so that nobody has to compare versions.  A first version changes nothing.
"""

from collections.abc import Callable, Iterator

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.flows.registration import registered
from consentid.flows.stage_entry import stage_body
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind
from consentid.store.clients import Client


async def stage_changes(
    connection: AsyncConnection,
    before: Book,
    after: Book,
    *,
    origin: str,
    at: Instant,
    randomness: Callable[[int], bytes],
) -> None:
    """Stage one entry for each notice, client and policy that is another from now on."""
    for kind, body in _changes(before, after):
        await stage_body(connection, kind, body, origin=origin, at=at, randomness=randomness)


def client_body(client: Client, *, is_disabled: bool = False) -> Json:
    """What the log says of a client: its registration, and no secret."""
    return {
        "v": 1,
        "client": client.client_id,
        "party": str(client.party),
        "disabled": is_disabled,
        "scopes": sorted(client.scopes),
        "auth": client.auth_method,
        "collects_for_group": client.collects_for_group,
        "registration": msgspec.json.encode(client.registration).decode(),
    }


def policy_body(book: Book) -> Json:
    """What the log says of the group's rules that are no purpose's."""
    group = book.group
    return {
        "v": 1,
        "identity": group.identity,
        "refusal_memory_s": group.refusal_memory_s,
        "signals": {source: list(purposes) for source, purposes in group.signals.items()},
    }


def _changes(before: Book, after: Book) -> Iterator[tuple[Kind, Json]]:
    known = {notice.digest for notice in before.notices.values()}
    new = {notice.digest: notice for notice in after.notices.values()}
    for digest in sorted(new.keys() - known):
        yield Kind.NOTICE, new[digest].canonical_text()
    for id_, declared in after.clients.items():
        if before.clients.get(id_) != declared:
            yield Kind.CLIENT, client_body(registered(declared, source="files"))
    for id_, declared in before.clients.items():
        if id_ not in after.clients:
            gone = registered(declared, source="files")
            yield Kind.CLIENT, client_body(gone, is_disabled=True)
    if policy_body(before) != policy_body(after):
        yield Kind.POLICY, policy_body(after)
