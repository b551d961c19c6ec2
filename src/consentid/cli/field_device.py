"""What a capture device does: join by a code, capture without network, sync when there is some."""

import secrets
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import msgspec

from consentid.cli.field_queue import Queue, Queued, enrolled
from consentid.kit import base64url
from consentid.kit.errors import ConsentidError, MalformedError, UnavailableError
from consentid.tokens import device_proof, field_sync, jwks
from consentid.tokens.capture_bundle import EntryClaim, EvidenceClaim
from consentid.tokens.device_proof import EnrolmentClaims, RequestClaims
from consentid.tokens.reasons import Inactive
from consentid.verify.issuers import is_loopback
from consentid.verify.localhost import LocalhostTransport

_AT_ONCE: Final = 32
"""Bundles in one call; the rest comes in the next."""
_NONCE_BYTES: Final = 16
_ENTRY_BYTES: Final = 16
_TIMEOUT_S: Final = 60


def open_hub(hub: str) -> httpx2.Client:
    """The way to a hub."""
    transport = LocalhostTransport() if is_loopback(urlsplit(hub).hostname or "") else None
    return httpx2.Client(base_url=hub, timeout=_TIMEOUT_S, transport=transport)


def find_issuer(http: httpx2.Client) -> str:
    """What the hub is called in what is signed for it."""
    return str(_read(http.get("/.well-known/openid-configuration"))["issuer"])


def join(http: httpx2.Client, queue: Queue) -> Queue:
    """Enrol: show the code and the key.

    Raises:
        ConsentidError: the hub says no, or is not there.
    """
    told = _post(http, "/v1/field/enrolments", show_key(queue))
    return enrolled(queue, told["device"], told["name"])


def show_key(queue: Queue) -> dict[str, Any]:
    """What a device shows to enrol.

    Raises:
        MalformedError: it has enrolled already.
    """
    code = queue.code
    if code is None:
        raise MalformedError("joined", "this device has joined already")
    key = queue.signing_key()
    unsigned = device_proof.unsigned_enrolment(EnrolmentClaims(aud=queue.issuer, code=code))
    proof = device_proof.assemble(unsigned, key.sign(unsigned))
    public = {name: key.jwk()[name] for name in ("kty", "crv", "x", "y")}
    return {"code": code, "key": public, "proof": proof}


def make_entry(
    queue: Queue,
    *,
    at_ms: int,
    operator: str,
    granted: list[str],
    refused: list[str],
    language: str | None,
    channel: str,
    evidence: EvidenceClaim,
) -> EntryClaim:
    """One capture on the notice of the kit.

    Raises:
        MalformedError: there is no kit yet, or none in this language, or the capture has not the
            form that it must have.
    """
    kit = msgspec.json.decode(queue.kit or "{}")
    notices = {each["notice"]["language"]: each["notice"] for each in kit.get("notices", [])}
    if not notices:
        raise MalformedError("no_kit", "sync first: this device has no kit yet")
    chosen = language or next(iter(notices))
    if chosen not in notices:
        raise MalformedError("no_notice", f"one of {', '.join(notices)}", where="--language")
    said = {
        "id": base64url.encode(secrets.token_bytes(_ENTRY_BYTES)),
        "at_ms": at_ms,
        "operator": operator,
        "channel": channel,
        "notice": notices[chosen],
        "granted": granted,
        "refused": refused,
        "evidence": evidence,
    }
    try:
        return msgspec.convert(msgspec.to_builtins(said), EntryClaim)
    except msgspec.ValidationError as error:
        raise MalformedError("usage", str(error)) from error


def sync(http: httpx2.Client, queue: Queue, keep: Callable[[Queue], None]) -> Queue:
    """Bring what waits, then take a new kit; ``keep`` is called with each step that was made.

    Raises:
        ConsentidError: the hub says no, or is not there; what was kept goes on from there.
    """
    unsent = queue.unsent()
    for first in range(0, len(unsent), _AT_ONCE):
        queue = _bring(http, queue, unsent[first : first + _AT_ONCE])
        keep(queue)
    queue = _take_kit(http, queue)
    keep(queue)
    return queue


def _bring(http: httpx2.Client, queue: Queue, some: tuple[Queued, ...]) -> Queue:
    told = _post(http, "/v1/captures/bundles", {"bundles": [each.text for each in some]})
    answers = dict(zip((each.seq for each in some), told["bundles"], strict=True))
    return msgspec.structs.replace(
        queue,
        bundles=tuple(
            each if each.seq not in answers else _answered(each, answers[each.seq])
            for each in queue.bundles
        ),
    )


def _answered(queued: Queued, answer: dict[str, Any]) -> Queued:
    captures = {each["entry"]: each["capture"] for each in answer.get("captures", [])}
    state = answer["state"]
    text = "" if state == "recorded" else queued.text
    return msgspec.structs.replace(
        queued, state=state, text=text, why=answer.get("why"), captures=captures
    )


def _take_kit(http: httpx2.Client, queue: Queue) -> Queue:
    nonce = base64url.encode(secrets.token_bytes(_NONCE_BYTES))
    told = _post(http, "/v1/field/kit", {"proof": show_nonce(queue, nonce)})
    keys = jwks.read_keys(http.get("/jwks.json").content)
    signed = field_sync.open_sync(told["sync"], keys)
    if (
        isinstance(signed, Inactive)
        or signed.claims.nonce != nonce
        or signed.claims.sub != queue.device
        or signed.claims.kit != field_sync.digest_of(told["kit"])
    ):
        raise ConsentidError("bad_kit", "what came is not signed by the hub for this device")
    return msgspec.structs.replace(queue, kit=told["kit"], sync=told["sync"])


def show_nonce(queue: Queue, nonce: str) -> str:
    """What a device shows to have its kit."""
    claims = RequestClaims(aud=queue.issuer, nonce=nonce)
    unsigned = device_proof.unsigned_request(claims, queue.device or "")
    return device_proof.assemble(unsigned, queue.signing_key().sign(unsigned))


def _post(http: httpx2.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return _read(http.post(path, json=body))
    except httpx2.HTTPError as error:
        raise UnavailableError(
            "hub_unreachable",
            "the hub cannot be reached; what was captured is kept",
            retry_after_s=1,
        ) from error


def _read(answer: httpx2.Response) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()
    if answer.status_code >= httpx2.codes.BAD_REQUEST:
        code = str(told.get("code", answer.status_code))
        raise ConsentidError(code, str(told.get("detail", "the hub refused it")))
    return told
