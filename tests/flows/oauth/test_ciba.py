"""An agent asks, the person answers on a screen of their own, and the agent's system is told."""

import json
import secrets
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import jwt
import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from msgspec import structs
from tests.flows.conftest import CIBA
from tests.flows.oauth.polling import Polling
from tests.flows.town import BRAND, GRANTED, REFUSED, Town, outcomes_of, together
from tests.flows.visits import LAYOUT, Visit, choose_all
from typing_extensions import override

from consentid.brandbook.client import IdTokenAlgorithm
from consentid.brandbook.client_keys import read_keys
from consentid.core.decision import Assurance, Outcome, SubjectId
from consentid.core.party import ReachKind
from consentid.flows.answer_interaction import Cancel, Continue, WithdrawAll, answer_interaction
from consentid.flows.authenticate import authenticate
from consentid.flows.find_approvals import WaitingApproval, show_approvals
from consentid.flows.finish_interaction import NextStep
from consentid.flows.hub_session import new_secret
from consentid.flows.interactions import open_interaction
from consentid.flows.issue_id_token import PreparedIdToken, sign_id_token
from consentid.flows.open_approval import look_at, report
from consentid.flows.preference_page import Coming
from consentid.flows.request_approval import (
    MOST_AN_HOUR,
    MOST_OPEN,
    RequestedApproval,
    request_approval,
)
from consentid.flows.restrict_subject import Asked, Reason, restrict_subject
from consentid.flows.show_preferences import show_preferences
from consentid.kit.errors import ConflictError, GoneError, RateLimitedError, UnauthenticatedError
from consentid.oidc.id_token import IdTokenClaims
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import clients, clock
from consentid.store.clients import RegisteredKey
from consentid.tokens.pairwise import pairwise_sub

ISSUER = "http://consent.localhost:7600"
WORDS = "Lion 42"
NEWS, SHOP = "https://news.halcyon.example", "https://market.halcyon.example"
"""Audiences."""
NOBODY = SubjectId(UUID(int=7))
FOR_SHOP = json.dumps(
    [
        {
            "type": "consent_request",
            "brand": "shop",
            "beneficiary": "brand",
            "purposes": ["shop:loyalty"],
        }
    ]
)


def _detail(*purposes: str) -> str:
    return json.dumps([{"type": "consent_request", "purposes": purposes}])


@dataclass(slots=True, kw_only=True)
class Call(Polling):
    """An agent's request, while the person is spoken with."""

    GRANT: ClassVar[str] = CIBA
    FIELD: ClassVar[str] = "auth_req_id"

    made: RequestedApproval

    @property
    @override
    def code(self) -> str:
        return self.made.auth_req_id


@dataclass(slots=True, kw_only=True)
class Somebody:
    """A person with an account, and their browser at the hub."""

    town: Town
    name: str
    visit: Visit

    async def waiting(self) -> list[WaitingApproval]:
        return list((await show_approvals(self.town.context, self.visit.browser)).waiting)

    async def look(self, waiting: WaitingApproval | None = None) -> str:
        """Open the page of what waits, or of the first; the interaction that begins."""
        chosen = waiting or (await self.waiting())[0]
        return await look_at(self.town.context, chosen.name, self.visit.browser)

    async def answer(self, outcome: Outcome, reach: ReachKind = BRAND) -> str:
        """Answer all that the first asks alike; where the browser is sent."""
        interaction = await self.look()
        page = await self.visit.open(interaction)
        answer = choose_all(page, outcome, reach)
        return (await self.visit.answer(interaction, answer)).redirect


async def arrive(town: Town, name: str = "ada") -> Somebody:
    """Somebody signs in at the hub, and answers nothing."""
    visit = Visit(town=town)
    visit.secret = new_secret(town.context)
    await visit.sign_in(name)
    return Somebody(town=town, name=name, visit=visit)


async def call(town: Town, client: str = "news-web", **fields: str) -> Call:
    async with town.context.database.reading() as connection:
        found = await clients.find(connection, client)
    assert found is not None
    asked = {"scope": "openid", "binding_message": WORDS, **fields}
    made = await request_approval(town.context, found, asked)
    return Call(town=town, made=made, client=client)


