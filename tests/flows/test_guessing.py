"""Codes are short, so what may be tried of them is little: 100,000 guesses at 10,000 of them."""

import random
from collections import Counter

from tests.flows.oauth.test_device_code import switch_on
from tests.flows.town import Town
from tests.flows.visits import query_of

from consentid.flows.code_link import LIFETIME_S, is_proven
from consentid.flows.match_device import find_waiting_device
from consentid.flows.request_device_code import hash_user_code
from consentid.kit.errors import ConsentidError, NotFoundError, RateLimitedError
from consentid.oidc.user_code import make_user_code, read_user_code
from consentid.web.pages.guesses import (
    AT_MOST,
    OF_ADDRESS,
    OF_ALL,
    OF_BROWSER,
    OF_NEIGHBOURHOOD,
    Guesser,
    find_by_code,
)

LIVE, GUESSES = 10_000, 100_000


async def test_of_100_000_guesses_at_10_000_codes_few_are_looked_at_and_none_hits(
    town: Town,
) -> None:
    draw = random.Random(8628).randrange  # noqa: S311 the same on every run
    live = list({make_user_code(draw) for _ in range(LIVE)})
    hashes = [hash_user_code(town.context, code).hex() for code in live]
    rows = ",".join(f"('\\x{each}'::bytea)" for each in hashes)
    await town.change(
        "INSERT INTO device_codes (device_code_hash, user_code_hash, client_id, scopes, status,"
        " interval_s, created_at, expires_at) SELECT sha256(hash), hash, 'play-tv', '{verify}',"
        f" 'pending', 5, now(), now() + interval '600 s' FROM (VALUES {rows}) AS told (hash)"
    )
    assert len(live) == LIVE
    assert (await find_waiting_device(town.context, live[0])).user_code == live[0]

    # A guesser with a thousand addresses and ten thousand browsers, who tries no code twice.
    came_to = Counter[type[ConsentidError] | None]()
    for number in range(GUESSES):
        guesser = guesser_at(number % 1_000, browser=number % 10_000)
        came_to[await outcome(town, make_user_code(draw), guesser)] += 1

    looked_at = OF_ALL.most + 250 * (OF_NEIGHBOURHOOD.most - 4)
    assert came_to == {NotFoundError: looked_at, RateLimitedError: GUESSES - looked_at}
    assert OF_BROWSER.most < OF_ADDRESS.most < OF_ALL.most < looked_at < AT_MOST.most


async def test_who_used_up_what_all_have_keeps_nobody_else_from_connecting(town: Town) -> None:
    draw = random.Random(6).randrange  # noqa: S311 the same on every run
    for number in range(AT_MOST.most):  # most of which is refused, and is no guess
        await outcome(town, "no code", guesser_at(number % 120, browser=number))
    honest = guesser_at(999, browser=-1)
    for code in (make_user_code(draw) for _ in range(OF_NEIGHBOURHOOD.most)):  # mistyped
        assert await outcome(town, code, honest) is NotFoundError
    assert await outcome(town, make_user_code(draw), honest) is RateLimitedError
    assert await outcome(town, make_user_code(draw), guesser_at(1, browser=-2)) is RateLimitedError


async def test_who_follows_a_device_s_own_link_connects_whatever_others_tried(town: Town) -> None:
    tv, other = await switch_on(town), await switch_on(town)
    link, others = (query_of(each.codes.verification_uri_complete) for each in (tv, other))
    code, proof = link["user_code"], link["proof"]
    for number in range(OF_ADDRESS.most):
        await outcome(town, "no code", guesser_at(1, browser=number))
    for given in ("", "A" * 14, "a proof", proof[:-1], others["proof"]):
        told = await outcome(town, code, guesser_at(1, browser=-1, proof=given))
        assert told is RateLimitedError, given
    assert await outcome(town, code, guesser_at(1, browser=-1, proof=proof)) is None

    # Proofs that somebody collected are worth nothing once their codes may be given to others.
    read = read_user_code(code) or ""
    [(at_s,)] = await town.rows(
        f"SELECT extract(epoch FROM created_at)::float8 FROM device_codes"
        f" WHERE device_code_hash = {tv.id}"
    )
    assert is_proven(town.context, read, proof, now_s=at_s + LIFETIME_S - 2)
    assert not is_proven(town.context, read, proof, now_s=at_s + LIFETIME_S)


def guesser_at(place: int, *, browser: int, proof: str = "") -> Guesser:
    """Somebody with an address that three others have as neighbours."""
    return Guesser(
        browser_secret=f"b{browser}",
        network=f"n{place}",
        neighbourhood=f"h{place // 4}",
        unverified_proof=proof,
    )


async def outcome(town: Town, code: str, guesser: Guesser) -> type[ConsentidError] | None:
    try:
        await find_by_code(town.context, code, guesser, now_s=1_000.0)
    except (NotFoundError, RateLimitedError) as error:
        return type(error)
    return None
