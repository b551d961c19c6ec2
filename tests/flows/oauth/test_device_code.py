"""A device that shows a code, a person who answers in a browser, and what the device is told."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jwt
import msgspec
import pytest
from tests.flows.oauth.polling import Polling
from tests.flows.town import GRANTED, REFUSED, Town, together
from tests.flows.visits import LAYOUT, Visit, choose_all, query_of
from typing_extensions import override

from consentid.core.decision import Outcome
from consentid.core.party import ReachKind
from consentid.flows.answer_interaction import Cancel, Continue, WithdrawAll, answer_interaction
from consentid.flows.authenticate import authenticate
from consentid.flows.finish_interaction import NextStep
from consentid.flows.hub_session import new_secret
from consentid.flows.interactions import open_interaction, start_login
from consentid.flows.match_device import confirm_match, deny_match, find_waiting_device
from consentid.flows.reap import reap
from consentid.flows.request_device_code import DeviceCodes, request_device_code
from consentid.kit.errors import ForbiddenError, NotFoundError
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import clients, clock

TV = "play-tv"
PLAY = "https://play.halcyon.example"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ISSUER = "http://consent.localhost:7600"
DAY_S = 86_400


@dataclass(slots=True, kw_only=True)
class Television(Polling):
    """A TV that waits, and the phone of whoever sits before it."""

    GRANT: ClassVar[str] = GRANT
    FIELD: ClassVar[str] = "device_code"

    codes: DeviceCodes
    phone: Visit

    @property
    @override
    def code(self) -> str:
        return self.codes.device_code

    async def match(self) -> str:
        """The person says that the codes match; the interaction that begins."""
        context = self.town.context
        waiting = await find_waiting_device(context, self.codes.user_code)
        self.phone.secret = self.phone.secret or new_secret(context)
        return await confirm_match(context, waiting, self.phone.browser)

    async def approve(self, outcome: Outcome = GRANTED) -> str:
        """Match, answer all that is asked alike; where the phone is sent."""
        interaction = await self.match()
        page = await self.phone.open(interaction)
        reach = ReachKind.BRAND
        return (await self.phone.answer(interaction, choose_all(page, outcome, reach))).redirect

    async def go_back(self) -> str:
        """Match, and answer nothing; where the phone is sent."""
        interaction = await self.match()
        page = await self.phone.open(interaction)
        return (
            await self.phone.answer(interaction, Cancel(unverified_served=page.served))
        ).redirect


async def switch_on(town: Town, client: str = TV, **fields: str) -> Television:
    async with town.context.database.reading() as connection:
        found = await clients.find(connection, client)
    assert found is not None
    codes = await request_device_code(town.context, found, fields)
    return Television(town=town, codes=codes, phone=Visit(town=town, client=client), client=client)


async def add_client(town: Town, client_id: str, **changed: Any) -> None:
    """Another client like the TV's."""
    async with town.owner.writing() as connection:
        like = await clients.find(connection, TV)
        assert like is not None
        grants = changed.pop("grant_types", like.registration.grant_types)
        await clients.save(
            connection,
            replace(
                like,
                client_id=client_id,
                registration=type(like.registration)(grant_types=grants),
                **changed,
            ),
            at=await clock.now(connection),
        )


async def refused(town: Town, client: str = TV, **fields: str) -> str:
    with pytest.raises(RefusedRequestError) as found:
        await switch_on(town, client, **fields)
    return found.value.error


# ── Asking for codes ─────────────────────────────────────────────────────────────────────────────


async def test_a_device_gets_a_code_to_poll_with_and_one_to_show(town: Town) -> None:
    tv = await switch_on(town)
    assert len(tv.codes.device_code) == 43
    assert len(tv.codes.user_code.replace("-", "")) == 8
    assert tv.codes.verification_uri == f"{ISSUER}/device"
    assert query_of(tv.codes.verification_uri_complete)["user_code"] == tv.codes.user_code


async def test_what_a_device_calls_itself_is_nowhere_in_clear_and_goes_along_once(
    town: Town,
) -> None:
    tv = await switch_on(town, device_name="Den of Ines")
    name = b"Den of Ines".hex()
    kept: list[Any] = []
    for act in (tv.approve, tv.tokens):
        kept += await town.rows("SELECT device_codes::text FROM device_codes")
        await act()
    kept += await town.rows("SELECT refresh_tokens::text FROM refresh_tokens")
    assert "Den of Ines" not in str(kept)
    assert name not in str(kept)
    sealed = await town.rows(
        "SELECT d.sealed_name, length(r.sealed_name) FROM device_codes d, refresh_tokens r"
    )
    assert sealed == [(None, 29 + len("Den of Ines"))]


