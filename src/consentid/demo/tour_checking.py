"""Steps 5 to 8: who may check a token, with what, and what happens when consent ends."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from consentid.brandbook.client import Scope
from consentid.core.purpose import LegalBasis
from consentid.demo import halcyon
from consentid.demo.halcyon import BRANDS, PARTNER
from consentid.demo.hub_client import CONSENT_TOKEN, DEVICE_CREDENTIAL, SubjectToken
from consentid.demo.tour_forgery import forgeries
from consentid.demo.tour_report import StepReport, TourStepError, unverified_parts
from consentid.demo.tour_scene import Scene
from consentid.keyring import loading
from consentid.tokens import jwks, status
from consentid.tokens.reasons import Inactive

CUSTOMER: Final = "mila"
OTHER: Final = "noah"
_ONLINE_WITHIN_S: Final = 2.0
_LIST_WITHIN_S: Final = 6.0
"""The publication interval of 5 s, and one for signing and fetching."""
_POLL_S: Final = 0.1


def serves_a_partner(scene: Scene, step: StepReport) -> str:
    """A partner checks the token meant for it, and learns nothing from any other.

    The partner knows nobody's account: a visitor of its own page is a device to it.
    """
    form = scene.back_end(PARTNER, Scope.DECISIONS_WRITE)
    checker = scene.back_end(PARTNER, Scope.VERIFY)
    device = form.new_device(halcyon.url_of(PARTNER, scene.port))
    visitor = SubjectToken(token=device.credential, kind=DEVICE_CREDENTIAL)
    access = form.exchange(visitor).access_token
    shown = form.catalogue(PARTNER, "en")
    choices = {one.id: True for one in shown.purposes if one.basis == LegalBasis.CONSENT}
    recorded = form.decide(access, shown, choices, reach="partner")
    step.note("receipt", recorded.receipt)
    issued = form.exchange(visitor, requested=CONSENT_TOKEN).access_token
    _, claims = unverified_parts(issued)
    step.note("consent token", claims)
    own = checker.verify(issued, purposes=list(choices))
    step.note("its own token", own)
    step.expect(own.active and own.decision == "allow", "its own token is active", saw=own)
    for brand in BRANDS:
        foreign = checker.verify(scene.tokens[brand])
        step.note(f"the token of {brand}", foreign)
        step.expect(not foreign.active, f"the token of {brand} is inactive for reach")
        step.expect(foreign.sub is None, "and says nothing of the person")
        unknown = scene.back_end(brand).verify(issued)
        step.expect(not unknown.active, f"reach's token is inactive for {brand}")
    return (
        f"A visitor says yes at Reach Media: its token is active for {len(own.granted)}"
        f" purposes, and the tokens of {len(BRANDS)} brands tell it nothing"
    )


def verifies_offline(scene: Scene, step: StepReport) -> str:
    """Published keys and status list, two files, suffice to check a token."""
    token, audience = scene.tokens["play"], scene.audience_of("play")
    with tempfile.TemporaryDirectory(prefix="consentid-offline-") as folder:
        keys, lists = Path(folder) / "jwks.json", Path(folder) / "status-list.jwt"
        keys.write_bytes(_fetch(scene, f"{scene.hub}/jwks.json"))
        lists.write_bytes(_fetch(scene, _list_uri(token)))
        step.note("files", {"jwks.json": len(keys.read_bytes()), "list": len(lists.read_bytes())})
        command = [
            *(sys.executable, "-m", "consentid", "verify", "--json"),
            *("--jwks", str(keys), "--status-list", str(lists), "--issuer", scene.hub),
        ]
        step.note("command", ["consentid", *command[3:], "--audience", audience, "-"])
        good = _run([*command, "--audience", audience, "-"], token)
        step.note("play's token, for play", good)
        step.expect(good.get("active") is True, "the token is active", saw=good)
        foreign = _run([*command, "--audience", scene.audience_of("shop"), "-"], token)
        step.note("play's token, for shop", foreign)
        step.expect(foreign.get("active") is False, "and inactive for another audience")
    return (
        f"With two downloaded files and no network: active,"
        f" {len(good['granted'])} purposes granted; for another audience, refused"
    )


def ends_everywhere(scene: Scene, step: StepReport) -> str:
    """The customer withdraws: online at once, in the status list within its interval."""
    for brand in BRANDS:
        verdict = scene.back_end(brand).verify(scene.tokens[brand])
        step.expect(verdict.active, f"the token of {brand} is active before")
    started = time.monotonic()
    ended = scene.back_end("news").withdraw(scene.access(CUSTOMER, "news"), reach="group")
    step.note("withdrawn", ended.receipt)
    at_once = scene.back_end("news").verify(scene.tokens["news"], at_least=ended.consistency)
    step.expect(not at_once.active, "news, with the consistency token, sees it at once")
    online_ms: dict[str, int] = {}
    for brand in BRANDS:
        back_end = scene.back_end(brand)
        while back_end.verify(scene.tokens[brand]).active:
            step.expect(
                time.monotonic() - started < _ONLINE_WITHIN_S, f"{brand} sees it online in 2 s"
            )
            scene.pause(_POLL_S)
        online_ms[brand] = round((time.monotonic() - started) * 1000)
    step.note("refused online after ms", online_ms)
    waiting = set(BRANDS)
    listed_ms: dict[str, int] = {}
    while waiting:
        for brand in sorted(waiting):
            if _is_listed(scene, scene.tokens[brand]):
                listed_ms[brand] = round((time.monotonic() - started) * 1000)
        waiting -= listed_ms.keys()
        if waiting:
            step.expect(
                time.monotonic() - started < _LIST_WITHIN_S,
                "the status lists say so within their interval",
                waiting=sorted(waiting),
            )
            scene.pause(_POLL_S)
    step.note("in the status list after ms", listed_ms)
    renewed = {
        brand: unverified_parts(scene.consent_token(CUSTOMER, brand).access_token)[1]["consent"]
        for brand in BRANDS
    }
    step.note("what new tokens say", renewed)
    step.expect(
        all(not consent["g"] for consent in renewed.values()),
        "new tokens grant nothing",
        granted={one: consent["g"] for one, consent in renewed.items() if consent["g"]},
    )
    return (
        f"Mila withdraws everywhere: {len(BRANDS)} tokens refused online after"
        f" {max(online_ms.values())} ms, in the status lists after"
        f" {max(listed_ms.values()) / 1000:.1f} s"
    )


def refuses_forgeries(scene: Scene, step: StepReport) -> str:
    """Forged, foreign, expired and tampered tokens are inactive, and the real one is not."""
    shop, play = scene.back_end("shop"), scene.back_end("play")
    real = scene.consent_token(OTHER, "shop").access_token
    step.expect(shop.verify(real).active, "the untouched token is active")
    keyring = loading.load(scene.keys)
    slowest_ms = 0.0
    count = 0
    for change, token in forgeries(real, keyring, now_s=int(time.time())):
        started = time.monotonic()
        verdict = shop.verify(token)
        slowest_ms = max(slowest_ms, (time.monotonic() - started) * 1000)
        count += 1
        step.note(change, "active" if verdict.active else "inactive")
        step.expect(not verdict.active, f"{change}: inactive")
    foreign = play.verify(real)
    step.note("shown by another brand", "active" if foreign.active else "inactive")
    step.expect(not foreign.active, "shop's token is inactive at play")
    return (
        f"{count + 1} forged, foreign, expired and tampered tokens refused,"
        f" the slowest in {slowest_ms:.0f} ms; the real one is active"
    )


def _list_uri(token: str) -> str:
    _, claims = unverified_parts(token)
    return claims["status"]["status_list"]["uri"]


def _fetch(scene: Scene, url: str) -> bytes:
    answer = scene.http.get(url)
    if not answer.is_success:
        raise TourStepError(f"GET {url} answered {answer.status_code}")
    return answer.content


def _is_listed(scene: Scene, token: str) -> bool:
    """Whether the published status list revokes the token."""
    _, claims = unverified_parts(token)
    uri = _list_uri(token)
    found = status.verify_list(
        _fetch(scene, uri).decode("ascii"),
        keys=jwks.read_keys(_fetch(scene, f"{scene.hub}/jwks.json")),
        uri=uri,
        now_s=time.time(),
    )
    if isinstance(found, Inactive):
        raise TourStepError(f"the status list does not verify: {found.reason}")
    return found.is_set(claims["status"]["status_list"]["idx"])


def _run(command: list[str], token: str) -> dict[str, Any]:
    ran = subprocess.run(  # noqa: S603 - our own command line
        command, input=token, capture_output=True, text=True, timeout=30, check=False
    )
    try:
        return msgspec.json.decode(ran.stdout, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise TourStepError(f"consentid verify answered: {ran.stdout}{ran.stderr}") from error
