"""Receipts as people get them: a page to keep, a file, and a page that checks them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.web.hub import Hub
from tests.web.pages.centre import PATH, Person, told
from tests.web.pages.test_preferences_lists import ENGLISH
from tests.web.test_ledger import sequenced

VERIFY = "/verify-receipt"


@pytest.fixture
def person(hub: Hub) -> Iterator[Person]:
    """Somebody in a browser of their own."""
    with httpx2.Client(base_url=hub.url, headers=ENGLISH) as http:
        yield Person.arrive(hub, http)


def decided(person: Person) -> str:
    """Where the receipt of a new answer is."""
    person.look()
    person.answer("granted", "ads.personalised")
    history = person.look(f"{PATH}/history").text
    return f"{PATH}/receipts/" + history.partition(f'href="{PATH}/receipts/')[2].partition("/")[0]


def received(person: Person) -> dict[str, Any]:
    """A receipt of a new answer."""
    return person.look(decided(person)).json()


def checked(hub: Hub, content: bytes | str, field: str = "file", **more: str) -> str:
    """What the page tells of a receipt."""
    answer = hub.http.post(
        VERIFY, files={field: ("receipt.json", content)}, data=more, headers=ENGLISH
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    return told(answer.text)


def test_a_receipt_can_be_read_kept_and_checked_by_anybody(hub: Hub, person: Person) -> None:
    href = decided(person)
    page = told(person.look(f"{href}/page").text)
    assert "The public log does not have this answer yet" in page
    assert "proof" not in person.look(href).json()
    sequenced(hub)
    receipt: dict[str, Any] = person.look(href).json()
    page = told(person.look(f"{href}/page").text)
    assert "The public log has this answer, at index" in page
    for each in ("Yes Personalised ads", "We would like to use some of your data", "Halcyon"):
        assert each in page
    for each in (receipt["decision"], receipt["commitment"], receipt["record"]["notice"]["digest"]):
        assert each in page
    assert "Reçu de votre réponse du" in told(person.look(f"{href}/page?lang=fr").text)

    for form in (json.dumps(receipt), json.dumps(receipt, indent=2).replace("\n", "\r\n")):
        page = checked(hub, form)
        assert "This receipt holds" in page
        assert page.count("Holds") == 6
        assert "Yes Personalised ads" in page
    without = {name: receipt[name] for name in receipt if name != "proof"}
    assert "This receipt holds" in checked(hub, json.dumps(without), "receipt")
    assert "at index" in checked(hub, json.dumps(without), "receipt")


def test_what_was_changed_is_not_vouched_for_nor_repeated(hub: Hub, person: Person) -> None:
    receipt = received(person)
    receipt["record"]["choices"][0]["outcome"] = "refused"
    page = checked(hub, json.dumps(receipt))
    assert "This receipt does not hold" in page
    assert "Personalised ads" not in page
    receipt = received(person)
    receipt["issuer"] = "https://evil.example/<b>"
    page = checked(hub, json.dumps(receipt))
    assert "Do not rely on it" in page
    assert "evil" not in page
    del receipt["signature"]
    receipt["issuer"] = received(person)["issuer"]
    assert "We cannot tell" in checked(hub, json.dumps(receipt))
    assert "This receipt does not hold" in checked(hub, b"\xff\x00 none")


def test_a_form_that_cannot_be_meant_is_told(hub: Hub) -> None:
    page = told(hub.http.get(VERIFY, headers={**ENGLISH, "Accept-Language": "fr"}).text)
    assert "Vérifier un reçu" in page
    assert "Paste a receipt, or choose its file." in checked(hub, "")
    assert "not both" in checked(hub, "{}", receipt="{}")

    def status(**request: Any) -> int:
        return hub.http.post(VERIFY, **request).status_code

    assert status(files={"other": ("a", "b")}) == 400
    assert status(files=[("file", ("a", "b")), ("file", ("a", "b"))]) == 400
    assert status(files={"file": ("a", "b" * 70_000)}) == 413
    assert status(json={}) == 415
    assert status(data={"receipt": "{}"}) == 415
    boundary = {"Content-Type": "multipart/form-data; boundary=x"}
    assert status(content=b"--x\r\nnothing", headers=boundary) == 400
    assert status(content=b"", headers={"Content-Type": "multipart/form-data"}) == 400
