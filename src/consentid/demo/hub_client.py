"""A brand's or partner's back end, as it talks to consentid: only what the public contract says.

The demo's sites and the tour both speak through this, so what works for them works for anybody.
Spec: RFC 6749 section 4.4 (client credentials), RFC 8693 (token exchange), RFC 9457 (problems).
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import httpx2
import msgspec

from consentid.demo.hub_answers import (
    Catalogue,
    Device,
    Exchanged,
    History,
    PastDecision,
    Problem,
    Pushed,
    Recorded,
    Redeemed,
    State,
    Verdict,
)

_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a type's name
CONSENT_TOKEN: Final = "urn:consentid:params:oauth:token-type:consent_token"  # noqa: S105 - a type's name
DEVICE_CREDENTIAL: Final = "urn:consentid:params:oauth:token-type:device_credential"
_RENEW_BEFORE_S: Final = 30

T = TypeVar("T")


class HubRefusalError(Exception):
    """The hub said no, or something that this client does not understand."""

    def __init__(self, status: int, code: str, detail: str, *, where: str | None = None) -> None:
        super().__init__(f"{status} {code}: {detail}" + (f" (at {where})" if where else ""))
        self.status: int = status
        self.code: str = code
        self.detail: str = detail
        self.where: str | None = where


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectToken:
    """What a client presents as proof of who is in front of it."""

    token: str
    kind: str
    """``ID_TOKEN`` or ``DEVICE_CREDENTIAL``."""


@dataclass(slots=True, kw_only=True)
class HubClient:
    """One OAuth client of the hub.  Threads may share it."""

    http: httpx2.Client
    hub: str
    """The hub's base URL, which is the issuer."""
    client_id: str
    secret: str
    _own: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])

    def own_token(self, scope: str) -> str:
        """An access token that names no subject, renewed shortly before it expires."""
        token, until = self._own.get(scope, ("", 0.0))
        now = time.monotonic()
        if now < until - _RENEW_BEFORE_S:
            return token
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = self._token(form)
        self._own[scope] = (answer.access_token, now + answer.expires_in)
        return answer.access_token

    def exchange(
        self,
        subject: SubjectToken,
        *,
        requested: str = ACCESS_TOKEN,
        scope: str | None = None,
        device: str | None = None,
        audience: str | None = None,
        nonce: str | None = None,
    ) -> Exchanged:
        """Turn proof of a subject into an access token or a consent token for this client.

        ``device`` is the credential of the device that the person signs in on.
        """
        form = {
            "grant_type": _EXCHANGE,
            "subject_token": subject.token,
            "subject_token_type": subject.kind,
            "requested_token_type": requested,
        }
        if scope is not None:
            form["scope"] = scope
        if device is not None:
            form |= {"actor_token": device, "actor_token_type": DEVICE_CREDENTIAL}
        if audience is not None:
            form["audience"] = audience
        if nonce is not None:
            form["nonce"] = nonce
        return self._token(form)

    def new_device(self, origin: str | None = None) -> Device:
        """A new device subject; made at somebody's first explicit choice, never earlier."""
        body = {"origin": origin} if origin else {}
        return self._post("/v1/devices", self.own_token("decisions:write"), body, Device)

    def catalogue(self, brand: str, language: str) -> Catalogue:
        """What the brand may ask, in words; mints a served-notice id."""
        answer = self.http.get(
            f"{self.hub}/v1/catalogue",
            params={"brand": brand, "language": language},
            headers=_bearer(self.own_token("decisions:read")),
        )
        return _read(answer, Catalogue)

    def decide(
        self,
        access: str,
        shown: Catalogue,
        choices: Mapping[str, bool],
        *,
        reach: str,
        key: str | None = None,
    ) -> Recorded:
        """Record what the subject of ``access`` chose, purpose by purpose, for a reach."""
        body = {
            "served": shown.served,
            "notice": msgspec.to_builtins(shown.notice),
            "reach": reach,
            "choices": [
                {"purpose": purpose, "outcome": "granted" if yes else "refused"}
                for purpose, yes in choices.items()
            ],
        }
        return self._post("/v1/decisions", access, body, Recorded, key=key)

    def withdraw(
        self, access: str, *, reach: str, purposes: Sequence[str] | None = None
    ) -> Recorded:
        """Withdraw the named purposes, or all."""
        which: dict[str, object] = {"all": True} if purposes is None else {"purposes": [*purposes]}
        return self._post("/v1/withdrawals", access, {"reach": reach, **which}, Recorded)

    def state(self, access: str, *, at_least: str | None = None) -> State:
        """What holds now for the subject of ``access`` at this client's brand."""
        answer = self.http.get(
            f"{self.hub}/v1/state",
            params={"at_least": at_least} if at_least else {},
            headers=_bearer(access),
        )
        return _read(answer, State)

    def history(self, access: str) -> list[PastDecision]:
        """All decisions of the subject of ``access``, page after page."""
        found: list[PastDecision] = []
        cursor: str | None = None
        while True:
            answer = self.http.get(
                f"{self.hub}/v1/history",
                params={"cursor": cursor} if cursor else {},
                headers=_bearer(access),
            )
            page = _read(answer, History)
            found += page.decisions
            if (cursor := page.next) is None:
                return found

    def verify(
        self,
        token: str,
        *,
        audience: str | None = None,
        purposes: Sequence[str] | None = None,
        at_least: str | None = None,
    ) -> Verdict:
        """Ask the hub whether a consent token holds now."""
        body: dict[str, object] = {"token": token}
        if audience is not None:
            body["audience"] = audience
        if purposes is not None:
            body["purposes"] = [*purposes]
        if at_least is not None:
            body["at_least"] = at_least
        return self._post("/v1/verify", self.own_token("verify"), body, Verdict, idempotent=False)

    def push(self, request: Mapping[str, str]) -> str:
        """Push an authorization request; the reference to send the browser with."""
        answer = self.http.post(
            f"{self.hub}/par", data=dict(request), auth=(self.client_id, self.secret)
        )
        return _read(answer, Pushed).request_uri

    def redeem(self, code: str, *, verifier: str, redirect_uri: str) -> Redeemed:
        """Exchange a code for tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        answer = self.http.post(f"{self.hub}/token", data=form, auth=(self.client_id, self.secret))
        return _read(answer, Redeemed)

    def _token(self, form: Mapping[str, str]) -> Exchanged:
        answer = self.http.post(
            f"{self.hub}/token", data=dict(form), auth=(self.client_id, self.secret)
        )
        return _read(answer, Exchanged)

    def _post(
        self,
        path: str,
        access: str,
        body: Mapping[str, object],
        expected: type[T],
        *,
        key: str | None = None,
        idempotent: bool = True,
    ) -> T:
        headers = _bearer(access)
        if idempotent:
            headers["idempotency-key"] = key or secrets.token_urlsafe(16)
        return _read(
            self.http.post(f"{self.hub}{path}", json=dict(body), headers=headers), expected
        )


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _read(answer: httpx2.Response, expected: type[T]) -> T:
    if answer.is_success:
        try:
            return msgspec.json.decode(answer.content, type=expected)
        except msgspec.DecodeError as error:
            raise HubRefusalError(answer.status_code, "not_understood", str(error)) from error
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.DecodeError:
        problem = Problem(detail=answer.text[:200])
    raise HubRefusalError(
        answer.status_code,
        problem.code or problem.error or "unknown",
        problem.detail or problem.error_description or problem.title,
        where=problem.where,
    )
