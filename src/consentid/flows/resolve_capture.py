"""The portal resolves the person: whoever captured something says, by their token, whose it is."""

from uuid import UUID

from consentid.core.capture import OPEN, CaptureId
from consentid.core.decision import SubjectId
from consentid.flows.attach_capture import attach_capture
from consentid.flows.capture_decision import asked_of
from consentid.flows.capture_rights import check_captured
from consentid.flows.context import Context
from consentid.flows.new_capture import Captured
from consentid.flows.person_of_token import require_person
from consentid.flows.take_capture import take_capture
from consentid.kit.errors import ConflictError
from consentid.store import clock
from consentid.store.clients import Client
from consentid.telemetry.tracing import step


@step("resolve_capture")
async def resolve_capture(
    context: Context, client: Client, subject: SubjectId, capture: UUID
) -> Captured:
    """Say whose a capture is, and record what counts of it; a second time changes nothing.

    Raises:
        NotFoundError: the client captured nothing of this name.
        ConflictError: it is another person's, or it ended before anybody knew whose it was.
        UnauthenticatedError, ForbiddenError: see ``require_person``; the client may capture this no
            more.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        person = await require_person(context, connection, subject)
        book = await context.book(connection)
        at = await clock.now_after(connection, person.id)
        taken = await take_capture(
            context, connection, CaptureId(capture), person, at=at, of_client=client.client_id
        )
        opened = taken.opened
        if taken.row.subject is not None:
            return Captured(row=taken.row, body=opened and opened.body, is_new=False, at=at)
        if opened is None or taken.state not in OPEN:
            raise ConflictError("capture_ended", f"It is {taken.state}: nothing comes of it now.")
        purposes = [each.choice.purpose for each in opened.body.weighed]
        check_captured(book, client, asked_of(taken.row), purposes)
        kept = await attach_capture(context, connection, book, opened, subject=person, at=at)
    return Captured(row=kept.row, body=kept.body, is_new=True, at=at)
