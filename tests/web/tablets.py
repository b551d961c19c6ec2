"""Capture devices for tests: the command line's own, against a running hub."""

import time
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec
from tests.web.hub import Hub

from consentid.cli import field_device, field_queue
from consentid.cli.field_queue import Queue
from consentid.tokens.capture_bundle import EntryClaim, EvidenceClaim

CLIENT = "news-field"


def invite(hub: Hub, name: str = "Tablet", client: str = CLIENT) -> dict[str, Any]:
    """A code for a device."""
    answer = hub.http.post(
        "/v1/field/devices", json={"name": name}, headers=hub.client_token(client)
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def bring(hub: Hub, *texts: str) -> list[dict[str, Any]]:
    """What became of bundles."""
    answer = hub.http.post("/v1/captures/bundles", json={"bundles": texts})
    assert answer.status_code == 200, answer.text
    return answer.json()["bundles"]


@dataclass(slots=True)
class Tablet:
    """One device, and what it has captured so far."""

    http: httpx2.Client
    queue: Queue
    entries: list[EntryClaim] = field(default_factory=list)

    @property
    def id(self) -> str:
        assert self.queue.device is not None
        return self.queue.device

    @property
    def texts(self) -> list[str]:
        """Its bundles, in order."""
        return [each.text for each in self.queue.bundles]

    def entry(self, *, at_ms: int | None = None, **changed: Any) -> EntryClaim:
        """A capture on the notice of its kit."""
        made = field_device.make_entry(
            self.queue,
            at_ms=time.time_ns() // 1_000_000 if at_ms is None else at_ms,
            operator=changed.pop("operator", "agent-7"),
            granted=changed.pop("granted", ["ads"]),
            refused=changed.pop("refused", ["content"]),
            language=None,
            channel="shop",
            evidence=EvidenceClaim(kind="form", version="form-3"),
        )
        return msgspec.structs.replace(made, **changed)

    def capture(self, *entries: EntryClaim) -> str:
        """A bundle of entries, one unless they are given; as it is sent."""
        self.entries += (mine := list(entries or [self.entry()]))
        self.queue = field_queue.append(self.queue, *mine)
        return self.queue.bundles[-1].text


def new_tablet(hub: Hub, name: str = "Tablet", client: str = CLIENT) -> Tablet:
    """A device that has enrolled and has its kit."""
    issuer = field_device.find_issuer(hub.http)
    code = invite(hub, name, client)["code"]
    queue = field_queue.new_queue(hub=hub.url, issuer=issuer, code=code)
    queue = field_device.join(hub.http, queue)
    return Tablet(hub.http, field_device.sync(hub.http, queue, lambda _: None))
