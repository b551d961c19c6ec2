"""History, receipts, reads, devices and the download, over HTTP."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import httpx2
import pytest
from tests.web.hub import DEVICE_CREDENTIAL, Hub, bearer
from tests.web.pages.centre import PATH, Person, told

from consentid.kit import canonical

Arrive: TypeAlias = Callable[..., Person]
ENGLISH = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"}
_READS_WRITTEN_S = 120


@pytest.fixture
def arrive(hub: Hub) -> Iterator[Arrive]:
    with ExitStack() as browsers:

        def begin(query: str = "") -> Person:
            http = browsers.enter_context(httpx2.Client(base_url=hub.url, headers=ENGLISH))
            return Person.arrive(hub, http, query)

        yield begin


def credential_of(person: Person) -> str:
    return person.http.cookies["consentid-device"]


def await_reads(person: Person, expected: str) -> str:
    """The page, once the hub's own clock tick has written what was noted."""
    ends = time.monotonic() + _READS_WRITTEN_S
    while True:
        page = told(person.look(f"{PATH}/reads").text)
        if expected in page or time.monotonic() > ends:
            return page


def test_somebody_unknown_has_no_history_no_reads_no_devices_and_no_data(arrive: Arrive) -> None:
    person = arrive()
    assert "Nothing was decided yet." in told(person.look(f"{PATH}/history").text)
    assert "Nobody has asked about you." in told(person.look(f"{PATH}/reads").text)
    assert "This browser is not known to us" in told(person.look(f"{PATH}/devices").text)
    assert person.look(f"{PATH}/data").status_code == 404


def test_history_tells_each_decision_in_plain_words(arrive: Arrive) -> None:
    person = arrive()
    person.answer("granted", "ads.personalised")
    person.answer("refused", "content", "brand/shop")
    person.press(act="withdraw")
    page = told(person.look(f"{PATH}/history").text)
    assert page.count("On these pages") == 3
    assert page.count("On these pages, in the words of Halcyon News") == 1
    assert page.count("On these pages, in the words of Halcyon Market") == 1
    newest, middle, oldest = (
        page.index("No to everything"),
        page.index("Counts at Halcyon Market alone."),
        page.index("Counts at Halcyon News, Halcyon Play, and Halcyon Market."),
    )
    assert newest < middle < oldest
    assert "Yes Personalised ads" in page


def test_a_decision_shows_the_very_text_that_it_answered(arrive: Arrive) -> None:
    person = arrive()
    person.answer("granted", "content")
    history = person.look(f"{PATH}/history").text
    assert "Yes A front page of your own" in told(history)  # as Halcyon News calls it
    href = history.partition(f'href="{PATH}/decisions/')[2].partition('"')[0]
    page = told(person.look(f"{PATH}/decisions/{href}").text)
    assert "Word for word, version 1." in page
    assert "We would like to use some of your data" in page
    receipt = person.look(f"{PATH}/receipts/{href}")
    assert receipt.headers["content-disposition"].startswith('attachment; filename="receipt-')
    found = receipt.json()
    assert found["record"]["notice"]["digest"] in page
    tag = b"consentid/commitment/1\0"
    opened = hashlib.sha256(tag + bytes.fromhex(found["salt"]) + canonical.encode(found["record"]))
    assert found["commitment"] in page
    assert len(opened.digest()) == 32


def test_nobody_sees_a_decision_of_somebody_else(arrive: Arrive) -> None:
    mine, theirs = arrive(), arrive()
    mine.answer("granted", "content")
    history = mine.look(f"{PATH}/history").text
    id_ = history.partition(f'href="{PATH}/decisions/')[2].partition('"')[0]
    theirs.answer("granted", "content")
    for folder in ("decisions", "receipts"):
        assert mine.look(f"{PATH}/{folder}/{id_}").status_code == 200
        assert theirs.look(f"{PATH}/{folder}/{id_}").status_code == 404
        assert theirs.look(f"{PATH}/{folder}/nonsense").status_code == 404
        assert arrive().look(f"{PATH}/{folder}/{id_}").status_code == 404


