"""Say who an access token stands for: a pairwise ``sub``, and nothing about the person."""

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.note_read import note_read
from consentid.flows.read_buffer import ReadKind
from consentid.flows.session import open_session
from consentid.oidc.authorization_request import OPENID
from consentid.tokens.pairwise import pairwise_sub


async def show_userinfo(context: Context, caller: Caller) -> str:
    """The ``sub`` of an access token's subject, as its client's brand or partner knows it.

    Raises:
        ForbiddenError: the access token is not one for OpenID Connect, or names no subject.
        UnauthenticatedError: the subject was erased.
    """
    caller.require(OPENID)
    subject = caller.require_subject()
    async with context.database.reading() as connection:
        session = await open_session(context, connection, subject=subject, device=None)
    note_read(context, subject, caller.client.client_id, ReadKind.USERINFO)
    return pairwise_sub(
        context.keyring.pairwise, str(caller.client.party), session.subject.id.bytes
    )