async def call_up(town: Town, name: str = "ada", client: str = "news-web", **more: str) -> Call:
    """Ask somebody whom the portal names."""
    return await call(town, client, id_token_hint=town.id_token(name, client), **more)


async def refused(town: Town, client: str = "news-web", **fields: str) -> str:
    with pytest.raises(RefusedRequestError) as found:
        await call(town, client, **fields)
    return found.value.error


async def test_a_person_who_is_asked_approves_and_the_agent_gets_tokens_once(desks: Town) -> None:
    ada = await arrive(desks)
    asked = await call_up(desks, scope="openid decisions:read offline_access")
    assert len(asked.made.auth_req_id) == 43
    assert await asked.poll_for_error() == "authorization_pending"
    [waiting] = await ada.waiting()
    assert (waiting.task.message, waiting.client.client_id) == (WORDS, "news-web")

    assert await ada.answer(GRANTED) == f"{ISSUER}/approvals/approved"

    assert await ada.waiting() == []
    body = await asked.tokens()
    assert body["scope"] == "decisions:read offline_access openid"
    claims = desks.claims(body["consent_token"], NEWS)
    assert "content" in claims.consent.g
    id_token = jwt.decode(body["id_token"], options={"verify_signature": False})
    assert (id_token["sub"], id_token["aud"]) == (claims.sub, "news-web")
    assert "auth_time" in id_token
    caller = await authenticate(desks.context, body["access_token"])
    [decision] = await desks.history(caller.subject)
    assert decision.assurance is Assurance.SELF
    assert (await ada.visit.refresh(body["refresh_token"])).status == 200
    # Of a code that was used nothing more comes, and nothing ends by it.
    assert await asked.poll_for_error() == "invalid_grant"
    await authenticate(desks.context, body["access_token"])


async def test_nothing_is_approved_without_a_press_though_all_was_answered(desks: Town) -> None:
    ada = await arrive(desks)
    first = await call_up(desks)
    await ada.answer(GRANTED)
    await first.tokens()

    second = await call_up(desks)
    interaction = await ada.look()
    page = await ada.visit.open(interaction)
    assert not page.asked
    assert await second.poll_for_error() == "authorization_pending"
    step = await ada.visit.answer(interaction, Continue(unverified_served=page.served))
    assert step.redirect == f"{ISSUER}/approvals/approved"
    await second.tokens()

    for no in (Cancel, partial(WithdrawAll, reach=BRAND)):
        third = await call_up(desks)
        interaction = await ada.look()
        page = await ada.visit.open(interaction)
        step = await ada.visit.answer(interaction, no(unverified_served=page.served))
        assert step.redirect == f"{ISSUER}/approvals/denied"
        assert await third.poll_for_error() == "access_denied"

    # Everything is answered no: whether the agent hears so is for the person to say.
    last = await call_up(desks)
    interaction = await ada.look()
    page = await ada.visit.open(interaction)
    assert not page.asked
    await ada.visit.answer(interaction, Continue(unverified_served=page.served))
    assert desks.claims((await last.tokens())["consent_token"], NEWS).consent.g == ()


async def test_who_hurries_waits_longer_and_what_has_expired_is_told_so(desks: Town) -> None:
    ada = await arrive(desks)
    asked = await call_up(desks, requested_expiry="60")
    assert asked.made.expires_in_s == 60
    assert await asked.poll_for_error() == "authorization_pending"
    assert await asked.poll_for_error() == "slow_down"
    await asked.set_back("polled_at", 6)  # longer than the first interval, shorter than the second
    assert await asked.poll_for_error() == "slow_down"
    await asked.set_back("polled_at", 16)
    assert await asked.poll_for_error() == "authorization_pending"

    interaction = await ada.look()
    page = await ada.visit.open(interaction)
    await asked.set_back("expires_at", 61)
    assert await asked.poll_for_error() == "expired_token"
    assert await ada.waiting() == []
    with pytest.raises(GoneError):
        await ada.visit.answer(interaction, choose_all(page, GRANTED, BRAND))
    assert (await desks.counts())["decisions"] == 0


