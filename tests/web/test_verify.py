"""``/v1/verify`` and ``/statuslists``: a bad token is an answer, and a cheap one."""

import base64
import json
import time
import zlib
from typing import Any

import httpx2
import jwt
import pytest
from tests.web.hub import Hub

INACTIVE = b'{"active":false}'


@pytest.fixture(scope="module")
def consent_token(hub: Hub) -> str:
    return hub.decide(hub.sign_in())["consent_token"]


def verify(hub: Hub, token: str, client: str = "news-web", **asked: object) -> httpx2.Response:
    answer = hub.http.post(
        "/v1/verify", json={"token": token, **asked}, headers=hub.client_token(client)
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer


def encoded(document: object) -> str:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    claims = jwt.decode(token, options={"verify_signature": False})
    return dict(jwt.get_unverified_header(token)), claims, token.rpartition(".")[2]


def test_a_good_token_is_active(hub: Hub, consent_token: str) -> None:
    told = verify(hub, consent_token, purposes=["ads"]).json()
    assert told["active"] is True
    assert told["decision"] == "allow"
    assert "ads" in told["granted"]
    assert verify(hub, consent_token, purposes=["ads.partners", "ads"]).json()["active"] is True


def test_a_token_is_inactive_for_whom_it_is_not_meant(hub: Hub, consent_token: str) -> None:
    assert verify(hub, consent_token, "shop-web").content == INACTIVE
    assert verify(hub, consent_token, "reach-api").content == INACTIVE
    told = verify(hub, consent_token, "reach-api", purposes=["ads"]).json()
    assert told == {"active": False, "decision": "deny"}


def test_another_s_audience_is_refused(hub: Hub, consent_token: str) -> None:
    answer = hub.http.post(
        "/v1/verify",
        json={"token": consent_token, "audience": "https://market.halcyon.example"},
        headers=hub.client_token(),
    )
    assert answer.status_code == 403
    assert answer.json()["code"] == "audience_not_yours"


def bad_tokens(good: str) -> dict[str, str]:
    """Each is the good token with one thing changed."""
    header, claims, signature = parts_of(good)
    head, body, _ = good.split(".")
    without_exp = {name: value for name, value in claims.items() if name != "exp"}
    twice = encoded(json.dumps(claims)[:-1].encode() + b',"sub":"x"}')
    bad = {
        "empty": "",
        "one part": "x",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.x",
        "no signature": f"{head}.{body}.",
        "not base64": "a!.b!.c!",
        "padded": f"{head}.{body}.{signature}=",
        "over 8 KiB": "x" * 9_000,
        "over 8 KiB in three parts": f"{head}.{'A' * 9_000}.{signature}",
        "60 KiB": f"{'.'.join('A' * 20_000 for _ in range(3))}",
        "duplicate claims": f"{head}.{twice}.{signature}",
        "missing exp": f"{head}.{encoded(without_exp)}.{signature}",
        "list aud": f"{head}.{encoded({**claims, 'aud': [claims['aud']]})}.{signature}",
        "NaN": f"{head}.{encoded({**claims, 'exp': float('nan')})}.{signature}",
        "nesting": f"{head}.{encoded(b'[' * 5_000)}.{signature}",
        "other sub": f"{head}.{encoded({**claims, 'sub': 'A' * 22})}.{signature}",
        "flipped": f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        "é": "é.é.é",
    }
    for alg in ("none", "HS256", "RS256", "es256", "ES384", None, 7):
        bad[f"alg {alg}"] = f"{encoded({**header, 'alg': alg})}.{body}.{signature}"
    for typ in ("JWT", "statuslist+jwt", "at+jwt", "CONSENT+JWT", None):
        bad[f"typ {typ}"] = f"{encoded({**header, 'typ': typ})}.{body}.{signature}"
    for name in ("jwk", "jku", "x5u", "x5c", "crit", "zip", "b64", "unheard_of"):
        bad[name] = f"{encoded({**header, name: 'x'})}.{body}.{signature}"
    for kid in ("", "x" * 13, "../../etc", 7, None):
        bad[f"kid {kid}"] = f"{encoded({**header, 'kid': kid})}.{body}.{signature}"
    return bad


def test_every_bad_token_is_inactive_and_nothing_more(hub: Hub, consent_token: str) -> None:
    hub.client_token()

    def counts() -> dict[str, int]:
        # What other tests read of people is written a second later.
        return {name: count for name, count in hub.counts().items() if name != "reads"}

    before = counts()
    for name, token in bad_tokens(consent_token).items():
        assert verify(hub, token).content == INACTIVE, name
    assert counts() == before


def test_an_oversized_token_costs_no_more_than_a_short_one(hub: Hub) -> None:
    def taken_s(token: str) -> float:
        begun = time.perf_counter()
        verify(hub, token)
        return time.perf_counter() - begun

    # 60 KiB travel and are parsed as JSON; no key is looked up and nothing is decoded.
    taken = ((taken_s("A" * 60_000), taken_s("x.y.z")) for _ in range(1_000))
    assert any(long_s < short_s + 0.02 for long_s, short_s in taken)


def test_a_withdrawn_token_is_inactive_at_once_and_soon_in_the_list(hub: Hub) -> None:
    subject = hub.sign_in()
    token = hub.decide(subject)["consent_token"]
    withdrawn = hub.http.post(
        "/v1/withdrawals",
        json={"reach": "group", "all": True},
        headers={**subject, "Idempotency-Key": "w"},
    )
    assert withdrawn.status_code == 201
    told = withdrawn.json()
    assert verify(hub, token).content == INACTIVE
    asked = verify(hub, token, at_least=told["consistency"])
    assert asked.content == INACTIVE
    assert verify(hub, told["consent_token"]).json()["active"] is True


def test_a_consistency_token_of_another_subject_is_refused(hub: Hub, consent_token: str) -> None:
    other = hub.decide(hub.sign_in())["consistency"]
    answer = hub.http.post(
        "/v1/verify",
        json={"token": consent_token, "at_least": other},
        headers=hub.client_token(),
    )
    assert answer.status_code == 422
    assert answer.json()["where"] == "at_least"


def test_a_status_list_is_served_as_the_draft_says(hub: Hub, consent_token: str) -> None:
    reference = parts_of(consent_token)[1]["status"]["status_list"]
    path = reference["uri"].partition(".localhost")[2].partition("/")[2]
    answer = hub.http.get(f"/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/statuslist+jwt"
    listed = jwt.decode(answer.text, options={"verify_signature": False})
    assert listed["sub"] == reference["uri"]
    bits = zlib.decompress(base64.urlsafe_b64decode(listed["status_list"]["lst"] + "=="))
    assert bits[reference["idx"] >> 3] >> (reference["idx"] & 7) & 1 == 0
    again = hub.http.get(f"/{path}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert reference["uri"] in hub.http.get("/statuslists").json()["status_lists"]
