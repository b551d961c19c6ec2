"""Over 20,000 changed tokens: we accept nothing that PyJWT or joserfc refuses.

``python -m tests.bench.oracles`` does so over a million.
"""

import time
from collections import Counter
from typing import Any

import pytest
from tests.tokens.making import AUDIENCE, pen
from tests.verify.mutation import MUTATIONS, mutants, payload
from tests.verify.oracles import joserfc_accepts, pyjwt_accepts, we_accept

COUNT = 20_000
SLICES = 8
GONE = "gone"

STRICTER = {
    "text": "a second spelling of the same bytes, which lax base64 reads",
    "cut short": "trailing bits that are not zero",
    "a claim": "a claim of the wrong type or out of bounds, a list as audience, no real status",
    "a claim missing": "claims that the profile requires: client_id, consent, status",
    "a time": "expiry without leeway; a token that lives longer than a day",
    "a header member": "a header of more than alg, kid and typ, or of another type or key",
    "a claim twice": "a claim that is there twice, of which parsers take either",
    "bytes, signed": "members renamed, and values out of their form, under a signature that holds",
}
"""Where we refuse what an oracle accepts, and why."""


@pytest.mark.parametrize("slice_", range(SLICES))
def test_we_accept_nothing_that_an_oracle_refuses(slice_: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(COUNT // SLICES // 500):
        now_s = int(time.time())
        for name, token in mutants(500, seed=slice_ * 1_000 + seed, now_s=now_s):
            ours, pyjwt = we_accept(token, now_s), pyjwt_accepts(token)
            theirs = joserfc_accepts(token, now_s)
            if ours:
                assert pyjwt, (name, "PyJWT", token)
                assert theirs, (name, "joserfc", token)
                told["accepted"] += 1
            elif pyjwt or theirs:
                told["stricter"] += 1
                assert name in STRICTER, (name, token)
            told["all"] += 1
    assert told["all"] == COUNT // SLICES
    # The mutations are worth something: many hold still, and many tell us and the oracles apart.
    assert told["accepted"] > told["all"] / 10
    assert told["stricter"] > told["all"] / 50


def test_what_is_only_spelt_otherwise_is_accepted() -> None:
    now_s = int(time.time())
    for seed in range(200):
        for name, token in mutants(20, seed=seed, now_s=now_s):
            if name in {"nothing", "another spelling"}:
                assert we_accept(token, now_s), (name, token)


EXAMPLES: dict[str, dict[str, Any]] = {
    "no expiry": {"exp": GONE},
    "expiry now": {"exp": 0},
    "expired a moment ago, within the leeway of others": {"exp": -5},
    "two days": {"exp": 172_800},
    "a list as audience": {"aud": [AUDIENCE]},
    "no status": {"status": GONE},
}
"""Changes; a time counts from now."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_we_are_stricter_where_it_is_written(name: str) -> None:
    now_s = int(time.time())
    changed = payload(now_s)
    for claim, value in EXAMPLES[name].items():
        changed[claim] = now_s + value if isinstance(value, int) else value
    token = pen({claim: value for claim, value in changed.items() if value != GONE})
    assert not we_accept(token, now_s)


def test_every_mutation_makes_a_token() -> None:
    now_s = int(time.time())
    seen = {name for name, _ in mutants(2_000, seed=7, now_s=now_s)}
    assert seen == set(MUTATIONS)