def test_a_long_history_has_pages_that_nobody_else_can_turn(arrive: Arrive) -> None:
    person = arrive()
    for _ in range(11):
        person.answer("granted", "content")
        person.answer("refused", "content")
    first = person.look(f"{PATH}/history").text
    assert first.count(f'href="{PATH}/decisions/') == 20
    older = first.partition("before=")[2].partition('"')[0]
    second = person.look(f"{PATH}/history?before={older}").text
    assert second.count(f'href="{PATH}/decisions/') == 2
    assert "Newest first" in second
    other = arrive()
    other.answer("granted", "content")
    assert other.look(f"{PATH}/history?before={older}").status_code == 400


def test_who_asked_about_a_person_is_told_by_name(hub: Hub, arrive: Arrive) -> None:
    person = arrive()
    person.answer("granted", "content")
    access = hub.exchange(credential_of(person), DEVICE_CREDENTIAL).json()["access_token"]
    for _ in range(2):
        assert hub.http.get("/v1/state", headers=bearer(access)).status_code == 200
    hub.http.get("/v1/history", headers=bearer(access))
    page = await_reads(person, "read your history")
    assert "Halcyon News asked what you allow 2 times" in page
    assert "Halcyon News was told your choices once" in page
    assert "Halcyon News read your history once" in page
    assert "Nobody has asked about you." in told(arrive().look(f"{PATH}/reads").text)


def test_a_browser_is_forgotten_and_what_was_chosen_in_it_taken_back(
    hub: Hub, arrive: Arrive
) -> None:
    person = arrive()
    person.answer("granted", "content")
    credential = credential_of(person)
    access = hub.exchange(credential, DEVICE_CREDENTIAL).json()["access_token"]
    person.look(f"{PATH}/devices")
    answer = person.send({**person.hidden, "act": "forget-browser"}, path=f"{PATH}/devices")
    assert answer.status_code == 303
    assert "consentid-device" not in person.http.cookies
    state = hub.http.get("/v1/state", headers=bearer(access)).json()
    assert not any(each["permitted"] for each in state["purposes"] if each["basis"] == "consent")
    assert hub.exchange(credential, DEVICE_CREDENTIAL).status_code == 400
    assert "These pages know of no choice made in this browser." in told(person.look().text)


def test_the_download_holds_all_of_ones_own_and_nothing_of_others(hub: Hub, arrive: Arrive) -> None:
    person, other = arrive(), arrive()
    person.answer("granted", "ads.personalised")
    other.answer("granted", "content")
    access = hub.exchange(credential_of(person), DEVICE_CREDENTIAL).json()["access_token"]
    state = hub.http.get("/v1/state", headers=bearer(access)).json()
    await_reads(person, "asked what you allow")
    answer = person.look(f"{PATH}/data")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-choices.json"'
    data: dict[str, Any] = answer.json()
    assert data["about"] == "device"
    (decision,) = data["decisions"]
    assert decision["record"]["choices"] == [{"purpose": "ads.personalised", "outcome": "granted"}]
    ((digest, text),) = data["notices"].items()
    assert decision["record"]["notice"]["digest"] == digest == canonical.digest(text).hex()
    assert {(each["client"], each["kind"]) for each in data["reads"]} == {
        ("news-web", "token"),
        ("news-web", "state"),
    }
    news = next(each for each in data["effective"] if each["party"] == "brand/news")
    told_there = {each["purpose"]: each["permitted"] for each in state["purposes"]}
    assert {each["purpose"]: each["permitted"] for each in news["purposes"]} == told_there
    assert "ads.personalised" in data["kept"]["statements"][0]["granted"]
    page = told(person.look(f"{PATH}/everything").text)
    for shown in ("All that is kept about you", "a random code in this browser", "one answer"):
        assert shown in page
    assert "Tout ce qui est conservé" in told(person.look(f"{PATH}/everything?lang=fr").text)
    subject = hub.rows("SELECT subject_id FROM devices ORDER BY created_at DESC LIMIT 2")
    assert not any(str(each[0]) in json.dumps(data) for each in subject)


