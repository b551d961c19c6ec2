"""What a page of the hub shows to a person who is asked, and where the browser goes next.

Pages call ``open_interaction`` to show, ``answer_interaction`` (a module of its own) when the form
is sent and ``start_login`` for signing in.  Each owns its transaction; where the browser is sent is
returned after the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consentid.brandbook.book import Book
from consentid.brandbook.notice import Notice
from consentid.core.asking import Asking
from consentid.core.contradiction import Contradiction
from consentid.core.decision import Outcome
from consentid.core.party import Party, ReachKind
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State
from consentid.flows.context import Context
from consentid.flows.finish_interaction import NextStep, give_up, needs_login, settle
from consentid.flows.hand_over import hand_over, page_of
from consentid.flows.hub_session import Browser
from consentid.flows.interaction_scene import (
    Scene,
    choose_notice,
    load_scene,
    open_shown,
    seal_shown,
)
from consentid.flows.interaction_state import AuthorizeTask, Task
from consentid.flows.portal_login import asking_the_portal
from consentid.kit.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """All that a page needs to ask."""

    id: str
    task: Task
    client_id: str
    party: Party
    """Whom the answer is for; ``book.find_profile`` has its look."""
    asker: Party
    """The brand or partner that asks: another one where a partner asks on behalf of a brand."""
    book: Book
    notice: Notice
    """In the language chosen."""
    asked: tuple[PurposeId, ...]
    """What is asked now, in the notice's order."""
    asking: Mapping[PurposeId, Asking]
    """Why each purpose is asked about, where it is."""
    mandatory: frozenset[PurposeId]
    """What of it has to be answered before the person can go on."""
    named: frozenset[PurposeId] | None
    """What a partner named, with its parts; None where whatever is missing is asked."""
    resolutions: Mapping[PurposeId, Resolution]
    """What holds now for every purpose that the party offers."""
    prefill: Mapping[PurposeId, Outcome]
    """A person's own answers that still stand; nothing else is ever pre-ticked."""
    reaches: tuple[ReachKind, ...]
    """The reaches that may be chosen, the usual one first."""
    is_signed_in: bool
    has_choices: bool
    """Whether somebody is known here, so that there is something to withdraw."""
    contradictions: tuple[Contradiction, ...]
    """What to tell, once: account and device say different things."""
    is_new_here: bool
    """What to tell, once: the account's choices count in this browser too."""
    adopted: int
    """How many of the device's decisions the account adopted on the way here."""
    served: str
    """What is shown, sealed.  The form sends it back; it is stale when it fits no more."""
    expires_at: Instant


async def open_interaction(
    context: Context,
    unverified_id: str,
    browser: Browser,
    *,
    languages: Sequence[str],
    layout: bytes,
    chosen_language: str | None = None,
    shows_all: bool = False,
) -> Interaction | NextStep:
    """What to show at ``/interaction/{id}``, or where to go where nothing is left to ask.

    ``languages`` are the browser's, in order of preference; the client's ``ui_locales`` go before
    them, and before all what the person chose on the page.  ``layout`` is the digest of how the
    page lays out what it shows; ``shows_all``: the person wants to see also what was answered.

    Raises:
        NotFoundError: there is none, or it was begun in another browser.
        GoneError: it was answered, it took too long, or the brand or partner has left.
    """

    async def attempt() -> Interaction | NextStep:
        async with context.database.writing() as connection:
            scene = await load_scene(context, connection, unverified_id, browser, lock=False)
            step = await settle(context, connection, scene, browser)
            if step is not None:
                return step
            notice = choose_notice(scene, languages, chosen=chosen_language)
            return _show(context, scene, notice, layout=layout, shows_all=shows_all)

    return await asking_the_portal(attempt)


async def reopen_interaction(
    context: Context,
    unverified_id: str,
    browser: Browser,
    *,
    unverified_served: str,
    layout: bytes,
    shows_all: bool = False,
) -> Interaction:
    """What a form was made from, as long as it would be made the same now.

    Raises:
        NotFoundError, GoneError: see ``open_interaction``.
        ConflictError, MalformedError: see ``answer_interaction``.
    """
    async with context.database.writing() as connection:
        scene = await load_scene(context, connection, unverified_id, browser, lock=False)
        notice = open_shown(context, scene, unverified_served).notice
        return _show(context, scene, notice, layout=layout, shows_all=shows_all)


async def start_login(context: Context, unverified_id: str, browser: Browser) -> NextStep:
    """Send a person who wants to sign in to the portal; they come back to the interaction.

    Raises:
        NotFoundError, GoneError: see ``open_interaction``.
        ForbiddenError, UnavailableError: see ``portal_login.start``.
    """

    async def attempt() -> NextStep:
        async with context.database.writing() as connection:
            scene = await load_scene(context, connection, unverified_id, browser, lock=False)
            task = scene.taken.state.task
            return NextStep(
                redirect=await hand_over(
                    context,
                    connection,
                    browser=browser,
                    interaction=scene.taken.id,
                    request=task.request if isinstance(task, AuthorizeTask) else None,
                )
            )

    return await asking_the_portal(attempt)


async def note_failed_login(
    context: Context, unverified_id: str, browser: Browser, *, unverified_error: str | None
) -> NextStep:
    """The portal did not sign the person in: back to the page, or to a client that insists.

    Raises:
        NotFoundError, GoneError: see ``open_interaction``.
    """
    async with context.database.writing() as connection:
        scene = await load_scene(context, connection, unverified_id, browser, lock=False)
        if needs_login(context, scene):
            error = "access_denied" if unverified_error == "access_denied" else "login_required"
            return await give_up(context, connection, scene, error=error, why="Nobody signed in.")
        return NextStep(redirect=page_of(scene.book.group.issuer, scene.taken.id))


def _show(
    context: Context, scene: Scene, notice: Notice, *, layout: bytes, shows_all: bool
) -> Interaction:
    return Interaction(
        id=scene.taken.id,
        task=scene.taken.state.task,
        client_id=scene.taken.client.client_id,
        party=scene.party,
        asker=scene.taken.client.party,
        book=scene.book,
        notice=notice,
        asked=scene.asked(notice, shows_all=shows_all),
        asking=scene.asking,
        mandatory=scene.mandatory,
        named=frozenset(each for each in notice.purposes if scene.is_wanted(each))
        if scene.asks_by_name
        else None,
        resolutions=scene.resolutions,
        prefill={
            purpose: outcome
            for purpose, found in scene.resolutions.items()
            if (outcome := _answered(found)) is not None
        },
        reaches=scene.reaches,
        is_signed_in=scene.visitor.login is not None,
        has_choices=scene.visitor.session is not None,
        contradictions=scene.taken.state.contradictions,
        is_new_here=scene.is_new_here,
        adopted=scene.taken.state.adopted,
        served=seal_shown(context, scene, notice, layout=layout),
        expires_at=scene.taken.row.expires_at,
    )


def _answered(found: Resolution) -> Outcome | None:
    match found.state:
        case State.GIVEN:
            return Outcome.GRANTED
        case State.REFUSED | State.WITHDRAWN | State.OBJECTED:
            return Outcome.REFUSED
        case _:
            return None
