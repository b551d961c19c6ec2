"""What a web process tells Prometheus of requests and verdicts; other tests use the same hub."""

from tests.telemetry.scraping import Samples, address, scrape, value
from tests.web.hub import Hub, Person, fresh_key

ROUTE = "http_request_duration_seconds_count"
KNOWN_LABELS = {
    *("client", "reason", "kind", "outcome", "route", "method", "status", "le"),
    *("queue", "which", "version", "role"),
    *("generation", "implementation", "major", "minor", "patchlevel"),  # of the interpreter
}


def now(hub: Hub) -> Samples:
    return scrape(address(hub.log))


def test_verdicts_are_counted_by_client_and_reason(hub: Hub) -> None:
    before = now(hub)
    token = hub.decide()["consent_token"]
    headers = hub.client_token()
    for body in (
        {"token": token},
        {"token": token},
        {"token": token, "purposes": ["ads"]},
        {"token": token, "purposes": ["content"]},
        {"token": token[:-8] + "AAAAAAAA"},
        {"token": "nonsense"},
    ):
        assert hub.http.post("/v1/verify", json=body, headers=headers).status_code == 200
    batch = hub.http.post("/v1/verify/batch", json=[{"token": token}] * 3, headers=headers)
    assert batch.status_code == 200
    after = now(hub)

    def grew(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    def verdicts(reason: str) -> float:
        return grew("verdicts_total", client="news-web", reason=reason)

    assert verdicts("active") == 6
    assert verdicts("not_granted") == 1
    assert verdicts("bad_signature") == 1
    assert verdicts("not_compact") == 1
    memory = {each: grew(f"verify_{each}_total") for each in ("recalled", "judged", "passed_on")}
    # A token that is newer than the last look is the database's to judge.
    assert sum(memory.values()) >= 7
    assert memory["recalled"] + memory["judged"] > 0
    assert grew(ROUTE, route="/v1/verify", method="POST", status="200") == 6
    assert grew(ROUTE, route="/v1/verify/batch", method="POST", status="200") == 1


def test_requests_are_counted_by_the_template_of_their_route(hub: Hub) -> None:
    before = now(hub)
    canary = Person().sub
    hub.decide()
    assert hub.http.get(f"/{canary}").status_code == 404
    assert hub.http.get("/statuslists/999999").status_code == 404
    assert hub.http.head("/jwks.json").status_code == 200
    assert hub.http.request("PATCH", "/jwks.json").status_code == 405
    refused = hub.http.post("/v1/decisions", json={}, headers=fresh_key())
    assert refused.status_code == 401
    after = now(hub)

    def grew(route: str, method: str, status: int) -> float:
        labels = {"route": route, "method": method, "status": str(status)}
        return value(after, ROUTE, **labels) - value(before, ROUTE, **labels)

    assert grew("/v1/decisions", "POST", 201) == 1
    assert grew("/v1/decisions", "POST", 401) == 1
    assert grew("/statuslists/{number}", "GET", 404) == 1
    assert grew("none", "GET", 404) == 1
    assert grew("/jwks.json", "HEAD", 200) == 1
    assert grew("none", "other", 405) == 1


def test_decisions_are_counted_when_they_have_committed(hub: Hub) -> None:
    before = now(hub)
    subject = hub.sign_in()
    hub.decide(subject)
    choices = [
        {"purpose": "ads", "outcome": "granted"},
        {"purpose": "content", "outcome": "refused"},
    ]
    hub.decide(subject, choices=choices)
    body = {"reach": "group", "all": True}
    once = {**subject, **fresh_key()}
    for _ in range(2):  # a repetition counts once
        assert hub.http.post("/v1/withdrawals", json=body, headers=once).status_code == 201
    refused = hub.decision(choices=[{"purpose": "nonsense", "outcome": "granted"}])
    told = hub.http.post("/v1/decisions", json=refused, headers={**subject, **fresh_key()})
    assert told.status_code == 422
    after = now(hub)

    def grew(outcome: str) -> float:
        labels = {"client": "news-web", "kind": "decision", "outcome": outcome}
        return value(after, "decisions_total", **labels) - value(
            before, "decisions_total", **labels
        )

    assert [grew(each) for each in ("granted", "mixed", "refused")] == [1, 1, 1]


def test_freshness_and_queues_are_told(hub: Hub) -> None:
    told = now(hub)
    assert 0 <= value(told, "revocation_age_seconds") < 60
    assert value(told, "revocation_looks_total") > 0
    assert value(told, "queue_depth", queue="followers") == 0
    assert ("consentid_queue_depth", frozenset({("queue", "reads")})) in told
    assert value(told, "database_connections", which="most") == 10
    assert value(told, "catalogue_version") == 1
    assert value(told, "cache_degraded") == 0


def test_no_label_holds_more_than_a_word_of_ours(hub: Hub) -> None:
    person = Person()
    made = hub.decide(hub.sign_in(person))
    hub.http.get(f"/v1/state?{person.sub}={person.sub}", headers=hub.client_token())
    told = now(hub)
    labels = {label for _, labels in told for label in labels}
    assert {name for name, _ in labels} <= KNOWN_LABELS
    clients = {text for name, text in labels if name == "client"}
    registered = {row[0] for row in hub.rows("SELECT client_id FROM clients")}
    assert clients <= {*registered, "consentid:hub", "hub", "none"}
    whole = repr(labels)
    assert [each for each in (person.sub, made["decision"], "eyJ") if each in whole] == []


def test_the_hubs_own_address_has_no_metrics(hub: Hub) -> None:
    assert hub.http.get("/metrics").status_code == 404
