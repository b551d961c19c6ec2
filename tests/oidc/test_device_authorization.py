import pytest

from consentid.oidc.device_authorization import MAX_NAME, parse_device_request
from consentid.oidc.refusal import RefusedRequestError

PLAY = "https://play.halcyon.example"


def refused(**fields: str) -> str:
    with pytest.raises(RefusedRequestError) as found:
        parse_device_request(fields, audiences=(PLAY,))
    return found.value.error


def test_a_request_may_ask_for_nothing_in_particular() -> None:
    request = parse_device_request({}, audiences=(PLAY,))
    assert (request.scopes, request.resource, request.device_name) == ((), None, None)


def test_scopes_come_once_each_and_in_order() -> None:
    fields = {"scope": "openid  decisions:read openid", "resource": PLAY, "device_name": " Den "}
    request = parse_device_request(fields, audiences=(PLAY,))
    assert request.scopes == ("openid", "decisions:read")
    assert (request.resource, request.device_name) == (PLAY, "Den")


@pytest.mark.parametrize("scope", ['a"b', "a\\b", "é", "a\u00a0b"])
def test_a_scope_that_cannot_be_one_is_refused(scope: str) -> None:
    assert refused(scope=scope) == "invalid_scope"


def test_what_is_too_long_is_refused() -> None:
    assert refused(scope="x" * 1_025) == "invalid_request"
    assert refused(resource="x" * 1_025) == "invalid_request"


@pytest.mark.parametrize("resource", ["https://shop.halcyon.example", f"{PLAY}#x", f"{PLAY}/"])
def test_a_resource_is_the_clients_own_to_the_character(resource: str) -> None:
    assert refused(resource=resource) == "invalid_target"


@pytest.mark.parametrize(
    "name",
    [
        *("x" * (MAX_NAME + 1), "a\u202eb", "a\u200bb", "a\nb", "a\u2028b", "a\ue000b", "a\x85b"),
        *(
            "a\u2066b",
            "a\u2069b",
            "a\u061cb",
            "\u3164",
            "a\u2800b",
            "TV” of your bank: “yes",
            "a\u0301\u0302\u0303",
            "ก\u0e47\u0e47\u0e47",  # marks without a combining class pile up as well
            "a\u20dd\u0489\u20dd",
            "\U000e0100",
            "TV\U000e0100",
            "\ufe0f",
            "TV❞ of your bank: ❝yes",
        ),
    ],
)
def test_a_name_that_could_deceive_whoever_reads_it_is_refused(name: str) -> None:
    assert refused(device_name=name) == "invalid_request"


@pytest.mark.parametrize(
    "name", ["Tom's 55\" TV", "Télé (salon), été", "قاعة", "客厅电视", "📺 1", "1️⃣ ❤️", "ที่บ้าน", "ज़ोर"]
)
def test_a_name_in_any_writing_is_taken_as_it_is(name: str) -> None:
    assert parse_device_request({"device_name": name}, audiences=(PLAY,)).device_name == name


def test_a_name_of_spaces_is_none() -> None:
    assert parse_device_request({"device_name": "  "}, audiences=(PLAY,)).device_name is None
