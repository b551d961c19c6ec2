"""``/userinfo`` over HTTP.  What it says of whom is told in ``tests/flows/oauth``."""

import httpx2
import pytest
from tests.web.hub import NEWS_ORIGIN, Hub, bearer


def assert_invalid(answer: httpx2.Response) -> None:
    """Spec: RFC 6750 section 3.1."""
    assert answer.status_code == 400
    assert answer.headers["www-authenticate"].endswith('error="invalid_request"')
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["error"] == "invalid_request"


def test_without_a_token_it_asks_for_one(hub: Hub) -> None:
    for answer in (hub.http.get("/userinfo"), hub.http.post("/userinfo")):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["unknown", "x" * 5_000])
def test_an_unknown_token_is_refused_wherever_it_comes(hub: Hub, token: str) -> None:
    by_header = hub.http.get("/userinfo", headers=bearer(token))
    by_form = hub.http.post("/userinfo", data={"access_token": token})

    for answer in (by_header, by_form):
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert answer.json()["error"] == "invalid_token"


def test_a_token_in_the_query_is_refused(hub: Hub) -> None:
    assert_invalid(hub.http.get("/userinfo", params={"access_token": "x"}))


def test_a_token_that_comes_in_two_ways_is_refused(hub: Hub) -> None:
    answer = hub.http.post("/userinfo", data={"access_token": "x"}, headers=bearer("x"))

    assert_invalid(answer)


@pytest.mark.parametrize("form", ["access_token=x&access_token=x", "access_token=%ff", "a=%00"])
def test_a_form_that_is_read_in_two_ways_is_an_invalid_request(hub: Hub, form: str) -> None:
    answer = hub.http.post(
        "/userinfo",
        content=form,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert_invalid(answer)


def test_a_body_that_is_no_form_is_refused_in_the_same_words(hub: Hub) -> None:
    answer = hub.http.post("/userinfo", json={"access_token": "x"})

    assert (answer.status_code, answer.json()["error"]) == (415, "invalid_request")


def test_a_token_without_openid_is_not_enough(hub: Hub) -> None:
    answer = hub.http.get("/userinfo", headers=hub.sign_in())

    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert answer.json()["error"] == "insufficient_scope"


def test_a_brands_own_page_may_ask_and_another_may_not(hub: Hub) -> None:
    ours = hub.http.get("/userinfo", headers={"Origin": NEWS_ORIGIN})
    foreign = hub.http.get("/userinfo", headers={"Origin": "https://evil.example"})

    assert ours.headers["access-control-allow-origin"] == NEWS_ORIGIN
    assert "access-control-allow-origin" not in foreign.headers
    assert "access-control-allow-credentials" not in ours.headers
