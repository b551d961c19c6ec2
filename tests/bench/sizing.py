"""``python -m tests.bench.sizing``: status lists of a large group, in bytes and per second.

Real lists of 2^17 bits are filled at random, encoded, signed and verified by the code that serves
them, and measured; the rest is arithmetic on these figures, and two simulations: how full a list is
when four draws in a row hit taken places, and how the flips of people fall into windows.  Nothing
is asserted about time.
"""

# ruff: noqa: T201 - a bench speaks by printing
import argparse
import json
import math
import platform
import random
import secrets
import statistics
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from consentid.flows.publish_status_lists import MAX_DECOYS, MIN_DECOYS, RESIGN_S
from consentid.store.statuses import DRAWS, LIST_BITS
from consentid.tokens.status import TTL_S, VerifiedList, assemble, pack, unsigned_list, verify_list

DAY_S = 86_400
WINDOW_S = 5
URI = "https://consent.example/statuslists/12345"
REVOKED = (0.001, 0.01, 0.02, 0.05, 0.1, 0.5)
_FETCH_S = TTL_S / 2 * 0.9
"""A verifier looks again at half the ``ttl``, less a fifth at most: nine tenths on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """A group, and how its people behave."""

    subjects: int = 50_000_000
    brands: int = 20
    audiences_each: float = 3.0
    """At how many brands a person ever held a token: an index is taken when one is first needed."""
    narrowings_a_year: float = 0.1
    """Acts of a person in a year that take something back."""
    peak: float = 10.0
    """How many times the mean the busiest hour is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A list of which a share is revoked; medians over real ones."""

    revoked: float
    bytes_served: int
    encode_ms: float
    sign_ms: float
    verify_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What follows for a group."""

    indices: int
    fill: float
    lists: int
    flips_a_second: float
    flips_a_window: float
    peak_flips_a_window: float
    lists_touched_a_window: float
    decoys_a_window: float
    signatures_a_second: float
    publisher_cores: float
    set_after_a_year: float
    """The share of all bits: flips, and decoys on places that nobody holds."""
    lists_more_a_year: int
    """Whose token was narrowed takes a new place."""
    list_bytes_after_a_year: int
    bits_in_memory_mb: float
    bytes_served_mb: float
    fetches_a_second: float
    verifier_kbyte_s: float
    """One verifier that meets tokens of every list, a year on."""
    verifier_gb_a_day: float
    brands_mbit_s: float
    """One such verifier at each brand."""
    stream_byte_s: float
    stream_mb_a_day: float


def key_and_sign() -> tuple[ec.EllipticCurvePrivateKey, str]:
    return ec.generate_private_key(ec.SECP256R1()), "sizing"


def filled(share: float, draw: random.Random) -> bytes:
    """A list of which a share of the places is set."""
    return pack(LIST_BITS, draw.sample(range(LIST_BITS), round(share * LIST_BITS)))


