"""A person's decision reaches the device that waits for it; the browser is shown what came of it.

The device's tokens speak of whom the browser stood for at that moment: the account if somebody was
signed in, else the browser's own device subject.  What lies beneath an account in that browser does
not go along: the waiting device is another one.
"""

from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.device_name import open_waiting, seal_own
from consentid.flows.hub_session import Visitor
from consentid.flows.interaction_state import DeviceTask
from consentid.flows.session import Session
from consentid.kit.instants import Instant
from consentid.oidc.device_authorization import PAGE
from consentid.oidc.id_token import NO_LOGIN_ACR
from consentid.store import device_codes
from consentid.store.device_codes import Approval, DeviceCode, DeviceCodeStatus


class DeviceOutcome(StrEnum):
    """What came of it; the last part of the address that says so."""

    CONNECTED = "connected"
    DENIED = "denied"
    EXPIRED = "expired"

    def address(self, issuer: str) -> str:
        """Where the browser is told."""
        return f"{issuer.rstrip('/')}{PAGE}/{self}"


async def approve_device(
    context: Context,
    connection: AsyncConnection,
    task: DeviceTask,
    visitor: Visitor,
    session: Session,
    *,
    rests_on: tuple[str, ...] | None,
    at: Instant,
) -> DeviceOutcome:
    """Let the device have its tokens.  The caller holds the subject's lock, and commits."""
    login = visitor.login
    code = await device_codes.find(connection, task.device_code_hash)
    if code is None:
        return DeviceOutcome.EXPIRED
    approval = Approval(
        subject=session.subject.id,
        auth_time=None if login is None else login.auth_time,
        acr=NO_LOGIN_ACR if login is None else login.acr,
        rests_on=rests_on,
        sealed_name=_take_over(context, code, session),
    )
    _announce(context, connection, task)
    is_approved = await device_codes.approve(connection, task.device_code_hash, approval, now=at)
    return DeviceOutcome.CONNECTED if is_approved else DeviceOutcome.EXPIRED


async def deny_device(
    context: Context, connection: AsyncConnection, task: DeviceTask, *, at: Instant
) -> DeviceOutcome:
    """Tell the device no.  The caller commits."""
    _announce(context, connection, task)
    is_denied = await device_codes.deny(connection, task.device_code_hash, now=at)
    return DeviceOutcome.DENIED if is_denied else DeviceOutcome.EXPIRED


def _announce(context: Context, connection: AsyncConnection, task: DeviceTask) -> None:
    """Let the device's next poll in this process find out what came of it."""
    context.database.after_commit(connection, lambda: context.polls.forget(task.device_code_hash))


def _take_over(context: Context, code: DeviceCode, session: Session) -> bytes | None:
    """What the device calls itself, under the key of whom it goes by from now on."""
    if code.sealed_name is None or code.status is not DeviceCodeStatus.PENDING:
        return None
    name = open_waiting(context, code.sealed_name, device_code_hash=code.device_code_hash)
    return seal_own(context, session.subject, name)
