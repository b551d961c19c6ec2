"""``/link`` over HTTP: opened by anybody, answered once, by whom it is for."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

import httpx2
import pytest
from tests.web.hub import Hub, Person, bearer, forget
from tests.web.pages.linking import QUESTION, Reader, Sender, sub_of
from tests.web.pages.visits import origin_of

from consentid.brandbook.client import Scope
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.authenticate import hash_token
from consentid.links import Question, read_hub

Readers: TypeAlias = Callable[[], Reader]
ASKS = "asks for your consent"


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    forget(valkey_url, "limit:*")


@pytest.fixture(scope="module")
def sender(hub: Hub) -> Sender:
    return Sender(hub=hub).register(Scope.LINKS_WRITE)


@pytest.fixture
def reader(hub: Hub) -> Iterator[Readers]:
    """Browsers of their own."""
    with ExitStack() as browsers:

        def begin() -> Reader:
            http = httpx2.Client(
                base_url=hub.url, headers={"Accept": "text/html", "Accept-Language": "en"}
            )
            return Reader(http=browsers.enter_context(http), origin=origin_of(hub))

        yield begin


def decisions(hub: Hub) -> int:
    return hub.counts()["decisions"]


def test_opening_says_who_asks_what_of_whom_and_does_nothing(
    hub: Hub, sender: Sender, reader: Readers
) -> None:
    link, before = sender.mint(), hub.counts()
    scanner, page = reader(), ""
    for _ in range(3):
        page = scanner.open(link)
        assert "Halcyon News asks for your consent" in page
        assert "Text messages" in page
        assert "m•••@example.org" in page
        assert "Nothing changes for you" in page
    assert hub.counts() == before
    assert "contact.email" not in page


@pytest.mark.parametrize(("act", "said"), [("accept", "you said yes"), ("refuse", "You said no")])
def test_a_link_takes_one_answer_and_then_shows_nothing_of_it(
    hub: Hub, sender: Sender, reader: Readers, act: str, said: str
) -> None:
    link, before = sender.mint(), decisions(hub)
    person = reader()
    person.open(link)
    assert said in person.press(act)
    assert decisions(hub) == before + 1
    for again in (person, reader()):
        page = again.open(link)
        assert "This link was answered already" in page
        assert again.page.status_code == 410
        assert "example.org" not in page
        assert "Text messages" not in page
    assert decisions(hub) == before + 1
    history = person.http.get("/preferences/history").text
    assert "Text messages" in history


def test_pressed_many_times_at_once_it_is_answered_once(
    hub: Hub, sender: Sender, reader: Readers
) -> None:
    link, before = sender.mint(), decisions(hub)
    people = [reader() for _ in range(4)]
    for person in people:
        person.open(link)
    with ThreadPoolExecutor(4) as at_once:
        said = [each.result() for each in [at_once.submit(one.press, "accept") for one in people]]
    assert sum("you said yes" in each for each in said) == 1
    assert sum("answered already" in each for each in said) == 3
    assert decisions(hub) == before + 1


def test_what_is_damaged_foreign_forged_expired_or_not_theirs_to_ask_is_told_and_not_recorded(
    hub: Hub, sender: Sender, reader: Readers
) -> None:
    person, before = reader(), hub.counts()
    whole = sender.mint()
    elsewhere = read_hub("https://other.example", hub.http.get("/link-keys.json").content)
    stranger = replace(sender, key=Sender(hub=hub).key)
    told = {
        "not whole": [whole[:-9], "", "x" * 5_000, whole.replace(".", "")],
        "cannot vouch": [
            sender.mint(hub=elsewhere).replace("https://other.example", origin_of(hub)),
            stranger.mint(),
            Sender(hub=hub).mint(),
            sender.mint(replace(QUESTION, brand="shop")),
            sender.mint(replace(QUESTION, brand=None, partner="reach")),
        ],
        "has expired": [sender.mint(now_s=time.time() - 86_400, lifetime_s=60)],
        "not asked any more": [
            sender.mint(replace(QUESTION, purposes=("contact.pigeon",))),
            sender.mint(replace(QUESTION, notice=99)),
        ],
    }
    for said, links in told.items():
        for link in links:
            address, _, sealed = link.rpartition("#")
            assert said in person.open(f"#{sealed or address}"), (said, person.text)
            assert person.page.status_code in (400, 403, 410)
            assert "example.org" not in person.text
    assert hub.counts() == before


def test_a_client_that_may_not_mint_mints_nothing(hub: Hub, reader: Readers) -> None:
    other = Sender(hub=hub).register(Scope.VERIFY)
    assert "cannot vouch" in reader().open(other.mint())


def test_a_partner_asks_for_itself_or_what_its_file_lists_for_a_brand(
    hub: Hub, reader: Readers
) -> None:
    bazaar = Party(kind=PartyKind.PARTNER, slug=Slug("bazaar"))
    partner = Sender(hub=hub).register(Scope.LINKS_WRITE, party=bazaar)
    listed = Question(brand="shop", purposes=("contact.email",))
    person = reader()
    assert "Bazaar Lumen asks on behalf of Halcyon Market" in person.open(partner.mint(listed))
    assert "you said yes" in person.press("accept")
    for other in (replace(listed, purposes=("ads",)), replace(listed, brand="play")):
        assert "cannot vouch" in reader().open(partner.mint(other))


def test_a_link_for_one_person_is_answered_by_them_and_shown_to_nobody_else(
    hub: Hub, sender: Sender, reader: Readers
) -> None:
    theirs, others = reader(), reader()
    for each in (theirs, others):
        each.open(sender.mint())
        each.press("refuse")
    mine = newest_device(hub, theirs)
    link = sender.mint(replace(QUESTION, sub=sub_of(hub, mine.bytes)))
    before = hub.counts()
    for stranger in (others, reader()):
        page = stranger.open(link)
        assert "This link is for one person" in page
        assert "Text messages" not in page
        assert "example.org" not in page
    signed_in(hub, others)
    assert "This link is for somebody else" in others.open(link)
    assert hub.counts()["decisions"] == before["decisions"]
    assert ASKS in theirs.open(link)
    assert "you said yes" in theirs.press("accept")


def test_a_form_of_another_browser_or_site_answers_nothing(
    hub: Hub, sender: Sender, reader: Readers
) -> None:
    link, before = sender.mint(), decisions(hub)
    person, thief = reader(), reader()
    person.open(link)
    thief.open(link)
    thief.page = person.page
    assert "not sent from our page" in thief.press("accept")
    person.open(link)
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert "not sent from our page" in person.press("accept", **evil)
    assert decisions(hub) == before
    assert ASKS in person.open(link)


def test_the_question_comes_in_the_language_meant_and_in_any_other(
    sender: Sender, reader: Readers
) -> None:
    person = reader()
    link = sender.mint(replace(QUESTION, language="fr"))
    assert "SMS" in person.open(link)
    assert "English" in person.text
    assert "Text messages" in person.open(link, "?lang=en")
    assert "you said yes" in person.press("accept")


def test_a_yes_counts_though_the_browser_says_no_once_it_was_told(
    sender: Sender, reader: Readers
) -> None:
    person = reader()
    link = sender.mint(replace(QUESTION, purposes=("ads.personalised",)))
    assert "Your browser says no, and we honour it" in person.open(link, **{"Sec-GPC": "1"})
    assert "you said yes" in person.press("accept", **{"Sec-GPC": "1"})
    page = person.http.get("/preferences", headers={"Sec-GPC": "1"})
    assert page.status_code == 200


def test_a_client_without_a_key_has_the_hub_mint_for_a_person_and_the_answer_is_theirs(
    hub: Hub, reader: Readers
) -> None:
    customer = Person()
    answer = hub.exchange(hub.id_token(customer), client="news-letters")
    visitor = bearer(answer.json()["access_token"])
    asked = {"purposes": ["contact.sms"], "addressee": "mila@example.org", "language": "en"}
    made = hub.http.post("/v1/links", json=asked, headers=visitor)
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    link = made.json()["link"]
    signed_in(hub, stranger := reader())
    assert "This link is for somebody else" in stranger.open(link)
    person = reader()
    assert "the answer of whom the message was sent to" in person.open(link)
    assert "you said yes" in person.press("accept")
    assert "consentid-device" not in person.http.cookies
    theirs = hub.sign_in(customer)
    state = hub.http.get("/v1/state", headers=theirs).json()["purposes"]
    assert {each["purpose"]: each["state"] for each in state}["contact.sms"] == "given"
    (decided,) = hub.http.get("/v1/history", headers=theirs).json()["decisions"]
    assert (decided["assurance"], decided["channel"]) == ("link", "link")
    for wrong in (
        {"purposes": ["contact.pigeon"]},
        {"purposes": ["contact.sms"], "brand": "shop"},
        {"purposes": ["contact.sms"], "sub": "me"},
        {"purposes": ["contact.sms"], "lifetime_s": 10**9},
    ):
        refused = hub.http.post("/v1/links", json=wrong, headers=visitor)
        assert refused.status_code in (400, 403, 422), refused.text
    for wanting, status in (
        ({**asked, "mail": True}, 503),
        ({**asked, "mail": True, "addressee": "+33639980123"}, 422),
        ({"purposes": ["contact.sms"], "mail": True}, 422),
        ({**asked, "mail": True, "addressee": "a@b.example\r\nBcc: c@d.example"}, 422),
    ):
        refused = hub.http.post("/v1/links", json=wanting, headers=visitor)
        assert refused.status_code == status, refused.text
        assert "example.org" not in refused.text
    plain = hub.http.post("/v1/links", json=asked, headers=hub.client_token("news-web"))
    assert plain.status_code == 403


def test_nobody_is_written_to_often_and_the_key_to_seal_to_signs_nothing(
    hub: Hub, sender: Sender
) -> None:
    answer = hub.exchange(hub.id_token(Person()), client="news-letters")
    visitor = bearer(answer.json()["access_token"])
    asked = {"purposes": ["contact.sms"]}
    statuses = [
        hub.http.post("/v1/links", json=asked, headers=visitor).status_code for _ in range(11)
    ]
    assert statuses == [201] * 10 + [429]
    assert sender.mint()
    (key,) = hub.http.get("/link-keys.json").json()["keys"]
    assert (key["use"], key["alg"]) == ("enc", "ECDH-ES")
    signing = hub.http.get("/jwks.json").json()["keys"]
    assert {each["use"] for each in signing} == {"sig"}
    assert key["kid"] not in {each["kid"] for each in signing}


def newest_device(hub: Hub, reader: Reader) -> UUID:
    """Whom the browser's device cookie stands for."""
    credential = reader.http.cookies["consentid-device"]
    hashed = hash_token(credential).hex()
    found = hub.rows(f"SELECT subject_id FROM devices WHERE credential_hash = '\\x{hashed}'")
    return found[0][0]


def signed_in(hub: Hub, reader: Reader) -> None:
    """Sign a new customer in at the hub, in this browser."""
    token = secrets.token_urlsafe(32)
    hub.sign_in(Person())
    hub.rows(
        "INSERT INTO hub_sessions (session_hash, session_id, account_id, created_at, expires_at)"
        f" SELECT '\\x{hash_token(token).hex()}', gen_random_uuid(), subject_id, now(),"
        " now() + interval '1 hour' FROM known_subjects ORDER BY subject_id DESC LIMIT 1"
    )
    reader.http.cookies.set("consentid-session", token, domain="127.0.0.1")