async def test_neither_code_is_kept_as_it_is(town: Town) -> None:
    tv = await switch_on(town)
    user_code = tv.codes.user_code.replace("-", "")
    [kept] = await town.rows("SELECT device_codes::text FROM device_codes")
    plain = hashlib.sha256(user_code.encode()).hexdigest()
    for secret in (tv.codes.device_code, user_code, tv.codes.user_code, plain):
        assert secret not in kept[0]


async def test_only_clients_registered_for_it_may_ask(town: Town) -> None:
    assert await refused(town, "news-web") == "unauthorized_client"


async def test_what_a_device_asks_for_is_judged_before_anything_is_kept(town: Town) -> None:
    assert await refused(town, scope="admin") == "invalid_scope"
    assert await refused(town, scope="x" * 5_000) == "invalid_request"
    assert await refused(town, resource="https://shop.halcyon.example") == "invalid_target"
    for details in ("[]", '[{"type":"payment"}]', '[{"type":"consent_request","purposes":["no"]}]'):
        error = await refused(town, authorization_details=details)
        assert error == "invalid_authorization_details"
    assert (await town.counts())["device_codes"] == 0


async def test_a_client_without_scopes_for_a_subject_is_told_so(town: Town) -> None:
    await add_client(town, "play-stick", scopes=frozenset[str](), grant_types=(GRANT,))
    assert await refused(town, "play-stick") == "invalid_scope"


# ── Polling ──────────────────────────────────────────────────────────────────────────────────────


async def test_while_nobody_answers_the_device_waits_and_may_not_hurry(town: Town) -> None:
    tv = await switch_on(town)
    assert await tv.poll_for_error() == "authorization_pending"
    assert await tv.poll_for_error() == "slow_down"
    await tv.set_back("polled_at", 6)  # longer than the first interval, shorter than the second
    assert await tv.poll_for_error() == "slow_down"
    await tv.set_back("polled_at", 16)
    assert await tv.poll_for_error() == "authorization_pending"
    [(interval_s,)] = await town.rows("SELECT interval_s FROM device_codes")
    assert interval_s == 15


async def test_an_approved_device_gets_its_tokens_even_if_it_hurries(town: Town) -> None:
    tv = await switch_on(town, scope="openid decisions:read", device_name="Den")
    assert await tv.poll_for_error() == "authorization_pending"

    assert await tv.approve() == f"{ISSUER}/device/connected"
    body = await tv.tokens()

    assert body["scope"] == "decisions:read offline_access openid"
    claims = town.claims(body["consent_token"], PLAY)
    assert claims.exp - claims.iat == DAY_S  # a TV's
    assert "tv" in claims.consent.g
    id_token = jwt.decode(body["id_token"], options={"verify_signature": False})
    assert id_token["sub"] == claims.sub
    assert (id_token["aud"], id_token["acr"]) == (TV, "0")
    caller = await authenticate(town.context, body["access_token"])
    assert (caller.client.client_id, caller.device) == (TV, None)


async def test_a_device_that_asks_by_plain_oauth_gets_no_id_token(town: Town) -> None:
    tv = await switch_on(town)
    await tv.approve()
    body = await tv.tokens()
    assert "id_token" not in body
    assert body["scope"] == "decisions:read decisions:write offline_access verify"


async def test_the_refresh_token_of_a_device_works_and_a_withdrawal_ends_it(town: Town) -> None:
    tv = await switch_on(town)
    await tv.approve()
    first = await tv.tokens()
    second = await tv.phone.refresh(first["refresh_token"])
    assert second.status == 200, second.body
    caller = await authenticate(town.context, second.body["access_token"])
    await town.withdraw(caller, reach=ReachKind.BRAND)
    third = await tv.phone.refresh(second.body["refresh_token"])
    assert third.body["error"] == "invalid_grant"


async def test_a_client_not_registered_for_refreshing_gets_no_refresh_token(town: Town) -> None:
    await add_client(town, "play-stick", grant_types=(GRANT,))
    tv = await switch_on(town, "play-stick", scope="openid offline_access")
    await tv.approve()
    body = await tv.tokens()
    assert "refresh_token" not in body
    assert "offline_access" not in body["scope"]


async def test_of_twenty_polls_at_once_one_gets_the_tokens_and_they_hold(town: Town) -> None:
    tv = await switch_on(town)
    await tv.approve()

    answers = await together(*(tv.poll() for _ in range(20)))

    won = [answer for answer in answers if answer.status == 200]
    assert len(won) == 1
    assert {answer.body.get("error") for answer in answers} == {None, "invalid_grant"}
    await authenticate(town.context, won[0].body["access_token"])
    assert (await town.counts())["refresh_tokens"] == 1


async def test_a_code_that_was_used_is_unknown_and_ends_nothing(town: Town) -> None:
    tv = await switch_on(town)
    await tv.approve()
    body = await tv.tokens()
    assert await tv.poll_for_error() == "invalid_grant"
    await authenticate(town.context, body["access_token"])


