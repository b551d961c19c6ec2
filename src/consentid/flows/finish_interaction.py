"""Give what an interaction was begun for, once; or say why not."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.find_need import Need, find_need
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


async def settle(context: Context, connection: AsyncConnection, scene: Scene) -> NextStep | None:
    """Where to go where nothing is left to show or to ask; None where something is."""
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
        return await _refuse(
            connection, scene, task, RefusedRequestError("login_required", "Sign in first.")
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


async def give_up(connection: AsyncConnection, scene: Scene) -> NextStep:
    """Tell the client that the person went back without choosing."""
    refused = RefusedRequestError("access_denied", "The person went back.")
    return await _refuse(connection, scene, scene.taken.state.task, refused)


async def _refuse(
    connection: AsyncConnection, scene: Scene, task: AuthorizeTask, refused: RefusedRequestError
) -> NextStep:
    await _close(connection, scene)
    return NextStep(redirect=refusal_uri(scene.book.group.issuer, task.request, refused))


async def _close(connection: AsyncConnection, scene: Scene) -> None:
    await interactions.finish(connection, scene.taken.row.interaction_hash, at=scene.now)
