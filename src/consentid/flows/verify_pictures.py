"""Hold every picture of a notice against the entry of the log that commits to it."""

import hashlib
import json
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.attach_picture import picture_body
from consentid.store import pictures


async def picture_faults(connection: AsyncConnection) -> AsyncIterator[str]:
    """What is wrong with them; whether their entries are in the log is told elsewhere."""
    async for row, body in pictures.with_bodies(connection):
        if body is None:
            yield f"{row.event_id} is in no log"
            continue
        said = json.loads(body)
        digest = hashlib.sha256(row.image).digest()
        shown = picture_body(row.notice, row.layout, digest)
        if row.digest != digest or any(said.get(name) != shown[name] for name in shown):
            yield f"{row.event_id} is not what the log says"
    for id_ in await pictures.missing(connection):
        yield f"{id_} is missing"
