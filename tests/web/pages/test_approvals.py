"""``/approvals``: what agents ask waits for whom it is addressed to, and for nobody else."""

from collections.abc import Iterator

import httpx2
import pytest
from tests.web.calling import WORDS, Desk, Screen, open_desk
from tests.web.hub import Hub, Person
from tests.web.pages.centre import told
from tests.web.pages.visits import origin_of


@pytest.fixture(scope="module")
def desk(hub: Hub) -> Desk:
    return open_desk(hub, "news-phone")


@pytest.fixture
def screen(hub: Hub) -> Iterator[Screen]:
    with httpx2.Client(base_url=hub.url, timeout=120, follow_redirects=False) as http:
        yield Screen(hub=hub, http=http)


def test_a_person_hears_reads_answers_and_the_agent_is_told(
    hub: Hub, desk: Desk, screen: Screen
) -> None:
    person = Person()
    screen.sign_in(person)
    asked = desk.asked(person, binding_message="<b>Lion</b> 42")

    centre = screen.look("/preferences")
    assert "1 question waits for your answer" in centre.text
    assert 'href="/approvals"' in centre.text
    page = screen.look()
    assert "“&lt;b&gt;Lion&lt;/b&gt; 42”" in page.text
    for each in ("Halcyon News", "Halcyon News SAS", "To go by what you allowed and refused"):
        assert each in told(page.text)

    step = screen.send(page, "look")
    assert step.status_code == 303, step.text
    question = screen.look(step.headers["location"])
    assert "“&lt;b&gt;Lion&lt;/b&gt; 42”" in question.text
    assert desk.poll(asked).json()["error"] == "authorization_pending"
    done = screen.send(question, "accept")
    assert done.headers["location"] == f"{origin_of(hub)}/approvals/approved"
    assert "Your answer is on its way" in screen.look("/approvals/approved").text

    answer = desk.poll(asked)
    assert answer.status_code == 200, answer.text
    assert {"access_token", "id_token", "consent_token"} <= answer.json().keys()
    assert "Nothing waits for you" in screen.look().text
    again = screen.send(question, "accept")
    assert again.status_code == 410
    assert "You have answered already" in again.text


def test_a_no_and_a_report_reach_the_agent_alike(desk: Desk, screen: Screen) -> None:
    person = Person()
    screen.sign_in(person)
    refused, reported = desk.asked(person), desk.asked(person)
    question = screen.look(screen.send(screen.look(), "look").headers["location"])
    assert screen.send(question, "refuse").headers["location"].endswith("/approvals/denied")
    assert "They have been told no" in screen.look("/approvals/denied").text
    step = screen.send(screen.look(), "report")
    assert step.headers["location"] == "/approvals/reported?lang=en"
    assert "Thank you for telling us" in screen.look(step.headers["location"]).text
    answers = [desk.poll(each) for each in (refused, reported)]
    assert {(each.status_code, each.text) for each in answers} == {(400, answers[0].text)}
    assert answers[0].json()["error"] == "access_denied"
    log = desk.hub.log.read_text()
    assert "a person reported a question of client news-phone" in log
    assert person.sub not in log


def test_who_is_not_signed_in_or_somebody_else_sees_nothing(desk: Desk, screen: Screen) -> None:
    person = Person()
    signed_out = screen.look()
    assert signed_out.status_code == 200
    assert "sign in: their question is shown to you alone" in signed_out.text
    screen.sign_in(person)
    desk.asked(person)
    page = screen.look()
    question = screen.look(screen.send(page, "look").headers["location"])
    screen.sign_in(Person())
    assert WORDS not in screen.look().text
    for act in ("look", "report"):
        gone = screen.send(page, act)
        assert gone.status_code == 410
        assert "This question is over" in gone.text
    assert screen.send(question, "accept").status_code == 410
    screen.http.cookies.delete("consentid-session")
    assert screen.send(question, "accept").status_code == 410
    assert screen.send(page, "look").status_code == 410


def test_a_form_that_is_not_ours_does_nothing(desk: Desk, screen: Screen) -> None:
    person = Person()
    screen.sign_in(person)
    asked = desk.asked(person)
    page = screen.look()
    assert screen.send(page, "look", Origin="https://evil.example").status_code == 403
    assert screen.send(page, "approve").status_code == 400
    assert screen.http.post("/approvals", data={"act": "look"}).status_code == 403
    assert screen.look("/approvals/nothing").status_code == 404
    assert desk.poll(asked).json()["error"] == "authorization_pending"
