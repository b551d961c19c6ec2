"""A brand's back end, as it talks to the customer portal."""

from dataclasses import dataclass

import httpx2
import msgspec

from consentid.demo.hub_client import ID_TOKEN, SubjectToken


class SignInRefusedError(Exception):
    """The portal did not sign the customer in; the message is the portal's."""


class _Signed(msgspec.Struct, frozen=True, kw_only=True):
    id_token: str


class _Refused(msgspec.Struct, frozen=True, kw_only=True):
    error: str
    error_description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalClient:
    """One client of the portal."""

    http: httpx2.Client
    portal: str
    """The portal's base URL, which is its issuer."""
    client_id: str
    secret: str

    def sign_in(self, login: str, password: str, *, nonce: str | None = None) -> SubjectToken:
        """Sign a customer in; the ID token can be exchanged at the hub once.

        Raises:
            SignInRefusedError: login or password is wrong, or tried too often.
        """
        form = {
            "grant_type": "password",
            "scope": "openid",
            "username": login,
            "password": password,
        }
        if nonce is not None:
            form["nonce"] = nonce
        answer = self.http.post(
            f"{self.portal}/token", data=form, auth=(self.client_id, self.secret)
        )
        if not answer.is_success:
            refused = msgspec.json.decode(answer.content, type=_Refused)
            raise SignInRefusedError(refused.error_description or refused.error)
        signed = msgspec.json.decode(answer.content, type=_Signed)
        return SubjectToken(token=signed.id_token, kind=ID_TOKEN)
