"""A link says one thing to one hub: what is asked, by whom, of whom, until when."""

import json
import secrets
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey

from consentid.keyring.link_key import link_key
from consentid.kit import base64url
from consentid.kit.errors import MalformedError
from consentid.links import Minter, Question, judging, mask, mint, read_hub, read_minter
from consentid.links.claims import TYPE, LinkClaims, encode_claims, read_claims
from consentid.links.judging import Refusal
from consentid.tokens import jwks, jws

ISSUER, NOW_S, DAY_S = "https://consent.example", 1_800_000_000, 86_400
HUB_KEY = link_key(b"m" * 32)
DOCUMENT = msgspec.json.encode({"keys": [HUB_KEY.jwk()]})
HUB = read_hub(ISSUER, DOCUMENT)
KEY = ec.generate_private_key(ec.SECP256R1())
MINTER = Minter(client_id="news-letters", key=KEY)
ASKED = Question(
    brand="news", purposes=("contact.email",), addressee="mila@halcyon.example", language="fr"
)


def minted(question: Question = ASKED, **changed: Any) -> str:
    """What stands in the fragment of a link."""
    kept: dict[str, Any] = {"minter": MINTER, "hub": HUB, "now_s": NOW_S, **changed}
    link = mint(question, randomness=secrets.token_bytes, **kept)
    address, _, sealed = link.partition("#")
    assert address == f"{kept['hub'].issuer}/link"
    return sealed


def judge(sealed: str, *, now_s: float = NOW_S, key: ec.EllipticCurvePrivateKey = KEY) -> Any:
    """What the hub makes of it."""
    unsealed = judging.unseal(sealed, {HUB_KEY.kid: HUB_KEY.private})
    if isinstance(unsealed, Refusal):
        return unsealed
    public = key.public_key()
    keys = {jwks.kid_of(public): public}
    return judging.verify(unsealed, keys=keys, issuer=ISSUER, now_s=now_s)


def resealed(signed: str, **header: Any) -> str:
    """Something else under the hub's seal."""
    head = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": HUB.kid, "typ": "consent-link+jwe"}
    algorithms = ["ECDH-ES", "ECDH-ES+A256KW", "A256GCM", "A128GCM", "DEF"]
    key = ECKey.import_key(HUB.key)
    return jwe.encrypt_compact({**head, **header}, signed, key, algorithms=algorithms)


def signed(payload: bytes, *, typ: str = TYPE, minter: Minter = MINTER) -> str:
    kid = jwks.kid_of(minter.key.public_key())
    said = jws.signing_input(typ=typ, kid=kid, payload=payload)
    return jws.assemble(said, minter.sign(said))


def claims(**changed: Any) -> LinkClaims:
    right = LinkClaims(
        iss="news-letters",
        aud=ISSUER,
        jti=base64url.encode(b"j" * 16),
        iat=NOW_S,
        exp=NOW_S + DAY_S,
        brand="news",
        purposes=("contact.email",),
    )
    return msgspec.structs.replace(right, **changed)


def test_a_link_says_what_is_asked_and_of_its_addressee_no_more_than_a_mask() -> None:
    said = judge(minted())
    assert isinstance(said, LinkClaims)
    assert (said.iss, said.aud, said.brand) == ("news-letters", ISSUER, "news")
    assert (said.purposes, said.language, said.hint) == (
        ("contact.email",),
        "fr",
        "m•••@halcyon.example",
    )
    assert b"mila" not in encode_claims(said)


def test_no_two_links_are_the_same_and_none_can_be_read_on_the_way() -> None:
    one, other = minted(), minted()
    assert one != other
    assert judge(one).jti != judge(other).jti
    header = json.loads(base64url.decode(one.partition(".")[0]))
    assert set(header) == {"alg", "enc", "kid", "typ", "epk"}
    # Nine hundred characters are a QR code that a telephone reads.
    assert len(f"{ISSUER}/link#{one}") < 1_000


@given(st.data())
def test_a_link_that_was_changed_anywhere_is_not_answered(data: st.DataObject) -> None:
    whole = _WHOLE
    at = data.draw(st.integers(0, len(whole) - 1))
    instead = data.draw(st.sampled_from("AQgw-_.0"))
    changed = whole[:at] + instead + whole[at + 1 :]
    assert (changed == whole) == isinstance(judge(changed), LinkClaims)
    assert isinstance(judge(whole[:at]), Refusal)


_WHOLE = minted()


def test_a_link_for_another_hub_is_foreign() -> None:
    other = link_key(b"o" * 32)
    elsewhere = read_hub(ISSUER, msgspec.json.encode({"keys": [other.jwk()]}))
    assert judge(minted(hub=elsewhere)) is Refusal.FOREIGN
    assert judge(minted(hub=replace(HUB, issuer="https://other.example"))) is Refusal.FOREIGN


