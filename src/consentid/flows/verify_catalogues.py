"""Hold every version of the configuration against its digest, its number, and the log."""

import hashlib
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.encoding import decode
from consentid.core.decision import CatalogueVersion
from consentid.flows.leaf_faults import Known
from consentid.store import catalogues


async def catalogue_faults(connection: AsyncConnection, known: Known) -> AsyncIterator[str]:
    """What is wrong with them, once all leaves were held against ``known``."""
    newest = await catalogues.newest_version(connection) or 0
    for number in range(1, newest + 1):
        row = await catalogues.find(connection, CatalogueVersion(number))
        if row is None:
            yield f"version {number} is missing"
        elif hashlib.sha256(row.body).digest() != row.digest:
            yield f"version {number} is not what its digest says"
        elif row.digest not in known.brought:
            yield f"version {number} is in no log"
        elif (said := _version(row.body)) != number:
            yield f"version {number} says of itself that it is {said}"


def _version(body: bytes) -> int | None:
    try:
        return decode(body).catalogue.version
    except ValueError:
        return None
