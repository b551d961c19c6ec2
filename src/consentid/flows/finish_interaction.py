"""Give what an interaction was begun for, once; or say why not."""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.answer_approval import ApprovalOutcome, approve, deny, granted_details
from consentid.flows.answer_device import DeviceOutcome, approve_device, deny_device
from consentid.flows.context import Context
from consentid.flows.find_need import Need, find_need
from consentid.flows.hand_over import hand_over
from consentid.flows.hub_session import Browser
from consentid.flows.interaction_scene import Scene
from consentid.flows.interaction_state import ApprovalTask, AuthorizeTask, DeviceTask
from consentid.flows.issue_code import issue_code, refusal_uri
from consentid.flows.known_here import remember_here
from consentid.flows.session import Session, granted_of
from consentid.flows.told import keep_told, open_told
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import interactions, subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """Where the browser goes."""

    redirect: str
    """Absolute: the client's address with its answer, the portal's, or a page of ours."""
    device_credential: str | None = None
    """Set it as the device cookie: the person made a first choice in this browser."""
    known_here: str | None = None
    """Set it as the cookie that remembers which accounts were seen in this browser."""


async def settle(
    context: Context, connection: AsyncConnection, scene: Scene, browser: Browser
) -> NextStep | None:
    """Where to go where there is nothing to show or to ask here; None where there is.

    Raises:
        ForbiddenError, UnavailableError: see ``portal_login.start``.
    """
    state, session = scene.taken.state, scene.visitor.session
    task = state.task
    tells = bool(state.contradictions) or scene.is_new_here
    if not isinstance(task, AuthorizeTask):
        # What is asked from elsewhere is answered by a press, whatever was answered before.
        if tells or isinstance(task, ApprovalTask):
            return None
        return await _settle_device(context, connection, scene)
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
    if need is Need.NOTHING and session is not None and not tells:
        return await finish(context, connection, scene, session)
    return None


async def _settle_device(
    context: Context, connection: AsyncConnection, scene: Scene
) -> NextStep | None:
    """A signed-in person who misses nothing has said all by now: that the codes match.

    Who is not signed in may want to be, before the device goes by this browser's choices.
    """
    session = scene.visitor.session
    if session is None or scene.visitor.login is None or scene.mandatory:
        return None
    return await finish(context, connection, scene, session)


async def finish(
    context: Context,
    connection: AsyncConnection,
    scene: Scene,
    session: Session,
    *,
    said_yes: bool = False,
) -> NextStep:
    """Give the code, or let the device have its tokens; whoever signed in is known here now.

    ``said_yes``: the person said yes to something in this very act, whether it counts yet or not.

    What the page told of account and device was read: it is not told again.
    """
    known = await remember_here(context, connection, scene.browser, scene.visitor, at=scene.now)
    contradictions = scene.taken.state.contradictions
    if contradictions and scene.visitor.login is not None and session.device is not None:
        account, device = session.subject, session.device.id
        sealed = await subjects.find_told(connection, account=account.id, device=device)
        told = open_told(account, device, sealed)
        await keep_told(context, connection, account, device, told=told, new=contradictions)
    return replace(
        await _give(context, connection, scene, session, said_yes=said_yes), known_here=known
    )


async def _give(
    context: Context,
    connection: AsyncConnection,
    scene: Scene,
    session: Session,
    *,
    said_yes: bool,
) -> NextStep:
    task = scene.taken.state.task
    if isinstance(task, DeviceTask):
        outcome = await approve_device(
            context,
            connection,
            task,
            scene.visitor,
            session,
            rests_on=granted_of(scene.book, session, scene.party, task.purposes, scene.now)
            if task.purposes
            else None,
            at=scene.now,
        )
        return await _tell(connection, scene, outcome)
    if isinstance(task, ApprovalTask):
        approval = await approve(connection, scene, task, session, said_yes=said_yes)
        return await _tell(connection, scene, approval)
    if needs_login(context, scene):
        # Whoever answered has answered; but the client asked for somebody, or for a sign-in, else.
        refused = RefusedRequestError("login_required", "The sign-in was not the one asked for.")
        return await _refuse(connection, scene, task, refused)
    try:
        redirect = await issue_code(
            context,
            connection,
            scene.request(task),
            scene.visitor,
            session,
            details=None if task.details is None else granted_details(scene, session, task.details),
        )
    except RefusedRequestError as refused:
        return await _refuse(connection, scene, task, refused)
    await _close(connection, scene)
    return NextStep(redirect=redirect)


def needs_login(context: Context, scene: Scene) -> bool:
    """Whether the client insists on a sign-in that has not taken place."""
    task = scene.taken.state.task
    if not isinstance(task, AuthorizeTask):
        return False
    try:
        need = find_need(
            context, scene.request(task), scene.visitor, begun_at=scene.taken.row.created_at
        )
    except RefusedRequestError:
        return True
    return need is Need.LOGIN


async def give_up(
    context: Context, connection: AsyncConnection, scene: Scene, *, error: str, why: str
) -> NextStep:
    """Tell whoever waits that there will be nothing."""
    task = scene.taken.state.task
    if isinstance(task, DeviceTask):
        outcome = await deny_device(context, connection, task, at=scene.now)
        return await _tell(connection, scene, outcome)
    if isinstance(task, ApprovalTask):
        return await _tell(connection, scene, await deny(connection, scene, task))
    return await _refuse(connection, scene, task, RefusedRequestError(error, why))


async def _refuse(
    connection: AsyncConnection, scene: Scene, task: AuthorizeTask, refused: RefusedRequestError
) -> NextStep:
    await _close(connection, scene)
    return NextStep(redirect=refusal_uri(scene.book.group.issuer, task.request, refused))


async def _tell(
    connection: AsyncConnection, scene: Scene, outcome: DeviceOutcome | ApprovalOutcome
) -> NextStep:
    await _close(connection, scene)
    return NextStep(redirect=outcome.address(scene.book.group.issuer))


async def _close(connection: AsyncConnection, scene: Scene) -> None:
    await interactions.finish(connection, scene.taken.row.interaction_hash, at=scene.now)
