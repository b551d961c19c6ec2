"""Logs say what happened, and never to whom: no token, no subject, no claim."""

import jwt
from tests.web.hub import DEVICE_CREDENTIAL, Hub, Person, bearer, fresh_key

CANARY = "canary0yellow"


def test_no_log_line_holds_what_a_request_carried(hub: Hub) -> None:
    person = Person()
    id_token = hub.id_token(person)
    access = hub.exchange(id_token).json()["access_token"]
    credential = hub.device()
    device_access = hub.exchange(credential, DEVICE_CREDENTIAL).json()["access_token"]
    body = hub.decision(prompted_by=CANARY)
    made = hub.http.post(
        "/v1/decisions",
        json=body,
        headers={**bearer(access), "Idempotency-Key": CANARY, "User-Agent": CANARY},
    )
    assert made.status_code == 201
    token = made.json()["consent_token"]
    hub.http.post("/v1/verify", json={"token": token}, headers=hub.client_token())
    hub.http.post("/v1/verify", json={"token": f"{token}{CANARY}"}, headers=hub.client_token())
    hub.http.get("/v1/history", headers=bearer(access))
    hub.http.get(f"/v1/state?{CANARY}={CANARY}", headers=bearer(access))
    hub.http.get(f"/v1/catalogue?brand={CANARY}")
    hub.http.get(f"/{CANARY}")
    hub.http.get("/v1/state", headers=bearer(CANARY))
    hub.http.post("/v1/decisions", content=f'{{"{CANARY}":', headers=bearer(access))
    hub.http.post("/v1/served", json={CANARY: CANARY}, headers={**bearer(access), **fresh_key()})
    hub.exchange(CANARY)
    hub.exchange(id_token)
    hub.token({"grant_type": CANARY, "scope": CANARY})
    hub.http.post("/token", data={"grant_type": "client_credentials"}, auth=(CANARY, CANARY))
    client = hub.client_token()["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    hidden = {
        "canary": CANARY,
        "portal sub": person.sub,
        "ID token": id_token,
        "access token": access,
        "device's access token": device_access,
        "client's access token": client,
        "credential": credential,
        "consent token": token,
        "sub": claims["sub"],
        "jti": claims["jti"],
        "served id": body["served"],
        "decision": made.json()["decision"],
        "secret": hub.secrets["news-web"],
        "signature": token.rpartition(".")[2],
    }
    logged = hub.log.read_text()
    assert "Application startup complete" in logged
    assert [name for name, text in hidden.items() if text in logged] == []
