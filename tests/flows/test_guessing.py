"""Codes are short, so what may be tried of them is little: 100,000 guesses at 10,000 of them."""

import random
from collections import Counter

from tests.flows.town import Town

from consentid.flows.match_device import find_waiting_device
from consentid.flows.request_device_code import hash_user_code
from consentid.kit.errors import ConsentidError, NotFoundError, RateLimitedError
from consentid.oidc.user_code import make_user_code
from consentid.web.pages.guesses import OF_ADDRESS, OF_ALL, OF_BROWSER, Guesser, find_by_code

LIVE, GUESSES = 10_000, 100_000


async def test_of_100_000_guesses_at_10_000_codes_1_000_are_looked_at_and_none_hits(
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
        guesser = Guesser(browser_secret=f"b{number % 10_000}", network=f"n{number % 1_000}")
        try:
            await find_by_code(town.context, make_user_code(draw), guesser, now_s=1_000.0)
        except (NotFoundError, RateLimitedError) as error:
            came_to[type(error)] += 1
        else:
            came_to[None] += 1

    assert came_to == {NotFoundError: OF_ALL.most, RateLimitedError: GUESSES - OF_ALL.most}
    assert OF_BROWSER.most < OF_ADDRESS.most < OF_ALL.most