def test_a_notice_can_be_read_in_full(arrive: Arrive) -> None:
    person = arrive()
    page = told(person.look(f"{PATH}/notices/shop").text)
    assert "Welcome to the market" in page
    assert "Market Circle" in page
    assert person.look(f"{PATH}/notices/nobody").status_code == 404


@pytest.mark.parametrize("fields", [{}, {"act": "everything"}, {"device": "x"}])
def test_a_form_that_no_page_makes_is_refused(arrive: Arrive, fields: dict[str, str]) -> None:
    person = arrive()
    person.look(f"{PATH}/devices")
    person.look()
    answer = person.send(
        {"form_token": person.hidden["form_token"], **fields}, path=f"{PATH}/devices"
    )
    assert answer.status_code in (400, 409)


@pytest.fixture
def spoiled(hub: Hub, arrive: Arrive) -> Iterator[tuple[Person, str]]:
    """Somebody with two answers, and the older one, whose record was changed behind our back."""
    person = arrive()
    person.answer("granted", "content")
    person.answer("granted", "ads.personalised")
    *_, oldest = person.look(f"{PATH}/history").text.split(f'href="{PATH}/decisions/')
    decision = oldest.partition('"')[0]
    change = "UPDATE decisions SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"
    hub.rows("ALTER TABLE decisions DISABLE TRIGGER USER")
    hub.rows(f"{change} WHERE id = '{decision}'")
    yield person, decision
    hub.rows(f"{change} WHERE id = '{decision}'")
    hub.rows("ALTER TABLE decisions ENABLE TRIGGER USER")


def test_an_answer_that_cannot_be_read_is_named_and_hides_no_other(
    hub: Hub, spoiled: tuple[Person, str]
) -> None:
    person, decision = spoiled
    page = told(person.look(f"{PATH}/history").text)
    assert "Yes Personalised ads" in page
    assert page.count("An answer that cannot be shown") == 1
    assert f"Reference: {decision}" in page
    assert "Une réponse qui ne peut pas" in told(person.look(f"{PATH}/history?lang=fr").text)
    for path in (f"decisions/{decision}", f"receipts/{decision}", f"receipts/{decision}/page"):
        alone = person.look(f"{PATH}/{path}")
        assert alone.status_code == 503
        assert f"decision {decision}: its record cannot be opened" in told(alone.text)
        assert "See and change my choices" in told(alone.text)
    assert person.look().status_code == 200

    data = person.look(f"{PATH}/data").json()
    assert [each["decision"] for each in data["unreadable"]] == [decision]
    assert len(data["decisions"]) == 1
    assert "Cannot be shown" in (page := told(person.look(f"{PATH}/everything").text))
    assert decision in page

    access = hub.exchange(credential_of(person), DEVICE_CREDENTIAL).json()["access_token"]
    history = hub.http.get("/v1/history", headers=bearer(access)).json()
    (unreadable,) = history["unreadable"]
    assert len(history["decisions"]) == 1
    answer = hub.http.get(f"/v1/receipts/{unreadable}", headers=bearer(access))
    assert (answer.status_code, answer.json()["code"]) == (503, "record_unreadable")
    assert answer.json()["where"] == f"decision {unreadable}"
    assert decision not in answer.text


def test_facts_that_cannot_be_read_are_our_fault_and_no_visitors(hub: Hub, arrive: Arrive) -> None:
    person = arrive()
    person.answer("granted", "content")
    access = hub.exchange(credential_of(person), DEVICE_CREDENTIAL).json()["access_token"]
    newest = "(SELECT subject_id FROM decisions ORDER BY recorded_at DESC LIMIT 1)"
    change = "UPDATE projections SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"
    (row,) = hub.rows(f"{change} WHERE subject_id = {newest} RETURNING subject_id")
    try:
        answer = hub.http.get("/v1/state", headers=bearer(access))
        page = person.look()
    finally:
        hub.rows(f"{change} WHERE subject_id = '{row.subject_id}'")
    assert (answer.status_code, answer.json()["code"]) == (503, "bad_sealed")
    assert page.status_code == 503
    assert person.look().status_code == 200
