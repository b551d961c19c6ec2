"""A partner asks, for a brand or for itself: the hub's page, and the preference centre after it."""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from tests.web.hub import CONSENT_TOKEN, Hub
from tests.web.pages.centre import PATH, Person, told
from tests.web.pages.visits import Form, Visit, origin_of

ENGLISH = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"}
CALLBACKS = {
    "bazaar-web": "http://bazaar.localhost:7600/callback",
    "reach-forms": "http://reach.localhost:7600/callback",
}
FOR_SHOP = {"brand": "shop", "beneficiary": "brand"}


@dataclass(kw_only=True)
class Customer:
    """A person's browser, and the partners' back ends that it meets."""

    hub: Hub
    http: httpx2.Client

    def sent_by(self, client: str, *purposes: str, **more: Any) -> tuple[Visit, str]:
        """The page that a pushed request leads to, and its proof key."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        details = [{"type": "consent_request", "purposes": purposes, **more}]
        pushed = self.hub.http.post(
            "/par",
            data={
                "response_type": "code",
                "redirect_uri": CALLBACKS[client],
                "scope": "openid",
                "state": "s",
                "nonce": "n",
                "code_challenge": challenge.decode().rstrip("="),
                "code_challenge_method": "S256",
                "authorization_details": json.dumps(details),
            },
            auth=self.hub.basic(client),
        )
        assert pushed.status_code == 201, pushed.text
        query = {"client_id": client, "request_uri": pushed.json()["request_uri"]}
        answer = self.http.get("/authorize", params=query)
        assert answer.status_code == 303, answer.text
        path = re.sub(r"^https?://[^/]+", "", answer.headers["location"])
        return Visit(http=self.http, origin=origin_of(self.hub), path=path), verifier

    def answers(self, visit: Visit, act: str) -> dict[str, str]:
        """Press a button; what the partner is told."""
        fields = Form(visit.look().text).hidden
        answer = visit.send({**fields, "act": act})
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    def says(self, client: str, act: str, *purposes: str, **more: Any) -> dict[str, Any]:
        """Go all the way; what ``/token`` answers to the partner."""
        visit, verifier = self.sent_by(client, *purposes, **more)
        answer = self.hub.token(
            {
                "grant_type": "authorization_code",
                "code": self.answers(visit, act)["code"],
                "redirect_uri": CALLBACKS[client],
                "code_verifier": verifier,
            },
            client,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def verified(self, client: str, token: str) -> bool:
        answer = self.hub.http.post(
            "/v1/verify", json={"token": token}, headers=self.hub.client_token(client)
        )
        return answer.json()["active"]

    def centre(self) -> Person:
        return Person.arrive(self.hub, self.http)


@pytest.fixture
def customer(hub: Hub) -> Iterator[Customer]:
    with httpx2.Client(base_url=hub.url, headers=ENGLISH) as http:
        yield Customer(hub=hub, http=http)


def card(page: str, slug: str) -> str:
    found = re.search(rf'<article class="card" id="partner-{slug}".*?</article>', page, re.DOTALL)
    assert found is not None, page
    return told(found[0])


def test_the_page_tells_who_asks_for_whom_what_until_when_and_what_a_no_means(
    customer: Customer,
) -> None:
    visit, _ = customer.sent_by("bazaar-web", "contact.email", "shop:loyalty", **FOR_SHOP)
    page = told(visit.look().text)
    for line in (
        "Bazaar Lumen asks on behalf of Halcyon Market",
        "Who asks Bazaar Lumen Bazaar Lumen BV, 40 Lampionkade, 3011 Rotterdam",
        "For whom For Halcyon Market Halcyon Market SARL",
        "For what Market Circle, Offers for members",
        "at the latest, or until you change your mind",
        "What Bazaar Lumen hears Your answer on this page",
        "If you say no Halcyon Market may not do it, and nothing else changes for you.",
    ):
        assert line in page, (line, page)
    assert "I object" not in page
    assert customer.answers(visit, "later")["error"] == "access_denied"


def test_what_a_partner_asked_is_listed_under_its_name_and_taken_back_there(
    customer: Customer,
) -> None:
    customer.says("bazaar-web", "accept", "shop:loyalty", **FOR_SHOP)
    own = customer.says("bazaar-web", "accept", "ads.partners.retail")
    assert customer.verified("bazaar-web", own["consent_token"])
    centre = customer.centre()
    found = card(centre.page.text, "bazaar")
    assert "Market Circle You said yes for Halcyon Market, when Bazaar Lumen asked" in found
    assert "You said yes to Bazaar Lumen itself." in found
    assert "Bazaar Lumen asked, on the web" in told(centre.look(f"{PATH}/history").text)
    centre.look()
    page = centre.press(act="withdraw partner/bazaar")
    assert "You said yes to Bazaar Lumen itself." not in card(page.text, "bazaar")
    assert not customer.verified("bazaar-web", own["consent_token"])
    page = centre.press(answer="refused brand/shop shop:loyalty")
    assert 'id="partner-bazaar"' not in page.text


def test_the_chain_of_sharing_is_told_and_ends_there(customer: Customer) -> None:
    customer.says(
        "reach-forms",
        "accept",
        "ads.partners",
        "ads.partners.retail",
        brand="news",
        beneficiary="brand",
    )
    credential = customer.http.cookies.get("device") or next(
        value for name, value in customer.http.cookies.items() if "device" in name
    )
    at_news = customer.hub.exchange(
        credential,
        "urn:consentid:params:oauth:token-type:device_credential",
        requested_token_type=CONSENT_TOKEN,
    )
    passed = customer.hub.exchange(
        at_news.json()["access_token"], CONSENT_TOKEN, client="reach-api"
    ).json()["access_token"]
    assert customer.verified("reach-api", passed)
    centre = customer.centre()
    found = card(centre.page.text, "reach")
    assert "Halcyon News Reach Media Reach Media may act on your yes to:" in found
    assert "It has taken this over." in found
    page = centre.press(act="withdraw partner/reach")
    assert "It has taken this over." not in told(page.text)
    assert not customer.verified("reach-api", passed)


@pytest.mark.parametrize(
    "act", ["withdraw group", "withdraw partner/nobody", "withdraw x", "accept partner/reach"]
)
def test_what_no_button_of_a_partner_says_is_refused(customer: Customer, act: str) -> None:
    customer.says("bazaar-web", "accept", "ads.partners")
    centre = customer.centre()
    answer = centre.send({**centre.hidden, "act": act})
    assert answer.status_code in {400, 422}, answer.text
