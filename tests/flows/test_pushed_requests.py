"""A partner asks for purposes by name, the person answers, and the tokens say what was granted."""

import json
import secrets
from typing import Any

import jwt
import pytest
from tests.flows.town import Town
from tests.flows.visits import Visit

from consentid.core.decision import Outcome
from consentid.core.party import ReachKind
from consentid.flows.pushed_requests import push_request
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import clients

CALLBACK = "http://reach.localhost:7600/callback"
AUDIENCE = "https://reach-media.example"


def detail(*purposes: str, **more: Any) -> dict[str, Any]:
    return {"type": "consent_request", "purposes": purposes, **more}


async def push(town: Town, visit: Visit, *details: dict[str, Any], **more: str) -> str:
    async with town.context.database.reading() as connection:
        client = await clients.find(connection, visit.client)
    assert client is not None
    fields = visit.request(
        scope="openid offline_access", authorization_details=json.dumps(details), **more
    )
    return (await push_request(town.context, client, fields)).request_uri


@pytest.fixture
def visit(town: Town) -> Visit:
    return Visit(
        town=town,
        client="reach-forms",
        redirect_uri=CALLBACK,
        verifier=secrets.token_urlsafe(48),
    )


def asked_by(uri: str) -> dict[str, str | None]:
    """All that the browser brings: whatever else there was, was pushed."""
    left_out = dict.fromkeys(
        (
            "redirect_uri",
            "response_type",
            "scope",
            "state",
            "nonce",
            "code_challenge",
            "code_challenge_method",
        )
    )
    return {**left_out, "request_uri": uri}


async def test_the_token_response_echoes_what_was_granted(town: Town, visit: Visit) -> None:
    uri = await push(town, visit, detail("ads.partners", channel="web"), detail("ads.measurement"))
    interaction = await visit.begin(**asked_by(uri))
    told = await visit.choose(interaction, Outcome.GRANTED, ReachKind.PARTNER)
    answer = await visit.redeem(told["code"])
    assert answer.status == 200, answer.body
    version = (await town.book()).catalogue.version
    granted = [
        detail("ads.partners", locations=[AUDIENCE], catalogue=version, channel="web"),
        detail("ads.measurement", locations=[AUDIENCE], catalogue=version),
    ]
    said = json.loads(json.dumps(answer.body["authorization_details"]))
    assert said == json.loads(json.dumps(granted))


async def test_a_partner_that_is_granted_nothing_hears_so_and_holds_nothing(
    town: Town, visit: Visit
) -> None:
    interaction = await visit.begin(**asked_by(await push(town, visit, detail("ads.partners"))))
    told = await visit.choose(interaction, Outcome.REFUSED, ReachKind.PARTNER)
    assert told["error"] == "access_denied"
    # The no was recorded: whoever asks once more hears it at once, and the person nothing.
    again = await visit.ask_for_answer(**asked_by(await push(town, visit, detail("ads.partners"))))
    assert again["error"] == "access_denied"


async def test_when_somebody_signed_in_is_no_partners_to_know(town: Town, visit: Visit) -> None:
    """To the second, and the same for all: two partners would know their people by it."""
    await visit.sign_in("somebody")
    told = await visit.choose(
        await visit.begin(**asked_by(await push(town, visit, detail("ads.partners")))),
        Outcome.GRANTED,
        ReachKind.PARTNER,
    )
    answer = await visit.redeem(told["code"])
    claims = jwt.decode(answer.body["id_token"], options={"verify_signature": False})
    assert "sid" in claims  # signed in, and known by what is this client's own
    assert "auth_time" not in claims
    with pytest.raises(RefusedRequestError, match="prompt=login"):
        await push(town, visit, detail("ads.partners"), max_age="3600")