async def test_foreign_and_unknown_codes_are_told_from_none_and_left_alone(desks: Town) -> None:
    ada = await arrive(desks)
    asked = await call_up(desks)
    await ada.answer(GRANTED)
    assert await asked.poll_for_error("shop-web") == "invalid_grant"
    assert await asked.poll_for_error("reach-forms") == "unauthorized_client"
    assert (await asked.poll("nobody")).status == 401
    for strange in ("x" * 43, "x" * 5_000, ""):
        assert await asked.poll_for_error(auth_req_id=strange) == "invalid_grant"
    assert (await desks.ask_token("news-web", grant_type=CIBA)).body["error"] == "invalid_request"
    as_device = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}
    code = asked.made.auth_req_id
    answer = await desks.ask_token("news-web", **as_device, device_code=code)
    assert answer.body["error"] == "unauthorized_client"
    await asked.tokens()


async def test_an_agent_is_told_the_same_of_somebody_and_of_nobody(desks: Town) -> None:
    """And nobody is made by being named."""
    await arrive(desks)
    somebody, nobody = await subject_of(desks), NOBODY
    before = await desks.counts()
    asked = [
        await call(desks, id_token_hint=named(desks, "news-web", each))
        for each in (somebody, nobody)
    ]
    grown = {name: rows - before[name] for name, rows in (await desks.counts()).items()}
    assert {name: more for name, more in grown.items() if more} == {"device_codes": 2}
    for each in asked:
        assert (len(each.made.auth_req_id), each.made.expires_in_s) == (43, 600)
        assert await each.poll_for_error() == "authorization_pending"
    # Neither what is asked nor of whom is in clear.
    kept = await desks.rows("SELECT device_codes::text FROM device_codes")
    sub = sub_of(desks, "brand/news", somebody)
    for secret in (asked[0].made.auth_req_id, WORDS, sub, str(somebody)):
        assert secret not in str(kept)
        assert secret.encode().hex() not in str(kept)


def sub_of(town: Town, sector: str, subject: SubjectId) -> str:
    return pairwise_sub(town.context.keyring.pairwise, sector, subject.bytes)


async def subject_of(town: Town, name: str = "ada") -> SubjectId:
    caller, _ = await town.sign_in(name)
    assert caller.subject is not None
    return caller.subject


def named(town: Town, client: str, subject: SubjectId, **changed: Any) -> str:
    """An ID token of ours for a client, long expired."""
    sector = "brand/news" if client == "news-web" else "partner/bazaar"
    claims = IdTokenClaims(
        iss=ISSUER, sub=sub_of(town, sector, subject), aud=client, iat=1, exp=601
    )
    prepared = PreparedIdToken(
        claims=structs.replace(claims, **changed), algorithm=IdTokenAlgorithm.RS256
    )
    return sign_id_token(town.context, prepared, access_token="x")


async def test_a_hint_that_is_not_for_the_client_or_not_ours_is_refused(desks: Town) -> None:
    ada = NOBODY
    theirs = named(desks, "news-web", ada, aud="shop-web")
    own = named(desks, "news-web", ada)
    body, _, signature = own.rpartition(".")
    forged = f"{body}.{signature[::-1]}"
    portals = desks.id_token("ada")
    await call(desks, id_token_hint=portals)
    for hint in (theirs, forged, "x", portals, desks.id_token("ada", "shop-web")):
        assert await refused(desks, id_token_hint=hint) == "invalid_request"
    # A partner is never told whom the portal means, and only who has a key signs hints.
    assert await refused(desks, "bazaar-web", id_token_hint=desks.id_token("ada")) == (
        "invalid_request"
    )
    assert await refused(desks, login_hint_token=desks.id_token("ada")) == "invalid_request"
    assert await refused(desks, "reach-forms", id_token_hint=own) == "unauthorized_client"
    await call(desks, login_hint_token=own)


