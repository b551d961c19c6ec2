"""What ``/bc-authorize`` takes: one hint that is no address, and words shown as they are."""

from typing import Any

import pytest

from consentid.oidc.backchannel_request import Hint, parse_backchannel_request
from consentid.oidc.refusal import RefusedRequestError

AUDIENCES = ("https://news.halcyon.example",)
RIGHT = {"scope": "openid", "id_token_hint": "a.b.c", "binding_message": "Lion 42"}


def fields(**changed: str | None) -> dict[str, str]:
    whole: dict[str, str | None] = {**RIGHT, **changed}
    return {name: text for name, text in whole.items() if text is not None}


def refused(**changed: Any) -> str:
    with pytest.raises(RefusedRequestError) as caught:
        parse_backchannel_request(fields(**changed), audiences=AUDIENCES)
    return caught.value.error


def test_a_right_request_is_taken_and_waits_ten_minutes_unless_it_says_otherwise() -> None:
    found = parse_backchannel_request(fields(), audiences=AUDIENCES)
    assert (found.hint, found.unverified_hint, found.message) == (Hint.ID_TOKEN, "a.b.c", "Lion 42")
    assert found.expires_in_s == 600
    for asked, given in (("1", 1), ("60", 60), ("1800", 1_800), ("1801", 1_800), ("9" * 9, 1_800)):
        changed = parse_backchannel_request(fields(requested_expiry=asked), audiences=AUDIENCES)
        assert changed.expires_in_s == given


@pytest.mark.parametrize("expiry", ["0", "-1", "", "1.5", "one", "٣", "9" * 10])
def test_an_expiry_that_is_no_number_of_seconds_is_refused(expiry: str) -> None:
    assert refused(requested_expiry=expiry) == "invalid_request"


def test_exactly_one_hint_names_the_person_and_none_of_them_is_an_address() -> None:
    assert refused(id_token_hint=None) == "invalid_request"
    assert refused(login_hint_token="a.b.c") == "invalid_request"
    assert refused(login_hint="mila@halcyon.example") == "invalid_request"
    assert refused(id_token_hint=None, login_hint="mila@halcyon.example") == "invalid_request"


@pytest.mark.parametrize(
    "message",
    [
        *(None, "", "abc", "x" * 65, " Lion 42", "Lion 42 "),
        *("Lion\n42", "Lion\t42", "Lion\x0042", "Lion \u202e24", "Lion\u200b42"),
        *("Lion ” 42", "Li\u0300\u0301\u0302on", "\u0301 Lion"),
    ],
)
def test_what_is_read_out_is_plain_and_neither_long_nor_short(message: str | None) -> None:
    assert refused(binding_message=message) == "invalid_binding_message"


@pytest.mark.parametrize("message", ["1234", "x" * 64, "Löwe 42, bleu", "獅子 42", "<b>Lion</b>"])
def test_what_is_read_out_is_kept_letter_by_letter(message: str) -> None:
    found = parse_backchannel_request(fields(binding_message=message), audiences=AUDIENCES)
    assert found.message == message


def test_what_else_may_be_wrong_is_told_by_name() -> None:
    assert refused(scope=None) == "invalid_scope"
    assert refused(scope="verify") == "invalid_scope"
    assert refused(request="a.b.c") == "invalid_request"
    assert refused(id_token_hint="x" * 9_000) == "invalid_request"
    assert refused(resource="https://shop.halcyon.example") == "invalid_target"
    assert refused(resource=f"{AUDIENCES[0]}#x") == "invalid_target"


def test_a_capture_is_named_by_its_id_and_says_itself_what_it_is_about() -> None:
    id_ = "018f3c4e-0000-7000-8000-000000000001"
    found = parse_backchannel_request(fields(capture=id_), audiences=AUDIENCES)
    assert str(found.capture) == id_
    assert refused(capture="x") == "invalid_request"
    assert refused(capture=id_, authorization_details="[]") == "invalid_request"


def test_parameters_that_are_not_supported_or_not_known_are_passed_over() -> None:
    changed = fields(user_code="1234", client_notification_token="x", acr_values="2", other="x")
    assert parse_backchannel_request(changed, audiences=AUDIENCES).message == "Lion 42"
