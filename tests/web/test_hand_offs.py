"""A link takes a device from one brand's page to another's; accounts: ``test_portal_sign_out``."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2
import jwt
import pytest
from tests.web.hub import (
    DEVICE_CREDENTIAL,
    EXCHANGE,
    NEWS_ORIGIN,
    Hub,
    Person,
    bearer,
    forget,
    fresh_key,
)

SHOP_ORIGIN = "http://shop.localhost:7600"
PLAY_ORIGIN = "http://play.localhost:7600"
REACH_ORIGIN = "http://reach.localhost:7600"
HAND_OFF = "urn:consentid:params:oauth:grant-type:handoff"
AUDIENCES = {
    "news": "https://news.halcyon.example",
    "shop": "https://market.halcyon.example",
    "play": "https://play.halcyon.example",
}


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    forget(valkey_url, "limit:*")


def origin_of(brand: str) -> str:
    return f"http://{brand}.localhost:7600"


def said(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@dataclass(slots=True, kw_only=True)
class Page:
    """A brand's page in one person's browser, and what its script holds."""

    hub: Hub
    brand: str
    held: dict[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return origin_of(self.brand)

    @property
    def subject(self) -> dict[str, str]:
        return {**bearer(self.held["access_token"]), "Origin": self.origin}

    def begin(self) -> "Page":
        """The person answers here for the first time: the page makes a device."""
        made = self.hub.http.post(
            "/v1/devices",
            json={"client_id": f"{self.brand}-spa"},
            headers={"Origin": self.origin, "Idempotency-Key": secrets.token_urlsafe(16)},
        )
        assert made.status_code == 201, made.text
        answer = self.token(
            grant_type=EXCHANGE,
            subject_token=made.json()["credential"],
            subject_token_type=DEVICE_CREDENTIAL,
        )
        assert answer.status_code == 200, answer.text
        self.held = answer.json()
        return self

    def token(self, **form: str) -> httpx2.Response:
        return self.hub.http.post(
            "/token",
            data={"client_id": f"{self.brand}-spa", **form},
            headers={"Origin": self.origin},
        )

    def mint(self, target: str, **headers: str) -> httpx2.Response:
        return self.hub.http.post(
            "/v1/handoffs", json={"origin": target}, headers={**self.subject, **headers}
        )

    def code(self, target: str) -> str:
        answer = self.mint(target)
        assert answer.status_code == 201, answer.text
        return answer.json()["code"]

    def redeem(self, code: str, *, referrer: str, **changed: str) -> httpx2.Response:
        return self.token(**{"grant_type": HAND_OFF, "code": code, "referrer": referrer, **changed})

    def refresh(self) -> httpx2.Response:
        return self.token(grant_type="refresh_token", refresh_token=self.held["refresh_token"])

    def decide(self, **changed: object) -> None:
        answer = self.hub.http.post(
            "/v1/decisions",
            json=self.hub.decision(self.brand, **changed),
            headers={**self.subject, **fresh_key()},
        )
        assert answer.status_code == 201, answer.text

    def states(self) -> dict[str, str]:
        answer = self.hub.http.get("/v1/state", headers=self.subject)
        assert answer.status_code == 200, answer.text
        return {each["purpose"]: each["state"] for each in answer.json()["purposes"]}


@pytest.fixture
def news(hub: Hub) -> Page:
    """The news page of a person who just answered there."""
    return Page(hub=hub, brand="news").begin()


@pytest.fixture
def shop(hub: Hub) -> Page:
    """The shop's page with nothing in its holder."""
    return Page(hub=hub, brand="shop")


def assert_refused(answer: httpx2.Response, error: str = "invalid_grant") -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == error
    assert set(answer.json()) <= {"error", "error_description"}


# ── The way it is meant ──────────────────────────────────────────────────────────────────────────


