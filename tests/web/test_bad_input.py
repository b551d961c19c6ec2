"""The section "Bad input": each line of it, at each address that takes a body."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.web.hub import Hub, Person, bearer, fresh_key

MAX_BYTES = 65_536
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address that takes JSON, with a body that is right there."""

    path: str
    body: Callable[[Hub], dict[str, Any]]
    text: str
    """A member that holds a text."""
    required: str | None
    """A member that must be there."""
    takes_key: bool = True


ADDRESSES = (
    Address(
        path="/v1/decisions",
        body=lambda hub: hub.decision(),
        text="served",
        required="choices",
    ),
    Address(
        path="/v1/withdrawals",
        body=lambda _: {"reach": "group", "all": True},
        text="reach",
        required="reach",
    ),
    Address(
        path="/v1/devices",
        body=lambda _: {"origin": "http://news.localhost:7600"},
        text="origin",
        required=None,
    ),
    Address(
        path="/v1/served",
        body=lambda hub: {"served": hub.catalogue()["served"], "event": "shown"},
        text="served",
        required="event",
        takes_key=False,
    ),
    Address(
        path="/v1/verify",
        body=lambda _: {"token": "a.b.c"},
        text="token",
        required="token",
        takes_key=False,
    ),
)
everywhere = pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.path)


@pytest.fixture(scope="module")
def subject(hub: Hub) -> dict[str, str]:
    return hub.sign_in()


@pytest.fixture(scope="module")
def shopper(hub: Hub) -> dict[str, str]:
    """A subject as *shop* knows it; its client grants for itself alone."""
    token = hub.exchange(hub.id_token(Person(), audience="halcyon-market"), client="shop-web")
    return bearer(token.json()["access_token"])


@pytest.fixture(autouse=True)
def nothing_is_stored(hub: Hub, subject: dict[str, str], shopper: dict[str, str]) -> Iterator[None]:
    assert subject != shopper  # both signed in before the count
    hub.client_token()
    before = hub.counts()
    yield
    assert hub.counts() == before


def send(
    hub: Hub, address: Address, subject: dict[str, str], content: bytes | str
) -> httpx2.Response:
    return hub.http.post(address.path, content=content, headers={**subject, **fresh_key(), **JSON})


def send_json(
    hub: Hub, address: Address, subject: dict[str, str], **changed: object
) -> httpx2.Response:
    return send(hub, address, subject, json.dumps({**address.body(hub), **changed}))


def decide(
    hub: Hub, subject: dict[str, str], brand: str = "news", **changed: object
) -> httpx2.Response:
    return hub.http.post(
        "/v1/decisions",
        json=hub.decision(brand, **changed),
        headers={**subject, **fresh_key()},
    )


def assert_problem(answer: httpx2.Response, status: int, code: str, where: str | None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["status"], told["code"], told.get("where")) == (status, code, where), told
    assert told["type"] == f"urn:consentid:problem:{code}"
    assert told["title"]
    assert told["detail"]


@everywhere
@pytest.mark.parametrize("wrong", [7, [], {}, True, None, 1.5], ids=str)
def test_a_wrong_type_is_refused(
    hub: Hub, subject: dict[str, str], address: Address, wrong: object
) -> None:
    if wrong is None and address.path == "/v1/devices":
        wrong = 0  # there, null says that no origin is named
    answer = send_json(hub, address, subject, **{address.text: wrong})
    assert_problem(answer, 422, "invalid_body", address.text)


@everywhere
@pytest.mark.parametrize("body", ["[]", '"text"', "7", "null", "true"])
def test_a_body_that_is_no_object_is_refused(
    hub: Hub, subject: dict[str, str], address: Address, body: str
) -> None:
    assert_problem(send(hub, address, subject, body), 422, "invalid_body", "body")


@everywhere
def test_an_unknown_field_is_refused(hub: Hub, subject: dict[str, str], address: Address) -> None:
    answer = send_json(hub, address, subject, sub="somebody")
    assert_problem(answer, 422, "invalid_body", "sub")


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"choices": [{"purpose": "ads", "outcome": "granted", "sub": "x"}]}, "choices[0].sub"),
        ({"choices": [{"purpose": "ads"}]}, "choices[0].outcome"),
        ({"choices": [{"purpose": "ads", "outcome": "maybe"}]}, "choices[0].outcome"),
        ({"choices": [{"purpose": 7, "outcome": "granted"}]}, "choices[0].purpose"),
        ({"choices": {}}, "choices"),
        ({"choices": []}, "choices"),
        ({"notice": {"id": "news"}}, "notice.version"),
        ({"signals": {"sundial": True}}, "signals"),
        ({"signals": {"gpc": "yes"}}, "signals[...]"),
        ({"reach": "planet"}, "reach"),
        ({"told_of_signal": "yes"}, "told_of_signal"),
        ({"prompted_by": "x" * 65}, "prompted_by"),
    ],
    ids=lambda changed: str(changed)[:50],
)
def test_a_mistake_within_a_decision_is_told_with_its_place(
    hub: Hub, subject: dict[str, str], changed: dict[str, Any], where: str
) -> None:
    assert_problem(decide(hub, subject, **changed), 422, "invalid_body", where)


