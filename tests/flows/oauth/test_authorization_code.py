import asyncio
import secrets

import jwt
import pytest
from tests.flows.town import GRANTED, Town, together
from tests.flows.visits import ISSUER, Visit, query_of

from consentid.flows.authenticate import authenticate
from consentid.flows.show_userinfo import show_userinfo
from consentid.kit.errors import ForbiddenError, UnauthenticatedError
from consentid.oidc.id_token import at_hash

NEWS = "https://news.halcyon.example"
ALL = "openid offline_access"


async def test_a_code_becomes_an_access_token_an_id_token_and_the_consent_token(
    town: Town,
) -> None:
    visit = Visit(town=town)

    answer = await visit.redeem(await visit.consent())

    body = answer.body
    assert body["token_type"] == "Bearer"
    assert body["scope"] == "decisions:read decisions:write openid verify"
    assert "refresh_token" not in body
    assert body["access_token"].count(".") == 0
    assert town.claims(body["consent_token"], NEWS).client_id == "news-web"


async def test_the_id_token_says_who_when_and_for_which_request(town: Town) -> None:
    visit = Visit(town=town)

    body = (await visit.redeem(await visit.consent())).body

    public = {key["kid"]: key for key in town.context.keyring.public_jwks()["keys"]}
    header = jwt.get_unverified_header(body["id_token"])
    assert header["alg"] == "RS256"
    assert header["typ"] == "JWT"
    claims = jwt.decode(
        body["id_token"],
        key=jwt.PyJWK(public[header["kid"]]),
        algorithms=["RS256"],
        audience="news-web",
        issuer=ISSUER,
    )
    assert claims["nonce"] == "a nonce"
    assert claims["acr"] == "0"
    assert claims["at_hash"] == at_hash(body["access_token"])
    assert claims["exp"] - claims["iat"] == 600
    assert "auth_time" not in claims
    assert claims["sub"] == town.claims(body["consent_token"], NEWS).sub
    caller = await authenticate(town.context, body["access_token"])
    assert await show_userinfo(town.context, caller) == claims["sub"]


async def test_a_client_registered_for_es256_gets_its_id_token_so(town: Town) -> None:
    visit = Visit(
        town=town, client="news-spa", redirect_uri="http://news.localhost:7600/spa/callback"
    )

    body = (await visit.redeem(await visit.consent())).body

    public = {key["kid"]: key for key in town.context.keyring.public_jwks()["keys"]}
    header = jwt.get_unverified_header(body["id_token"])
    jwt.decode(
        body["id_token"],
        key=jwt.PyJWK(public[header["kid"]]),
        algorithms=["ES256"],
        audience="news-spa",
        issuer=ISSUER,
    )


async def test_an_id_token_is_no_consent_token(town: Town) -> None:
    visit = Visit(
        town=town, client="news-spa", redirect_uri="http://news.localhost:7600/spa/callback"
    )
    body = (await visit.redeem(await visit.consent())).body

    with pytest.raises(AssertionError):
        town.claims(body["id_token"], NEWS)


async def test_the_clients_of_one_brand_know_a_person_by_one_sub_and_other_brands_by_another(
    town: Town,
) -> None:
    visit = Visit(town=town)
    await visit.sign_in("somebody")
    subs: dict[str, str] = {}
    for client, address in {
        "news-web": "http://news.localhost:7600/callback",
        "news-spa": "http://news.localhost:7600/spa/callback",
        "shop-web": "http://shop.localhost:7600/callback",
    }.items():
        visit.client, visit.redirect_uri = client, address
        redirect = await visit.ask()
        code = (
            query_of(redirect)["code"]
            if redirect.startswith(address)
            else (await visit.choose(redirect.rpartition("/")[2], GRANTED))["code"]
        )
        body = (await visit.redeem(code)).body
        subs[client] = jwt.decode(body["id_token"], options={"verify_signature": False})["sub"]

    assert subs["news-web"] == subs["news-spa"] != subs["shop-web"]


async def test_of_twenty_redemptions_at_once_one_wins(town: Town) -> None:
    visit = Visit(town=town)
    code = await visit.consent()

    answers = await together(*(visit.redeem(code) for _ in range(20)))

    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] + [400] * 19
    assert {answer.body["error"] for answer in answers if answer.status != 200} == {"invalid_grant"}
    [won] = [answer for answer in answers if answer.status == 200]
    assert await authenticate(town.context, won.body["access_token"])

    assert (await visit.redeem(code)).body["error"] == "invalid_grant"

    with pytest.raises(UnauthenticatedError):
        await authenticate(town.context, won.body["access_token"])


