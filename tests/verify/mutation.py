"""Tokens with something changed in them, by the thousand, each with the name of what was changed.

From a seed, so that what was found once is found again.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.tokens.making import (
    AUDIENCE,
    HEADER,
    ISSUER,
    PAYLOAD,
    STRANGER,
    compact,
    pen,
    sign,
)

from consentid.kit import base64url

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
NOISE: Final = [*ALPHABET, *'+/=.~ \n\t\0"{}', "é", "\u2028", "\U0001f600"]
VALUES: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**64, 0.5, 1e9, -0.0, "", " ", "0", "a"),
    *("ES256", "none", "HS256", "RS256", "ES384", "JWT", "at+jwt", "key-1", "key-2", "consent+jwt"),
    *(ISSUER, AUDIENCE, f"{AUDIENCE}/", "x" * 200, "A" * 22, [], {}, [[]], ["exp"]),
    *([AUDIENCE], [AUDIENCE, ISSUER], {"sub": "a"}, {"jkt": "A" * 43}),
    *({"cat": 1, "rev": 1, "g": ["ads"], "d": []}, {"cat": 1, "rev": 1, "g": [], "d": ["ads"]}),
]
SHIFTS: Final = [
    -90_000,
    -86_401,
    -3_600,
    -60,
    -31,
    -29,
    -1,
    0,
    1,
    29,
    31,
    60,
    3_600,
    86_399,
    90_000,
]
CLAIMS: Final = [*PAYLOAD, "nbf", "act", "acr", "cnf", "later"]
MEMBERS: Final = [*HEADER, "crit", "b64", "jwk", "jku", "x5c", "x5u", "zip", "cty", "enc"]

Mutation = Callable[[random.Random, int], str]


def mutants(count: int, *, seed: int, now_s: int) -> Iterator[tuple[str, str]]:
    """Names of changes, and the tokens changed, at an instant."""
    chance = random.Random(seed)  # noqa: S311 - for tests, and the same again
    names = list(MUTATIONS)
    for _ in range(count):
        name = chance.choice(names)
        yield name, MUTATIONS[name](chance, now_s)


def payload(now_s: int) -> dict[str, Any]:
    return {**PAYLOAD, "iat": now_s - 60, "exp": now_s + 3_540}


def _nothing(_chance: random.Random, now_s: int) -> str:
    return pen(payload(now_s))


def _text(chance: random.Random, now_s: int) -> str:
    token = pen(payload(now_s))
    for _ in range(chance.randint(1, 3)):
        at, length = chance.randrange(len(token)), chance.randint(0, 2)
        put = "".join(chance.choices(NOISE, k=chance.randint(0, 2)))
        token = token[:at] + put + token[at + length :]
    return token


def _cut(chance: random.Random, now_s: int) -> str:
    token = pen(payload(now_s))
    return token[: chance.randrange(len(token))]


def _parts(chance: random.Random, now_s: int) -> str:
    parts = pen(payload(now_s)).split(".")
    other = pen({**payload(now_s), "jti": "other"}).split(".")
    mixed = [chance.choice((one, two)) for one, two in zip(parts, other, strict=True)]
    if chance.random() < 0.3:
        chance.shuffle(mixed)
    if chance.random() < 0.2:
        mixed.append(chance.choice(("", "x", mixed[0])))
    return ".".join(mixed)


def _bit(chance: random.Random, now_s: int) -> str:
    head, body, signature = pen(payload(now_s)).split(".")
    raw = bytearray(base64url.decode(signature))
    bit = chance.randrange(512)
    raw[bit >> 3] ^= 1 << (bit & 7)
    return f"{head}.{body}.{base64url.encode(bytes(raw))}"


def _signature(chance: random.Random, now_s: int) -> str:
    head, body, _ = pen(payload(now_s)).split(".")
    right = sign(f"{head}.{body}".encode())
    r, s = int.from_bytes(right[:32]), int.from_bytes(right[32:])
    made = chance.choice(
        (
            right[32:] + right[:32],
            bytes(64),
            right[:32] + bytes(32),
            right + b"\0",
            b"\0" + right,
            right[:63],
            encode_dss_signature(r, s),
            ORDER.to_bytes(32) + right[32:],
            right[:32] + (ORDER - s).to_bytes(32),  # as valid as the one we made
            chance.randbytes(64),
            b"",
        )
    )
    return f"{head}.{body}.{base64url.encode(made)}"


def _stranger(_chance: random.Random, now_s: int) -> str:
    return pen(payload(now_s), key=STRANGER)


def _claim(chance: random.Random, now_s: int) -> str:
    changed = payload(now_s)
    for _ in range(chance.randint(1, 2)):
        changed[chance.choice(CLAIMS)] = chance.choice(VALUES)
    return pen(changed)


def _without(chance: random.Random, now_s: int) -> str:
    changed = payload(now_s)
    del changed[chance.choice(list(changed))]
    return pen(changed)


def _time(chance: random.Random, now_s: int) -> str:
    changed = payload(now_s)
    for _ in range(chance.randint(1, 2)):
        # Each oracle reads the clock a moment later: at the very edge they would not agree.
        changed[chance.choice(("iat", "exp", "nbf"))] = now_s + chance.choice(SHIFTS)
    return pen(changed)


def _member(chance: random.Random, now_s: int) -> str:
    header = dict(HEADER)
    for _ in range(chance.randint(1, 2)):
        header[chance.choice(MEMBERS)] = chance.choice(VALUES)
    if chance.random() < 0.2:
        header.pop(chance.choice(list(HEADER)), None)
    return pen(payload(now_s), compact(header))


def _twice(chance: random.Random, now_s: int) -> str:
    name = chance.choice(CLAIMS)
    more = json.dumps({name: chance.choice([*VALUES, payload(now_s).get(name)])})[1:-1].encode()
    text = compact(payload(now_s))
    at_end = text[:-1] + b"," + more + b"}"
    return pen(chance.choice((at_end, b"{" + more + b"," + text[1:])))


def _spelling(chance: random.Random, now_s: int) -> str:
    """The same claims, written otherwise: all of them hold."""
    claims = payload(now_s)
    names = list(claims)
    chance.shuffle(names)
    text = json.dumps({name: claims[name] for name in names}, indent=chance.choice((None, 1)))
    if chance.random() < 0.5:
        text = text.replace("news-web", chance.choice(("news\\u002dweb", "news-we\\u0062")))
    header = json.dumps(dict(reversed(HEADER.items())))
    return pen(text.encode(), chance.choice((header.encode(), compact(HEADER))))


def _bytes(chance: random.Random, now_s: int) -> str:
    """Bytes of the payload or the header, signed as if they were meant so."""
    parts = [compact(HEADER), compact(payload(now_s))]
    which = chance.randrange(2)
    raw = bytearray(parts[which])
    for _ in range(chance.randint(1, 3)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    parts[which] = bytes(raw)
    return pen(parts[1], parts[0])


MUTATIONS: Final[dict[str, Mutation]] = {
    "nothing": _nothing,
    "text": _text,
    "cut short": _cut,
    "parts of two": _parts,
    "a bit of the signature": _bit,
    "another signature": _signature,
    "a stranger's": _stranger,
    "a claim": _claim,
    "a claim missing": _without,
    "a time": _time,
    "a header member": _member,
    "a claim twice": _twice,
    "another spelling": _spelling,
    "bytes, signed": _bytes,
}