@everywhere
def test_a_missing_field_is_named(hub: Hub, subject: dict[str, str], address: Address) -> None:
    body = address.body(hub)
    if address.required is None:
        return
    del body[address.required]
    answer = send(hub, address, subject, json.dumps(body))
    assert_problem(answer, 422, "invalid_body", address.required)


@everywhere
def test_a_body_over_the_limit_is_refused(
    hub: Hub, subject: dict[str, str], address: Address
) -> None:
    answer = send(hub, address, subject, b'{"a":"' + b"x" * MAX_BYTES + b'"}')
    assert_problem(answer, 413, "body_too_large", "body")


@everywhere
def test_a_body_over_the_limit_in_chunks_is_refused(
    hub: Hub, subject: dict[str, str], address: Address
) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(MAX_BYTES // 4096 + 1):
            yield b" " * 4096

    answer = hub.http.post(
        address.path, content=chunks(), headers={**subject, **fresh_key(), **JSON}
    )
    assert_problem(answer, 413, "body_too_large", "body")


@everywhere
@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' + b"[" * 17 + b"]" * 17 + b"}",
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"[" * 60_000,
    ],
    ids=["just too deep", "thousands", "unclosed"],
)
def test_deep_nesting_is_refused(
    hub: Hub, subject: dict[str, str], address: Address, body: bytes
) -> None:
    assert_problem(send(hub, address, subject, body), 400, "malformed_body", "body")


@everywhere
def test_duplicate_json_keys_are_refused(
    hub: Hub, subject: dict[str, str], address: Address
) -> None:
    inside = json.dumps(address.body(hub))[1:]
    answer = send(hub, address, subject, f'{{"{address.text}": "x", {inside}')
    assert_problem(answer, 400, "malformed_body", address.text)


@everywhere
def test_duplicate_keys_are_seen_through_escapes(
    hub: Hub, subject: dict[str, str], address: Address
) -> None:
    answer = send(hub, address, subject, r'{"a": 1, "\u0061": 2}')
    assert_problem(answer, 400, "malformed_body", "a")


@everywhere
@pytest.mark.parametrize(
    "body",
    [b'{"a":"\xff"}', b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', "{}".encode("utf-16")],
    ids=["no start byte", "overlong NUL", "encoded surrogate", "UTF-16"],
)
def test_invalid_utf_8_is_refused(
    hub: Hub, subject: dict[str, str], address: Address, body: bytes
) -> None:
    assert_problem(send(hub, address, subject, body), 400, "malformed_body", "body")


@everywhere
@pytest.mark.parametrize("text", ["\0", "news\0", "\ud800", "\udfff\ud800"], ids=ascii)
def test_nul_and_lone_surrogates_in_strings_are_refused(
    hub: Hub, subject: dict[str, str], address: Address, text: str
) -> None:
    answer = send_json(hub, address, subject, **{address.text: text})
    assert_problem(answer, 400, "malformed_body", address.text)
    answer = send_json(hub, address, subject, **{text: 1})
    assert_problem(answer, 400, "malformed_body", "body")


@everywhere
def test_a_duplicate_key_that_cannot_be_shown_is_refused_too(
    hub: Hub, subject: dict[str, str], address: Address
) -> None:
    answer = send(hub, address, subject, r'{"\ud800\u0000": 1, "\ud800\u0000": 2}')
    assert_problem(answer, 400, "malformed_body", "??")


@everywhere
@pytest.mark.parametrize(
    "body",
    ["", "{", '{"a":}', "{'a':1}", '{"a":1,}', "NaN", '{"a":Infinity}', "{} {}", "\ufeff{}"],
)
def test_what_is_not_json_is_refused(
    hub: Hub, subject: dict[str, str], address: Address, body: str
) -> None:
    assert_problem(send(hub, address, subject, body.encode()), 400, "malformed_body", "body")


@everywhere
@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "9" * 5_000, "1e-400"])
def test_numbers_out_of_this_world_are_refused(
    hub: Hub, subject: dict[str, str], address: Address, number: str
) -> None:
    answer = send(hub, address, subject, f'{{"{address.text}": {number}}}')
    assert answer.status_code in {400, 422}
    assert answer.json()["where"] in {address.text, "body"}


