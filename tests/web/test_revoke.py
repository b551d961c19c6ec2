"""``/revoke``: a client's own tokens end, consent never does."""

from tests.web.hub import CONSENT_TOKEN, DEVICE_CREDENTIAL, EXCHANGE, Hub, bearer, fresh_key


def own_token(hub: Hub, client: str = "news-web") -> str:
    return hub.token({"grant_type": "client_credentials"}, client).json()["access_token"]


def revoke(hub: Hub, token: str, client: str = "news-web", **form: str) -> int:
    answer = hub.http.post("/revoke", data={"token": token, **form}, auth=hub.basic(client))
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code


def is_alive(hub: Hub, token: str) -> bool:
    answer = hub.http.post("/v1/verify", json={"token": "a.b.c"}, headers=bearer(token))
    return answer.status_code == 200


def test_a_revoked_access_token_ends_at_once(hub: Hub) -> None:
    token = own_token(hub)
    assert is_alive(hub, token)
    assert revoke(hub, token) == 200
    assert not is_alive(hub, token)
    assert revoke(hub, token) == 200


def test_another_clients_token_is_left_and_answered_alike(hub: Hub) -> None:
    token = own_token(hub)
    assert revoke(hub, token, "shop-web") == 200
    assert is_alive(hub, token)


def test_an_unknown_token_and_a_wrong_hint_are_no_errors(hub: Hub) -> None:
    token = own_token(hub)
    assert revoke(hub, "unknown", token_type_hint="nonsense") == 200
    assert revoke(hub, "x" * 10_000) == 200
    assert revoke(hub, "a.b.c") == 200
    assert revoke(hub, token, token_type_hint="refresh_token") == 200
    assert not is_alive(hub, token)


def test_a_missing_token_is_an_invalid_request(hub: Hub) -> None:
    answer = hub.http.post("/revoke", data={}, auth=hub.basic("news-web"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_consent_token_is_not_revoked(hub: Hub) -> None:
    credential = hub.device()
    token = hub.exchange(credential, DEVICE_CREDENTIAL, requested_token_type=CONSENT_TOKEN).json()[
        "access_token"
    ]
    answer = hub.http.post("/revoke", data={"token": token}, auth=hub.basic("news-web"))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_token_type")
    verdict = hub.http.post(
        "/v1/verify", json={"token": token}, headers={**hub.client_token(), **fresh_key()}
    )
    assert verdict.json()["active"] is True


def test_a_public_client_revokes_its_own_by_its_id(hub: Hub) -> None:
    credential = hub.device()
    token = hub.token(
        {
            "grant_type": EXCHANGE,
            "subject_token": credential,
            "subject_token_type": DEVICE_CREDENTIAL,
            "client_id": "play-tv",
        },
        None,
    ).json()
    assert "access_token" in token, token
    for client_id, is_left in (("news-spa", True), ("play-tv", False)):
        answer = hub.http.post(
            "/revoke", data={"token": token["access_token"], "client_id": client_id}
        )
        assert answer.status_code == 200
        state = hub.http.get("/v1/state", headers=bearer(token["access_token"]))
        assert (state.status_code == 200) == is_left


def test_a_brands_page_may_revoke_across_origins(hub: Hub) -> None:
    answer = hub.http.post(
        "/revoke",
        data={"token": "x", "client_id": "news-spa"},
        headers={"Origin": "http://news.localhost:7600"},
    )
    assert answer.headers["access-control-allow-origin"] == "http://news.localhost:7600"
