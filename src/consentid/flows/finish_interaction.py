"""Give what an interaction was begun for, once; or say why not."""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.answer_device import DeviceOutcome, approve_device, deny_device
from consentid.flows.context import Context
from consentid.flows.delegated import grant_for_brand
from consentid.flows.find_need import Need, find_need
from consentid.flows.hand_over import hand_over
from consentid.flows.hub_session import Browser
from consentid.flows.interaction_scene import Scene
from consentid.flows.interaction_state import AuthorizeTask, DeviceTask
from consentid.flows.issue_code import issue_code, refusal_uri
from consentid.flows.known_here import remember_here
from consentid.flows.session import Session, granted_of
from consentid.flows.told import keep_told, open_told
from consentid.oidc import authorization_details
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
    if isinstance(task, DeviceTask):
        if tells:
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
    context: Context, connection: AsyncConnection, scene: Scene, session: Session
) -> NextStep:
    """Give the code, or let the device have its tokens; whoever signed in is known here now.

    What the page told of account and device was read: it is not told again.
    """
    known = await remember_here(context, connection, scene.browser, scene.visitor, at=scene.now)
    contradictions = scene.taken.state.contradictions
    if contradictions and scene.visitor.login is not None and session.device is not None:
        account, device = session.subject, session.device.id
        sealed = await subjects.find_told(connection, account=account.id, device=device)
        told = open_told(account, device, sealed)
        await keep_told(context, connection, account, device, told=told, new=contradictions)
    return replace(await _give(context, connection, scene, session), known_here=known)


async def _give(
    context: Context, connection: AsyncConnection, scene: Scene, session: Session
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
            details=_details(scene, session, task),
        )
    except RefusedRequestError as refused:
        return await _refuse(connection, scene, task, refused)
    await _close(connection, scene)
    return NextStep(redirect=redirect)


def _details(scene: Scene, session: Session, task: AuthorizeTask) -> bytes | None:
    """The details that the tokens are to carry.

    Of a brand's answers a partner hears what the person answered before its eyes; what they tell
    the brand later is the brand's to know.
    """
    kept = task.request.details
    if kept is None or not scene.is_delegated:
        return kept
    return authorization_details.encode(
        grant_for_brand(scene.book, session, authorization_details.decode(kept), scene.now)
    )


def needs_login(context: Context, scene: Scene) -> bool:
    """Whether the client insists on a sign-in that has not taken place."""
    task = scene.taken.state.task
    if isinstance(task, DeviceTask):
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
    """Tell the client, or the device, that there will be nothing."""
    task = scene.taken.state.task
    if isinstance(task, DeviceTask):
        outcome = await deny_device(context, connection, task, at=scene.now)
        return await _tell(connection, scene, outcome)
    return await _refuse(connection, scene, task, RefusedRequestError(error, why))


async def _refuse(
    connection: AsyncConnection, scene: Scene, task: AuthorizeTask, refused: RefusedRequestError
) -> NextStep:
    await _close(connection, scene)
    return NextStep(redirect=refusal_uri(scene.book.group.issuer, task.request, refused))


async def _tell(connection: AsyncConnection, scene: Scene, outcome: DeviceOutcome) -> NextStep:
    await _close(connection, scene)
    return NextStep(redirect=outcome.address(scene.book.group.issuer))


async def _close(connection: AsyncConnection, scene: Scene) -> None:
    await interactions.finish(connection, scene.taken.row.interaction_hash, at=scene.now)
