"""What an interaction is about, sealed while a person decides, and bound to one browser."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.contradiction import Contradiction
from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, hash_browser, new_secret
from consentid.flows.sign_in import SignedIn
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.errors import GoneError, NotFoundError
from consentid.kit.instants import MINUTE, Instant
from consentid.oidc import authorization_details
from consentid.oidc.authorization_details import ConsentRequest
from consentid.oidc.authorization_request import AuthorizationRequest
from consentid.oidc.prompt import Prompt
from consentid.store import clients, interactions
from consentid.store.clients import Client
from consentid.store.interactions import InteractionRow

LIFETIME_MIN: Final = 30
_MAX_ID: Final = 128
_LABEL: Final = b"interaction/1\0"


class AuthorizeTask(msgspec.Struct, frozen=True, kw_only=True, tag="authorize"):
    """A client waits for a code."""

    request: AuthorizationRequest

    @property
    def purposes(self) -> tuple[str, ...]:
        """What has to be answered besides the mandatory purposes."""
        return self.request.purposes

    @property
    def details(self) -> bytes | None:
        """The authorization details asked for."""
        return self.request.details

    @property
    def on_behalf_of(self) -> str | None:
        """The brand that a partner asks for."""
        return self.request.on_behalf_of

    @property
    def ui_locales(self) -> tuple[str, ...]:
        """The languages that were asked for, first to last."""
        return self.request.ui_locales

    @property
    def shows_all(self) -> bool:
        """Whether also what was answered before is shown again."""
        return Prompt.CONSENT in self.request.prompt


class DeviceTask(msgspec.Struct, frozen=True, kw_only=True, tag="device"):
    """A device waits, and the person says that the codes match."""

    device_code_hash: bytes
    purposes: tuple[str, ...] = ()
    """What has to be answered besides the mandatory purposes."""

    @property
    def details(self) -> bytes | None:
        """None: they stay with the code."""
        return None

    @property
    def on_behalf_of(self) -> str | None:
        """None: a device asks for its own brand."""
        return None

    @property
    def ui_locales(self) -> tuple[str, ...]:
        """None: a device does not know what its person's browser speaks."""
        return ()

    @property
    def shows_all(self) -> bool:
        """What was answered before is not shown again."""
        return False


class ApprovalTask(msgspec.Struct, frozen=True, kw_only=True, tag="approval"):
    """A client that asked from elsewhere waits, and the person looks at what it asks."""

    code_hash: bytes
    addressee: bytes
    """Whom it asks: whoever looks has to be that person at each step."""
    message: str
    """What the agent reads out."""
    details: bytes | None = None
    capture: bytes | None = None
    """What the client says that the person said, to be confirmed or refused as a whole."""

    @property
    def purposes(self) -> tuple[str, ...]:
        """What has to be answered besides the mandatory purposes."""
        return authorization_details.purposes_of(self._details)

    @property
    def on_behalf_of(self) -> str | None:
        """The brand that a partner asks for."""
        return authorization_details.brand_of(self._details)

    @property
    def ui_locales(self) -> tuple[str, ...]:
        """None: the person chooses on the hub's own page."""
        return ()

    @property
    def shows_all(self) -> bool:
        """What was answered before is not asked again."""
        return False

    @property
    def _details(self) -> tuple[ConsentRequest, ...]:
        return () if self.details is None else authorization_details.decode(self.details)


Task: TypeAlias = AuthorizeTask | DeviceTask | ApprovalTask
"""What an interaction is for.  Another kind joins as a tagged member of this union."""


class InteractionState(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of an interaction."""

    task: Task
    adopted: int = 0
    """How many of the device's decisions the account adopted at the sign-in on the way."""
    was_declined: bool = False
    """Whether the person went back without answering."""
    contradictions: tuple[Contradiction, ...] = ()
    """What the person is to be told: account and device say different things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInteraction:
    """An interaction that is under way, in the browser it was begun in."""

    id: str
    row: InteractionRow
    state: InteractionState
    client: Client


async def begin_interaction(
    context: Context,
    connection: AsyncConnection,
    *,
    client: Client,
    state: InteractionState,
    browser_hash: bytes,
    at: Instant,
) -> str:
    """Begin one; returns its id, which goes into the address of its page.  43 characters."""
    id_ = new_secret(context)
    interaction_hash = hash_token(id_)
    await interactions.add(
        connection,
        InteractionRow(
            interaction_hash=interaction_hash,
            browser_hash=browser_hash,
            client_id=client.client_id,
            kind=str(state.task.__struct_config__.tag),
            sealed=_seal(context, interaction_hash, state),
            created_at=at,
            expires_at=Instant(at + LIFETIME_MIN * MINUTE),
        ),
    )
    return id_


async def take_interaction(
    context: Context,
    connection: AsyncConnection,
    unverified_id: str,
    browser: Browser,
    *,
    now: Instant,
    again: bool = False,
) -> OpenInteraction:
    """Find an interaction of this browser, and keep other requests for it waiting.

    ``again``: one that was answered is taken too.

    Raises:
        NotFoundError: there is none, or it was begun in another browser.
        GoneError: it was answered, or it took too long.
    """
    browser_hash = hash_browser(browser)
    row = (
        None
        if len(unverified_id) > _MAX_ID
        else await interactions.find(connection, hash_token(unverified_id), lock=True)
    )
    if row is None or row.browser_hash != browser_hash:
        raise NotFoundError(
            "interaction_unknown",
            "There is nothing to decide at this address in this browser: begin again at the site.",
        )
    if row.finished_at is not None and not again:
        raise GoneError("interaction_finished", "This was answered already.")
    client = await clients.find(connection, row.client_id)
    if row.expires_at <= now or client is None:
        raise GoneError("interaction_expired", "This took too long: begin again at the site.")
    return OpenInteraction(id=unverified_id, row=row, state=_open(context, row), client=client)


async def save_state(
    context: Context, connection: AsyncConnection, taken: OpenInteraction, state: InteractionState
) -> None:
    """Keep a changed state."""
    await interactions.save_sealed(
        connection,
        taken.row.interaction_hash,
        sealed=_seal(context, taken.row.interaction_hash, state),
    )


async def note_sign_in(
    context: Context,
    connection: AsyncConnection,
    unverified_id: str,
    browser: Browser,
    signed_in: SignedIn,
    *,
    at: Instant,
) -> None:
    """Keep what a person is to be told after signing in on the way of an interaction.

    Where that is over meanwhile, there is no page left to tell it on.  The caller, who signed them
    in, commits.
    """
    try:
        taken = await take_interaction(context, connection, unverified_id, browser, now=at)
    except (NotFoundError, GoneError):
        return
    state = msgspec.structs.replace(
        taken.state,
        adopted=signed_in.adopted,
        contradictions=tuple(signed_in.contradictions),
    )
    await save_state(context, connection, taken, state)


def _seal(context: Context, interaction_hash: bytes, state: InteractionState) -> bytes:
    return wrapping.seal(
        derived_key(context.keyring.master, Job.REFERENCE),
        msgspec.msgpack.encode(state),
        nonce=context.randomness(wrapping.NONCE_BYTES),
        aad=_LABEL + interaction_hash,
    )


def _open(context: Context, row: InteractionRow) -> InteractionState:
    body = wrapping.open_sealed(
        derived_key(context.keyring.master, Job.REFERENCE),
        row.sealed,
        aad=_LABEL + row.interaction_hash,
    )
    return msgspec.msgpack.decode(body, type=InteractionState)
