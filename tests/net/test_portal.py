import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import OctKey
from tests.net.portal_server import AUDIENCE, PortalKey, PortalServer, ec_key, rsa_key

from consentid.kit.errors import MalformedError, UnauthenticatedError, UnavailableError
from consentid.kit.instants import from_seconds
from consentid.net.guarded import make_client
from consentid.net.portal import PortalIdentity, verify_id_token
from consentid.net.portal_keys import PortalKeys

NOW_S: Final = 1_800_000_000


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.s: float = 1_000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(clock: Clock) -> AsyncIterator[PortalKeys]:
    async with make_client(localhost_hosts=False) as client:
        yield PortalKeys(client, monotonic=clock)


async def judge(portal: PortalServer, keys: PortalKeys, token: str) -> PortalIdentity:
    return await verify_id_token(
        token, keys=keys, issuer=portal.issuer, audience=AUDIENCE, now=from_seconds(NOW_S)
    )


def forge(header: Mapping[str, Any] | str, payload: Mapping[str, Any] | str, sig: bytes) -> str:
    """A token of any parts, signed by nobody."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload)]
    return ".".join(
        urlsafe_b64encode(part).rstrip(b"=").decode()
        for part in (parts[0].encode(), parts[1].encode(), sig)
    )


def signed(portal: PortalServer, payload: str, **header: object) -> str:
    """What the portal would sign if it had this payload, whatever it is."""
    key = portal.keys[0]
    return jwt.api_jws.encode(
        payload.encode(), key.private, algorithm=key.alg, headers={"kid": key.kid, **header}
    )


@pytest.mark.parametrize("make", [rsa_key, ec_key])
async def test_a_token_of_the_portal_names_a_person(
    portal: PortalServer, keys: PortalKeys, make: Callable[[str], PortalKey]
) -> None:
    portal.keys[:] = [make("k1")]
    found = await judge(portal, keys, portal.id_token("ada", now_s=NOW_S, adult=True, nonce="n"))
    assert (found.sub, found.is_adult, found.nonce) == ("ada", True, "n")
    assert found.issuer == portal.issuer


@pytest.mark.parametrize("adult", ["true", 1, None, False, [True]])
async def test_only_a_plain_true_makes_an_adult(
    portal: PortalServer, keys: PortalKeys, adult: object
) -> None:
    found = await judge(portal, keys, portal.id_token("ada", now_s=NOW_S, adult=adult))
    assert not found.is_adult


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "halcyon-market"},
        {"aud": [AUDIENCE, "halcyon-market"]},
        {"aud": []},
        {"aud": {}},
        {"azp": "halcyon-market"},
        {"iss": "http://elsewhere.example"},
        {"iat": NOW_S - 301},
        {"iat": NOW_S + 6},
        {"exp": NOW_S},
        {"exp": NOW_S - 1},
        {"sub": None},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"iss": None},
    ],
    ids=str,
)
async def test_a_token_for_another_or_out_of_time_is_refused(
    portal: PortalServer, keys: PortalKeys, changed: dict[str, Any]
) -> None:
    with pytest.raises((UnauthenticatedError, MalformedError)):
        await judge(portal, keys, portal.id_token("ada", now_s=NOW_S, **changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1e300},
        {"exp": NOW_S + 0.5},
        {"exp": "soon"},
        {"exp": True},
        {"iat": True},
        {"iat": str(NOW_S)},
        {"sub": 7},
        {"sub": ""},
        {"sub": "é"},
        {"sub": "a" * 256},
        {"nonce": 7},
    ],
    ids=lambda changed: repr(changed)[:40],
)
async def test_a_claim_of_the_wrong_kind_is_malformed(
    portal: PortalServer, keys: PortalKeys, changed: dict[str, Any]
) -> None:
    with pytest.raises((MalformedError, UnauthenticatedError)):
        await judge(portal, keys, portal.id_token("ada", now_s=NOW_S, **changed))


async def test_a_time_beyond_every_calendar_is_no_failure_of_ours(
    portal: PortalServer, keys: PortalKeys
) -> None:
    found = await judge(portal, keys, portal.id_token("ada", now_s=NOW_S, exp=10**30))
    assert found.expires_at <= from_seconds(NOW_S + 306)


@pytest.mark.parametrize(
    "payload",
    [
        '{{"iss":"{iss}","sub":"eve","sub":"ada","aud":"halcyon-news","iat":{now},"exp":{end}}}',
        '{{"iss":"{iss}","sub":"ada","aud":"halcyon-news","iat":{now},"exp":NaN}}',
        '{{"iss":"{iss}","sub":"ada","aud":"halcyon-news","iat":{now},"exp":Infinity}}',
        '["{iss}",{now},{end}]',
        '"{iss} {now} {end}"',
        "{iss}{now}{end}",
    ],
    ids=["duplicate", "nan", "infinity", "list", "text", "no-json"],
)
async def test_a_signed_payload_that_is_no_plain_object_is_refused(
    portal: PortalServer, keys: PortalKeys, payload: str
) -> None:
    text = payload.format(iss=portal.issuer, now=NOW_S, end=NOW_S + 300)
    with pytest.raises((MalformedError, UnauthenticatedError)):
        await judge(portal, keys, signed(portal, text))


async def test_the_same_payload_signed_is_taken_where_it_is_plain(
    portal: PortalServer, keys: PortalKeys
) -> None:
    text = json.dumps(portal.claims("ada", now_s=NOW_S))
    assert (await judge(portal, keys, signed(portal, text))).sub == "ada"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None", "kid": "first"},
        {"alg": "HS256", "kid": "first"},
        {"alg": "ES256", "kid": "first"},
        {"alg": "RS256"},
        {"alg": "RS256", "kid": "../first"},
        {"alg": "RS256", "kid": "first\x00"},
        {"alg": "RS256", "kid": ["first"]},
        {"alg": "RS256", "kid": "first", "crit": ["exp"], "exp": 1},
        {"alg": "RS256", "kid": "first", "typ": "consent+jwt"},
        {"alg": "RS256", "kid": "first", "typ": "at+jwt"},
        {"alg": ["RS256"], "kid": "first"},
        '{"alg":"RS256","alg":"none","kid":"first"}',
        "[" * 5_000,
        "[]",
        '"RS256"',
        "",
    ],
)
async def test_a_forged_header_opens_nothing(
    portal: PortalServer, keys: PortalKeys, header: dict[str, object] | str
) -> None:
    for signature in (b"", b"\0" * 256):
        with pytest.raises((MalformedError, UnauthenticatedError)):
            await judge(portal, keys, forge(header, portal.claims("ada", now_s=NOW_S), signature))


async def test_the_public_key_is_no_secret_to_sign_with(
    portal: PortalServer, keys: PortalKeys
) -> None:
    public = portal.keys[0].private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = jws.serialize_compact(
        {"alg": "HS256", "kid": "first"},
        json.dumps(portal.claims("ada", now_s=NOW_S)).encode(),
        OctKey.import_key(pem.replace(b"-----", b"=====")),
        algorithms=["HS256"],
    )
    with pytest.raises(UnauthenticatedError):
        await judge(portal, keys, token)


async def test_a_signature_of_another_key_or_over_other_words_is_refused(
    portal: PortalServer, keys: PortalKeys
) -> None:
    stranger = rsa_key("first")
    with pytest.raises(UnauthenticatedError):
        await judge(portal, keys, portal.id_token("ada", now_s=NOW_S, key=stranger))
    head, _, sig = portal.id_token("ada", now_s=NOW_S).split(".")
    _, eve, _ = portal.id_token("eve", now_s=NOW_S).split(".")
    with pytest.raises(UnauthenticatedError):
        await judge(portal, keys, f"{head}.{eve}.{sig}")


@pytest.mark.parametrize("token", ["", "..", "a.b", "a.b.c.d", "é.é.é", "a" * 9_000, "e30.e30.e30"])
async def test_what_is_no_jws_is_malformed_and_asks_nobody(
    portal: PortalServer, keys: PortalKeys, token: str
) -> None:
    with pytest.raises((MalformedError, UnauthenticatedError)):
        await judge(portal, keys, token)
    assert len(portal.asked) <= 2


async def test_the_hash_of_a_token_is_that_of_what_was_signed(
    portal: PortalServer, keys: PortalKeys
) -> None:
    portal.keys[:] = [ec_key("k1")]
    claims = portal.claims("ada", now_s=NOW_S)
    made = {
        jwt.encode(claims, portal.keys[0].private, algorithm="ES256", headers={"kid": "k1"})
        for _ in range(3)
    }
    hashes = {(await judge(portal, keys, token)).token_hash for token in made}
    assert len(hashes) == 1


async def test_a_rotated_key_is_found_ten_seconds_after_the_last_question(
    portal: PortalServer, keys: PortalKeys, clock: Clock
) -> None:
    await judge(portal, keys, portal.id_token("ada", now_s=NOW_S))
    portal.keys.append(rsa_key("second"))
    rotated = portal.id_token("ada", now_s=NOW_S, key=portal.keys[1])
    with pytest.raises(UnauthenticatedError):
        await judge(portal, keys, rotated)
    clock.s += 11
    assert (await judge(portal, keys, rotated)).sub == "ada"


async def test_unknown_names_ask_the_portal_at_most_every_ten_seconds(
    portal: PortalServer, keys: PortalKeys, clock: Clock
) -> None:
    for number in range(30):
        with pytest.raises(UnauthenticatedError):
            await judge(portal, keys, forge({"alg": "RS256", "kid": str(number)}, {}, b""))
        clock.s += 1
    assert portal.asked.count("/jwks.json") <= 3


async def test_many_at_once_ask_once(portal: PortalServer, keys: PortalKeys) -> None:
    token = portal.id_token("ada", now_s=NOW_S)
    found = await asyncio.gather(*(judge(portal, keys, token) for _ in range(20)))
    assert len(found) == 20
    assert portal.asked.count("/jwks.json") == 1


async def test_a_retired_key_ends_within_five_minutes(
    portal: PortalServer, keys: PortalKeys, clock: Clock
) -> None:
    token = portal.id_token("ada", now_s=NOW_S)
    await judge(portal, keys, token)
    portal.keys[:] = [rsa_key("second")]
    clock.s += 301
    with pytest.raises(UnauthenticatedError):
        await judge(portal, keys, token)


async def test_a_portal_that_is_down_is_served_from_known_keys_for_an_hour(
    portal: PortalServer, keys: PortalKeys, clock: Clock
) -> None:
    token = portal.id_token("ada", now_s=NOW_S)
    await judge(portal, keys, token)
    portal.broken["/.well-known/openid-configuration"] = (500, b"")
    clock.s += 3_000
    asked = len(portal.asked)
    for _ in range(5):
        await judge(portal, keys, token)
    assert len(portal.asked) == asked + 1
    clock.s += 601
    with pytest.raises(UnavailableError):
        await judge(portal, keys, token)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, b"")),
        ("/.well-known/openid-configuration", (302, b"")),
        ("/.well-known/openid-configuration", (200, b"no json")),
        ("/.well-known/openid-configuration", (200, b'{"issuer": 7}')),
        ("/jwks.json", (404, b"")),
        ("/jwks.json", (301, b"")),
        ("/jwks.json", (200, b"{}")),
        ("/jwks.json", (200, b"\xff\xfe")),
        ("/jwks.json", (200, b'{"keys": []}')),
        ("/jwks.json", (200, b" " * 70_000)),
    ],
    ids=lambda given: str(given)[:40],
)
async def test_a_portal_that_answers_nonsense_is_unavailable(
    portal: PortalServer, keys: PortalKeys, path: str, answer: tuple[int, bytes]
) -> None:
    portal.broken[path] = answer
    with pytest.raises(UnavailableError):
        await judge(portal, keys, portal.id_token("ada", now_s=NOW_S))


async def test_discovery_of_another_issuer_or_keys_elsewhere_are_not_believed(
    portal: PortalServer, keys: PortalKeys, clock: Clock
) -> None:
    token = portal.id_token("ada", now_s=NOW_S)
    for metadata in (
        {"issuer": f"{portal.issuer}/"},
        {"jwks_uri": "http://127.0.0.1:9/jwks.json"},
        {"jwks_uri": portal.issuer.replace("http://", "http://ada@") + "/jwks.json"},
        {"jwks_uri": "file:///etc/passwd"},
    ):
        portal.metadata = metadata
        with pytest.raises(UnavailableError):
            await judge(portal, keys, token)
        clock.s += 11
    assert "/jwks.json" not in portal.asked
    portal.metadata = {}
    assert (await judge(portal, keys, token)).sub == "ada"


async def test_a_closed_port_is_unavailable(keys: PortalKeys, portal: PortalServer) -> None:
    token = portal.id_token("ada", now_s=NOW_S)
    with pytest.raises(UnavailableError):
        await verify_id_token(
            token,
            keys=keys,
            issuer="http://127.0.0.1:9",
            audience=AUDIENCE,
            now=from_seconds(NOW_S),
        )


async def test_metadata_at_hand_is_answered_at_once_and_brought_up_to_date_behind(
    portal: PortalServer, keys: PortalKeys, clock: Clock
) -> None:
    assert (await keys.metadata(portal.issuer)).token_endpoint is None
    portal.metadata["token_endpoint"] = f"{portal.issuer}/token"
    clock.s += 301

    assert (await keys.metadata(portal.issuer)).token_endpoint is None

    async with asyncio.timeout(120):
        while (await keys.metadata(portal.issuer)).token_endpoint is None:  # noqa: ASYNC110 it tells nobody
            await asyncio.sleep(0)
    assert portal.asked.count("/jwks.json") == 2
    await keys.close()


async def test_a_key_is_looked_up_before_it_is_needed_and_serves_for_that_token_alone(
    portal: PortalServer, keys: PortalKeys
) -> None:
    token = portal.id_token("ada", now_s=NOW_S)
    found = await keys.look_up(portal.issuer, token)
    asked = list(portal.asked)
    identity = await verify_id_token(
        token, keys=found, issuer=portal.issuer, audience=AUDIENCE, now=from_seconds(NOW_S)
    )
    assert identity.sub == "ada"
    assert await found.find(portal.issuer, "another") is None
    assert await found.find("https://another.example", portal.keys[0].kid) is None
    assert portal.asked == asked


@pytest.mark.parametrize("token", ["", "x", "e30.e30.", "W10.e30.", "!.e30.e30"])
async def test_what_names_no_key_makes_nobody_ask_the_portal(
    portal: PortalServer, keys: PortalKeys, token: str
) -> None:
    assert (await keys.look_up(portal.issuer, token)).key is None
    assert portal.asked == []


async def test_a_portal_that_is_away_is_told_of_where_its_key_is_needed(
    portal: PortalServer, keys: PortalKeys
) -> None:
    portal.broken["/.well-known/openid-configuration"] = (500, b"")
    token = portal.id_token("ada", now_s=NOW_S)
    found = await keys.look_up(portal.issuer, token)
    with pytest.raises(UnavailableError):
        await found.find(portal.issuer, portal.keys[0].kid)
