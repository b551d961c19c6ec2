from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.oidc.redirect import answer_uri, is_registered

REGISTERED = (
    "https://news.example/cb",
    "https://news.example/cb?brand=news",
    "http://127.0.0.1/callback",
    "http://[::1]:5000/callback",
    "com.example.news:/callback",
)


@pytest.mark.parametrize("uri", REGISTERED)
def test_an_address_that_is_the_same_to_the_letter_is_registered(uri: str) -> None:
    assert is_registered(uri, REGISTERED, is_native=False)


@pytest.mark.parametrize(
    "uri",
    [
        "https://news.example/cb/../evil",
        "https://news.example/cb/..%2fevil",
        "https://news.example/cb/",
        "https://news.example/cb?next=evil",
        "https://news.example/cb?brand=news&x=1",
        "https://news.example/cb#fragment",
        "https://news.example/CB",
        "https://NEWS.example/cb",
        "HTTPS://news.example/cb",
        "https://news.example:443/cb",
        "https://news.example:8443/cb",
        "https://user@news.example/cb",
        "https://news.example@evil.example/cb",
        "https://news.example.evil.example/cb",
        "https://evil.example/https://news.example/cb",
        "https://nеws.example/cb",  # noqa: RUF001 a Cyrillic letter
        "https://xn--nws-qdd.example/cb",
        "https://news.example/c%62",
        "http://news.example/cb",
        "//news.example/cb",
        "https:news.example/cb",
        " https://news.example/cb",
        "https://news.example/cb ",
        "https://news.example\\@evil.example/cb",
        "javascript:alert(1)",
        "",
    ],
)
@pytest.mark.parametrize("is_native", [True, False])
def test_an_address_that_differs_in_anything_is_not_registered(uri: str, is_native: bool) -> None:
    assert not is_registered(uri, REGISTERED, is_native=is_native)


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
        "http://[::1]/callback",
        "http://[::1]:49152/callback",
    ],
)
def test_only_a_native_app_may_choose_the_loopbacks_port(uri: str) -> None:
    assert is_registered(uri, REGISTERED, is_native=True)
    assert not is_registered(uri, REGISTERED, is_native=False)


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:5000/callback",
        "http://127.0.0.2:5000/callback",
        "http://127.1:5000/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:99999999/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:5000/other",
        "http://127.0.0.1:5000@evil.example/callback",
        "http://127.0.0.1.evil.example:5000/callback",
        "https://127.0.0.1:5000/callback",
        "http://127.0.0.1:\u0665\u0660\u0660\u0660/callback",  # digits, but not ASCII's
        "http://[::1]:5001/other",
        "http://127.0.0.1:5000/callback\n",
    ],
)
def test_a_native_app_may_choose_nothing_but_the_port(uri: str) -> None:
    assert not is_registered(uri, REGISTERED, is_native=True)


@given(uri=st.text(max_size=64))
def test_no_other_text_is_registered(uri: str) -> None:
    assert is_registered(uri, REGISTERED, is_native=False) == (uri in REGISTERED)


@given(state=st.text(st.characters(exclude_categories=["Cs"]), max_size=64))
def test_an_answer_gives_the_state_back_as_it_came(state: str) -> None:
    uri = answer_uri(
        "https://news.example/cb?brand=news",
        issuer="https://hub.example",
        answer={"code": "a code", "state": state or None},
    )

    found = parse_qs(urlsplit(uri).query, keep_blank_values=True, strict_parsing=True)
    assert found.get("state", [""]) == [state]
    assert found["iss"] == ["https://hub.example"]
    assert found["brand"] == ["news"]
    assert uri.startswith("https://news.example/cb?brand=news&")
    assert uri.isascii()
    assert not set(uri) & set(" \r\n\t\"<>'")


def test_an_answer_begins_a_query_where_there_is_none() -> None:
    answer = {"code": "a"}

    assert answer_uri("a:/b", issuer="i", answer=answer) == "a:/b?code=a&iss=i"
    assert answer_uri("a:/b?", issuer="i", answer=answer) == "a:/b?code=a&iss=i"
