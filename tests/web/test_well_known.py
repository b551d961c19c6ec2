"""The metadata is complete and true: what it names is served, and nothing else is named."""

from typing import Any

import pytest
from tests.web.hub import Hub


@pytest.fixture(scope="module")
def metadata(hub: Hub) -> dict[str, Any]:
    return hub.http.get("/.well-known/openid-configuration").json()


def test_both_documents_are_the_same(hub: Hub, metadata: dict[str, Any]) -> None:
    assert hub.http.get("/.well-known/oauth-authorization-server").json() == metadata


def test_each_endpoint_named_is_there(hub: Hub, metadata: dict[str, Any]) -> None:
    issuer = metadata["issuer"]
    named = [name for name in metadata if name.endswith(("_endpoint", "_uri"))]
    assert {
        "authorization_endpoint",
        "token_endpoint",
        "pushed_authorization_request_endpoint",
        "introspection_endpoint",
        "revocation_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    } <= set(named)
    for name in named:
        assert metadata[name].startswith(f"{issuer}/")
        path = metadata[name].removeprefix(issuer)
        assert hub.http.get(path).status_code != 404, name


def test_what_is_said_is_what_is_done(metadata: dict[str, Any]) -> None:
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["authorization_details_types_supported"] == ["consent_request"]
    assert metadata["subject_types_supported"] == ["pairwise"]
    assert metadata["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "private_key_jwt",
        "none",
    ]
    assert "none" not in metadata["introspection_endpoint_auth_methods_supported"]
    assert not any("HS" in alg for name in metadata if "alg" in name for alg in metadata[name])
    assert metadata["request_parameter_supported"] is False
    assert metadata["claims_parameter_supported"] is False
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
    assert metadata["request_uri_parameter_supported"] is False


def test_each_grant_named_is_known_at_the_token_endpoint(
    hub: Hub, metadata: dict[str, Any]
) -> None:
    for grant in metadata["grant_types_supported"]:
        answer = hub.token({"grant_type": grant})
        assert answer.status_code == 200 or (answer.json()["error"] != "unsupported_grant_type"), (
            grant
        )
    assert hub.token({"grant_type": "password"}).json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/revoke", "/bc-authorize"])
def test_the_openapi_document_tells_each_form(hub: Hub, path: str) -> None:
    operation = hub.http.get("/schema/openapi.json").json()["paths"][path]["post"]
    form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert {"client_id", "client_assertion", "client_assertion_type"} <= form["properties"].keys()


def test_crawlers_are_kept_to_the_front_page(hub: Hub) -> None:
    answer = hub.http.get("/robots.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.splitlines() == ["User-agent: *", "Allow: /$", "Disallow: /"]