async def test_another_clients_code_is_unknown_and_stays_as_it_was(town: Town) -> None:
    await add_client(town, "play-stick")
    tv = await switch_on(town)
    await tv.approve()
    assert await tv.poll_for_error("play-stick") == "invalid_grant"
    assert await tv.poll_for_error("news-web") == "unauthorized_client"
    assert (await tv.poll("nobody")).status == 401
    await tv.tokens()


async def test_a_code_that_is_none_is_told_from_none(town: Town) -> None:
    tv = await switch_on(town)
    assert await tv.poll_for_error(device_code="x" * 43) == "invalid_grant"
    assert await tv.poll_for_error(device_code="x" * 5_000) == "invalid_grant"
    assert await tv.poll_for_error(device_code=tv.codes.user_code) == "invalid_grant"
    answer = await town.ask_token(TV, grant_type=GRANT)
    assert answer.body["error"] == "invalid_request"


async def test_a_code_ends_after_ten_minutes_whether_it_was_approved_or_not(town: Town) -> None:
    waiting, approved = await switch_on(town), await switch_on(town)
    await approved.approve()
    for tv in (waiting, approved):
        await tv.set_back("expires_at", 570)
    assert await waiting.poll_for_error() == "authorization_pending"
    for tv in (waiting, approved):
        await tv.set_back("expires_at", 31)
        assert await tv.poll_for_error() == "expired_token"
    assert (await town.counts())["access_tokens"] == 0


async def test_a_code_is_forgotten_a_day_after_it_ended(town: Town) -> None:
    tv = await switch_on(town)
    await tv.set_back("expires_at", 3_600)
    await reap(town.context)
    assert await tv.poll_for_error() == "expired_token"
    await tv.set_back("expires_at", DAY_S)
    await reap(town.context)
    assert await tv.poll_for_error() == "invalid_grant"


async def test_the_details_that_were_asked_for_go_with_the_code(town: Town) -> None:
    details = '[{"type":"consent_request","purposes":["tv"]}]'
    tv = await switch_on(town, authorization_details=details)
    interaction = await tv.match()
    assert "tv" in (await tv.phone.open(interaction)).mandatory


# ── The person ───────────────────────────────────────────────────────────────────────────────────


async def test_a_code_is_found_however_it_is_typed(town: Town) -> None:
    tv = await switch_on(town, device_name="Den")
    typed = f" {tv.codes.user_code.lower().replace('-', ' ')} "
    found = await find_waiting_device(town.context, typed)
    assert (found.client.client_id, found.device_name) == (TV, "Den")


async def test_a_code_that_was_answered_or_has_expired_leads_nowhere(town: Town) -> None:
    answered, expired = await switch_on(town), await switch_on(town)
    await answered.approve()
    await expired.set_back("expires_at", 601)
    for code in (answered.codes.user_code, expired.codes.user_code, "BCDF-BCDF", "", "no"):
        with pytest.raises(NotFoundError):
            await find_waiting_device(town.context, code)


async def test_a_no_before_anything_is_asked_reaches_the_device(town: Town) -> None:
    tv = await switch_on(town)
    waiting = await find_waiting_device(town.context, tv.codes.user_code)
    assert await deny_match(town.context, waiting)
    assert not await deny_match(town.context, waiting)
    assert await tv.poll_for_error() == "access_denied"


async def test_going_back_reaches_the_device_as_a_no_and_records_no_choice(town: Town) -> None:
    tv = await switch_on(town)
    assert await tv.go_back() == f"{ISSUER}/device/denied"
    assert await tv.poll_for_error() == "access_denied"
    assert (await town.counts())["decisions"] == 0


async def test_a_person_who_refuses_all_connects_a_device_that_is_told_so(town: Town) -> None:
    tv = await switch_on(town)
    assert await tv.approve(REFUSED) == f"{ISSUER}/device/connected"
    claims = town.claims((await tv.tokens())["consent_token"], PLAY)
    assert "tv" in claims.consent.d


async def test_the_device_speaks_for_the_phones_own_subject_where_nobody_signed_in(
    town: Town,
) -> None:
    tv, other = await switch_on(town), await switch_on(town)
    await tv.approve()
    other.phone = tv.phone
    interaction = await other.match()
    # All is answered, but the person may want to sign in: the page is shown all the same.
    page = await other.phone.open(interaction)
    assert not page.asked
    step = await other.phone.answer(interaction, Continue(unverified_served=page.served))
    assert step.redirect == f"{ISSUER}/device/connected"
    subs = [town.claims((await each.tokens())["consent_token"], PLAY).sub for each in (tv, other)]
    assert subs[0] == subs[1]
    assert (await town.counts())["devices"] == 1