def test_a_link_by_somebody_else_is_forged() -> None:
    stranger = Minter(client_id="news-letters", key=ec.generate_private_key(ec.SECP256R1()))
    assert judge(minted(minter=stranger)) is Refusal.FORGED
    for other in ("consent+jwt", "JWT"):
        assert judge(resealed(signed(encode_claims(claims()), typ=other))) is Refusal.FORGED
    head, payload, signature = signed(encode_claims(claims())).split(".")
    none = base64url.encode(b'{"alg":"none","kid":"x","typ":"consent-link+jwt"}')
    assert judge(resealed(f"{none}.{payload}.")) is Refusal.FORGED
    richer = base64url.encode(encode_claims(claims(purposes=("ads", "contact"))))
    assert judge(resealed(f"{head}.{richer}.{signature}")) is Refusal.FORGED


def test_a_link_expires_to_the_second_and_no_link_lives_longer_than_thirty_days() -> None:
    sealed = minted(lifetime_s=DAY_S)
    assert isinstance(judge(sealed, now_s=NOW_S + DAY_S - 1), LinkClaims)
    assert judge(sealed, now_s=NOW_S + DAY_S) is Refusal.EXPIRED
    assert judge(sealed, now_s=NOW_S - 301) is Refusal.NOT_YET
    with pytest.raises(MalformedError, match="2592000"):
        minted(lifetime_s=30 * DAY_S + 1)
    eternal = encode_claims(claims(exp=NOW_S + 31 * DAY_S))
    assert judge(resealed(signed(eternal))) is Refusal.FORGED


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ECDH-ES+A256KW"},
        {"enc": "A128GCM"},
        {"zip": "DEF"},
        {"apu": "QQ"},
        {"typ": "JWT"},
        {"jku": "https://evil.example"},
    ],
)
def test_a_seal_of_any_other_form_is_none(header: dict[str, str]) -> None:
    assert judge(resealed(signed(encode_claims(claims())))) == claims()
    assert judge(resealed(signed(encode_claims(claims())), **header)) is Refusal.DAMAGED


@pytest.mark.parametrize(
    "payload",
    [
        encode_claims(claims(brand=msgspec.UNSET)),
        encode_claims(claims(partner="reach")),
        encode_claims(claims(purposes=("ads", "ads"))),
        encode_claims(claims(purposes=())),
        encode_claims(claims(hint="mila@halcyon.example")),
        encode_claims(claims(jti="short")),
        encode_claims(claims())[:-1] + b',"subject":"x"}',
        encode_claims(claims())[:-1] + b',"iss":"shop-web"}',
        b"[" * 200,
        b"{}",
    ],
)
def test_claims_of_any_other_form_are_none(payload: bytes) -> None:
    assert judge(resealed(signed(payload))) is Refusal.FORGED


def test_a_question_that_the_hub_would_refuse_is_not_minted() -> None:
    for wrong in (
        replace(ASKED, brand=None),
        replace(ASKED, partner="reach"),
        replace(ASKED, purposes=()),
        replace(ASKED, purposes=("Not a purpose",)),
        replace(ASKED, sub="me"),
        replace(ASKED, addressee="somebody"),
    ):
        with pytest.raises(MalformedError):
            minted(wrong)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mila@example.org", "m•••@example.org"),
        (" é@b.example ", "é•••@b.example"),
        ("+33 6 12 34 56 78", "•••78"),
        ("0612345678", "•••78"),
    ],
)
def test_a_mask_tells_its_own_holder_and_nobody_else(address: str, shown: str) -> None:
    assert mask(address) == shown


@pytest.mark.parametrize(
    "address", ["", "mila", "@example.org", "mila@", "12", "a@b\nc", "06x1234567"]
)
def test_what_is_no_address_has_no_mask(address: str) -> None:
    with pytest.raises(MalformedError):
        mask(address)


def test_a_minter_has_a_p256_key_and_nothing_else() -> None:
    def pem(key: Any) -> bytes:
        return key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    assert read_minter("news-letters", pem(KEY)).client_id == "news-letters"
    for wrong in (pem(ec.generate_private_key(ec.SECP384R1())), b"", DOCUMENT):
        with pytest.raises(MalformedError):
            read_minter("news-letters", wrong)


def test_a_key_set_that_only_signs_is_none_to_seal_to() -> None:
    signs = jwks.jwk("kid", KEY.public_key())
    with pytest.raises(MalformedError, match="no key to seal to"):
        read_hub(ISSUER, msgspec.json.encode({"keys": [signs]}))
    both = msgspec.json.encode({"keys": [signs, HUB_KEY.jwk()]})
    assert read_hub(ISSUER, both).kid == HUB_KEY.kid
    assert set(jwks.read_keys(both)) == {"kid"}


def test_the_payload_is_read_as_it_was_written() -> None:
    said = claims(sub="s" * 22, capture="c" * 22, notice=3)
    assert read_claims(encode_claims(said)) == said