def test_a_link_takes_the_device_along(news: Page, shop: Page) -> None:
    news.decide(reach="group", choices=[{"purpose": "ads", "outcome": "refused"}])
    minted = news.mint(SHOP_ORIGIN)
    assert minted.status_code == 201
    assert minted.headers["access-control-allow-origin"] == NEWS_ORIGIN
    assert minted.headers["cache-control"] == "no-store"
    assert set(minted.json()) == {"code", "expires_in"}
    assert minted.json()["expires_in"] == 60
    assert len(minted.json()["code"]) == 43
    answer = shop.redeem(minted.json()["code"], referrer=NEWS_ORIGIN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == SHOP_ORIGIN
    shop.held = answer.json()
    assert {"access_token", "refresh_token", "consent_token", "expires_in"} <= set(shop.held)
    assert shop.held["token_type"] == "Bearer"
    assert "id_token" not in shop.held
    assert said(shop.held["consent_token"])["aud"] == AUDIENCES["shop"]
    assert shop.states()["ads"] == "refused"


def test_each_brand_knows_the_device_by_a_sub_of_its_own(news: Page, shop: Page) -> None:
    held = shop.redeem(news.code(SHOP_ORIGIN), referrer=NEWS_ORIGIN).json()
    here, there = (said(each["consent_token"]) for each in (news.held, held))
    assert here["sub"] != there["sub"]
    assert here["status"] != there["status"]


def test_what_was_redeemed_is_renewed_as_after_a_code(news: Page, shop: Page) -> None:
    shop.held = shop.redeem(news.code(SHOP_ORIGIN), referrer=NEWS_ORIGIN).json()
    first = dict(shop.held)
    second = shop.refresh()
    assert second.status_code == 200
    shop.held = second.json()
    assert shop.held["refresh_token"] != first["refresh_token"]
    assert said(shop.held["consent_token"])["sub"] == said(first["consent_token"])["sub"]
    for token in (first, shop.held):
        assert_refused(shop.token(grant_type="refresh_token", refresh_token=token["refresh_token"]))


def test_the_tokens_end_with_the_device(hub: Hub, news: Page, shop: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    hub.rows(
        """
        UPDATE devices SET expires_at = now() + interval '3 days'
        WHERE subject_id = (SELECT subject_id FROM hand_offs ORDER BY issued_at DESC LIMIT 1)
        """
    )
    assert shop.redeem(code, referrer=NEWS_ORIGIN).status_code == 200
    ((days,),) = hub.rows(
        """
        SELECT extract(day FROM family_expires_at - now()) FROM refresh_tokens
        ORDER BY issued_at DESC LIMIT 1
        """
    )
    assert int(days) == 2


def test_a_visitor_who_was_handed_on_is_handed_on_again(news: Page, shop: Page) -> None:
    shop.held = shop.redeem(news.code(SHOP_ORIGIN), referrer=NEWS_ORIGIN).json()
    play = Page(hub=shop.hub, brand="play")
    answer = play.redeem(shop.code(PLAY_ORIGIN), referrer=SHOP_ORIGIN)
    assert answer.status_code == 200
    play.held = answer.json()
    news.decide(reach="group", choices=[{"purpose": "content", "outcome": "refused"}])
    assert play.states()["content"] == "refused"


def test_fewer_scopes_may_be_asked_for_and_never_more(news: Page, shop: Page) -> None:
    narrow = shop.redeem(
        news.code(SHOP_ORIGIN), referrer=NEWS_ORIGIN, scope="decisions:read"
    ).json()
    assert narrow["scope"] == "decisions:read offline_access"
    wide = shop.redeem(news.code(SHOP_ORIGIN), referrer=NEWS_ORIGIN, scope="admin")
    assert_refused(wide, "invalid_scope")


# ── Whoever means harm ───────────────────────────────────────────────────────────────────────────


def test_a_code_is_good_once_and_its_reuse_ends_what_came_of_it(news: Page, shop: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    shop.held = shop.redeem(code, referrer=NEWS_ORIGIN).json()
    assert_refused(shop.redeem(code, referrer=NEWS_ORIGIN))
    assert_refused(shop.refresh())
    assert shop.hub.http.get("/v1/state", headers=shop.subject).status_code == 401
    assert news.hub.http.get("/v1/state", headers=news.subject).status_code == 200


def test_of_twenty_redemptions_at_once_one_wins(news: Page, shop: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(shop.redeem, code, referrer=NEWS_ORIGIN) for _ in range(20)]
        answers = [each.result() for each in sent]
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert {each.json()["error"] for each in answers if each.status_code == 400} == {
        "invalid_grant"
    }


def test_a_code_is_good_for_a_minute(hub: Hub, news: Page, shop: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    hub.rows("UPDATE hand_offs SET expires_at = now() WHERE used_at IS NULL")
    assert_refused(shop.redeem(code, referrer=NEWS_ORIGIN))


def test_another_brands_page_cannot_redeem_it_and_ends_it_by_trying(news: Page, shop: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    play = Page(hub=news.hub, brand="play")
    assert_refused(play.redeem(code, referrer=NEWS_ORIGIN))
    assert_refused(shop.redeem(code, referrer=NEWS_ORIGIN))


def test_a_page_cannot_redeem_what_it_made_itself(news: Page, shop: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    # As the shop's client, but the browser tells whose page it is.
    answer = news.token(grant_type=HAND_OFF, code=code, referrer=NEWS_ORIGIN, client_id="shop-spa")
    assert_refused(answer, "unauthorized_client")
    assert shop.redeem(code, referrer=NEWS_ORIGIN).status_code == 200
    assert_refused(news.redeem(news.code(SHOP_ORIGIN), referrer=NEWS_ORIGIN))


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", NEWS_ORIGIN])
def test_a_strange_page_is_not_believed_whose_client_it_says_it_is(
    news: Page, origin: str | None
) -> None:
    form = {
        "grant_type": HAND_OFF,
        "client_id": "shop-spa",
        "code": news.code(SHOP_ORIGIN),
        "referrer": NEWS_ORIGIN,
    }
    headers = {} if origin is None else {"Origin": origin}
    answer = news.hub.http.post("/token", data=form, headers=headers)
    assert_refused(answer, "unauthorized_client")


@pytest.mark.parametrize(
    "referrer", ["https://evil.example", PLAY_ORIGIN, SHOP_ORIGIN, "null", NEWS_ORIGIN + "/"]
)
def test_a_device_cannot_be_planted_from_another_page(
    news: Page, shop: Page, referrer: str
) -> None:
    """Whoever puts a code of their own into somebody else's link is not where the code was made."""
    planted = news.code(SHOP_ORIGIN)
    assert_refused(shop.redeem(planted, referrer=referrer))
    assert_refused(shop.redeem(planted, referrer=NEWS_ORIGIN))


def test_the_referrer_has_to_be_told(news: Page, shop: Page) -> None:
    answer = shop.token(grant_type=HAND_OFF, code=news.code(SHOP_ORIGIN))
    assert_refused(answer, "invalid_request")
    assert_refused(shop.redeem(news.code(SHOP_ORIGIN), referrer=""), "invalid_request")
    assert_refused(shop.token(grant_type=HAND_OFF, referrer=NEWS_ORIGIN), "invalid_request")


@pytest.mark.parametrize("code", ["x", "x" * 129, "x" * 4_000, "Az09_-" * 7 + "A", "é"])
def test_a_guessed_code_is_refused(shop: Page, code: str) -> None:
    assert_refused(shop.redeem(code, referrer=NEWS_ORIGIN))


def test_nothing_tells_a_used_code_from_a_foreign_a_late_or_an_unknown_one(
    hub: Hub, news: Page, shop: Page
) -> None:
    used, foreign = news.code(SHOP_ORIGIN), news.code(PLAY_ORIGIN)
    shop.redeem(used, referrer=NEWS_ORIGIN)
    answers = [
        shop.redeem(code, referrer=NEWS_ORIGIN).content for code in (used, foreign, "unknown")
    ]
    late = news.code(SHOP_ORIGIN)
    hub.rows("UPDATE hand_offs SET expires_at = now() WHERE used_at IS NULL")
    answers.append(shop.redeem(late, referrer=NEWS_ORIGIN).content)
    assert len(set(answers)) == 1


@pytest.mark.parametrize("client", ["news-web", "shop-web", "reach-api", "reach-forms"])
def test_a_back_end_does_not_redeem(news: Page, client: str) -> None:
    code = news.code(SHOP_ORIGIN)
    answer = news.hub.http.post(
        "/token",
        data={"grant_type": HAND_OFF, "code": code, "referrer": NEWS_ORIGIN},
        auth=news.hub.basic(client),
        headers={"Origin": SHOP_ORIGIN},
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize("client", ["play-tv", "news-app"])
def test_an_app_does_not_redeem(news: Page, client: str) -> None:
    answer = news.hub.http.post(
        "/token",
        data={
            "grant_type": HAND_OFF,
            "client_id": client,
            "code": news.code(PLAY_ORIGIN),
            "referrer": NEWS_ORIGIN,
        },
        headers={"Origin": PLAY_ORIGIN},
    )
    assert_refused(answer, "unauthorized_client")


# ── Making one ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "target",
    [REACH_ORIGIN, NEWS_ORIGIN, "https://evil.example", "null", SHOP_ORIGIN + "/", "*"],
)
def test_a_link_leads_to_another_brand_of_the_group_and_nowhere_else(
    news: Page, target: str
) -> None:
    answer = news.mint(target)
    assert answer.status_code == 422
    assert answer.json()["code"] == "origin_unknown"
    assert answer.json()["where"] == "origin"


@pytest.mark.parametrize("origin", [SHOP_ORIGIN, "https://evil.example", "null", ""])
def test_only_the_callers_own_page_makes_one(news: Page, origin: str) -> None:
    answer = news.mint(SHOP_ORIGIN, Origin=origin)
    assert answer.status_code == 403
    assert answer.json()["code"] == "origin_not_yours"


def test_a_back_end_makes_none_without_a_page(news: Page) -> None:
    answer = news.hub.http.post(
        "/v1/handoffs", json={"origin": SHOP_ORIGIN}, headers=bearer(news.held["access_token"])
    )
    assert answer.status_code == 403
    assert answer.json()["code"] == "origin_not_yours"


def test_who_is_signed_in_by_a_back_end_is_not_handed_on(hub: Hub) -> None:
    for subject in (hub.sign_in(), hub.client_token()):
        answer = hub.http.post(
            "/v1/handoffs", json={"origin": SHOP_ORIGIN}, headers={**subject, "Origin": NEWS_ORIGIN}
        )
        assert answer.status_code == 403
        assert answer.json()["code"] in {"device_needed", "subject_needed"}


def test_a_session_of_an_account_on_a_device_is_not_handed_on(hub: Hub, news: Page) -> None:
    credential = hub.device()
    answer = hub.exchange(
        hub.id_token(Person()),
        actor_token=credential,
        actor_token_type=DEVICE_CREDENTIAL,
    )
    news.held = answer.json()
    refused = news.mint(SHOP_ORIGIN)
    assert refused.status_code == 403
    assert refused.json()["code"] == "device_needed"


def test_a_device_that_ended_is_not_handed_on(hub: Hub, news: Page, shop: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    hub.rows(
        """
        UPDATE devices SET expires_at = now()
        WHERE subject_id = (SELECT subject_id FROM hand_offs ORDER BY issued_at DESC LIMIT 1)
        """
    )
    assert news.mint(SHOP_ORIGIN).json()["code"] == "device_needed"
    assert_refused(shop.redeem(code, referrer=NEWS_ORIGIN))


def test_the_body_names_the_origin_and_nothing_else(news: Page) -> None:
    for member in ("subject", "sub", "client_id", "expires_in"):
        answer = news.hub.http.post(
            "/v1/handoffs", json={"origin": SHOP_ORIGIN, member: "x"}, headers=news.subject
        )
        assert answer.status_code == 422
        assert answer.json()["code"] == "invalid_body"
    assert news.hub.http.post("/v1/handoffs", json={}, headers=news.subject).status_code == 422


def test_one_device_makes_so_many_and_no_more(news: Page) -> None:
    for _ in range(60):
        assert news.mint(SHOP_ORIGIN).status_code == 201
    answer = news.mint(SHOP_ORIGIN)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_a_code_is_stored_hashed(hub: Hub, news: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    (rows,) = hub.rows("SELECT string_agg(row_to_json(h)::text, '') FROM hand_offs h")
    assert code not in str(rows)


# ── Withdrawing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("withdrawer", "reach", "ends"),
    [("news", "group", True), ("news", "brand", True), ("play", "brand", False)],
)
def test_withdrawing_all_ends_what_was_not_redeemed(
    hub: Hub, news: Page, shop: Page, *, withdrawer: str, reach: str, ends: bool
) -> None:
    pages = {"news": news, "play": Page(hub=hub, brand="play")}
    pages["play"].held = pages["play"].redeem(news.code(PLAY_ORIGIN), referrer=NEWS_ORIGIN).json()
    code = news.code(SHOP_ORIGIN)
    answer = hub.http.post(
        "/v1/withdrawals",
        json={"reach": reach, "all": True},
        headers={**pages[withdrawer].subject, **fresh_key()},
    )
    assert answer.status_code == 201, answer.text
    redeemed = shop.redeem(code, referrer=NEWS_ORIGIN)
    assert (redeemed.status_code == 400) is ends


def test_withdrawing_one_purpose_ends_no_link(hub: Hub, news: Page, shop: Page) -> None:
    code = news.code(SHOP_ORIGIN)
    hub.http.post(
        "/v1/withdrawals",
        json={"reach": "group", "purposes": ["ads"]},
        headers={**news.subject, **fresh_key()},
    )
    shop.held = shop.redeem(code, referrer=NEWS_ORIGIN).json()
    assert shop.states()["ads"] in {"withdrawn", "refused"}
