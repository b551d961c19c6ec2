"""Open a subject for proof, be it set aside: as far as the role that asks may look."""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core import projection
from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.keyring import wrapping
from consentid.store import restricted
from consentid.store.engine import Database


async def open_anyhow(
    context: Context, connection: AsyncConnection, subject_id: SubjectId, apart: Database | None
) -> OpenSubject | None:
    """A subject; of one that was set aside no more than its key.

    ``apart`` is the database as a role that may look at whoever was set aside.

    Raises:
        UnreadableError: what is stored of it cannot be opened.
    """
    subject = await open_subject(context, connection, subject_id)
    return subject or await open_set_aside(context, subject_id, apart)


async def open_set_aside(
    context: Context, subject_id: SubjectId, apart: Database | None
) -> OpenSubject | None:
    """A subject that was set aside: no more than its key; ``apart`` as above.

    Raises:
        UnreadableError: what is stored of it cannot be opened.
    """
    if apart is None:
        return None
    async with apart.reading() as beside:
        wrapped = await restricted.find_wrapped_key(beside, subject_id)
    if wrapped is None:
        return None
    return OpenSubject(
        id=subject_id,
        version=0,
        projection=projection.EMPTY,
        adult=False,
        key=wrapping.unwrap(context.keyring.master, subject_id.bytes, wrapped),
    )