@pytest.mark.parametrize("version", ["1e400", "9" * 400, "1.0", "-1", "0", str(2**31)])
def test_a_notice_version_is_a_plain_small_integer(
    hub: Hub, subject: dict[str, str], version: str
) -> None:
    body = hub.decision()
    body["notice"]["version"] = 424_242
    answer = hub.http.post(
        "/v1/decisions",
        content=json.dumps(body).replace("424242", version),
        headers={**subject, **fresh_key(), **JSON},
    )
    assert_problem(answer, 422, "invalid_body", "notice.version")


@everywhere
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_refused(
    hub: Hub, subject: dict[str, str], address: Address, media_type: str
) -> None:
    answer = hub.http.post(
        address.path,
        content=b"{}",
        headers={**subject, **fresh_key(), "Content-Type": media_type},
    )
    assert_problem(answer, 415, "unsupported_media_type", "Content-Type")


def test_an_unknown_purpose_is_refused_by_its_place(hub: Hub, subject: dict[str, str]) -> None:
    choices = [
        {"purpose": "ads", "outcome": "granted"},
        {"purpose": "astrology", "outcome": "granted"},
    ]
    answer = decide(hub, subject, choices=choices)
    assert_problem(answer, 422, "purpose_unknown", "choices[1].purpose")
    answer = hub.http.post(
        "/v1/withdrawals",
        json={"reach": "brand", "purposes": ["astrology"]},
        headers={**subject, **fresh_key()},
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "purpose_unknown"


@pytest.mark.parametrize("purpose", ["", "Ads", "ads..x", "../ads", "ads ", "x" * 65, "ads.\u0430"])
def test_a_purpose_that_is_no_slug_is_refused(
    hub: Hub, subject: dict[str, str], purpose: str
) -> None:
    answer = decide(hub, subject, choices=[{"purpose": purpose, "outcome": "granted"}])
    assert answer.status_code == 422
    assert answer.json()["where"] == "choices[0].purpose"


@pytest.mark.parametrize("brand", ["sundial", "news ", "%ff", "..%2fnews", "x" * 64])
def test_an_unknown_brand_is_not_found(hub: Hub, brand: str) -> None:
    answer = hub.http.get(f"/v1/catalogue?brand={brand}")
    assert_problem(answer, 404, "brand_unknown", "brand")


def test_no_field_names_a_brand_that_the_client_does_not_speak_for(
    hub: Hub, subject: dict[str, str]
) -> None:
    shop = hub.catalogue("shop")
    answer = decide(hub, subject, served=shop["served"], notice=shop["notice"])
    assert_problem(answer, 422, "bad_served", "served")
    answer = decide(hub, subject, notice=shop["notice"])
    assert_problem(answer, 422, "notice_not_served", "notice")
    answer = decide(hub, subject, reach="partner")
    assert_problem(answer, 403, "party_not_yours", "reach")
    answer = decide(hub, subject, party="shop")
    assert_problem(answer, 422, "invalid_body", "party")


def test_65_choices_are_refused(hub: Hub, subject: dict[str, str]) -> None:
    choices = [{"purpose": f"ads.x{number}", "outcome": "granted"} for number in range(65)]
    assert_problem(decide(hub, subject, choices=choices), 422, "invalid_body", "choices")
    answer = hub.http.post(
        "/v1/withdrawals",
        json={"reach": "brand", "purposes": [each["purpose"] for each in choices]},
        headers={**subject, **fresh_key()},
    )
    assert_problem(answer, 422, "invalid_body", "purposes")


def test_a_purpose_named_twice_is_refused(hub: Hub, subject: dict[str, str]) -> None:
    choices = [
        {"purpose": "ads", "outcome": "granted"},
        {"purpose": "ads", "outcome": "refused"},
    ]
    answer = decide(hub, subject, choices=choices)
    assert_problem(answer, 422, "purpose_repeated", "choices[1].purpose")


def test_a_choice_for_a_purpose_not_in_the_notice_is_refused(
    hub: Hub, subject: dict[str, str]
) -> None:
    choices = [{"purpose": "shop:loyalty", "outcome": "granted"}]
    answer = decide(hub, subject, choices=choices)
    assert_problem(answer, 422, "purpose_not_in_notice", "choices[0].purpose")


def test_a_grant_of_everything_is_refused(hub: Hub, subject: dict[str, str]) -> None:
    answer = decide(hub, subject, choices=[{"purpose": "*", "outcome": "granted"}])
    assert_problem(answer, 422, "root_granted", "choices[0].purpose")


def test_a_group_grant_by_a_client_that_speaks_for_its_brand_only_is_refused(
    hub: Hub, shopper: dict[str, str]
) -> None:
    answer = decide(
        hub,
        shopper,
        "shop",
        reach="group",
        choices=[{"purpose": "content", "outcome": "granted"}],
    )
    assert_problem(answer, 403, "group_grant_not_yours", "reach")


@pytest.mark.parametrize(
    ("changed", "status", "code", "where"),
    [
        ({"version": 999}, 422, "notice_not_served", "notice"),
        ({"language": "fr"}, 422, "notice_not_served", "notice"),
        ({"id": "shop"}, 422, "notice_not_served", "notice"),
        ({"digest": "0" * 64}, 409, "notice_not_current", "notice.digest"),
        ({"digest": "0" * 63}, 422, "invalid_body", "notice.digest"),
        ({"digest": "0" * 64 + "\n"}, 422, "invalid_body", "notice.digest"),
    ],
    ids=str,
)
def test_a_notice_version_that_is_not_current_is_refused(  # noqa: PLR0917  a table
    hub: Hub, subject: dict[str, str], changed: dict[str, Any], status: int, code: str, where: str
) -> None:
    body = hub.decision()
    answer = decide(hub, subject, served=body["served"], notice={**body["notice"], **changed})
    assert_problem(answer, status, code, where)


@pytest.mark.parametrize("served", ["x", "A" * 512, "A" * 100, "A" * 101])
def test_a_served_id_that_we_did_not_mint_is_refused(
    hub: Hub, subject: dict[str, str], served: str
) -> None:
    assert_problem(decide(hub, subject, served=served), 422, "bad_served", "served")


@everywhere
@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_missing"),
        ("", "idempotency_key_malformed"),
        ("x" * 256, "idempotency_key_malformed"),
        ("two words", "idempotency_key_malformed"),
    ],
    ids=["missing", "empty", "too long", "with a space"],
)
def test_a_write_without_a_good_idempotency_key_is_refused(
    hub: Hub, subject: dict[str, str], address: Address, key: str | None, code: str
) -> None:
    if not address.takes_key:
        return
    headers = subject if key is None else {**subject, "Idempotency-Key": key}
    answer = hub.http.post(address.path, json=address.body(hub), headers=headers)
    assert_problem(answer, 400, code, "Idempotency-Key")