async def test_what_is_for_somebody_else_is_not_there(desks: Town) -> None:
    ada, ben = await arrive(desks), await arrive(desks, "ben")
    asked = await call_up(desks)
    [waiting] = await ada.waiting()
    interaction = await ada.look()
    assert await ben.waiting() == []
    for act in (look_at, report):
        with pytest.raises(GoneError):
            await act(desks.context, waiting.name, ben.visit.browser)
    # Somebody else signs in where the page is open: it is gone, and so for who signs out.
    page = await ada.visit.open(interaction)
    for session in (ben.visit.session, None):
        other = replace(ada.visit.browser, unverified_session=session)
        with pytest.raises(GoneError):
            await open_interaction(
                desks.context, interaction, other, languages=("en",), layout=LAYOUT
            )
        with pytest.raises(GoneError):
            await answer_interaction(
                desks.context, interaction, other, choose_all(page, GRANTED, BRAND)
            )
        assert not (await show_approvals(desks.context, Visit(town=desks).browser)).waiting
    assert (await desks.counts())["decisions"] == 0
    assert await asked.poll_for_error() == "authorization_pending"
    overview = await _centre(desks, ada)
    assert overview.waiting == 1


async def _centre(town: Town, person: Somebody) -> Any:
    return await show_preferences(
        town.context, Coming(browser=person.visit.browser, languages=("en",))
    )


@pytest.mark.parametrize("details", [{}, {"authorization_details": _detail("content")}])
async def test_a_no_to_all_that_was_asked_is_a_denial_and_is_kept(
    desks: Town, details: dict[str, str]
) -> None:
    ada = await arrive(desks)
    asked = await call_up(desks, **details)
    assert await ada.answer(REFUSED) == f"{ISSUER}/approvals/denied"
    assert await asked.poll_for_error() == "access_denied"
    assert (await desks.counts())["access_tokens"] == 0
    assert (await desks.counts())["decisions"] == 1


async def give_key(town: Town, client: str) -> ECKey:
    """Register a key of a client's."""
    key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256"})
    [public] = read_keys({"keys": [key.as_dict(private=False)]})
    registered = RegisteredKey(kid=public.kid, alg=public.alg, members=dict(public.members))
    async with town.owner.writing() as connection:
        found = await clients.find(connection, client)
        assert found is not None
        registration = structs.replace(found.registration, keys=(registered,))
        changed = replace(found, registration=registration)
        await clients.save(connection, changed, at=await clock.now(connection))
    return key


def signed(key: ECKey, client: str, sub: str) -> str:
    """A client's own word for a person."""
    now = int(time.time())
    said = {"iss": client, "sub": sub, "aud": ISSUER, "exp": now + 60, "jti": secrets.token_hex(8)}
    header = {"alg": "ES256", "kid": "k1", "typ": "login-hint+jwt"}
    return jws.serialize_compact(header, json.dumps(said).encode(), key, algorithms=["ES256"])


async def test_a_partner_asks_for_a_brand_and_a_withdrawal_ends_what_it_got(desks: Town) -> None:
    ada = await arrive(desks)
    key = await give_key(desks, "bazaar-web")
    sub = sub_of(desks, "partner/bazaar", await subject_of(desks))
    hint = signed(key, "bazaar-web", sub)
    asked = await call(desks, "bazaar-web", login_hint_token=hint, authorization_details=FOR_SHOP)
    [waiting] = await ada.waiting()
    assert str(waiting.client.party) == "partner/bazaar"
    assert str(waiting.answered_for) == "brand/shop"
    assert await ada.answer(GRANTED) == f"{ISSUER}/approvals/approved"
    body = await asked.tokens()
    [granted] = body["authorization_details"]
    assert (list(granted["purposes"]), list(granted["locations"])) == (["shop:loyalty"], [SHOP])

    at_shop, _ = await desks.sign_in("ada", "shop-web")
    await desks.withdraw(at_shop, "shop:loyalty", reach=BRAND)
    with pytest.raises(UnauthenticatedError):
        await authenticate(desks.context, body["access_token"])
    error = await refused(
        desks, "bazaar-web", login_hint_token=hint, authorization_details=_detail("content")
    )
    assert error == "invalid_authorization_details"