async def test_whoever_is_signed_in_and_misses_nothing_goes_on_at_once(town: Town) -> None:
    first, second = await switch_on(town, scope="openid"), await switch_on(town, scope="openid")
    await first.phone.sign_in("ada", acr="2")
    await first.approve()
    second.phone = first.phone

    interaction = await second.match()
    step = await open_interaction(
        town.context, interaction, second.phone.browser, languages=("en",), layout=LAYOUT
    )

    assert isinstance(step, NextStep)
    assert step.redirect == f"{ISSUER}/device/connected"
    bodies = [await each.tokens() for each in (first, second)]
    told = [jwt.decode(body["id_token"], options={"verify_signature": False}) for body in bodies]
    assert told[0]["sub"] == told[1]["sub"]
    assert all(each["acr"] == "2" and "auth_time" in each for each in told)
    for body in bodies:
        caller = await authenticate(town.context, body["access_token"])
        [(kind,)] = await town.rows(f"SELECT kind FROM subjects WHERE id = '{caller.subject}'")
        assert (kind, caller.device) == ("known", None)


async def test_withdrawing_on_the_page_connects_a_device_that_may_do_nothing(town: Town) -> None:
    first, second = await switch_on(town), await switch_on(town)
    await first.approve()
    second.phone = first.phone
    interaction = await second.match()
    page = await second.phone.open(interaction)
    await second.phone.answer(
        interaction, WithdrawAll(reach=ReachKind.BRAND, unverified_served=page.served)
    )
    # What was approved before the withdrawal and not fetched yet is over; the answer counts anew.
    assert await first.poll_for_error() == "access_denied"
    assert not town.claims((await second.tokens())["consent_token"], PLAY).consent.g


async def test_a_withdrawal_between_approval_and_poll_is_a_no(town: Town) -> None:
    tv, other = await switch_on(town), await switch_on(town)
    await other.approve()
    tv.phone = other.phone
    caller = await authenticate(town.context, (await other.tokens())["access_token"])
    interaction = await tv.match()
    page = await tv.phone.open(interaction)
    await tv.phone.answer(interaction, Continue(unverified_served=page.served))
    await town.withdraw(caller, reach=ReachKind.BRAND)
    assert await tv.poll_for_error() == "access_denied"


async def test_an_answer_after_the_code_expired_is_kept_and_says_so(town: Town) -> None:
    tv = await switch_on(town)
    interaction = await tv.match()
    page = await tv.phone.open(interaction)
    await tv.set_back("expires_at", 601)
    step = await tv.phone.answer(interaction, choose_all(page, GRANTED, ReachKind.BRAND))
    assert step.redirect == f"{ISSUER}/device/expired"
    assert (await town.counts())["decisions"] > 0
    assert await tv.poll_for_error() == "expired_token"


async def test_of_two_phones_with_one_code_the_first_answer_holds(town: Town) -> None:
    tv = await switch_on(town)
    mine, theirs = tv.phone, Visit(town=town, client=TV)
    my_interaction = await tv.match()
    tv.phone = theirs
    their_interaction = await tv.match()
    their_page = await theirs.open(their_interaction)
    page = await mine.open(my_interaction)
    first = await mine.answer(my_interaction, choose_all(page, GRANTED, ReachKind.BRAND))
    second = await theirs.answer(
        their_interaction, choose_all(their_page, REFUSED, ReachKind.BRAND)
    )
    assert first.redirect.endswith("/device/connected")
    assert second.redirect.endswith("/device/expired")
    assert "tv" in town.claims((await tv.tokens())["consent_token"], PLAY).consent.g


async def test_the_page_of_a_device_belongs_to_the_browser_that_compared(town: Town) -> None:
    tv = await switch_on(town)
    waiting = await find_waiting_device(town.context, tv.codes.user_code)
    with pytest.raises(ForbiddenError):
        await confirm_match(town.context, waiting, tv.phone.browser)
    interaction = await tv.match()
    stranger = Visit(town=town, secret=new_secret(town.context))
    with pytest.raises(NotFoundError):
        await stranger.open(interaction)
    page = await tv.phone.open(interaction)
    with pytest.raises(NotFoundError):
        await answer_interaction(
            town.context, interaction, stranger.browser, Cancel(unverified_served=page.served)
        )


async def test_a_person_may_sign_in_on_the_way_to_a_device(town: Town) -> None:
    town.context.settings = msgspec.structs.replace(
        town.context.settings, portal_client_secret="secret"
    )
    town.portal.metadata["authorization_endpoint"] = f"{town.portal.issuer}/authorize"
    tv = await switch_on(town)
    interaction = await tv.match()
    step = await start_login(town.context, interaction, tv.phone.browser)
    assert step.redirect.startswith(town.portal.issuer)