@everywhere
def test_query_parameters_are_refused_where_none_are_known(
    hub: Hub, subject: dict[str, str], address: Address
) -> None:
    answer = hub.http.post(
        f"{address.path}?sub=somebody",
        json=address.body(hub),
        headers={**subject, **fresh_key()},
    )
    assert_problem(answer, 422, "unknown_parameter", "sub")


@pytest.mark.parametrize(
    ("path", "status", "code", "where"),
    [
        ("/v1/state?subject=x", 422, "unknown_parameter", "subject"),
        ("/v1/state?at_least=x&at_least=y", 422, "duplicate_parameter", "at_least"),
        ("/v1/state?at_least=x", 422, "bad_consistency", "consistency"),
        ("/v1/state?at_least=%00", 422, "nul", "at_least"),
        ("/v1/catalogue?brand=%00", 422, "nul", "brand"),
        ("/v1/history?cursor=../", 400, "invalid_parameter", "cursor"),
        ("/v1/history?limit=0", 400, "invalid_parameter", "limit"),
        ("/v1/history?limit=101", 400, "invalid_parameter", "limit"),
        ("/v1/history?limit=ten", 400, "invalid_parameter", "limit"),
        ("/v1/history?limit=" + "9" * 5_000, 400, "invalid_parameter", "limit"),
        ("/v1/history?cursor=x", 422, "bad_cursor", "cursor"),
        ("/v1/catalogue", 400, "parameter_missing", "brand"),
        ("/v1/catalogue?brand=", 400, "invalid_parameter", "brand"),
        ("/v1/catalogue?brand=news&brand=shop", 422, "duplicate_parameter", "brand"),
        ("/v1/catalogue?brand=news&language=../fr", 400, "invalid_parameter", "language"),
        ("/statuslists/0", 400, "invalid_parameter", "number"),
        ("/statuslists/999999", 404, "status_list_unknown", "number"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(  # noqa: PLR0917  a table
    hub: Hub, subject: dict[str, str], path: str, status: int, code: str, where: str
) -> None:
    assert_problem(hub.http.get(path, headers=subject), status, code, where)


def test_purposes_and_all_exclude_each_other(hub: Hub, subject: dict[str, str]) -> None:
    bodies: list[dict[str, object]] = [
        {"purposes": ["ads"], "all": True},
        {},
        {"purposes": [], "all": False},
    ]
    for body in bodies:
        answer = hub.http.post(
            "/v1/withdrawals",
            json={"reach": "group", **body},
            headers={**subject, **fresh_key()},
        )
        assert_problem(answer, 422, "purposes_or_all", "purposes")


def test_a_token_without_subject_cannot_decide(hub: Hub) -> None:
    for path, body in (
        ("/v1/decisions", hub.decision()),
        ("/v1/withdrawals", {"reach": "group", "all": True}),
    ):
        answer = hub.http.post(path, json=body, headers={**hub.client_token(), **fresh_key()})
        assert_problem(answer, 403, "subject_needed", None)