async def test_nobody_is_flooded(desks: Town) -> None:
    """At most three of a brand wait, and three of all are shown: of each brand the oldest first."""
    ada = await arrive(desks)
    by_news = [await call_up(desks, binding_message=f"Lion {each}") for each in range(MOST_OPEN)]
    by_shop = await call_up(desks, client="shop-web")
    with pytest.raises(RateLimitedError) as limited:
        await call_up(desks)
    assert 0 < limited.value.retry_after_s <= 600
    shown = await ada.waiting()
    assert [each.client.client_id for each in shown] == ["news-web", "shop-web", "news-web"]
    # Whoever is called upon for nothing says so once, and that brand is heard no more for a day.
    await report(desks.context, shown[0].name, ada.visit.browser)
    assert await by_news[0].poll_for_error() == "access_denied"
    assert [each.client.client_id for each in await ada.waiting()] == ["shop-web"]
    again = await call_up(desks)
    assert await again.poll_for_error() == "authorization_pending"
    assert len(await ada.waiting()) == 1
    await desks.change("UPDATE device_codes SET reported_at = now() - interval '25 hours'")
    assert len(await ada.waiting()) == 3
    assert await by_shop.poll_for_error() == "authorization_pending"
    # Nor is anybody asked more than ten times in an hour, whatever they answer.
    await desks.change("UPDATE device_codes SET status = 'denied'")
    for _ in range(MOST_AN_HOUR - 4):
        await call_up(desks)
        await desks.change("UPDATE device_codes SET status = 'denied'")
    with pytest.raises(RateLimitedError) as limited:
        await call_up(desks)
    assert 3_500 < limited.value.retry_after_s <= 3_600


async def test_a_yes_that_waits_for_a_link_is_no_denial_and_grants_nothing_yet(desks: Town) -> None:
    ada = await arrive(desks)
    asked = await call_up(desks, authorization_details=_detail("contact.email"))
    assert await ada.answer(GRANTED) == f"{ISSUER}/approvals/approved"
    assert list((await asked.tokens())["authorization_details"]) == []


async def test_nobody_writes_for_a_person_who_is_elsewhere(desks: Town) -> None:
    ada = await arrive(desks)
    for scope in ("openid decisions:write", "openid decisions:read erasure"):
        hint = desks.id_token("ada")
        assert await refused(desks, id_token_hint=hint, scope=scope) == "invalid_scope"
    asked = await call_up(desks)  # all that the client has, where it names none
    await ada.answer(GRANTED)
    assert "decisions:write" not in (await asked.tokens())["scope"]


async def test_a_question_is_answered_once_however_many_press(desks: Town) -> None:
    ada = await arrive(desks)
    asked = await call_up(desks)
    pages = [await ada.look() for _ in range(4)]
    shown = [await ada.visit.open(each) for each in pages]
    presses = [
        answer_interaction(desks.context, each, ada.visit.browser, choose_all(page, GRANTED, BRAND))
        for each, page in zip(pages, shown, strict=True)
    ]
    ended = await outcomes_of(*presses)
    assert sum(isinstance(each, NextStep) for each in ended) == 1
    assert sum(isinstance(each, GoneError | ConflictError) for each in ended) == 3
    assert (await desks.counts())["decisions"] == 1
    answers = await together(*(asked.poll() for _ in range(5)))
    assert sorted(each.status for each in answers) == [200, 400, 400, 400, 400]


async def test_an_erasure_leaves_nothing_of_what_was_answered(desks: Town) -> None:
    ada = await arrive(desks)
    answered, open_ = await call_up(desks), await call_up(desks)
    await ada.answer(REFUSED)
    subject = await subject_of(desks)
    async with desks.context.database.writing() as connection:
        await restrict_subject(
            desks.context, connection, subject, Asked(reason=Reason.OBJECTION, asked_by="test")
        )
    statement = "SELECT count(*) FROM device_codes WHERE subject_id IS NOT NULL"
    assert await desks.rows(statement) == [(0,)]
    assert await answered.poll_for_error() == "invalid_grant"
    assert await open_.poll_for_error() == "authorization_pending"
    assert await ada.waiting() == []
