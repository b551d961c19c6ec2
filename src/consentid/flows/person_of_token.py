"""The person whom an access token stands for, where a device will not do."""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.flows.session import require_known
from consentid.kit.errors import ForbiddenError
from consentid.store import subjects


async def require_person(
    context: Context, connection: AsyncConnection, subject: SubjectId
) -> OpenSubject:
    """Lock the person whom an access token stands for.

    Raises:
        UnauthenticatedError: they were erased.
        ForbiddenError: it stands for a device, and nobody captures what a device says.
    """
    person = require_known(await open_subject(context, connection, subject, lock=True))
    if await subjects.find_device_end(connection, subject) is not None:
        raise ForbiddenError(
            "person_needed", "A capture is of a person: exchange an ID token of the portal."
        )
    return person
