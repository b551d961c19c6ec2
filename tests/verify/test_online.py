import threading
from collections.abc import Callable, Iterator

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.tokens.making import AUDIENCE, JWKS, NOW, claims, compact, issue
from tests.verify.conftest import Clock, Issuer

from consentid.kit.errors import MalformedError
from consentid.tokens import jwks
from consentid.tokens.consent import Consent, Status, StatusListRef
from consentid.verify import Active, Inactive, LocalhostTransport, Reason, Verifier

JWKS_PATH = "/jwks.json"
LIST_PATH = "/statuslists/1"
DISCOVERY_PATH = "/.well-known/openid-configuration"


@pytest.fixture
def build(issuer: Issuer, clock: Clock) -> Iterator[Callable[[bool], Verifier]]:
    built: list[Verifier] = []

    def build_one(strict: bool) -> Verifier:
        built.append(
            Verifier(
                issuer=issuer.url,
                audience=AUDIENCE,
                strict=strict,
                transport=httpx2.AsyncHTTPTransport(),
                now=clock,
            )
        )
        return built[-1]

    yield build_one
    for one in built:
        one.close()


@pytest.fixture
def verifier(build: Callable[[bool], Verifier]) -> Verifier:
    return build(False)


def reason(found: Active | Inactive) -> Reason | None:
    return found.reason if isinstance(found, Inactive) else None


def test_a_token_is_active_and_says_what_it_grants(issuer: Issuer, verifier: Verifier) -> None:
    found = verifier.verify(issuer.token())
    assert isinstance(found, Active)
    assert found.granted == {"audience"}
    assert verifier.allows(issuer.token(), "audience")
    assert not verifier.allows(issuer.token(), "ads.personalised")
    assert not verifier.allows(issuer.token(), "audience.measurement")
    assert not verifier.allows("x", "audience")


def test_a_verifier_sees_what_is_not_the_persons_own_word(
    issuer: Issuer, verifier: Verifier
) -> None:
    said = Consent(cat=3, rev=7, g=("ads", "contact"), d=(), a=("contact",))
    found = verifier.verify(issuer.token(consent=said))
    assert isinstance(found, Active)
    assert (found.granted, found.assisted) == ({"ads", "contact"}, {"contact"})
    plain = verifier.verify(issuer.token())
    assert isinstance(plain, Active)
    assert plain.assisted == frozenset()


def test_documents_are_fetched_once_while_fresh(issuer: Issuer, verifier: Verifier) -> None:
    for _ in range(20):
        assert reason(verifier.verify(issuer.token())) is None
    assert [path for path, _ in issuer.asked] == [DISCOVERY_PATH, JWKS_PATH, LIST_PATH]


