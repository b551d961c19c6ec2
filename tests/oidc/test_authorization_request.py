import pytest

from consentid.oidc.authorization_request import parse_request
from consentid.oidc.prompt import Prompt
from consentid.oidc.refusal import RefusedRequestError

AUDIENCE = "https://news.example"
RIGHT = {
    "client_id": "news-web",
    "redirect_uri": "https://news.example/cb",
    "response_type": "code",
    "scope": "openid",
    "code_challenge": "a" * 43,
    "code_challenge_method": "S256",
}


def refused(**changed: str | None) -> str:
    """The error that a changed request is refused with."""
    fields = {name: text for name, text in {**RIGHT, **changed}.items() if text is not None}
    with pytest.raises(RefusedRequestError) as error:
        parse_request(fields, audiences=(AUDIENCE,))
    assert error.value.description.isascii()
    assert not set(error.value.description) & set('"\\')
    return error.value.error


def test_a_right_request_is_read_whole() -> None:
    request = parse_request(
        {
            **RIGHT,
            "state": "s",
            "nonce": "n",
            "prompt": "login consent login",
            "max_age": "0",
            "login_hint": "somebody",
            "ui_locales": "fr-CA en",
            "acr_values": "2 1",
            "id_token_hint": "h",
            "resource": AUDIENCE,
            "response_mode": "query",
            "unheard_of": "ignored",
            "claims": "{}",
        },
        audiences=(AUDIENCE,),
    )

    assert request.prompt == {Prompt.LOGIN, Prompt.CONSENT}
    assert request.max_age_s == 0
    assert request.ui_locales == ("fr-CA", "en")
    assert request.acr_values == ("2", "1")
    assert request.resource == AUDIENCE


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (None, "invalid_request"),
        ("token", "unsupported_response_type"),
        ("id_token", "unsupported_response_type"),
        ("code id_token", "unsupported_response_type"),
        ("none", "unsupported_response_type"),
        ("CODE", "unsupported_response_type"),
    ],
)
def test_response_types_other_than_code_are_refused(kind: str | None, error: str) -> None:
    assert refused(response_type=kind) == error


@pytest.mark.parametrize("mode", ["fragment", "form_post", "query.jwt", "web_message", "Query"])
def test_response_modes_other_than_query_are_refused(mode: str) -> None:
    assert refused(response_mode=mode) == "invalid_request"


def test_a_request_without_pkce_is_refused() -> None:
    assert refused(code_challenge=None) == "invalid_request"


@pytest.mark.parametrize("method", [None, "plain", "s256", "S512"])
def test_pkce_is_s256_and_says_so(method: str | None) -> None:
    assert refused(code_challenge_method=method) == "invalid_request"


@pytest.mark.parametrize("challenge", ["short", "a" * 42, "a" * 129, "a" * 42 + "!"])
def test_a_challenge_that_cannot_be_one_is_refused(challenge: str) -> None:
    assert refused(code_challenge=challenge) == "invalid_request"


@pytest.mark.parametrize("prompt", ["none login", "none consent", "consent none", "select_account"])
def test_prompts_that_contradict_each_other_or_are_unknown_are_refused(prompt: str) -> None:
    assert refused(prompt=prompt) == "invalid_request"


@pytest.mark.parametrize("age", ["-1", "-0", "1.5", "1e3", "NaN", "+1", " 1", "٣", "99999999999"])
def test_a_max_age_that_is_no_number_of_seconds_is_refused(age: str) -> None:
    assert refused(max_age=age) == "invalid_request"


@pytest.mark.parametrize("scope", [None, "profile", "OpenID", "openid2"])
def test_a_scope_without_openid_is_refused(scope: str | None) -> None:
    assert refused(scope=scope) == "invalid_scope"


def test_scopes_that_nobody_knows_are_kept_for_the_server_to_ignore() -> None:
    request = parse_request({**RIGHT, "scope": "openid  email openid"}, audiences=(AUDIENCE,))

    assert request.scopes == ("openid", "email")


@pytest.mark.parametrize(
    "name",
    ["scope", "nonce", "login_hint", "ui_locales", "acr_values", "prompt", "resource"],
)
def test_a_parameter_that_is_far_too_long_is_refused(name: str) -> None:
    assert refused(**{name: "openid " + "x" * 50_000}) == "invalid_request"


@pytest.mark.parametrize(
    "resource",
    [
        f"{AUDIENCE}#fragment",
        f"{AUDIENCE}/",
        "https://market.example",
        "news",
        "",
    ],
)
def test_a_resource_that_is_not_the_clients_own_is_refused(resource: str) -> None:
    assert refused(resource=resource) == "invalid_target"


def test_a_request_object_is_refused_whatever_its_algorithm() -> None:
    assert refused(request="eyJhbGciOiJub25lIn0.e30.") == "request_not_supported"


def test_a_registration_on_the_way_is_refused() -> None:
    assert refused(registration="{}") == "registration_not_supported"


def test_missing_answers_are_accepted_by_that_word_alone() -> None:
    assert parse_request(
        {**RIGHT, "missing_consent": "accept"}, audiences=(AUDIENCE,)
    ).accepts_missing
    assert not parse_request(RIGHT, audiences=(AUDIENCE,)).accepts_missing
    assert refused(missing_consent="yes") == "invalid_request"