def raw_signature(key: ec.EllipticCurvePrivateKey, signing_input: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(signing_input, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def encode_at(share: float, *, rounds: int, draw: random.Random) -> Encoded:
    """Encode, sign and verify real lists."""
    key, kid = key_and_sign()
    keys = {kid: key.public_key()}
    now_s = int(time.time())
    sizes: list[int] = []
    took: dict[str, list[float]] = {"encode": [], "sign": [], "verify": []}
    for _ in range(rounds):
        bits = filled(share, draw)
        begun = time.perf_counter()
        signing_input = unsigned_list(URI, bits, kid=kid, iat_s=now_s)
        encoded = time.perf_counter()
        token = assemble(signing_input, raw_signature(key, signing_input))
        signed = time.perf_counter()
        found = verify_list(token, keys=keys, uri=URI, now_s=now_s)
        verified = time.perf_counter()
        if not isinstance(found, VerifiedList) or found.bits != bits:
            raise AssertionError(found)
        sizes.append(len(token))
        took["encode"].append(encoded - begun)
        took["sign"].append(signed - encoded)
        took["verify"].append(verified - signed)
    ms = {name: statistics.median(each) * 1_000 for name, each in took.items()}
    return Encoded(
        revoked=share,
        bytes_served=round(statistics.median(sizes)),
        encode_ms=ms["encode"],
        sign_ms=ms["sign"],
        verify_ms=ms["verify"],
    )


def fill_at_closing(draw: random.Random) -> float:
    """How full a list is when so many draws in a row hit taken places that it is closed."""
    taken, misses = bytearray(LIST_BITS), 0
    while misses < DRAWS:
        place = draw.randrange(LIST_BITS)
        misses = misses + 1 if taken[place] else 0
        taken[place] = 1
    return sum(taken) / LIST_BITS


def lists_touched(lists: int, flips: float, *, windows: int, draw: random.Random) -> float:
    """Lists on which at least one of a window's flips falls, on average."""
    return statistics.fmean(
        len({draw.randrange(lists) for _ in range(_poisson(flips, draw))}) for _ in range(windows)
    )


def _poisson(mean: float, draw: random.Random) -> int:
    count, passed = 0, draw.expovariate(1)
    while passed < mean:
        count, passed = count + 1, passed + draw.expovariate(1)
    return count


def sizes_of(assumed: Assumed, *, fill: float, rounds: int, draw: random.Random) -> Sizes:
    """The arithmetic."""
    indices = round(assumed.subjects * assumed.audiences_each)
    lists = -(-indices // round(fill * LIST_BITS))
    # One act ends the tokens for each audience that it narrows.
    flips_s = assumed.subjects * assumed.narrowings_a_year * assumed.audiences_each / (365 * DAY_S)
    flips = flips_s * WINDOW_S
    touched = lists_touched(lists, flips, windows=200, draw=draw)
    mean_decoys = (MIN_DECOYS + MIN_DECOYS + MAX_DECOYS - 1) / 2
    decoys = touched * mean_decoys
    # A list without flips is signed anew, too, before it grows old.
    quiet = lists * (1 - touched / lists) ** (RESIGN_S / WINDOW_S)
    signatures_s = touched / WINDOW_S + quiet / RESIGN_S
    places, year_s = lists * LIST_BITS, 365 * DAY_S
    flipped = flips_s * year_s / places
    # Each list gets its share of decoys; of those, what falls on a place that is taken is none.
    shown = decoys / WINDOW_S * year_s / places
    decoyed = (1 - fill) * (1 - math.exp(-shown))
    aged = encode_at(flipped + decoyed, rounds=rounds, draw=draw)
    verifier_byte_s = lists * aged.bytes_served / _FETCH_S
    # `id`, `event`, `data` and the lists' numbers, once a window and list; a number for each flip.
    stream_byte_s = (touched * 9 + (flips + decoys) * 7 + 60) / WINDOW_S
    return Sizes(
        indices=indices,
        fill=fill,
        lists=lists,
        flips_a_second=flips_s,
        flips_a_window=flips,
        peak_flips_a_window=flips * assumed.peak,
        lists_touched_a_window=touched,
        decoys_a_window=decoys,
        signatures_a_second=signatures_s,
        publisher_cores=signatures_s * (aged.encode_ms + aged.sign_ms) / 1_000,
        set_after_a_year=flipped + decoyed,
        lists_more_a_year=round(flips_s * year_s / (fill * LIST_BITS)),
        list_bytes_after_a_year=aged.bytes_served,
        bits_in_memory_mb=lists * LIST_BITS / 8 / 1e6,
        bytes_served_mb=lists * aged.bytes_served / 1e6,
        fetches_a_second=lists / _FETCH_S,
        verifier_kbyte_s=verifier_byte_s / 1e3,
        verifier_gb_a_day=verifier_byte_s * DAY_S / 1e9,
        brands_mbit_s=assumed.brands * verifier_byte_s * 8 / 1e6,
        stream_byte_s=stream_byte_s,
        stream_mb_a_day=stream_byte_s * DAY_S / 1e6,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="real lists at each rate")
    parser.add_argument("--json", action="store_true")
    for name, value in asdict(Assumed()).items():
        kind: type[int | float] = int if isinstance(value, int) else float
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=value)
    given = vars(parser.parse_args())
    rounds, as_json = given.pop("rounds"), given.pop("json")
    assumed = Assumed(**given)
    draw = random.Random(secrets.randbits(64))  # noqa: S311 - nothing secret is drawn
    encoded = [encode_at(share, rounds=rounds, draw=draw) for share in REVOKED]
    fill = statistics.median(fill_at_closing(draw) for _ in range(5))
    found = sizes_of(assumed, fill=fill, rounds=rounds, draw=draw)
    if as_json:
        print(
            json.dumps(
                {
                    "machine": f"{platform.machine()}, Python {platform.python_version()}",
                    "assumed": asdict(assumed),
                    "encoded": [asdict(each) for each in encoded],
                    "sizes": asdict(found),
                },
                indent=2,
            )
        )
        return 0
    _print(assumed, encoded, found)
    return 0


def _print(assumed: Assumed, encoded: Iterable[Encoded], found: Sizes) -> None:
    print(f"a list of 2^17 bits ({platform.machine()}, Python {platform.python_version()})\n")
    print("| revoked | bytes as served | encode, ms | sign, ms | verify and inflate, ms |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for each in encoded:
        print(
            f"| {each.revoked:.1%} | {each.bytes_served:,} | {each.encode_ms:.2f} |"
            f" {each.sign_ms:.3f} | {each.verify_ms:.2f} |"
        )
    print("\nassumed")
    for name, value in asdict(assumed).items():
        print(f"  {name:32} {value:,}")
    print("\nso")
    for name, value in asdict(found).items():
        print(f"  {name:32} {value:,.3f}" if value < 100 else f"  {name:32} {value:,.0f}")


if __name__ == "__main__":
    raise SystemExit(main())
