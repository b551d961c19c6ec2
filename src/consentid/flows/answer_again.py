"""An interaction that was answered already: a form that was sent twice, or a way back to its page.

A second click ends the way of the first one's answer before it arrived, with its cookie: the person
is led on once more, as the device that the first one made.  Nothing is recorded again.
"""

from dataclasses import dataclass, replace
from typing import Final

from consentid.flows.context import Context
from consentid.flows.finish_interaction import NextStep, finish, give_up
from consentid.flows.hub_session import Browser, first_credential
from consentid.flows.interaction_scene import load_scene
from consentid.flows.interaction_state import AuthorizeTask, take_interaction
from consentid.kit.errors import GoneError
from consentid.kit.instants import MINUTE
from consentid.store import clock

_AGAIN_MIN: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What was answered, for whoever comes back to its page."""

    client_id: str
    home: str | None
    """The front page of the brand or partner that asked."""


async def find_answered(context: Context, unverified_id: str, browser: Browser) -> Answered:
    """Who asked what this browser has answered.

    Raises:
        NotFoundError: there is none, or it was begun in another browser.
        GoneError: it took too long.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        taken = await take_interaction(
            context, connection, unverified_id, browser, now=now, again=True
        )
        profile = (await context.book(connection)).find_profile(taken.client.party)
    origins = () if profile is None else tuple(profile.origins)
    return Answered(client_id=taken.client.client_id, home=f"{origins[0]}/" if origins else None)


async def answer_again(context: Context, unverified_id: str, browser: Browser) -> NextStep:
    """Lead on once more whoever sent the form of an answered page again, right after the answer.

    The caller has made sure that the form came from our own page in this browser.

    Raises:
        NotFoundError, GoneError: as ``find_answered``; or it was long ago, or a device's.
    """
    async with context.database.writing() as connection:
        scene = await load_scene(context, connection, unverified_id, browser, lock=True, again=True)
        credential = None
        if scene.visitor.session is None:
            credential = first_credential(context, browser, scene.taken.row.interaction_hash)
            known = replace(browser, unverified_device=credential)
            scene = await load_scene(
                context, connection, unverified_id, known, lock=True, again=True
            )
        finished_at, session = scene.taken.row.finished_at, scene.visitor.session
        is_recent = finished_at is not None and scene.now - finished_at < _AGAIN_MIN * MINUTE
        if not is_recent or not isinstance(scene.taken.state.task, AuthorizeTask):
            raise GoneError("interaction_finished", "This was answered already.")
        if session is None or scene.mandatory or scene.taken.state.was_declined:
            return await give_up(
                context, connection, scene, error="access_denied", why="The person went back."
            )
        step = await finish(context, connection, scene, session)
        return replace(step, device_credential=credential)
