"""``/v1/links``: a signed link that asks one person one thing, for a client to send."""

import re
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from consentid.brandbook.client import Scope
from consentid.cache.limits import Limit
from consentid.core.party import PartyKind
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.mail_link import address_mark, mail_link
from consentid.flows.mint_link import LinkOut, mint_link
from consentid.kit.errors import MalformedError
from consentid.links.asking import USUAL_LIFETIME_S, Question
from consentid.links.claims import MAX_LIFETIME_S
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.pages.link_mail import write_link_mail
from consentid.web.responses import BODY_PROBLEMS
from consentid.web.words import PurposeText

_MINTINGS: Final = Limit(name="link_mintings", most=1_000, window_s=60)
"""Of one client."""
_FOR_ONE: Final = Limit(name="link_mintings_for_one", most=10, window_s=600)
"""For one subject: nobody is written to ten times in ten minutes."""
_TO_ONE: Final = Limit(name="link_mails_to_one", most=5, window_s=86_400)
"""To one address, whoever has it sent."""
_MAIL_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,253}\Z)(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}",
    re.ASCII,
)


class LinkIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the link asks.  Whom, if anybody in particular, the access token says."""

    purposes: Annotated[list[PurposeText], Meta(min_length=1, max_length=16)]
    """One yes or no for all of them."""
    brand: Annotated[str, Meta(max_length=31)] | None = None
    """The brand that a partner asks for, as its file lists it; left out: yourself."""
    capture: Annotated[str, Meta(max_length=36, pattern=r"^[0-9a-f-]+\Z")] | None = None
    """The capture that an answer confirms; `purposes` are those that it says were granted."""
    addressee: Annotated[str, Meta(max_length=320)] | None = None
    """An e-mail address or a telephone number, shown masked to who opens the link.  Not kept."""
    language: Annotated[str, Meta(max_length=16, pattern="^[A-Za-z][A-Za-z0-9-]+$")] | None = None
    notice: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    """The version of the notice that is meant; left out: whichever is current when it is opened."""
    lifetime_s: Annotated[int, Meta(ge=60, le=MAX_LIFETIME_S)] = USUAL_LIFETIME_S
    mail: bool = False
    """Have the hub send it to the addressee's e-mail address, and tell it to nobody else."""


@post(
    "/v1/links",
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt={SCOPE: Scope.LINKS_WRITE, QUERY: frozenset[str]()},
    tags=["Links"],
    summary="Make a link that asks one person one thing",
    description=(
        "With an access token that names a subject, an answer is that subject's, whoever opens the "
        "link: it belongs in a message to them and nowhere else. Where somebody captured of them "
        "what it asks, or the client may capture or ask by CIBA, they answer signed in or on their "
        "device. Without one, an answer is that of whoever opens it. Either is good for one "
        "answer, which has the assurance `link`."
    ),
    responses=BODY_PROBLEMS,
)
async def post_link_minting(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[LinkIn],
) -> Response[LinkOut]:
    """Nothing is kept: a link that is never opened was never there."""
    now_s = wall_clock_s()
    await context.limiter.check(_MINTINGS, caller.client.client_id, now_s=now_s)
    if caller.subject is not None:
        await context.limiter.check(_FOR_ONE, str(caller.subject), now_s=now_s)
    own = caller.client.party
    is_for_brand = data.brand is not None or own.kind is PartyKind.BRAND
    question = Question(
        purposes=tuple(data.purposes),
        brand=(data.brand or str(own.slug)) if is_for_brand else None,
        partner=None if is_for_brand else str(own.slug),
        addressee=data.addressee,
        capture=data.capture,
        language=data.language,
        notice=data.notice,
    )
    if not data.mail:
        made = await mint_link(context, caller, question, lifetime_s=data.lifetime_s)
        told = LinkOut(expires_at=made.expires_at, link=made.link)
        return Response(told, headers={"Cache-Control": "no-store"})
    address = _mail_address(data.addressee)
    await context.limiter.check(_TO_ONE, address_mark(context, address), now_s=now_s)
    told = await mail_link(
        context,
        caller,
        question,
        address=address,
        lifetime_s=data.lifetime_s,
        write=write_link_mail,
    )
    return Response(told, status_code=HTTPStatus.CREATED)


def _mail_address(unverified: str | None) -> str:
    if unverified is None or _MAIL_ADDRESS.fullmatch(unverified) is None:
        raise MalformedError(
            "bad_addressee", "Write the e-mail address to send the link to.", where="addressee"
        )
    return unverified
