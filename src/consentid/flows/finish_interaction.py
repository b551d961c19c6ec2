"""Give what an interaction was begun for, once; or say why not."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.find_need import Need, find_need
from consentid.flows.hand_over import hand_over
from consentid.flows.hub_session import Browser
from consentid.flows.interaction_scene import Scene
from consentid.flows.interaction_state import AuthorizeTask
from consentid.flows.issue_code import issue_code, refusal_uri
from consentid.flows.session import Session
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """Where the browser goes."""

    redirect: str
    """Absolute: the client's address with its answer, or the portal's."""
    device_credential: str | None = None
    """Set it as the device cookie: the person made a first choice in this browser."""


async def settle(
    context: Context, connection: AsyncConnection, scene: Scene, browser: Browser
) -> NextStep | None:
    """Where to go where there is nothing to show or to ask here; None where there is.

    Raises:
        ForbiddenError, UnavailableError: see ``portal_login.start``.
    """
    state, session = scene.taken.state, scene.visitor.session
    if state.contradictions:
        return None
    task = state.task
    try:
        need = find_need(
            context, scene.request(task), scene.visitor, begun_at=scene.taken.row.created_at
        )
    except RefusedRequestError as refused:
        return await _refuse(connection, scene, task, refused)
    if need is Need.LOGIN:
        return NextStep(
            redirect=await hand_over(
                context,
                connection,
                browser=browser,
                interaction=scene.taken.id,
                request=task.request,
                must_be_asked=True,
            )
        )
    if need is Need.NOTHING and session is not None:
        return await finish(context, connection, scene, session)
    return None


async def finish(
    context: Context, connection: AsyncConnection, scene: Scene, session: Session
) -> NextStep:
    """Give the code."""
    task = scene.taken.state.task
    try:
        redirect = await issue_code(
            context,
            connection,
            scene.request(task),
            scene.visitor,
            session,
            details=task.request.details,
        )
    except RefusedRequestError as refused:
        return await _refuse(connection, scene, task, refused)
    await _close(connection, scene)
    return NextStep(redirect=redirect)


def needs_login(context: Context, scene: Scene) -> bool:
    """Whether the client insists on a sign-in that has not taken place."""
    try:
        need = find_need(
            context,
            scene.request(scene.taken.state.task),
            scene.visitor,
            begun_at=scene.taken.row.created_at,
        )
    except RefusedRequestError:
        return True
    return need is Need.LOGIN


async def give_up(connection: AsyncConnection, scene: Scene, *, error: str, why: str) -> NextStep:
    """Tell the client that there will be no code."""
    return await _refuse(connection, scene, scene.taken.state.task, RefusedRequestError(error, why))


async def _refuse(
    connection: AsyncConnection, scene: Scene, task: AuthorizeTask, refused: RefusedRequestError
) -> NextStep:
    await _close(connection, scene)
    return NextStep(redirect=refusal_uri(scene.book.group.issuer, task.request, refused))


async def _close(connection: AsyncConnection, scene: Scene) -> None:
    await interactions.finish(connection, scene.taken.row.interaction_hash, at=scene.now)