def test_an_unchanged_list_is_not_sent_again(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    clock.forward(200)
    assert reason(verifier.verify(issuer.token())) is None
    issuer.wait_for(LIST_PATH, 2)
    assert issuer.asked[-1] == (LIST_PATH, 304)


def test_a_withdrawal_is_seen_within_the_lists_time(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    issuer.publish(4_242, iat_s=NOW + 5)
    clock.forward(300)
    assert reason(verifier.verify(issuer.token())) is Reason.SUPERSEDED


@pytest.mark.parametrize(("strict", "usable_s"), [(False, 300), (True, 60)])
def test_without_a_fresh_list_the_answer_is_no(
    issuer: Issuer, build: Callable[[bool], Verifier], clock: Clock, strict: bool, usable_s: int
) -> None:
    verifier = build(strict)
    verifier.verify(issuer.token())
    issuer.status = 503
    clock.forward(usable_s - 1)
    assert reason(verifier.verify(issuer.token())) is None
    clock.forward(1)
    assert reason(verifier.verify(issuer.token())) is Reason.STATUS_UNAVAILABLE
    issuer.status = 200
    issuer.publish(iat_s=int(clock.now_s))
    clock.forward(5)
    assert reason(verifier.verify(issuer.token())) is None


def test_a_list_that_its_publisher_let_grow_old_is_not_used(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """The server answers, but whoever signs the lists has died: withdrawals are not in them."""
    issuer.publish(iat_s=NOW - 200)
    assert reason(verifier.verify(issuer.token())) is None
    clock.forward(99)
    assert reason(verifier.verify(issuer.token())) is None
    clock.forward(1)
    for _ in range(5):
        assert reason(verifier.verify(issuer.token())) is Reason.STATUS_UNAVAILABLE
    assert issuer.count(LIST_PATH) == 2
    issuer.publish(iat_s=int(clock.now_s))
    clock.forward(5)
    assert reason(verifier.verify(issuer.token())) is None


def test_a_broken_server_is_not_asked_at_every_call(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    issuer.status = 500
    clock.forward(400)
    for _ in range(10):
        verifier.verify(issuer.token())
    assert issuer.count(LIST_PATH) == 2


@pytest.mark.parametrize(("strict", "usable_s"), [(False, 300), (True, 60)])
def test_keys_outlive_an_outage_to_their_limit(
    issuer: Issuer, build: Callable[[bool], Verifier], clock: Clock, strict: bool, usable_s: int
) -> None:
    verifier = build(strict)

    def token() -> str:
        now_s = int(clock.now_s)
        return issuer.token(iat=now_s - 1, exp=now_s + 60)

    verifier.verify(token())
    del issuer.documents[JWKS_PATH]
    clock.forward(usable_s - 1)
    issuer.publish(iat_s=int(clock.now_s))
    assert reason(verifier.verify(token())) is None
    clock.forward(1)
    assert reason(verifier.verify(token())) is Reason.KEYS_UNAVAILABLE


@pytest.mark.parametrize(("strict", "bound_s"), [(False, 300), (True, 60)])
def test_a_revoked_key_is_refused_within_the_bound_whoever_asks_meanwhile(
    issuer: Issuer, build: Callable[[bool], Verifier], clock: Clock, strict: bool, bound_s: int
) -> None:
    verifier = build(strict)
    key = ec.generate_private_key(ec.SECP256R1())
    revoked_s, others = clock.now_s, [jwks.jwk("key-2", key.public_key())]
    stolen = issuer.token(iat=NOW, exp=NOW + 3_000)
    issuer.documents[JWKS_PATH] = compact({"keys": [*JWKS["keys"], *others]})
    assert reason(verifier.verify(stolen)) is None
    issuer.documents[JWKS_PATH] = compact({"keys": others})
    answers: dict[int, Reason | None] = {}
    for _ in range(bound_s):
        clock.forward(1)
        issuer.publish(iat_s=int(clock.now_s), key=key, kid="key-2")
        answers[int(clock.now_s - revoked_s)] = reason(verifier.verify(stolen))
    assert {at for at, why in answers.items() if why is None and at >= bound_s} == set()
    assert answers[max(answers)] is Reason.UNKNOWN_KEY


def test_keys_that_rotate_faster_than_once_a_minute_are_looked_up_each_time(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    status = Status(status_list=StatusListRef(idx=1, uri=issuer.list_uri))
    keys = [*JWKS["keys"]]
    for number in range(2, 6):
        key = ec.generate_private_key(ec.SECP256R1())
        keys.append(jwks.jwk(f"key-{number}", key.public_key()))
        issuer.documents[JWKS_PATH] = compact({"keys": keys})
        token = issue(claims(iss=issuer.url, status=status), f"key-{number}", key)
        clock.forward(1)
        assert reason(verifier.verify(token)) is None
    asked = issuer.count(JWKS_PATH)
    for number in range(20):
        stranger = issue(claims(iss=issuer.url), f"stranger-{number}")
        assert reason(verifier.verify(stranger)) is Reason.UNKNOWN_KEY
    assert issuer.count(JWKS_PATH) == asked + 1


def test_a_new_key_is_looked_up_when_it_is_met(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    key = ec.generate_private_key(ec.SECP256R1())
    issuer.documents[JWKS_PATH] = compact(
        {"keys": [*JWKS["keys"], jwks.jwk("key-2", key.public_key())]}
    )
    status = Status(status_list=StatusListRef(idx=1, uri=issuer.list_uri))
    token = issue(claims(iss=issuer.url, status=status), "key-2", key)
    clock.forward(61)
    assert reason(verifier.verify(token)) is None


def test_unknown_keys_make_one_look_up_however_many_come(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    clock.forward(61)
    tokens = [issue(claims(iss=issuer.url), f"key-{i}") for i in range(2, 22)]
    assert {reason(verifier.verify(token)) for token in tokens} == {Reason.UNKNOWN_KEY}
    assert issuer.count(JWKS_PATH) == 2


def _bomb() -> bytes:
    return b"A" * 2_000_000


BAD_LISTS: dict[str, Callable[[Issuer], object]] = {
    "of another address": lambda i: i.publish(uri=f"{i.url}/statuslists/2"),
    "of a stranger": lambda i: i.publish(key=ec.generate_private_key(ec.SECP256R1())),
    "expired": lambda i: i.publish(iat_s=NOW - 4_000),
    "signed over 300 s ago": lambda i: i.publish(iat_s=NOW - 300),
    "of the future": lambda i: i.publish(iat_s=NOW + 100),
    "too large": lambda i: i.documents.update({LIST_PATH: _bomb()}),
    "empty": lambda i: i.documents.update({LIST_PATH: b""}),
    "not ASCII": lambda i: i.documents.update({LIST_PATH: b"\xff" * 10}),
    "a token": lambda i: i.documents.update({LIST_PATH: i.token().encode()}),
    "gone": lambda i: i.documents.pop(LIST_PATH),
    "moved": lambda i: setattr(i, "status", 302),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_list_that_is_not_to_be_believed_is_a_no(
    name: str, issuer: Issuer, build: Callable[[bool], Verifier]
) -> None:
    verifier = build(False)
    other = Status(status_list=StatusListRef(idx=1, uri=f"{issuer.url}/statuslists/9"))
    verifier.verify(issuer.token(status=other))  # keys are known before things break
    BAD_LISTS[name](issuer)
    assert reason(verifier.verify(issuer.token())) is Reason.STATUS_UNAVAILABLE


def test_an_older_list_does_not_replace_a_newer_one(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    issuer.publish(4_242, iat_s=NOW)
    assert reason(verifier.verify(issuer.token())) is Reason.SUPERSEDED
    issuer.publish(iat_s=NOW - 100)
    clock.forward(200)
    assert reason(verifier.verify(issuer.token())) is Reason.SUPERSEDED
    clock.forward(101)
    assert reason(verifier.verify(issuer.token())) is Reason.STATUS_UNAVAILABLE


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "2000000"},
        {"Content-Length": "-1"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_an_answer_over_its_limits_is_not_read(
    issuer: Issuer, verifier: Verifier, headers: dict[str, str]
) -> None:
    issuer.headers = headers
    assert reason(verifier.verify(issuer.token())) is Reason.KEYS_UNAVAILABLE


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/statuslists/1",
        "{}/statuslists/../jwks.json",
        "{}/statuslists/1?x=1",
        "{}/statuslists/",
        "{}/statuslists/a/b",
        "{}.evil.example/statuslists/1",
        "{}@evil.example/statuslists/1",
        "{}/lists/1",
    ],
)
def test_nothing_is_fetched_from_elsewhere(issuer: Issuer, verifier: Verifier, uri: str) -> None:
    status = Status(status_list=StatusListRef(idx=1, uri=uri.format(issuer.url)))
    found = verifier.verify(issuer.token(status=status))
    assert reason(found) is Reason.FOREIGN_STATUS_LIST
    assert {path for path, _ in issuer.asked} == {DISCOVERY_PATH, JWKS_PATH}


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example", "jwks_uri": "{}/jwks.json"},
        {"issuer": "{}", "jwks_uri": "https://evil.example/jwks.json"},
        {"issuer": "{}", "jwks_uri": "{}.evil.example/jwks.json"},
        {"issuer": "{}"},
        [],
    ],
)
def test_metadata_of_another_is_not_followed(
    issuer: Issuer, verifier: Verifier, metadata: object
) -> None:
    text = compact(metadata).decode().replace("{}", issuer.url)
    issuer.documents[DISCOVERY_PATH] = text.encode()
    assert reason(verifier.verify(issuer.token())) is Reason.KEYS_UNAVAILABLE
    assert issuer.count(JWKS_PATH) == 0


def test_a_server_that_is_down_is_a_no() -> None:
    with Verifier(
        issuer="http://127.0.0.1:9", audience=AUDIENCE, transport=httpx2.AsyncHTTPTransport()
    ) as verifier:
        assert reason(verifier.verify("x")) is Reason.KEYS_UNAVAILABLE


def test_many_threads_fetch_each_document_once(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.token()
    found: list[Active | Inactive] = []
    threads = [
        threading.Thread(target=lambda: found.append(verifier.verify(token))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reason(one) for one in found} == {None}
    assert len(found) == 16
    assert issuer.count(LIST_PATH) == issuer.count(JWKS_PATH) == 1


def test_a_name_under_localhost_is_reached_by_the_transport(issuer: Issuer, clock: Clock) -> None:
    url = f"http://consent.localhost:{issuer.port}"
    issuer.documents[DISCOVERY_PATH] = compact({"issuer": url, "jwks_uri": f"{url}/jwks.json"})
    issuer.publish(uri=f"{url}{LIST_PATH}")
    status = Status(status_list=StatusListRef(idx=1, uri=f"{url}{LIST_PATH}"))
    with Verifier(
        issuer=url, audience=AUDIENCE, transport=LocalhostTransport(), now=clock
    ) as verifier:
        assert reason(verifier.verify(issue(claims(iss=url, status=status)))) is None


@pytest.mark.parametrize(
    "bad",
    [
        "http://consent.example",
        "https://consent.example/",
        "https://consent.example?x",
        "https://a@consent.example",
        "ftp://consent.example",
        "consent.example",
        "http://localhost.evil.example",
        "https://[",
        "",
    ],
)
def test_an_issuer_that_is_no_https_url_is_refused(bad: str) -> None:
    with pytest.raises(MalformedError):
        Verifier(issuer=bad, audience=AUDIENCE)


def test_a_token_is_never_in_a_request(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.token()
    verifier.verify(token)
    assert all(token[:20] not in path for path, _ in issuer.asked)
