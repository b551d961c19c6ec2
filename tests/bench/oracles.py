"""``python -m tests.bench.oracles``: a million changed tokens, judged by us and by two oracles.

Prints how often we and they agree, by what was changed; ends with 1 where we accept what either
refuses.
"""

import argparse
import sys
import time
from collections import Counter

from tests.verify.mutation import MUTATIONS, mutants
from tests.verify.oracles import joserfc_accepts, pyjwt_accepts, we_accept

_AT_ONCE = 1_000


def main() -> int:
    """Judge, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.oracles", description=__doc__)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tokens, seed = int(given.tokens), int(given.seed)
    told: dict[str, Counter[str]] = {name: Counter() for name in MUTATIONS}
    begun = time.monotonic()
    for batch in range(tokens // _AT_ONCE):
        now_s = int(time.time())
        for name, token in mutants(_AT_ONCE, seed=seed + batch, now_s=now_s):
            ours, pyjwt = we_accept(token, now_s), pyjwt_accepts(token)
            theirs = joserfc_accepts(token, now_s)
            told[name]["all"] += 1
            told[name]["accepted"] += ours
            told[name]["stricter than PyJWT"] += pyjwt and not ours
            told[name]["stricter than joserfc"] += theirs and not ours
            if ours and not (pyjwt and theirs):
                told[name]["MORE PERMISSIVE"] += 1
                print(f"more permissive ({name}): {token}")  # noqa: T201 a command speaks by printing
    for name, counts in told.items():
        shown = ", ".join(f"{what} {count:,}" for what, count in counts.items() if count)
        print(f"{name:26} {shown}")  # noqa: T201 as above
    print(f"{tokens:,} tokens in {time.monotonic() - begun:.0f} s")  # noqa: T201 as above
    return int(any(counts["MORE PERMISSIVE"] for counts in told.values()))


if __name__ == "__main__":
    sys.exit(main())
