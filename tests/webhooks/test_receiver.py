"""What a receiver believes, and what it does not."""

import base64

import pytest

from consentid.kit.errors import MalformedError
from consentid.webhooks import BadWebhookError, Receiver, sign
from consentid.webhooks.signature import new_private_key, public_key_of

NOW_S = 1_700_000_000
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
PRIVATE = new_private_key(lambda size: b"k" * size)
BODY = b'{"type":"consentid.test.v1"}'


def receiver(*keys: str) -> Receiver:
    return Receiver(*(keys or (SECRET,)), clock=lambda: NOW_S)


def headers(*secrets: str, body: bytes = BODY, at_s: int = NOW_S, **changed: str) -> dict[str, str]:
    signature = sign(secrets or (SECRET,), id_="evt", timestamp_s=at_s, body=body)
    named = {
        "Webhook-Id": "evt",
        "Webhook-Timestamp": str(at_s),
        "Webhook-Signature": signature,
    }
    return {**named, **{name.replace("_", "-"): value for name, value in changed.items()}}


def test_the_example_of_the_specification_is_signed_as_it_says() -> None:
    # From the specification's own libraries.
    signature = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        id_="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp_s=1_614_265_330,
        body=b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_kind_of_key_knows_its_own_signature() -> None:
    both = headers(SECRET, PRIVATE)
    for key in (SECRET, public_key_of(PRIVATE)):
        assert receiver(key).receive(both, BODY) == {"type": "consentid.test.v1"}
    for key, other in ((SECRET, PRIVATE), (public_key_of(PRIVATE), SECRET)):
        with pytest.raises(BadWebhookError, match="known key"):
            receiver(key).receive(headers(other), BODY)


def test_an_event_that_comes_again_is_taken_once_unless_it_could_not_be_done() -> None:
    one = receiver()
    assert one.receive(headers(), BODY) is not None
    assert one.receive(headers(at_s=NOW_S + 60), BODY) is None
    one.forget("evt")
    assert one.receive(headers(), BODY) is not None


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (headers(), BODY + b" "),
        (headers(at_s=NOW_S - 301), BODY),
        (headers(at_s=NOW_S + 301), BODY),
        (headers(Webhook_Timestamp=str(NOW_S - 1)), BODY),
        (headers(Webhook_Timestamp="\u0661"), BODY),
        (headers(Webhook_Timestamp=""), BODY),
        (headers(Webhook_Id="evt2"), BODY),
        (headers(Webhook_Id=""), BODY),
        (headers(Webhook_Signature="v1,"), BODY),
        (headers(Webhook_Signature="v2," + headers()["Webhook-Signature"][3:]), BODY),
        ({}, BODY),
    ],
)
def test_what_was_changed_or_is_not_fresh_is_refused(given: dict[str, str], body: bytes) -> None:
    one = receiver(SECRET, public_key_of(PRIVATE))
    with pytest.raises(BadWebhookError):
        one.receive(given, body)
    assert one.receive(headers(), BODY) is not None  # and is not remembered


@pytest.mark.parametrize("key", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whpk_AAAA", PRIVATE])
def test_what_is_no_key_is_refused_at_once(key: str) -> None:
    with pytest.raises(MalformedError):
        Receiver(key)