async def test_a_redemption_and_a_withdrawal_at_once_never_block_each_other(town: Town) -> None:
    for _ in range(5):
        visit = Visit(town=town)
        code = await visit.consent(scope=ALL)
        assert visit.device is not None
        elsewhere = await town.on_device(visit.device)
        redeemed, _ = await asyncio.gather(visit.redeem(code), town.withdraw(elsewhere))
        if redeemed.status == 200:
            again = await visit.refresh(redeemed.body["refresh_token"])
            assert again.body["error"] == "invalid_grant"
        else:
            assert redeemed.body["error"] == "invalid_grant"


async def test_a_code_that_comes_again_ends_the_tokens_that_came_of_it(town: Town) -> None:
    visit = Visit(town=town)
    code = await visit.consent(scope=ALL)
    first = (await visit.redeem(code)).body

    assert (await visit.redeem(code)).body["error"] == "invalid_grant"

    with pytest.raises(UnauthenticatedError):
        await authenticate(town.context, first["access_token"])
    assert (await visit.refresh(first["refresh_token"])).body["error"] == "invalid_grant"


async def test_another_clients_code_is_refused_and_left_to_its_own(town: Town) -> None:
    visit = Visit(town=town)
    code = await visit.consent(scope=ALL)

    stolen = await visit.redeem(code, as_client="shop-web")

    assert (stolen.status, stolen.body["error"]) == (400, "invalid_grant")
    first = await visit.redeem(code)
    assert first.status == 200
    again = await visit.redeem(code, as_client="shop-web")
    assert again.body["error"] == "invalid_grant"
    assert (await visit.refresh(first.body["refresh_token"])).status == 200


async def test_a_code_needs_the_verifier_of_its_challenge(town: Town) -> None:
    visit = Visit(town=town)
    code = await visit.consent()
    for wrong, error in {
        None: "invalid_request",
        "short": "invalid_request",
        secrets.token_urlsafe(48): "invalid_grant",
        "é" * 43: "invalid_request",
    }.items():
        assert (await visit.redeem(code, code_verifier=wrong)).body["error"] == error

    assert (await visit.redeem(code)).status == 200


@pytest.mark.parametrize(
    "address",
    [None, "http://news.localhost:7600/callback/", "http://news.localhost:7600/other"],
)
async def test_a_code_needs_the_address_it_was_sent_to(town: Town, address: str | None) -> None:
    visit = Visit(town=town)
    code = await visit.consent()

    answer = await visit.redeem(code, redirect_uri=address)

    assert answer.body["error"] == "invalid_grant"


async def test_a_code_holds_for_a_minute(town: Town) -> None:
    visit = Visit(town=town)
    code = await visit.consent()
    [(seconds,)] = await town.rows(
        "SELECT extract(epoch FROM expires_at - issued_at)::int FROM authorization_codes"
    )
    assert seconds == 60

    await town.change("UPDATE authorization_codes SET expires_at = now() - interval '1 second'")

    assert (await visit.redeem(code)).body["error"] == "invalid_grant"


@pytest.mark.parametrize("code", ["", "unknown", "x" * 129, "x" * 5_000, "\0"])
async def test_an_unknown_code_is_refused(town: Town, code: str) -> None:
    visit = Visit(town=town)

    answer = await visit.redeem(code)

    assert answer.status == 400
    assert answer.body["error"] in {"invalid_grant", "invalid_request"}


async def test_resource_at_the_token_endpoint_is_the_clients_own(town: Town) -> None:
    visit = Visit(town=town)
    code = await visit.consent(resource=NEWS)

    foreign = await visit.redeem(code, resource="https://market.halcyon.example")

    assert foreign.body["error"] == "invalid_target"
    assert (await visit.redeem(code, resource=NEWS)).status == 200


async def test_codes_are_not_kept_in_clear(town: Town) -> None:
    visit = Visit(town=town)
    code = await visit.consent()

    rows = await town.rows("SELECT row_to_json(c)::text FROM authorization_codes c")

    assert code not in str(rows)


async def test_an_access_token_without_openid_is_no_token_for_userinfo(town: Town) -> None:
    caller = await town.device()

    with pytest.raises(ForbiddenError):
        await show_userinfo(town.context, caller)


async def test_a_native_app_comes_back_to_any_port_of_the_loopback(town: Town) -> None:
    visit = Visit(town=town, client="news-app", redirect_uri="http://127.0.0.1:51004/callback")

    answer = await visit.redeem(await visit.consent())

    assert answer.status == 200, answer.body


async def test_codes_given_while_others_are_redeemed_do_not_wait_for_ever(town: Town) -> None:
    visits = [Visit(town=town) for _ in range(4)]
    codes = await together(*(visit.consent() for visit in visits))

    async with asyncio.timeout(120):
        answers = await together(
            *(visit.redeem(code) for visit, code in zip(visits, codes, strict=True))
        )

    assert {answer.status for answer in answers} == {200}
