"""``POST /v1/erasure``, over real HTTP."""

from collections.abc import Generator

import pytest
from tests.web.hub import Hub, Person, bearer

_MAY = "UPDATE clients SET scopes = array_append(scopes, 'erasure') WHERE client_id = 'news-web'"
_MAY_NOT = "UPDATE clients SET scopes = array_remove(scopes, 'erasure')"


@pytest.fixture
def entitled(hub: Hub) -> Generator[Hub]:
    """A hub whose news site may have people forgotten."""
    hub.rows(_MAY)
    yield hub
    hub.rows(_MAY_NOT)


def test_a_person_is_forgotten_for_a_client_that_may_ask_for_it(entitled: Hub) -> None:
    hub, person = entitled, Person()
    access = hub.exchange(hub.id_token(person)).json()["access_token"]
    token = hub.decide(bearer(access))["consent_token"]
    wrong = hub.http.post("/v1/erasure", json={"reason": "dislike"}, headers=bearer(access))
    assert (wrong.status_code, wrong.json()["where"]) == (422, "reason")
    asked = [
        hub.http.post("/v1/erasure", json={"reason": "objection"}, headers=bearer(access))
        for _ in range(2)
    ]
    assert [each.status_code for each in asked] == [202, 202]
    assert asked[0].json() == asked[1].json()
    assert asked[0].json()["reason"] == "objection"
    for path in ("/v1/state", "/v1/history"):
        assert hub.http.get(path, headers=bearer(access)).status_code in (401, 403)
    verdict = hub.http.post("/v1/verify", json={"token": token}, headers=hub.client_token())
    assert verdict.json() == {"active": False}
    again = bearer(hub.exchange(hub.id_token(person)).json()["access_token"])
    assert hub.http.get("/v1/history", headers=again).json()["decisions"] == []
    assert person.sub not in hub.log.read_text()


def test_nobody_else_may_ask_for_it(hub: Hub) -> None:
    answer = hub.http.post("/v1/erasure", json={"reason": "child"}, headers=hub.sign_in())
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert hub.http.post("/v1/erasure", json={"reason": "child"}).status_code == 401
